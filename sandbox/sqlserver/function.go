package sqlserver

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// common is ERR_COMMON_ERROR.
func common(format string, args ...any) error {
	return &catalog.Error{Code: 5064, State: "42000", Text: "Getting analyzing error. Detail message: " + fmt.Sprintf(format, args...) + "."}
}

func (x *session) createFunction(ctx context.Context, s *dialect.CreateFunction) error {
	if s.Global {
		if err := x.system("CREATE GLOBAL FUNCTION"); err != nil {
			return err
		}
		s.Name.Database = ""
	} else {
		s.Name = x.qualify(s.Name)
		if err := x.known(s.Name.Database, "CREATE FUNCTION"); err != nil {
			return err
		}
	}
	if !x.server.node.EnableUDF { // fe:sql/analyzer/CreateFunctionAnalyzer
		return catalog.Analyzing("UDF is not enabled in FE, please configure enable_udf=true in fe/conf/fe.conf")
	}
	f := catalog.Function{Database: s.Name.Database, Name: strings.ToLower(s.Name.Name), Arguments: s.Arguments, Variadic: s.Variadic, Returns: s.Returns}
	err := x.complete(ctx, &f, s)
	if err != nil {
		return err
	}
	return x.server.catalog.CreateFunction(f, s.IfNotExists, s.Replace)
}

// complete fills in what the statement says about where the function's code is.
func (x *session) complete(ctx context.Context, f *catalog.Function, s *dialect.CreateFunction) error {
	if s.Body != "" {
		f.Kind = "SQL"
		return x.sqlFunction(ctx, f, s)
	}
	f.Kind = map[string]string{"": "Scalar", "AGGREGATE": "Aggregate", "TABLE": "Table"}[s.Kind]
	f.File, f.Symbol = s.Properties["file"], s.Properties["symbol"]
	switch {
	case strings.EqualFold(s.Properties["type"], "Python"):
		f.Binary = "PYTHON"
		return nil
	case !strings.EqualFold(s.Properties["type"], "StarrocksJar"):
		return common("unknown lang type")
	case f.File == "":
		return common("No 'object_file' in properties")
	}
	f.Binary = "SRJAR"
	content, err := download(ctx, f.File)
	if err != nil {
		return common("cannot compute object's checksum %v", err)
	}
	sum := md5.Sum(content)
	f.MD5 = hex.EncodeToString(sum[:])
	if wanted := s.Properties["md5"]; wanted != "" && !strings.EqualFold(wanted, f.MD5) {
		return common("library's checksum is not equal with input, checksum=%s", f.MD5)
	}
	if f.Symbol == "" {
		return common("No 'symbol' in properties")
	}
	return checkClass(content, f)
}

// checkClass fails when a jar has no such class; the methods of the class are not looked at.
func checkClass(content []byte, f *catalog.Function) error {
	jar, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	class := strings.ReplaceAll(f.Symbol, ".", "/") + ".class"
	if err != nil || !slices.ContainsFunc(jar.File, func(entry *zip.File) bool { return entry.Name == class }) {
		return common("Class '%s' not found in object_file :%s,%s", f.Symbol, f.File, f.Symbol)
	}
	return nil
}

// downloadTimeout bounds how long CREATE FUNCTION waits for its file.
const downloadTimeout = 10 * time.Second

// maxJar bounds how much of a file is read.
const maxJar = 64 << 20

func download(ctx context.Context, address string) ([]byte, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "file" {
		return os.ReadFile(u.Path)
	}
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s", response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxJar))
}

// sqlFunction finds the type of the body, with NULLs of the arguments' types in their places.
func (x *session) sqlFunction(ctx context.Context, f *catalog.Function, s *dialect.CreateFunction) error {
	body, err := dialect.SQLBody(s.Body, s.Arguments)
	if err != nil {
		return err
	}
	var columns []string
	for i, a := range s.Arguments {
		if slices.ContainsFunc(s.Arguments[:i], func(b dialect.Argument) bool { return strings.EqualFold(a.Name, b.Name) }) {
			return catalog.Analyzing("Duplicate argument name %s in function args", a.Name)
		}
		columns = append(columns, castText(a.Type)+" AS `"+a.Name+"`")
	}
	from := ""
	if columns != nil {
		from = " FROM (SELECT " + strings.Join(columns, ", ") + ") AS arguments"
	}
	schema, err := x.schema(ctx, "SELECT "+body+from)
	if err != nil {
		return err
	}
	f.Body, f.Returns = body, typeOf(schema[0].Type)
	return nil
}

// castText is a NULL that the engine takes for a value of a type.
func castText(t dialect.Type) string {
	switch {
	case t.Integer(), t.Name == "BOOLEAN":
		return "CAST(NULL AS SIGNED)"
	case t.Name == "DOUBLE", t.Name == "FLOAT":
		return "CAST(NULL AS DOUBLE)"
	case t.Name == "DECIMAL":
		return fmt.Sprintf("CAST(NULL AS DECIMAL(%d,%d))", t.Precision, t.Scale)
	case t.Temporal():
		return "CAST(NULL AS " + t.Name + ")"
	}
	return "CAST(NULL AS CHAR)"
}

func (x *session) dropFunction(s *dialect.DropFunction) error {
	signature := dialect.Signature(strings.ToLower(s.Name.Name), s.Arguments, s.Variadic)
	kind := "FUNCTION"
	if s.Global {
		kind, s.Name.Database = "GLOBAL FUNCTION", ""
	} else {
		s.Name = x.qualify(s.Name)
	}
	if err := x.server.catalog.Check(x.actor(), catalog.Need{Privilege: "DROP", Kind: kind, Database: s.Name.Database, Name: signature}); err != nil {
		return err
	}
	return x.server.catalog.DropFunction(s.Name.Database, signature, s.IfExists)
}

// showFunctions lists the functions on which the user has any privilege (fe:qe/ShowExecutor.visitShowFunctionsStatement).
func (x *session) showFunctions(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	database, kind := cmp.Or(s.From.Database, x.database), "FUNCTION"
	if strings.Contains(s.What, "GLOBAL") {
		database, kind = "", "GLOBAL FUNCTION"
	} else if database == "" {
		return &catalog.Error{Code: 1046, State: "3D000", Text: "No database selected"}
	}
	list, err := x.server.catalog.Functions(database)
	if err != nil {
		return err
	}
	full := strings.HasPrefix(s.What, "FULL")
	var cells [][]any
	seen := map[string]bool{}
	for _, f := range list {
		need := catalog.Need{Kind: kind, Database: database, Name: f.Signature()}
		if !like(s.Like, f.Name) || x.server.catalog.Check(x.actor(), need) != nil {
			continue
		}
		if full {
			cells = append(cells, []any{f.Signature(), f.Returns.Primitive(), f.Kind, "NULL", f.Properties()})
		} else if !seen[f.Name] {
			seen[f.Name] = true
			cells = append(cells, []any{f.Name})
		}
	}
	if full {
		return rows(callback, []string{"Signature", "Return Type", "Function Type", "Intermediate Type", "Properties"}, cells)
	}
	return rows(callback, []string{"Function Name"}, cells)
}

// expand puts the bodies of user-defined functions in the place of their calls; the user needs USAGE on them. The code of
// a jar is not run: its functions answer NULL.
func (x *session) expand(query string) (string, error) {
	c := x.server.catalog
	if !c.HasFunctions() {
		return query, nil
	}
	return dialect.ExpandFunctions(query, func(name dialect.ObjectName, arguments int) (string, []dialect.Argument, bool, error) {
		kind := "FUNCTION"
		f, ok := c.FindFunction(x.qualify(name).Database, strings.ToLower(name.Name), arguments)
		if !ok && name.Database == "" {
			kind = "GLOBAL FUNCTION"
			f, ok = c.FindFunction("", strings.ToLower(name.Name), arguments)
		}
		if !ok {
			return "", nil, false, nil
		}
		if !x.trusted {
			need := catalog.Need{Privilege: "USAGE", Kind: kind, Database: f.Database, Name: f.Signature()}
			if err := c.Check(x.actor(), need); err != nil {
				return "", nil, false, err
			}
		}
		if f.Kind != "SQL" {
			return castText(f.Returns), nil, true, nil
		}
		return f.Body, f.Arguments, true, nil
	})
}
