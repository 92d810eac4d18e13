// Package clustertest is the suite that every cluster adapter passes: against the sandbox in this repository's tests, and
// against real clusters where there are any. It knows no dialect: a Harness brings the definitions of its tables.
package clustertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// Adapter is all abilities of an adapter.
type Adapter interface {
	cluster.Cluster
	cluster.Auditor
	cluster.Doctor
	cluster.Lister
	cluster.Describer
	cluster.Pinner
	cluster.Exporter
	cluster.Importer
	cluster.Builder
	cluster.Publisher
}

// Fault is something that goes wrong once, at the next occasion.
type Fault string

// The faults.
const (
	LoadCut         Fault = "the connection of a load is cut in the middle of its rows"
	LoadAnswerLost  Fault = "a load is done and its answer lost"
	LoadVisibleLate Fault = "a load is committed and becomes visible later"
	SwapCut         Fault = "the statement that publishes a table is lost"
	SwapAnswerLost  Fault = "a table is published and the answer lost"
	RenameCut       Fault = "the statement that renames a table is lost"
	RenameLost      Fault = "a table is renamed and the answer lost"
	DropCut         Fault = "the statement that drops a table is lost"
	DropLost        Fault = "a table is dropped and the answer lost"
	ReplaceCut      Fault = "the statement that publishes partitions is lost"
	ReplaceLost     Fault = "partitions are published and the answer lost"
)

// Shape is a table that the suite needs; the harness defines it in its dialect.
type Shape string

// The shapes. All have the columns `k` int not null (key) and `v` text, nullable, unless stated otherwise.
const (
	Plain     Shape = "plain"     // not partitioned, keeps duplicates
	Ranged    Shape = "ranged"    // partitions p1 (k < 10), p2 (k < 20), p3 (k < 30), several tablets each
	Listed    Shape = "listed"    // list partitions by v: it's ('it''s', 'b'), none (NULL)
	Automatic Shape = "automatic" // partitions made by loads, one for each v
	Text      Shape = "text"      // one column `v`, nullable text
	Uncarried Shape = "uncarried" // a column `tags` of a type that cannot be carried
	Other     Shape = "other"     // like Plain, but v is an int
)

// TypeCase is a column type with values as the cluster prints them.
type TypeCase struct {
	Declaration string // in DDL
	Type        snapshot.Type
	Values      []string
	Any         bool // holds any bytes: random ones are tried, too
}

// Harness is one fresh cluster with an empty database.
type Harness struct {
	Cluster  Adapter
	Down     Adapter // the same, but nobody answers
	Stranger Adapter // the same, by a user without any privilege
	Database string
	Types    []TypeCase
	Define   func(s Shape, table string) string // DDL
	Columns  func(table string, types []TypeCase) string
	Exec     func(statement string)                // runs it behind the adapter's back
	Break    func(f Fault)                         // makes it go wrong once
	Tablets  func(table, partition string) []int64 // of the base index

	// What is different on this kind of cluster; the zero values are StarRocks'.
	NoVersions    bool    // nothing proves that rows did not change
	NamesAreIDs   bool    // identities are made of names: they do not follow a table that is renamed
	Partitioned   bool    // a partitioned table has at least one partition
	BackQuotes    bool    // names may hold them
	LongestName   int     // in characters; 0: 200
	DropPartition string  // what follows the partition's name in ALTER TABLE … DROP PARTITION; empty: " FORCE"
	Faults        []Fault // those that Break knows; nil: all
}

// knows tells whether Break knows a fault: a step that an adapter does not take cannot fail.
func (h Harness) knows(f Fault) bool { return h.Faults == nil || slices.Contains(h.Faults, f) }

// Run runs the suite, with the tests of the further abilities that the adapter has; open makes a harness for each test.
// Without names tests about what this kind of cluster does not have.
func Run(t *testing.T, open func(*testing.T) Harness, without ...string) {
	tests := maps.Clone(suite)
	for _, name := range without {
		require.Contains(t, tests, name)
		delete(tests, name)
	}
	maps.Copy(tests, furtherTests(open(t).Cluster))
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, &tester{Harness: open(t), t: t})
		})
	}
}

var suite = map[string]func(*testing.T, *tester){
	"Identity":                  identity,
	"DescribeDeclared":          describeDeclared,
	"DescribeListPartitions":    describeListPartitions,
	"DescribeUnsupportedType":   describeUnsupportedType,
	"OthersAreListed":           othersAreListed,
	"VersionsMoveWithLoads":     versionsMoveWithLoads,
	"UnknownIsProven":           unknownIsProven,
	"UnreachableIsNotUnknown":   unreachableIsNotUnknown,
	"DeniedIsNotUnknown":        deniedIsNotUnknown,
	"MissingPrivileges":         missingPrivileges,
	"Doctor":                    doctor,
	"ValuesSurvive":             valuesSurvive,
	"RandomBytesSurvive":        randomBytesSurvive,
	"NullIsNotEmpty":            nullIsNotEmpty,
	"OneColumnOfEmptyStrings":   oneColumnOfEmptyStrings,
	"LongStrings":               longStrings,
	"TabletsAddUp":              tabletsAddUp,
	"ReadCancelled":             readCancelled,
	"LoadRepeated":              loadRepeated,
	"LoadCut":                   loadCut,
	"LoadAnswerLost":            loadAnswerLost,
	"LoadVisibleLate":           loadVisibleLate,
	"LoadRejected":              loadRejected,
	"CreateExactly":             createExactly,
	"CreateTwice":               createTwice,
	"CreateAutomaticPartitions": createAutomaticPartitions,
	"CreateOverAnotherTable":    createOverAnotherTable,
	"DropWhatIsNotThere":        dropWhatIsNotThere,
	"PublishSwap":               publishSwap,
	"UnpublishSwap":             unpublishSwap,
	"DiscardUnpublished":        discardUnpublished,
	"LateSwap":                  lateSwap,
	"InterruptedDrop":           interruptedDrop,
	"PublishSwapFaults":         publishSwapFaults,
	"PublishWhereNothingWas":    publishWhereNothingWas,
	"PublishOverForeignTable":   publishOverForeignTable,
	"PublishPartitions":         publishPartitions,
	"PublishPartitionsFaults":   publishPartitionsFaults,
	"AwkwardNames":              awkwardNames,
	"NamesThatCannotBeWritten":  namesThatCannotBeWritten,
}

// tester is a harness with the steps that tests are made of.
type tester struct {
	Harness
	t      *testing.T
	labels int
}

func (h *tester) ctx() context.Context { return h.t.Context() }

// create makes a table behind the adapter's back and returns its description.
func (h *tester) create(s Shape, table string) snapshot.Table {
	h.Exec(h.Define(s, table))
	return h.describe(table)
}

func (h *tester) describe(table string) snapshot.Table {
	tables, err := h.Cluster.Describe(h.ctx(), h.Database, []string{table})
	require.NoError(h.t, err)
	require.Len(h.t, tables, 1)
	return tables[0]
}

// row is one row of text values, nil being NULL.
type row []any

func opener(rows []row) func() (snapshot.RowReader, error) {
	return func() (snapshot.RowReader, error) { return &reader{rows: rows}, nil }
}

// reader yields rows in batches of their own.
type reader struct{ rows []row }

func (r *reader) Next(b *snapshot.Batch) error {
	b.Reset()
	if len(r.rows) == 0 {
		return io.EOF
	}
	n := min(len(r.rows), snapshot.BatchRows)
	for _, row := range r.rows[:n] {
		for j, v := range row {
			if v == nil {
				b.Columns[j].AppendNull()
			} else {
				b.Columns[j].Append([]byte(v.(string)))
			}
		}
	}
	r.rows = r.rows[n:]
	return nil
}

func (r *reader) Close() error { return nil }

func (h *tester) request(t snapshot.Table, rows []row) cluster.LoadRequest {
	h.labels++
	return cluster.LoadRequest{Database: h.Database, Table: t.Name, Columns: t.Columns, Label: fmt.Sprintf("suite_%d", h.labels), Open: opener(rows)}
}

func (h *tester) load(t snapshot.Table, rows ...row) {
	result, err := h.Cluster.Load(h.ctx(), h.request(t, rows))
	require.NoError(h.t, err)
	require.Equal(h.t, cluster.LoadResult{Rows: int64(len(rows))}, result)
}

// rows reads rows and sorts them; NULL is printed apart from every text.
func (h *tester) rows(r cluster.ReadRequest) []string {
	reader, err := h.Cluster.Read(h.ctx(), r)
	require.NoError(h.t, err)
	defer reader.Close()
	var all []string
	var b snapshot.Batch
	for {
		err := reader.Next(&b)
		if errors.Is(err, io.EOF) {
			slices.Sort(all)
			return all
		}
		require.NoError(h.t, err)
		for i := range b.Rows() {
			var line strings.Builder
			for j := range b.Columns {
				if b.Columns[j].Null[i] {
					line.WriteString(" NULL")
				} else {
					fmt.Fprintf(&line, " %q", b.Columns[j].Value(i))
				}
			}
			all = append(all, line.String())
		}
	}
}

func (h *tester) read(t snapshot.Table) []string {
	return h.rows(cluster.ReadRequest{Database: h.Database, Table: t.Name, Columns: t.Columns})
}

func printed(rows ...row) []string {
	var all []string
	for _, r := range rows {
		var line strings.Builder
		for _, v := range r {
			if v == nil {
				line.WriteString(" NULL")
			} else {
				fmt.Fprintf(&line, " %q", v)
			}
		}
		all = append(all, line.String())
	}
	slices.Sort(all)
	return all
}

func (h *tester) count(table string) int64 {
	n, err := h.Cluster.Count(h.ctx(), h.Database, table, "", false)
	require.NoError(h.t, err)
	return n
}

func (h *tester) id(table string) int64 {
	id, err := h.Cluster.TableID(h.ctx(), h.Database, table)
	require.NoError(h.t, err)
	return id
}

// is checks that a name stands for the table of an id, as far as ids tell.
func (h *tester) is(id int64, name string) {
	if h.NamesAreIDs {
		require.NotZero(h.t, h.id(name), name)
	} else {
		require.Equal(h.t, id, h.id(name), name)
	}
}
