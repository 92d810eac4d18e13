package statement

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// unplaced sets every Position below v to zero: a canonical text has its words elsewhere.
func unplaced(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			unplaced(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			unplaced(v.Index(i))
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[Position]() {
			v.SetZero()
			return
		}
		for i := range v.NumField() {
			unplaced(v.Field(i))
		}
	}
}

// requireIdentity prints a statement, reads it and wants the same statement and the same text again.
func requireIdentity(t require.TestingT, s Statement) {
	text := Format(s)
	again, err := ParseOne(text)
	require.NoError(t, err, text)
	require.Equal(t, text, Format(again))
	unplaced(reflect.ValueOf(s))
	unplaced(reflect.ValueOf(again))
	require.True(t, reflect.DeepEqual(s, again), text) // require.Equal would show both redacted
}

func TestStatementsOfTheDocumentationAreReadAndPrintedWithoutChange(t *testing.T) {
	t.Parallel()
	placeholders := strings.NewReplacer("<hdfs_host>", "host", "<hdfs_port>", "8020", "<table_name>", "t", "<database_name>", "d")
	for file, kinds := range map[string]map[string]int{
		"testdata/documentation-starrocks.sql": {"other": 11, "restore": 29, "backup": 24, "create-repository": 6, "cancel-backup": 1, "cancel-restore": 1},
		"testdata/documentation-doris.sql":     {"restore": 2},
	} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all, err := Parse(placeholders.Replace(string(text)))
		require.NoError(t, err)
		got := map[string]int{}
		for _, s := range all {
			got[s.Kind()]++
			requireIdentity(t, s)
		}
		require.Equal(t, kinds, got, file)
	}
}

func TestPrintingAnyStatementAndReadingItGivesTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) { requireIdentity(t, drawStatement(t)) })
}

var (
	anyText = rapid.OneOf(rapid.String(), rapid.StringMatching("['\"`\\\\%_;\\-/*\n\t\x00a-c]{0,8}"),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
	// anyName is what back quotes can hold; not empty, for that means absent in the statements.
	anyName     = rapid.Map(anyText, func(s string) string { return "x" + strings.ReplaceAll(s, "`", "") })
	anyLabel    = rapid.StringMatching(`[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}`)
	anyDatabase = rapid.StringMatching(`[a-zA-Z][0-9A-Za-z_~!@#$%^&<>=+-]{0,255}`)
	anyMoment   = rapid.StringMatching(`[0-9]{4}(-[0-9]{2}){5}(-[0-9]{3})?`)
)

func drawStatement(t *rapid.T) Statement {
	return rapid.SampledFrom([]func(*rapid.T) Statement{
		drawCreate, drawBackup, drawRestore, drawCancel, drawShowJobs, drawShowSnapshot,
		func(t *rapid.T) Statement { return &DropRepository{Name: anyName.Draw(t, "name")} },
		func(t *rapid.T) Statement { return &ShowRepositories{Filter: drawFilter(t)} },
		func(t *rapid.T) Statement {
			return &DropSnapshot{Label: anyLabel.Draw(t, "label"), Repository: anyName.Draw(t, "repository"), Force: rapid.Bool().Draw(t, "force")}
		},
	}).Draw(t, "form")(t)
}

func drawCreate(t *rapid.T) Statement {
	s := &CreateRepository{
		Name:     rapid.StringMatching(`[a-zA-Z]\w{0,63}`).Draw(t, "name"),
		ReadOnly: rapid.Bool().Draw(t, "read only"),
		Broker:   anyText.Draw(t, "broker"),
		Location: "s3://" + anyText.Draw(t, "location"),
	}
	for range rapid.IntRange(0, 3).Draw(t, "properties") {
		s.Properties = append(s.Properties, Property{anyText.Draw(t, "key"), anyText.Draw(t, "value")})
	}
	return s
}

func drawBackup(t *rapid.T) Statement {
	s := &Backup{Label: anyLabel.Draw(t, "label"), Repository: anyName.Draw(t, "repository")}
	if rapid.Bool().Draw(t, "of the cluster") {
		s.Catalogs, s.Cluster = drawClusterObjects(t, false)
	} else {
		s.Database = anyDatabase.Draw(t, "database")
		s.On = drawObjects(t, false, s.Database)
	}
	s.Properties = rapid.SampledFrom([]Properties{nil, {{"timeout", "600"}}, {{"type", "full"}, {"rounds", "7"}, {"reuse", "false"}}, {{"ttl", ""}}, {{"ttl", "7 DAY"}, {"unsupported", "skip"}}}).Draw(t, "properties")
	return s
}

func drawRestore(t *rapid.T) Statement {
	s := &Restore{Label: anyLabel.Draw(t, "label"), Repository: anyName.Draw(t, "repository")}
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		s.Catalogs, s.Cluster = drawClusterObjects(t, true)
	case 1:
		s.Target = anyDatabase.Draw(t, "target")
		s.On = drawObjects(t, true, s.Target)
	case 2:
		s.Source = anyDatabase.Draw(t, "source")
		s.Target = rapid.OneOf(rapid.Just(s.Source), anyDatabase).Draw(t, "target")
		s.On = drawObjects(t, true, s.Source)
	}
	s.Properties = rapid.SampledFrom([]Properties{nil, {{"backup_timestamp", "2024-12-09-10-52-10-940"}, {"allow_load", "TRUE"}}, {{"replication_num", "3"}}, {{"refresh", "true"}, {"catalog.a.b.secret_key", "x"}, {"user.u.password", ""}}}).Draw(t, "properties")
	return s
}

func drawClusterObjects(t *rapid.T, aliases bool) (*Catalogs, []ObjectKind) {
	var kinds []ObjectKind
	for _, k := range clusterKinds {
		if rapid.Bool().Draw(t, string(k)) {
			kinds = append(kinds, k)
		}
	}
	if kinds != nil && rapid.Bool().Draw(t, "no catalogs") {
		return nil, kinds
	}
	return drawCatalogs(t, aliases), kinds
}

func drawCatalogs(t *rapid.T, aliases bool) *Catalogs {
	c := &Catalogs{All: rapid.Bool().Draw(t, "all")}
	if c.All {
		return c
	}
	names := rapid.SliceOfNDistinct(anyName, 2, 6, rapid.ID[string]).Draw(t, "catalogs")
	for ; len(names) > 1; names = names[2:] {
		x := Catalog{Name: names[0]}
		if aliases && rapid.Bool().Draw(t, "renamed") {
			x.Alias = names[1]
		}
		c.Names = append(c.Names, x)
	}
	return c
}

func drawObjects(t *rapid.T, aliases bool, database string) []Object {
	var list []Object
	names := rapid.SliceOfNDistinct(rapid.Map(anyName, func(s string) string { return strings.ReplaceAll(s, "\x00", "0") }), 0, 6, rapid.ID[string]).Draw(t, "names")
	for len(names) > 1 {
		o := Object{Kind: rapid.SampledFrom([]ObjectKind{Untyped, Table, View, MaterializedView, Function}).Draw(t, "kind")}
		if o.Kind != Untyped && rapid.Bool().Draw(t, "all") {
			list = append(list, Object{Kind: o.Kind, All: true})
			names = names[2:]
			continue
		}
		o.Name = names[0]
		if rapid.Bool().Draw(t, "qualified") {
			o.Database = database
		}
		if aliases && rapid.Bool().Draw(t, "renamed") {
			o.Alias = names[1]
		}
		if (o.Kind == Untyped || o.Kind == Table) && rapid.Bool().Draw(t, "of partitions") {
			o.Partitions = rapid.SliceOfNDistinct(rapid.Map(anyText, func(s string) string { return "p" + s }), 1, 3, rapid.ID[string]).Draw(t, "partitions")
		}
		list = append(list, o)
		names = names[2:]
	}
	return list
}

func drawCancel(t *rapid.T) Statement {
	s := &Cancel{Restore: rapid.Bool().Draw(t, "restore"), ExternalCatalog: rapid.Bool().Draw(t, "external")}
	if !s.ExternalCatalog {
		s.Database = anyDatabase.Draw(t, "database")
	}
	return s
}

func drawShowJobs(t *rapid.T) Statement {
	s := &ShowJobs{Restore: rapid.Bool().Draw(t, "restore"), Filter: drawFilter(t)}
	if rapid.Bool().Draw(t, "of one database") {
		s.Database = anyDatabase.Draw(t, "database")
	}
	return s
}

func drawShowSnapshot(t *rapid.T) Statement {
	s := &ShowSnapshot{Repository: anyName.Draw(t, "repository"), Filter: drawFilter(t)}
	s.Filter.Where = nil
	switch rapid.IntRange(0, 3).Draw(t, "where") {
	case 1:
		s.Labels = []string{anyLabel.Draw(t, "label")}
	case 2:
		s.Labels, s.Timestamp = []string{anyLabel.Draw(t, "label")}, anyMoment.Draw(t, "timestamp")
	case 3:
		s.Labels, s.In = rapid.SliceOfN(anyLabel, 1, 3).Draw(t, "labels"), true
	}
	return s
}

func drawFilter(t *rapid.T) Filter {
	var f Filter
	if rapid.Bool().Draw(t, "where") {
		f.Where = drawCondition(t, 4)
	}
	for range rapid.IntRange(0, 2).Draw(t, "order") {
		f.Order = append(f.Order, Order{Column: anyName.Draw(t, "column"), Descending: rapid.Bool().Draw(t, "descending")})
	}
	if rapid.Bool().Draw(t, "limited") {
		f.Limit = &Limit{Count: rapid.IntRange(0, 1e9).Draw(t, "count"), Offset: rapid.IntRange(0, 1e9).Draw(t, "offset")}
	}
	return f
}

func drawCondition(t *rapid.T, depth int) Condition {
	form := rapid.IntRange(0, 4)
	if depth == 0 {
		form = rapid.IntRange(0, 2)
	}
	switch form.Draw(t, "condition") {
	case 0:
		operator := rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(t, "operator")
		return &Comparison{Column: anyName.Draw(t, "column"), Operator: operator, Value: drawLiteral(t)}
	case 1:
		return &Like{Column: anyName.Draw(t, "column"), Pattern: anyText.Draw(t, "pattern"), Not: rapid.Bool().Draw(t, "not")}
	case 2:
		in := &In{Column: anyName.Draw(t, "column"), Not: rapid.Bool().Draw(t, "not")}
		for range rapid.IntRange(1, 3).Draw(t, "values") {
			in.Values = append(in.Values, drawLiteral(t))
		}
		return in
	case 3:
		return &Negation{Of: drawCondition(t, depth-1)}
	default:
		return &Junction{Or: rapid.Bool().Draw(t, "or"), Left: drawCondition(t, depth-1), Right: drawCondition(t, depth-1)}
	}
}

func drawLiteral(t *rapid.T) Literal {
	if rapid.Bool().Draw(t, "number") {
		return Literal{Text: rapid.StringMatching(`-?[0-9]{1,5}(\.[0-9]{1,3})?`).Draw(t, "number"), Number: true}
	}
	return Literal{Text: anyText.Draw(t, "text")}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"testdata/documentation-starrocks.sql", "testdata/documentation-doris.sql", "testdata/backup.txt", "testdata/restore.txt", "testdata/repository.txt", "testdata/show.txt", "testdata/other.txt"} {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		for block := range strings.SplitSeq(string(text), "\n\n") {
			input, _, _ := strings.Cut(block, "\n----\n")
			f.Add(input)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range ParseEach(text) {
			require.True(t, (r.Err == nil) != (r.Statement == nil))
			if r.Err == nil {
				requireIdentity(t, r.Statement)
			}
		}
		Complete(text)
	})
}
