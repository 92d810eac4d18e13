package mysql_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// temporary makes a temporary partition of the same shape as partition, with rows that a statement selects.
func (p *place) temporary(table, partition, values string) cluster.Publication {
	p.t.Helper()
	all := p.describe(table).Partitions
	shape := []snapshot.Partition{{Name: partition, Values: values}}
	if values == "" {
		shape = all
	}
	ids, err := p.cluster.AddTemporaryPartitions(p.t.Context(), p.database, table, shape, map[string]string{partition: "starkeep_x"})
	require.NoError(p.t, err)
	return cluster.Publication{Database: p.database, Table: table, Replace: []cluster.Replacement{
		{Partition: partition, Temporary: "starkeep_x", TemporaryID: ids["starkeep_x"], Missing: values != "", Values: values},
	}}
}

func (p *place) rows(query string) string {
	p.t.Helper()
	return p.server.Query(p.t, "SELECT COALESCE(GROUP_CONCAT(a ORDER BY a), '') FROM "+p.database+"."+query)[0][0]
}

func (p *place) left() []string {
	var all []string
	for _, r := range p.server.Query(p.t, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME LIKE '\\_\\_starkeep%'", p.database) {
		all = append(all, r[0])
	}
	return all
}

func TestPartitionsOfEveryKindAreReplaced(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for name, c := range map[string]struct{ by, partition, load, want string }{
		"hash":  {"HASH (a) PARTITIONS 2", "p1", "(101), (103)", "2,4,101,103"},
		"key":   {"LINEAR HASH (a) PARTITIONS 2", "p0", "(100)", "1,3,100"},
		"range": {"RANGE (a) (PARTITION p0 VALUES LESS THAN (3), PARTITION p1 VALUES LESS THAN MAXVALUE)", "p1", "(9)", "1,2,9"},
		"list":  {"LIST (a) (PARTITION p0 VALUES IN (1, 2), PARTITION p1 DEFAULT)", "p0", "(2)", "2,3,4"},
	} {
		p.exec("CREATE OR REPLACE TABLE t (a int PRIMARY KEY AUTO_INCREMENT, b int DEFAULT 1, KEY b (b), FULLTEXT KEY f (c), c text) PARTITION BY " + c.by + "; INSERT INTO t (a) VALUES (1), (2), (3), (4)")
		publication := p.temporary("t", c.partition, "")
		p.exec("INSERT INTO __starkeep_x (a) VALUES " + c.load)
		for range 2 {
			require.NoError(t, p.cluster.Publish(t.Context(), publication), name)
			require.Equal(t, c.want, p.rows("t"), name)
		}
		require.ErrorIs(t, p.cluster.Unpublish(t.Context(), publication), cluster.ErrUnsupported, name)
		require.NoError(t, p.cluster.DropTemporaryPartitions(t.Context(), p.database, "t", []string{"starkeep_x"}))
		require.Empty(t, p.left(), name)
		require.Equal(t, c.want, p.rows("t"), name)
		require.ErrorIs(t, p.cluster.Publish(t.Context(), publication), cluster.ErrUnknownTable, "a duplicate that comes late changes nothing")
	}
}

func TestMissingPartitionComesBackInItsPlace(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for name, c := range map[string]struct{ by, drop, values, load, want, order string }{
		"between": {"RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20), PARTITION p2 VALUES LESS THAN (30))", "p1", "VALUES LESS THAN (20)", "(11)", "1,11,21", "p0,p1,p2"},
		"first":   {"RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)", "p0", "VALUES LESS THAN (10)", "(2)", "2,11,21", "p0,p1"},
		"last":    {"RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (25))", "p1", "VALUES LESS THAN (25)", "(22)", "1,22", "p0,p1"},
		"before the rest": {"RANGE (a) (PARTITION p0 VALUES LESS THAN (5), PARTITION p1 VALUES LESS THAN (25), PARTITION p2 VALUES LESS THAN MAXVALUE)",
			"p1", "VALUES LESS THAN (25)", "(22)", "1,22", "p0,p1,p2"},
		"list": {"LIST (a) (PARTITION p0 VALUES IN (1), PARTITION p1 VALUES IN (11, 21))", "p1", "VALUES IN (11, 21)", "(21)", "1,21", "p0,p1"},
	} {
		p.exec("CREATE OR REPLACE TABLE t (a int) PARTITION BY " + c.by + "; INSERT INTO t VALUES (1), (11), (21); ALTER TABLE t DROP PARTITION " + c.drop)
		publication := p.temporary("t", c.drop, c.values)
		p.exec("INSERT INTO __starkeep_x VALUES " + c.load)
		if name == "between" {
			p.exec("INSERT INTO t VALUES (12)") // into p2, which has the range meanwhile
		}
		require.NoError(t, p.cluster.Publish(t.Context(), publication), name)
		require.Equal(t, c.want, p.rows("t"), name)
		require.Equal(t, c.order, p.server.Query(t, "SELECT GROUP_CONCAT(PARTITION_NAME ORDER BY PARTITION_ORDINAL_POSITION) FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = 't'", p.database)[0][0], name)
		require.NoError(t, p.cluster.DropTemporaryPartitions(t.Context(), p.database, "t", []string{"starkeep_x"}))
	}
}

func TestRowsOfAnotherPartitionAreRejected(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE t (a int) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20)); INSERT INTO t VALUES (1)")
	publication := p.temporary("t", "p0", "")
	p.exec("INSERT INTO __starkeep_x VALUES (2), (12)")
	require.ErrorIs(t, p.cluster.Publish(t.Context(), publication), cluster.ErrRejected)
	require.Equal(t, "1", p.rows("t"))
	require.NoError(t, p.cluster.Unpublish(t.Context(), publication))
	require.NoError(t, p.cluster.DropTemporaryPartitions(t.Context(), p.database, "t", []string{"starkeep_x"}))
	require.Empty(t, p.left())
}

// An exchange that is done twice would bring the old rows back: the answer to each statement is lost once.
func TestPartitionIsExchangedOnceWhateverIsLost(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	proxy := newProxy(t, p.server.Address)
	c := connect(t, proxy.address, p.server.User, p.server.Password)
	for cuts, done := 0, false; !done; cuts++ {
		p.exec("CREATE OR REPLACE TABLE t (a int) PARTITION BY RANGE (a) (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN (20)); INSERT INTO t VALUES (1), (2), (11)")
		publication := p.temporary("t", "p0", "")
		p.exec("INSERT INTO __starkeep_x VALUES (7)")
		proxy.cut(&fault{statement: regexp.MustCompile(`(?s)^....\x03`), skip: cuts, after: true})
		_ = c.Publish(t.Context(), publication) // fails or not, by what was cut
		done = proxy.cut(nil)
		if err := c.Unpublish(t.Context(), publication); err != nil {
			require.ErrorIs(t, err, cluster.ErrUnsupported)
			require.Equal(t, "7,11", p.rows("t"), "cut %d", cuts)
		} else {
			require.Equal(t, "1,2,11", p.rows("t"), "cut %d", cuts)
		}
		for range 2 {
			require.NoError(t, c.Publish(t.Context(), publication))
			require.Equal(t, "7,11", p.rows("t"), "cut %d", cuts)
		}
		require.NoError(t, c.DropTemporaryPartitions(t.Context(), p.database, "t", []string{"starkeep_x"}))
		require.Empty(t, p.left())
		require.Less(t, cuts, 100)
	}
}

func TestSubPartitionedTableComesBackAsAWholeOnly(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE t (a int, b int) PARTITION BY RANGE (a) SUBPARTITION BY HASH (b) SUBPARTITIONS 2 (PARTITION p0 VALUES LESS THAN (10), PARTITION p1 VALUES LESS THAN MAXVALUE)")
	_, err := p.cluster.AddTemporaryPartitions(t.Context(), p.database, "t", p.describe("t").Partitions, map[string]string{"p0": "starkeep_x"})
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	require.ErrorContains(t, err, "restore the whole table")
	require.Empty(t, p.left())
}
