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
	rows, err := c.query(ctx, "SHOW FULL FUNCTIONS FROM "+name)
	if err != nil {
		return nil, fmt.Errorf("list functions of %s: %w", database, err)
	}
	var list []snapshot.Object
	for _, r := range rows {
		o, err := describedFunction(r)
		if err != nil {
			return nil, fmt.Errorf("read function %s of %s: %w", r["signature"], database, err)
		}
		list = append(list, o)
	}
	slices.SortStableFunc(list, func(a, b snapshot.Object) int {
		return strings.Compare(a.Settings[signatureSetting], b.Settings[signatureSetting])
	})
	return list, nil
}

// describedFunction makes a function of a row of SHOW FULL FUNCTIONS: Signature f(INT,VARCHAR, ...), Return Type, Function
// Type Scalar|Aggregate|Table|SQL, Intermediate Type, Properties.
func describedFunction(r record) (snapshot.Object, error) {
	signature := r["signature"]
	name, arguments, ok := strings.Cut(strings.TrimSuffix(signature, ")"), "(")
	if !ok || name == "" {
		return snapshot.Object{}, fmt.Errorf("signature %q: %w", signature, cluster.ErrUnsupported)
	}
	o := snapshot.Object{Kind: snapshot.Function, Name: name, Settings: map[string]string{signatureSetting: signature}}
	f := functionText{name: name, kind: r["function type"], arguments: splitTypes(arguments), result: r["return type"]}
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
	arguments  []string
	result     string
	body       string // of a SQL function
	parameter  string // name of its only argument
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
	case f.kind == "SQL" && len(f.arguments) > 1:
		return "the cluster does not tell the names of its arguments"
	case f.kind == "SQL" && len(f.arguments) == 1:
		if f.parameter = onlyName(f.body); f.parameter == "" {
			return "the name of its argument cannot be told from its expression"
		}
	case f.kind != "SQL" && (f.property("file") == "" || strings.EqualFold(f.property("file"), "inline")):
		return "the cluster does not tell the text of a function that has no file"
	}
	return ""
}

// onlyName returns the only column that an expression names, "" when there is none or more than one.
func onlyName(expression string) string {
	all, err := lex(expression)
	if err != nil {
		return ""
	}
	name := ""
	for i, l := range all {
		call := i+1 < len(all) && all[i+1].mark("(")
		if l.kind != quotedLexeme || call { // columns are printed in back quotes (fe:formatter/AST2SQLVisitor.buildColumnName)
			continue
		}
		if name != "" && name != l.text {
			return ""
		}
		name = l.text
	}
	return name
}

// statement creates the function under a name that is quoted already.
func (f *functionText) statement(target string) string {
	types := make([]string, 0, len(f.arguments))
	for _, t := range f.arguments {
		types = append(types, spelled(t))
	}
	if f.kind == "SQL" {
		if len(types) == 1 && f.parameter != "" {
			types[0] = "`" + f.parameter + "` " + types[0]
		}
		return "CREATE FUNCTION " + target + "(" + strings.Join(types, ", ") + ") RETURNS " + f.body
	}
	var kind string
	if f.kind == "Aggregate" || f.kind == "Table" {
		kind = strings.ToUpper(f.kind) + " "
	}
	var list []string
	for _, p := range f.properties {
		list = append(list, wire.DoubleQuoted(p[0])+" = "+wire.DoubleQuoted(p[1]))
	}
	return "CREATE " + kind + "FUNCTION " + target + "(" + strings.Join(types, ", ") + ") RETURNS " + spelled(f.result) +
		" PROPERTIES (" + strings.Join(list, ", ") + ")"
}

func spelled(primitive string) string {
	if t, ok := exactTypes[primitive]; ok {
		return t
	}
	return primitive
}

// functionTarget names one overload in DROP FUNCTION.
func functionTarget(database, name, signature string) (string, error) {
	target, err := qualified(database, name)
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
	target, err := qualified(r.To, name)
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
	p.do = func(ctx context.Context) (string, error) {
		return c.putFunction(ctx, r.To, name, o, have != nil, statement)
	}
	return p, nil
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
	list, err := c.readFunctions(ctx, database)
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
	if err := c.in(ctx, database, "DROP FUNCTION "+target, statement); err != nil {
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
