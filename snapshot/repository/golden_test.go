package repository

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"starkeep/snapshot"
	"starkeep/storage"
	"starkeep/storage/file"
	"starkeep/storage/readonly"
)

var update = flag.Bool("update", false, "write the golden files of the current format version and the texts of damage")

const (
	golden     = "golden" // name of the golden repository
	goldenRoot = "testdata/v1"
)

func goldenSample() sample { return newSample("j1", "rows of t0\n", "rows of t1\n") }

// objectsSample has all that version 2 adds.
func objectsSample() sample {
	s := goldenSample()
	s.manifest.Format = snapshot.ObjectsFormat
	s.manifest.Cluster.Kind = "mysql"
	s.manifest.Point = &snapshot.Point{BinlogFile: "bin.000001", BinlogPosition: 4242, GTID: "0-1-17", Lock: "BACKUP STAGE BLOCK_COMMIT", LockedFor: 12 * time.Millisecond}
	s.manifest.Objects = []snapshot.Object{
		{Kind: snapshot.View, Name: "v", DDL: "CREATE VIEW `v` AS SELECT 1", Settings: map[string]string{"character_set_client": "utf8mb4"}},
		{Kind: snapshot.Trigger, Name: "g", Table: "t0", DDL: "CREATE TRIGGER `g` BEFORE INSERT ON `t0` FOR EACH ROW SET @a = 1"},
		{Kind: snapshot.User, Name: "'u'@'%'", DDL: "CREATE USER `u`@`%`", Grants: []string{"GRANT SELECT ON `ssb`.* TO `u`@`%`"}},
	}
	s.entries[0].Physical[0].Version, s.entries[0].Physical[0].Tablets = 0, nil
	s.entries[0].Physical[0].Ranges = []snapshot.KeyRange{{UpTo: [][]byte{[]byte("17"), {0xff, 0}}}, {After: [][]byte{[]byte("17"), {0xff, 0}}}}
	return s
}

// encodedSample has all that version 3 adds to the snapshot of a database.
func encodedSample() sample {
	s := goldenSample()
	s.manifest.Format = snapshot.RollupsFormat
	s.manifest.TTL, s.manifest.Expires = "7 DAY", s.manifest.Finished.AddDate(0, 0, 7)
	t := &s.manifest.Tables[0]
	t.Rollups = []snapshot.Rollup{{Name: "r", DDL: "ALTER TABLE `t0` ADD ROLLUP `r` (`k`)"}}
	for name, e := range map[string]snapshot.Encoding{"a": snapshot.NestedEncoding, "b": snapshot.BitmapEncoding, "h": snapshot.HLLEncoding} {
		kind := snapshot.Binary
		if e == snapshot.NestedEncoding {
			kind = snapshot.JSON
		}
		t.Columns = append(t.Columns, snapshot.Column{Name: name, Type: snapshot.Type{Kind: kind}, Source: "x<" + name + ">", Nullable: true, Encoding: e})
	}
	slices.SortFunc(t.Columns[1:], func(a, b snapshot.Column) int { return strings.Compare(a.Name, b.Name) })
	s.manifest.Objects = []snapshot.Object{
		{Kind: snapshot.MaterializedView, Name: "mv", DDL: "CREATE MATERIALIZED VIEW `mv` REFRESH MANUAL AS SELECT `k` FROM `t0`", Settings: map[string]string{"state": "active"}},
		{Kind: snapshot.Catalog, Name: "hive", DDL: "CREATE EXTERNAL CATALOG `hive` PROPERTIES (\"type\" = \"hive\", \"aws.s3.secret_key\" = \"******\")", Masked: []string{"aws.s3.secret_key"}},
		{Kind: snapshot.ResourceGroup, Name: "rg", DDL: "CREATE RESOURCE GROUP `rg` TO (user='u') WITH (\"cpu_weight\" = \"1\")"},
	}
	return s
}

// goldens are the golden repositories by their folders: one for each format version, written before its release.
var goldens = map[string]func() sample{goldenRoot: goldenSample, "testdata/v2": objectsSample, "testdata/v3": encodedSample}

func openFolder(t testing.TB, dir string) storage.Bucket {
	t.Helper()
	abs, err := filepath.Abs(dir)
	require.NoError(t, err)
	b, err := file.Open(abs, false)
	require.NoError(t, err)
	return b
}

func writeGolden(t *testing.T, dir string, s sample) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o750))
	b := openFolder(t, dir)
	about := About{Format: snapshot.FirstFormat, ID: "GOLDEN", Name: golden, Created: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}
	require.NoError(t, b.Put(t.Context(), prefix(golden)+aboutKey, storage.BytesBody(encode(about)), storage.PutOptions{}))
	r, err := Open(t.Context(), b, golden)
	require.NoError(t, err)
	s.store(t, r)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, file.WorkFolder)))
}

// TestEveryFormatVersionIsReadForever reads what the first release of each version wrote.
func TestEveryFormatVersionIsReadForever(t *testing.T) {
	require.Len(t, goldens, snapshot.FormatVersion)
	for root, s := range goldens {
		t.Run(root, func(t *testing.T) { readGolden(t, root, s()) })
	}
}

func readGolden(t *testing.T, root string, want sample) {
	if _, err := os.Stat(root); *update && os.IsNotExist(err) { // what was released is never written again
		writeGolden(t, root, want)
	}
	r, err := Open(t.Context(), readonly.New(openFolder(t, root)), golden)
	require.NoError(t, err)
	require.Equal(t, About{Format: 1, ID: "GOLDEN", Name: golden, Created: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}, r.About())
	m, err := r.Manifest(t.Context(), "nightly", "2026-11-21-01-02-03-004")
	require.NoError(t, err)
	for i := range want.manifest.Tables {
		want.manifest.Tables[i].Index = m.Tables[i].Index
	}
	require.Equal(t, want.manifest, m)
	var entries []snapshot.PartitionEntry
	require.NoError(t, r.Entries(t.Context(), m, func(e snapshot.PartitionEntry) error {
		entries = append(entries, e)
		return nil
	}))
	require.Equal(t, want.entries, entries)
	findings, err := r.Check(t.Context(), m, true)
	require.NoError(t, err)
	require.Empty(t, findings)
	path, err := r.FetchData(t.Context(), entries[1].Objects[0].ObjectRef, t.TempDir())
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "rows of t1\n", string(data))
}

// indexNamed matches a reference to an index object.
var indexNamed = regexp.MustCompile(`"index/[^"]*",\s*"size": \d+`)

// TestEveryFormatVersionIsWrittenTheSame compares what is written now with what the first release of each version wrote.
// Index objects are compared by their text: a newer compressor may pack it otherwise, and then they have other names.
func TestEveryFormatVersionIsWrittenTheSame(t *testing.T) {
	t.Parallel()
	for root, s := range goldens {
		dir := t.TempDir()
		writeGolden(t, dir, s())
		for _, name := range []string{aboutKey, manifestKey("nightly", "2026-11-21-01-02-03-004")} {
			want, err := os.ReadFile(filepath.Join(root, prefix(golden), name))
			require.NoError(t, err)
			got, err := os.ReadFile(filepath.Join(dir, prefix(golden), name))
			require.NoError(t, err)
			require.Equal(t, indexNamed.ReplaceAllString(string(want), "index"), indexNamed.ReplaceAllString(string(got), "index"), name)
		}
		require.Equal(t, indexText(t, root), indexText(t, dir))
	}
}

func indexText(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, prefix(golden), "index/*/*.jsonl.zst"))
	require.NoError(t, err)
	require.Len(t, files, 1)
	data, err := os.ReadFile(files[0])
	require.NoError(t, err)
	z, err := zstd.NewReader(bytes.NewReader(data))
	require.NoError(t, err)
	defer z.Close()
	text, err := io.ReadAll(z)
	require.NoError(t, err)
	return string(text)
}

// TestDamageIsNamed puts each kind of damage in testdata/damage over the golden repository and compares all that is said
// about it. A folder holds the files that are changed, lost.txt the ones that are gone, said.txt what has to be said.
func TestDamageIsNamed(t *testing.T) {
	t.Parallel()
	kinds, err := filepath.Glob("testdata/damage/*")
	require.NoError(t, err)
	require.Len(t, kinds, 19)
	for _, kind := range kinds {
		t.Run(filepath.Base(kind), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(goldenRoot)))
			lost, err := os.ReadFile(filepath.Join(kind, "lost.txt"))
			if err == nil {
				for name := range strings.Lines(string(lost)) {
					require.NoError(t, os.Remove(filepath.Join(dir, prefix(golden), strings.TrimSpace(name))))
				}
			} else {
				require.ErrorIs(t, err, os.ErrNotExist)
			}
			require.NoError(t, overlay(dir, filepath.Join(kind, prefix(golden))))
			got := said(t, dir)
			name := filepath.Join(kind, "said.txt")
			if *update {
				require.NoError(t, os.WriteFile(name, []byte(got), 0o600))
			}
			want, err := os.ReadFile(name)
			require.NoError(t, err)
			require.Equal(t, string(want), got)
		})
	}
}

// overlay copies changed files over a repository.
func overlay(dir, changed string) error {
	if _, err := os.Stat(changed); os.IsNotExist(err) {
		return nil // everything of this kind is in lost.txt
	}
	return filepath.WalkDir(changed, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(changed, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, prefix(golden), rel)
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o600)
	})
}

// said lists all that a repository says when it is opened, listed, checked and restored from.
func said(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	say := func(what string, err error) {
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", what, err)
		}
	}
	r, err := Open(t.Context(), readonly.New(openFolder(t, dir)), golden)
	say("open", err)
	if err != nil {
		return b.String()
	}
	all, err := r.Snapshots(t.Context())
	say("list", err)
	for _, s := range all {
		say("list "+s.Label+" "+s.Timestamp, s.Err)
	}
	m, err := r.Manifest(t.Context(), "nightly", "2026-11-21-01-02-03-004")
	say("manifest", err)
	if err != nil {
		return b.String()
	}
	for _, deep := range []bool{false, true} {
		findings, err := r.Check(t.Context(), m, deep)
		say("check", err)
		for _, f := range findings {
			fmt.Fprintf(&b, "check deep=%t: %s\n", deep, f)
		}
	}
	say("restore", r.Entries(t.Context(), m, func(e snapshot.PartitionEntry) error {
		_, err := r.FetchData(t.Context(), e.Objects[0].ObjectRef, t.TempDir())
		return err
	}))
	return b.String()
}
