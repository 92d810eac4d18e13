package starrocks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// Settings of a function: its signature, which tells overloads apart, and why its definition is not whole.
const (
	signatureSetting  = "signature"
	incompleteSetting = "incomplete"
)

// readFunctions reads the functions of a database. No statement prints how one was created (before 4.2), so that is put
// together from SHOW FULL FUNCTIONS (fe:catalog/Function.getInfo), which tells only the primitive type of arguments and
// results, and neither the names of a SQL function's arguments nor the text of an inline one. What cannot be put together
// exactly is kept with what is missing, and refused when it is put.
func (c *Cluster) readFunctions(ctx context.Context, database string) ([]snapshot.Object, error) {
	name, err := identifier(database)
	if err != nil {
		return nil, err
	}
	return c.describedFunctions(ctx, "SHOW FULL FUNCTIONS FROM "+name, snapshot.Function)
}

// readGlobalFunctions reads the functions of no database (fe:catalog/GlobalFunctionMgr).
func (c *Cluster) readGlobalFunctions(ctx context.Context) ([]snapshot.Object, error) {
	return c.describedFunctions(ctx, "SHOW FULL GLOBAL FUNCTIONS", snapshot.GlobalFunction)
}

func (c *Cluster) describedFunctions(ctx context.Context, statement string, kind snapshot.ObjectKind) ([]snapshot.Object, error) {
	rows, err := c.query(ctx, statement)
	if err != nil {
		return nil, fmt.Errorf("list functions: %w", err)
	}
	var list []snapshot.Object
	for _, r := range rows {
		o, err := describedFunction(r, kind)
		if err != nil {
			return nil, fmt.Errorf("read function %s: %w", r["signature"], err)
		}
		list = append(list, o)
	}
	slices.SortStableFunc(list, func(a, b snapshot.Object) int {
		return strings.Compare(a.Settings[signatureSetting], b.Settings[signatureSetting])
	})
	return functionsByUse(list), nil
}

// nameGlobals notes in the settings of views which global functions they call. A function of the database itself comes
// first (fe:sql/analyzer/AnalyzerUtils.getUdfFunction); one of another database is written with its name.
func (c *Cluster) nameGlobals(ctx context.Context, views []snapshot.Object, texts []*viewText, others []string) error {
	global, err := c.globalNames(ctx)
	if err != nil || len(global) == 0 {
		return err
	}
	for i := range views {
		q, err := parseQuery(texts[i].query)
		if err != nil {
			continue // its names are not known
		}
		var called []string
		for _, x := range q.chains {
			name := strings.ToLower(x.parts[0].text)
			own := slices.Contains(others, string(snapshot.Function)+" "+name)
			if x.call && len(x.parts) == 1 && !own && slices.Contains(global, name) && !slices.Contains(called, name) {
				called = append(called, name)
			}
		}
		if len(called) == 0 {
			continue
		}
		if views[i].Settings == nil {
			views[i].Settings = map[string]string{}
		}
		slices.Sort(called)
		views[i].Settings[snapshot.GlobalFunctionsSetting] = strings.Join(called, ",")
	}
	return nil
}

// globalNames lists global functions that the user has a privilege on, in lower case as the cluster keeps them
// (fe:catalog/FunctionName); none before 3.0.
func (c *Cluster) globalNames(ctx context.Context) ([]string, error) {
	rows, err := c.query(ctx, "SHOW GLOBAL FUNCTIONS")
	if isRejection(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list global functions: %w", err)
	}
	var names []string
	for _, r := range rows {
		names = append(names, strings.ToLower(r["function name"]))
	}
	return names, nil
}

// lacking tells which global functions of a view are not here; one may be a function of a newer version, which needs none.
func (c *Cluster) lacking(ctx context.Context, o snapshot.Object) (string, error) {
	called := o.Settings[snapshot.GlobalFunctionsSetting]
	if called == "" {
		return "", nil
	}
	here, err := c.globalNames(ctx)
	if err != nil {
		return "", err
	}
	missing := slices.DeleteFunc(strings.Split(called, ","), func(name string) bool { return slices.Contains(here, name) })
	if len(missing) == 0 {
		return "", nil
	}
	return fmt.Sprintf("it calls the global functions %s, which are not here, or not to be seen: BACKUP and RESTORE ALL GLOBAL FUNCTIONS carry them", strings.Join(missing, ", ")), nil
}

// functionsByUse puts functions behind those of the list that they call: one that is not there would be refused
// (fe:sql/analyzer/CreateFunctionAnalyzer analyses the expression).
func functionsByUse(list []snapshot.Object) []snapshot.Object {
	return neededFirst(list, func(i int) (needs []int) {
		calls := calledBy(list[i].DDL)
		for j, o := range list {
			if slices.ContainsFunc(calls, func(name string) bool { return strings.EqualFold(name, o.Name) }) {
				needs = append(needs, j)
			}
		}
		return needs
	})
}

// calledBy returns the names in front of parentheses: among them those of the functions that a text calls.
func calledBy(sql string) (names []string) {
	all, err := lex(sql)
	if err != nil {
		return nil
	}
	for i, l := range all {
		if l.name() && i+1 < len(all) && all[i+1].mark("(") {
			names = append(names, l.text)
		}
	}
	return names
}

// describedFunction makes a function of a row of SHOW FULL FUNCTIONS: Signature f(INT,VARCHAR, ...), Return Type, Function
// Type Scalar|Aggregate|Table|SQL, Intermediate Type, Properties.
func describedFunction(r record, kind snapshot.ObjectKind) (snapshot.Object, error) {
	signature := r["signature"]
	name, arguments, ok := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	if !ok || name == "" {
		return snapshot.Object{}, fmt.Errorf("signature %q: %w", signature, cluster.ErrUnsupported)
	}
	o := snapshot.Object{Kind: kind, Name: name, Settings: map[string]string{signatureSetting: signature}}
	f := functionText{name: name, global: kind == snapshot.GlobalFunction, kind: r["function type"], arguments: splitTypes(arguments), result: r["return type"]}
	if f.kind == "SQL" {
		f.body = r["properties"]
	} else if err := f.readProperties(r["properties"]); err != nil {
		return o, err
	}
	if reason := f.incomplete(); reason != "" {
		o.Settings[incompleteSetting] = reason
	}
	o.DDL = f.statement("`" + name + "`")
	return o, nil
}

// functionText is what is known of a function.
type functionText struct {
	name, kind string
	global     bool
	arguments  []string
	result     string
	body       string   // of a SQL function
	parameters []string // names of its arguments, where they are known
	properties [][2]string
}

func splitTypes(arguments string) []string {
	if strings.TrimSpace(arguments) == "" {
		return nil
	}
	list := strings.Split(arguments, ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// binaryTypes translates what SHOW prints as the type of a function's code into what CREATE FUNCTION takes
// (fe:catalog/ScalarFunction.getProperties prints TFunctionBinaryType, fe:sql/ast/CreateFunctionStmt).
var binaryTypes = map[string]string{"srjar": "StarrocksJar", "starrocksjar": "StarrocksJar", "python": "Python"}

func (f *functionText) readProperties(text string) error {
	var p map[string]string
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fmt.Errorf("properties %q: %w: %w", text, cluster.ErrUnsupported, err)
	}
	kind, ok := binaryTypes[strings.ToLower(p["type"])]
	if !ok {
		kind = p["type"]
	}
	for _, x := range [][2]string{{"file", p["file"]}, {"md5", p["md5"]}, {"symbol", p["symbol"]}, {"type", kind}} {
		if x[1] != "" {
			f.properties = append(f.properties, x)
		}
	}
	return nil
}

func (f *functionText) property(key string) string {
	for _, x := range f.properties {
		if x[0] == key {
			return x[1]
		}
	}
	return ""
}

// exactTypes are primitive types that say all about a type, and how they are written. A VARCHAR has lost its length, which a
// function does not check: STRING is the longest one.
var exactTypes = map[string]string{
	"BOOLEAN": "BOOLEAN", "TINYINT": "TINYINT", "SMALLINT": "SMALLINT", "INT": "INT", "BIGINT": "BIGINT", "LARGEINT": "LARGEINT",
	"FLOAT": "FLOAT", "DOUBLE": "DOUBLE", "DATE": "DATE", "DATETIME": "DATETIME", "VARCHAR": "STRING", "JSON": "JSON", "BITMAP": "BITMAP",
	"HLL": "HLL", "VARBINARY": "VARBINARY", "...": "...",
}

// incomplete tells what of the function cannot be known, "" when it is whole.
func (f *functionText) incomplete() string {
	for _, t := range append(slices.Clone(f.arguments), f.result) {
		if _, ok := exactTypes[t]; !ok && (f.kind != "SQL" || t != f.result) {
			return "the cluster tells only the primitive type of its arguments and result, " + t
		}
	}
	switch {
	case f.kind == "SQL":
		return f.nameArguments()
	case (f.property("file") == "" || strings.EqualFold(f.property("file"), "inline")):
		return "the cluster does not tell the text of a function that has no file"
	}
	return ""
}

// nameArguments finds the names that the expression of a SQL function gives its arguments. Where it uses none, any will do; of
// several nothing tells which comes first.
func (f *functionText) nameArguments() (reason string) {
	names := columnsIn(f.body)
	switch {
	case len(names) == 0:
		for i := range f.arguments {
			f.parameters = append(f.parameters, fmt.Sprintf("argument%d", i+1))
		}
	case len(names) == 1 && len(f.arguments) == 1:
		f.parameters = names
	case len(f.arguments) > 1:
		return "the cluster does not tell the names of its arguments"
	default:
		return "the name of its argument cannot be told from its expression"
	}
	return ""
}

// columnsIn returns the columns that an expression names, each once.
func columnsIn(expression string) (names []string) {
	all, err := lex(expression)
	if err != nil {
		return nil
	}
	for i, l := range all {
		call := i+1 < len(all) && all[i+1].mark("(")
		if l.kind == quotedLexeme && !call && !slices.Contains(names, l.text) { // columns are printed in back quotes (fe:formatter/AST2SQLVisitor.buildColumnName)
			names = append(names, l.text)
		}
	}
	return names
}

// statement creates the function under a name that is quoted already.
func (f *functionText) statement(target string) string {
	types := make([]string, 0, len(f.arguments))
	for _, t := range f.arguments {
		types = append(types, spelled(t))
	}
	scope := ""
	if f.global {
		scope = "GLOBAL "
	}
	if f.kind == "SQL" {
		for i, name := range f.parameters {
			types[i] = "`" + name + "` " + types[i]
		}
		return "CREATE " + scope + "FUNCTION " + target + "(" + strings.Join(types, ", ") + ") RETURNS " + f.body
	}
	var kind string
	if f.kind == "Aggregate" || f.kind == "Table" {
		kind = strings.ToUpper(f.kind) + " "
	}
	var list []string
	for _, p := range f.properties {
		list = append(list, wire.DoubleQuoted(p[0])+" = "+wire.DoubleQuoted(p[1]))
	}
	return "CREATE " + scope + kind + "FUNCTION " + target + "(" + strings.Join(types, ", ") + ") RETURNS " + spelled(f.result) +
		" PROPERTIES (" + strings.Join(list, ", ") + ")"
}

func spelled(primitive string) string {
	if t, ok := exactTypes[primitive]; ok {
		return t
	}
	return primitive
}

// functionName names a function; one of no database is global.
func functionName(database, name string) (string, error) {
	if database == "" {
		return identifier(name)
	}
	return qualified(database, name)
}

// functionTarget names one overload in DROP FUNCTION.
func functionTarget(database, name, signature string) (string, error) {
	target, err := functionName(database, name)
	if err != nil {
		return "", err
	}
	_, arguments, _ := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	types := splitTypes(arguments)
	for i := range types {
		types[i] = spelled(types[i])
	}
	return target + "(" + strings.Join(types, ", ") + ")", nil
}

// planFunction creates a function, or replaces one of its signature that differs.
func (c *Cluster) planFunction(ctx context.Context, o snapshot.Object, r cluster.Renaming) (placement, error) {
	if reason := o.Settings[incompleteSetting]; reason != "" {
		return placement{}, fmt.Errorf("its definition is not whole: %s; create it by hand: %s: %w", reason, o.DDL, cluster.ErrRejected)
	}
	name := o.Name
	if to, ok := r.Others[name]; ok {
		name = to
	}
	target, err := functionName(r.To, name)
	if err != nil {
		return placement{}, err
	}
	statement, err := renamedFunction(o, target, r)
	if err != nil {
		return placement{}, err
	}
	have, err := c.overload(ctx, r.To, name, o)
	if err != nil {
		return placement{}, err
	}
	var p placement
	if have != nil {
		same, err := renamedFunction(*have, target, cluster.Renaming{From: r.To, To: r.To})
		if err != nil || same == statement {
			return placement{}, err
		}
	}
	if enabled, err := c.frontendConfig(ctx, "enable_udf"); err == nil && strings.EqualFold(enabled, "false") {
		p.note = `user-defined functions are switched off here: set enable_udf = true in fe.conf`
	}
	p.note = joinNotes(p.note, untold(o.DDL))
	p.do = func(ctx context.Context) (string, error) {
		return c.putFunction(ctx, r.To, name, o, have != nil, statement)
	}
	return p, nil
}

// untold names the properties that a function with a file may have been created with and that no cluster prints
// (fe:sql/ast/CreateFunctionStmt, fe:catalog/ScalarFunction.getProperties): it comes back with their defaults.
func untold(ddl string) string {
	all, err := lex(ddl)
	if err != nil || !slices.ContainsFunc(all, func(l lexeme) bool { return l.is("PROPERTIES") }) {
		return ""
	}
	list := "isolation and input"
	if slices.ContainsFunc(all, func(l lexeme) bool { return l.is("AGGREGATE") }) {
		list = "isolation and analytic"
	}
	return "what its properties " + list + " were is not told by a cluster: they are the defaults"
}

// renamedFunction returns the statement that creates o as target; the expression of a SQL function may call others.
func renamedFunction(o snapshot.Object, target string, r cluster.Renaming) (string, error) {
	all, err := lex(o.DDL)
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(all, func(l lexeme) bool { return l.is("FUNCTION") }) + 1
	if at == 0 || at >= len(all) || !all[at].name() {
		return "", fmt.Errorf("not a CREATE FUNCTION: %w", errQuery)
	}
	w := &rewriter{Renaming: r}
	if changes(r) && !slices.ContainsFunc(all, func(l lexeme) bool { return l.is("PROPERTIES") }) {
		body := &walker{lexemes: lexemes{all: all, at: at + 1}, query: query{lambdas: map[string]bool{}}}
		if err := body.expressions(len(all), nil); err != nil {
			return "", err
		}
		for _, x := range body.query.chains {
			edits, err := w.chainEdits(&body.query, x)
			if err == nil {
				err = w.put(edits)
			}
			if err != nil {
				return "", err
			}
		}
	}
	return apply(o.DDL, append([]edit{{span{all[at].start, all[at].end}, target}}, w.edits...)), nil
}

// overload finds the function of a name with the arguments of o, nil when there is none.
func (c *Cluster) overload(ctx context.Context, database, name string, o snapshot.Object) (*snapshot.Object, error) {
	read := func(ctx context.Context) ([]snapshot.Object, error) { return c.readFunctions(ctx, database) }
	if o.Kind == snapshot.GlobalFunction {
		read = c.readGlobalFunctions
	}
	list, err := read(ctx)
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_, arguments, _ := strings.Cut(o.Settings[signatureSetting], "(")
	for _, x := range list {
		if _, a, _ := strings.Cut(x.Settings[signatureSetting], "("); strings.EqualFold(x.Name, name) && a == arguments {
			return &x, nil
		}
	}
	return nil, nil
}

// putFunction prefers OR REPLACE (3.4, docs CREATE_FUNCTION.md): there is always a function then. Its grants go by its id,
// which is new (fe:catalog/Database.addFunction), so that they are lost.
func (c *Cluster) putFunction(ctx context.Context, database, name string, o snapshot.Object, there bool, statement string) (string, error) {
	if !there {
		return "", c.in(ctx, database, statement)
	}
	note := "another one of its signature was replaced; what was granted on that very function has to be granted again"
	err := c.in(ctx, database, "CREATE OR REPLACE"+strings.TrimPrefix(statement, "CREATE"))
	if err == nil || !isSyntax(err) {
		return note, err
	}
	target, err := functionTarget(database, name, o.Settings[signatureSetting])
	if err != nil {
		return "", err
	}
	if err := c.in(ctx, database, "DROP "+strings.ToUpper(string(o.Kind))+" "+target, statement); err != nil {
		return "", fmt.Errorf("%w (this version cannot replace a function: the one that was there was dropped first)", err)
	}
	return note, nil
}

// isSyntax tells whether a server did not understand a statement: it is of an older version (fe:parser/ErrorHandler).
func isSyntax(err error) bool {
	var refused *wire.ServerError
	if !errors.As(err, &refused) {
		return false
	}
	m := strings.ToLower(refused.Message)
	return strings.Contains(m, "unexpected input") || strings.Contains(m, "syntax error") || strings.Contains(m, "no viable")
}

// frontendConfig reads a setting of the front ends.
func (c *Cluster) frontendConfig(ctx context.Context, key string) (string, error) {
	rows, err := c.query(ctx, "ADMIN SHOW FRONTEND CONFIG LIKE "+wire.String(key))
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		return r["value"], nil
	}
	return "", errNoRow
}
