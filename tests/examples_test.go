package tests

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
	"starkeep/sandbox/fault"
	"starkeep/snapshot"
	"starkeep/snapshot/repository"
	"starkeep/statement"
	"starkeep/storage/file"
	"starkeep/tests/starrocksdata"
)

// examples is a cluster with everything that the statements of the documentation name.
type examples struct {
	*world
	statements []statement.Statement
	kinds      map[string]map[string]statement.ObjectKind // by database and name
	jar        string
}

// TestStatementsOfTheDocumentationDoWhatItSays runs every statement that the documentation of StarRocks shows, and what that
// of Doris shows beyond it, and looks at what each has done. Placeholders are filled in; a location becomes a folder; a
// backup timestamp becomes that of the snapshot.
func TestStatementsOfTheDocumentationDoWhatItSays(t *testing.T) {
	t.Parallel()
	e := newExamples(t)
	ran := 0
	of := func(kind string, run func(statement.Statement)) {
		for _, s := range e.statements {
			if s.Kind() == kind {
				run(s)
				ran++
			}
		}
	}
	of("other", e.cluster)
	of("create-repository", func(s statement.Statement) { e.create(s.(*statement.CreateRepository)) })
	e.sql(fmt.Sprintf("CREATE REPOSITORY example_repo WITH BROKER ON LOCATION 'file://%s'", e.folder("example_repo")))
	of("backup", func(s statement.Statement) { e.backup(s.(*statement.Backup)) })
	of("restore", func(s statement.Statement) { e.restore(s.(*statement.Restore)) })
	of("cancel-backup", func(s statement.Statement) { e.cancel(s.(*statement.Cancel)) })
	of("cancel-restore", func(s statement.Statement) { e.cancel(s.(*statement.Cancel)) })
	require.Equal(t, len(e.statements), ran, "every form was run")
}

func newExamples(t *testing.T) *examples {
	e := &examples{world: newWorld(t, func(w *world) { w.shape = func(c *sandbox.Config) { c.EnableUDF = true } }), kinds: map[string]map[string]statement.ObjectKind{}}
	fill := strings.NewReplacer("<hdfs_host>", "host", "<hdfs_port>", "8020", "<hdfs_username>", "u", "<hdfs_password>", secret,
		"<table_name>", "sr_hub.sr_member", "<database_name>", "sr_hub")
	for _, name := range []string{"documentation-starrocks.sql", "documentation-doris.sql"} {
		text, err := os.ReadFile(filepath.Join("..", "statement", "testdata", name))
		require.NoError(t, err)
		all, err := statement.Parse(fill.Replace(string(text)))
		require.NoError(t, err)
		e.statements = append(e.statements, all...)
	}
	e.jar = serveJar(t, "com/example/F1.class", "com/example/F2.class")
	e.database("sr_hub", statement.Table, "sr_member", "sr_pmc")
	e.database("example_db", statement.Table, "example_tbl", "example_tbl2", "backup_tbl", "backup_tbl2")
	e.database("example_db1", statement.Table, "backup_tbl", "backup_tbl2")
	for i, base := range []string{"sr_member", "sr_pmc"} {
		n := fmt.Sprint(i + 1)
		e.exec("CREATE VIEW sr_hub.sr_view"+n+" AS SELECT id, v FROM `sr_hub`.`"+base+"`",
			"CREATE MATERIALIZED VIEW sr_hub.sr_mv"+n+" DISTRIBUTED BY HASH(id) BUCKETS 1 REFRESH ASYNC PROPERTIES ('replication_num' = '1') AS SELECT id, v FROM `sr_hub`.`"+base+"`",
			"REFRESH MATERIALIZED VIEW sr_hub.sr_mv"+n+" WITH SYNC MODE",
			fmt.Sprintf(`CREATE FUNCTION sr_hub.sr_udf%s(INT) RETURNS INT PROPERTIES ("symbol" = "com.example.F%[1]s", "type" = "StarrocksJar", "file" = %q)`, n, e.jar))
		e.kinds["sr_hub"]["sr_view"+n], e.kinds["sr_hub"]["sr_mv"+n], e.kinds["sr_hub"]["sr_udf"+n] = statement.View, statement.MaterializedView, statement.Function
	}
	for _, c := range []string{"iceberg", "hive"} {
		e.exec(`CREATE EXTERNAL CATALOG ` + c + ` COMMENT 'of the documentation' PROPERTIES ("type" = "` + c + `", ` + map[string]string{
			"iceberg": `"iceberg.catalog.type" = "hive", `}[c] + `"hive.metastore.uris" = "thrift://127.0.0.1:9083")`)
	}
	for _, r := range []string{"recover_tbl", "recover_db", "backup_tbl", "backup_db", "backup"} {
		e.exec("CREATE ROLE " + r)
	}
	return e
}

// serveJar serves a Java archive with these classes.
func serveJar(t testing.TB, classes ...string) (url string) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, c := range classes {
		f, err := z.Create(c)
		require.NoError(t, err)
		_, err = f.Write([]byte("code"))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(b.Bytes()) }))
	t.Cleanup(s.Close)
	return s.URL + "/udf.jar"
}

// database makes tables with partitions p1, p2 and p3.
func (e *examples) database(name string, kind statement.ObjectKind, tables ...string) {
	e.t.Helper()
	e.exec("CREATE DATABASE " + name)
	e.kinds[name] = map[string]statement.ObjectKind{}
	for i, table := range tables {
		e.kinds[name][table] = kind
		e.exec(fmt.Sprintf("CREATE TABLE %s.%s (id INT NOT NULL, v VARCHAR(20)) DUPLICATE KEY(id) PARTITION BY RANGE(id) "+
			"(PARTITION p1 VALUES LESS THAN ('10'), PARTITION p2 VALUES LESS THAN ('20'), PARTITION p3 VALUES LESS THAN ('30')) "+
			"DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')", name, table),
			fmt.Sprintf("INSERT INTO %s.%s VALUES (1, 'one %d'), (11, 'two'), (21, NULL)", name, table, i))
	}
}

func (e *examples) folder(name string) string {
	dir := filepath.Join(e.dir, "repositories", name)
	require.NoError(e.t, os.MkdirAll(dir, 0o755))
	return dir
}

// cluster runs a statement of the cluster itself, and wants the starter to leave it to the cluster.
func (e *examples) cluster(s statement.Statement) {
	e.t.Helper()
	_, err := e.db.Exec(statement.Format(s))
	if strings.Contains(s.String(), "ALL TABLES ALL DATABASES") { // the documentation lacks the word IN
		require.Error(e.t, err)
	} else {
		require.NoError(e.t, err, "%s", s)
	}
	r := e.starter("sql", "-e", statement.Format(s))
	require.Equal(e.t, 4, r.code)
	require.Contains(e.t, r.err, "is a statement of the cluster")
}

func (e *examples) create(s *statement.CreateRepository) {
	e.t.Helper()
	if strings.Contains(e.starter("sql", "-e", "SHOW REPOSITORIES").out, s.Name) {
		e.sql("DROP REPOSITORY " + s.Name)
	}
	s.Location = "file://" + e.folder(s.Name)
	e.sql(statement.Format(s))
	shown := e.sql("SHOW REPOSITORIES")
	require.Contains(e.t, shown, s.Location)
	require.NotContains(e.t, shown, "yyyy", "keys are not shown")
}

// drop makes a label free.
func (e *examples) drop(label, repository string) {
	e.t.Helper()
	if _, found := e.manifest(repository, label); found {
		e.sql("DROP SNAPSHOT " + label + " ON " + repository)
	}
}

// manifest reads a snapshot from the store, as another program would.
func (e *examples) manifest(name, label string) (snapshot.Manifest, bool) {
	e.t.Helper()
	bucket, err := file.Open(e.folder(name), false)
	require.NoError(e.t, err)
	defer func() { require.NoError(e.t, bucket.Close()) }()
	r, err := repository.Open(e.t.Context(), bucket, name)
	require.NoError(e.t, err)
	stamps, err := r.Timestamps(e.t.Context(), label)
	require.NoError(e.t, err)
	if len(stamps) == 0 {
		return snapshot.Manifest{}, false
	}
	require.Len(e.t, stamps, 1)
	m, err := r.Manifest(e.t.Context(), label, stamps[0])
	require.NoError(e.t, err)
	for i := range m.Tables {
		require.NoError(e.t, r.Entries(e.t.Context(), m, func(p snapshot.PartitionEntry) error {
			if p.Table == m.Tables[i].Name {
				m.Tables[i].Partitions = append(m.Tables[i].Partitions, p.Partition)
			}
			return nil
		}))
	}
	return m, true
}

// held tells what a snapshot holds, an object a line; tables with the partitions that are there.
func held(m snapshot.Manifest) (all []string) {
	for _, t := range m.Tables {
		text := "TABLE " + t.Name
		for _, p := range t.Partitions {
			text += " " + p.Name
		}
		all = append(all, text)
	}
	for _, o := range m.Objects {
		name, _, _ := strings.Cut(o.Name, "(")
		if o.Kind != snapshot.Database {
			all = append(all, strings.ToUpper(string(o.Kind))+" "+name)
		}
	}
	slices.Sort(all)
	return all
}

// meant tells what ON (…) means in a database, in the form of held.
func (e *examples) meant(database string, on []statement.Object) (all []string) {
	add := func(name string, partitions []string) {
		kind := e.kinds[database][name]
		require.NotEmpty(e.t, kind, name)
		text := string(kind) + " " + name
		if kind == statement.Table {
			if partitions == nil {
				partitions = []string{"p1", "p2", "p3"}
			}
			text += " " + strings.Join(partitions, " ")
		}
		all = append(all, text)
	}
	for _, o := range on {
		if !o.All {
			add(o.Name, o.Partitions)
		}
	}
	for name, kind := range e.kinds[database] {
		if on == nil || slices.ContainsFunc(on, func(o statement.Object) bool { return o.All && o.Kind == kind }) {
			add(name, nil)
		}
	}
	slices.Sort(all)
	return all
}

func (e *examples) catalogs(c *statement.Catalogs) (all []string) {
	if c.All {
		return []string{"CATALOG hive", "CATALOG iceberg"}
	}
	for _, x := range c.Names {
		all = append(all, "CATALOG "+x.Name)
	}
	slices.Sort(all)
	return all
}

func (e *examples) backup(s *statement.Backup) {
	e.t.Helper()
	e.drop(s.Label, s.Repository)
	e.sql(statement.Format(s))
	m, found := e.manifest(s.Repository, s.Label)
	require.True(e.t, found, "%s", s)
	require.Equal(e.t, s.Database, m.Database)
	var want []string
	if s.Catalogs != nil {
		want = e.catalogs(s.Catalogs)
	} else {
		want = e.meant(s.Database, s.On)
	}
	require.Equal(e.t, want, held(m), "%s", s)
}

// restore harms what a RESTORE is to bring back, runs it, and compares.
func (e *examples) restore(s *statement.Restore) {
	e.t.Helper()
	if s.Catalogs != nil {
		e.restoreCatalogs(s)
		return
	}
	source := s.Target // legacy: the recorded database is not compared
	if s.Source != "" {
		source = s.Source
	}
	m, found := e.manifest(s.Repository, s.Label)
	if !found || m.Database != source || !contains(held(m), e.meant(source, s.On)) { // the page on RESTORE shows other tables than that on BACKUP
		e.drop(s.Label, s.Repository)
		e.sql(fmt.Sprintf("BACKUP DATABASE %s SNAPSHOT %s TO %s", source, s.Label, s.Repository))
		m, _ = e.manifest(s.Repository, s.Label)
	}
	before := starrocksdata.Digest(e.t, e.db, source)
	if s.Target == source {
		e.harm(source, slices.DeleteFunc(slices.Clone(s.On), func(o statement.Object) bool { return o.Alias != "" }))
		require.NotEqual(e.t, before, starrocksdata.Digest(e.t, e.db, source), "%s: nothing was harmed", s)
	}
	e.sql(statement.Format(at(s, m.Timestamp)))
	for name, kind := range e.kinds[source] {
		// Partitions that take the place of others are no load: what is refreshed by loads is not refreshed by them.
		if kind == statement.MaterializedView && slices.ContainsFunc(s.On, func(o statement.Object) bool { return o.Partitions != nil }) {
			e.exec("REFRESH MATERIALIZED VIEW " + source + "." + name + " WITH SYNC MODE")
		}
	}
	want := renamed(before, e.kinds[source], s, s.Target == source)
	e.same(s, want, func() map[string]string { return starrocksdata.Digest(e.t, e.db, s.Target) })
	if s.Target != source {
		e.exec("DROP DATABASE " + s.Target + " FORCE")
	}
	for _, o := range s.On {
		if o.Alias != "" && s.Target == source {
			e.exec("DROP TABLE " + source + "." + o.Alias + " FORCE")
		}
	}
}

// same wants a digest, now or when the cluster has refreshed its materialized views.
func (e *examples) same(s statement.Statement, want map[string]string, digest func() map[string]string) {
	e.t.Helper()
	got := digest()
	for until := time.Now().Add(time.Minute); !maps.Equal(want, got) && time.Now().Before(until); got = digest() {
		time.Sleep(100 * time.Millisecond)
	}
	require.Equal(e.t, want, got, "%s", s)
}

func contains(all, some []string) bool {
	return !slices.ContainsFunc(some, func(x string) bool { return !slices.Contains(all, x) })
}

// at sets the timestamp, where the statement names one.
func at(s *statement.Restore, timestamp string) *statement.Restore {
	for i, p := range s.Properties {
		if p.Key == "backup_timestamp" {
			s.Properties[i].Value = timestamp
		}
	}
	return s
}

// renamed is the digest that the target has to have: all that was there, when it is the source, and what comes back.
func renamed(before map[string]string, kinds map[string]statement.ObjectKind, s *statement.Restore, same bool) map[string]string {
	want := map[string]string{}
	if same {
		maps.Copy(want, before)
	}
	for name := range kinds {
		as := name
		i := slices.IndexFunc(s.On, func(o statement.Object) bool { return !o.All && o.Name == name })
		if i >= 0 && s.On[i].Alias != "" {
			as = s.On[i].Alias
		}
		if i < 0 && s.On != nil && !slices.ContainsFunc(s.On, func(o statement.Object) bool { return o.All && o.Kind == kinds[name] }) {
			continue
		}
		for key, value := range before {
			what, of := key[:strings.LastIndex(key, " ")], key[strings.LastIndex(key, " ")+1:]
			if function, _, _ := strings.Cut(of, "("); function == name {
				want[what+" "+strings.Replace(of, name, as, 1)] = strings.ReplaceAll(value, "`"+name+"`", "`"+as+"`")
			}
		}
	}
	return want
}

// harm takes away what a RESTORE brings back.
func (e *examples) harm(database string, on []statement.Object) {
	e.t.Helper()
	for _, line := range e.meant(database, on) {
		fields := strings.Fields(strings.TrimPrefix(line, "MATERIALIZED "))
		name := database + "." + fields[1]
		switch e.kinds[database][fields[1]] {
		case statement.Table:
			for _, p := range fields[2:] {
				e.exec("TRUNCATE TABLE " + name + " PARTITION(" + p + ")")
			}
		case statement.View:
			e.exec("DROP VIEW " + name)
		case statement.MaterializedView:
			e.exec("DROP MATERIALIZED VIEW " + name)
		case statement.Function:
			e.exec("DROP FUNCTION " + name + "(INT)")
		}
	}
}

func (e *examples) restoreCatalogs(s *statement.Restore) {
	e.t.Helper()
	m, found := e.manifest(s.Repository, s.Label)
	require.True(e.t, found, "%s", s)
	before := starrocksdata.GovernanceDigest(e.t, e.db, "sr_hub")
	want := maps.Clone(before)
	for _, o := range m.Objects {
		as := o.Name
		for _, c := range s.Catalogs.Names {
			if c.Name == o.Name && c.Alias != "" {
				as = c.Alias
			}
		}
		want["catalog "+as] = strings.ReplaceAll(before["catalog "+o.Name], "`"+o.Name+"`", "`"+as+"`")
		if as == o.Name {
			e.exec("DROP CATALOG " + o.Name)
		}
	}
	e.sql(statement.Format(at(s, m.Timestamp)))
	require.Equal(e.t, want, starrocksdata.GovernanceDigest(e.t, e.db, "sr_hub"), "%s", s)
	for name := range want {
		if _, old := before[name]; !old {
			e.exec("DROP CATALOG " + strings.TrimPrefix(name, "catalog "))
		}
	}
}

// cancel ends a job whose checks hang, and then finds none.
func (e *examples) cancel(s *statement.Cancel) {
	e.t.Helper()
	begin, none := "BACKUP ALL EXTERNAL CATALOGS SNAPSHOT cancelled TO test_repo", "No backup job is currently running"
	if s.Restore {
		begin, none = "RESTORE SNAPSHOT all_catalog_backup FROM test_repo ALL EXTERNAL CATALOGS", "No restore is currently running"
	}
	before := starrocksdata.GovernanceDigest(e.t, e.db, "sr_hub")
	id, err := e.sandbox.Faults().Add(fault.Rule{Kind: fault.SQL, Contains: "CATALOG", Count: -1, Action: fault.Delay, Delay: fault.Duration(time.Minute)})
	require.NoError(e.t, err)
	asked := e.asked("CATALOG")
	refused := make(chan result, 1)
	go func() { refused <- e.starter("sql", "-e", begin) }()
	e.await("the job to ask for catalogs", func() bool { return e.asked("CATALOG") > asked })
	e.sql(statement.Format(s))
	r := <-refused
	require.NotZero(e.t, r.code)
	require.Contains(e.t, r.err, "user cancelled")
	e.sandbox.Faults().Remove(id)
	require.Equal(e.t, before, starrocksdata.GovernanceDigest(e.t, e.db, "sr_hub"))
	_, found := e.manifest("test_repo", "cancelled")
	require.False(e.t, found)
	r = e.starter("sql", "-e", statement.Format(s))
	require.Equal(e.t, 4, r.code)
	require.Contains(e.t, r.err, none)
}
