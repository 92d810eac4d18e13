package mysql_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// foreignTable is a table of StarRocks with columns of these types, the first being the key.
func foreignTable(model string, columns ...snapshot.Column) snapshot.Table {
	columns[0].Key = true
	for i := range columns {
		columns[i].Name = string(rune('a' + i))
	}
	return snapshot.Table{
		Name: "it`s", ID: 7, Model: model, DDL: "CREATE TABLE …", Columns: columns, Partitioning: snapshot.RangePartitioning,
		Partitions: []snapshot.Partition{{Name: "p1", Physical: []snapshot.PhysicalPartition{{ID: 1, Version: 5, Rows: 3, Bytes: 30}}}, {Name: "p2", Physical: []snapshot.PhysicalPartition{{ID: 2, Rows: 4, Bytes: 40}}}},
	}
}

func kind(k snapshot.Kind, source string) snapshot.Column {
	return snapshot.Column{Type: snapshot.Type{Kind: k}, Source: source, Nullable: true}
}

func TestTablesOfStarRocksFit(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	table := foreignTable("PRIMARY", snapshot.Column{Type: snapshot.Type{Kind: snapshot.String}, Source: "varchar(700)"},
		kind(snapshot.Boolean, "boolean"), kind(snapshot.Int8, "tinyint(4)"), kind(snapshot.Int16, "smallint(6)"), kind(snapshot.Int32, "int(11)"),
		kind(snapshot.Int64, "bigint(20)"), kind(snapshot.Int128, "largeint(40)"), kind(snapshot.Float32, "float"), kind(snapshot.Float64, "double"),
		snapshot.Column{Type: snapshot.Type{Kind: snapshot.Decimal, Precision: 38, Scale: 38}, Source: "decimal(38, 38)"},
		kind(snapshot.Date, "date"), kind(snapshot.Datetime, "datetime"), kind(snapshot.String, "char(5)"), kind(snapshot.String, "varchar(1048576)"),
		kind(snapshot.String, "varchar(65533)"), kind(snapshot.Binary, "varbinary"), kind(snapshot.Binary, "varbinary(20)"), kind(snapshot.JSON, "json"))
	got, err := p.cluster.Translate(table, "starrocks")
	require.NoError(t, err)
	require.Len(t, got.Partitions, 1)
	require.EqualValues(t, 7, got.Partitions[0].Physical[0].Rows)
	require.EqualValues(t, 70, got.Partitions[0].Physical[0].Bytes)
	for i, c := range got.Columns {
		require.Equal(t, table.Columns[i].Name, c.Name)
		require.Equal(t, table.Columns[i].Type, c.Type, "values are stored as they were")
		require.Equal(t, table.Columns[i].Nullable, c.Nullable)
	}
	_, err = p.cluster.CreateTable(t.Context(), p.database, got, cluster.TableOptions{Name: "s"})
	require.NoError(t, err)
	require.NoError(t, p.cluster.Finish(t.Context(), p.database, got, "s"))
	_, err = p.cluster.CreateTable(t.Context(), p.database, got, cluster.TableOptions{Name: "s"})
	require.NoError(t, err, "created twice")
	require.Contains(t, p.show("s"), "PRIMARY KEY (`a`)")
	p.exec("INSERT INTO s (a, g, j, d, k) VALUES ('x', '-170141183460469231731687303715884105728', 0.00000000000000000000000000000000000001, 1, '0000-01-01'), ('X', 1, 0, 2, '9999-12-31')")
	for _, model := range []string{"DUPLICATE", "AGGREGATE"} {
		table.Model = model
		got, err = p.cluster.Translate(table, "starrocks")
		require.NoError(t, err)
		require.Equal(t, model == "AGGREGATE", got.Columns[0].Key, "only keys that make rows unique are keys")
	}
	same, err := p.cluster.Translate(p.describe("s"), "mysql")
	require.NoError(t, err)
	require.Equal(t, p.describe("s"), same)
}

func TestTypesThatDoNotFitAreNamed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	for _, c := range []struct {
		table  snapshot.Table
		from   string
		naming []string
	}{
		{foreignTable("PRIMARY", snapshot.Column{Type: snapshot.Type{Kind: snapshot.String}, Source: "varchar(1000)"}), "starrocks", []string{"column a", "varchar(1000)", "3072"}},
		{foreignTable("UNIQUE", snapshot.Column{Type: snapshot.Type{Kind: snapshot.JSON}, Source: "json"}), "starrocks", []string{"column a", "json"}},
		{foreignTable("DUPLICATE", snapshot.Column{Type: snapshot.Type{Kind: snapshot.Decimal, Precision: 76, Scale: 2}, Source: "decimal(76, 2)"}), "starrocks", []string{"column a", "decimal(76, 2)"}},
		{foreignTable("DUPLICATE", kind("unheard", "array<int>")), "starrocks", []string{"column a", "array<int>"}},
		{foreignTable("DUPLICATE", kind(snapshot.Int8, "tinyint")), "oracle", []string{"oracle"}},
	} {
		_, err := p.cluster.Translate(c.table, c.from)
		require.ErrorIs(t, err, cluster.ErrUnsupported)
		for _, word := range append(c.naming, "it`s") {
			require.ErrorContains(t, err, word)
		}
	}
}
