package starrocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

const (
	// statementsAtOnce bounds the metadata statements that run at a time: front ends answer them under database locks.
	statementsAtOnce = 4
	// tabletBytes is the size from which a partition's tablets are listed, one statement per partition: smaller ones are
	// read in one piece. DATA_SIZE lags behind loads (tablet reports), so a partition with rows and no size is listed too.
	tabletBytes = 64 << 20
	// neverLoaded is the visible version of a new partition; each load, delete and compaction of it gives a higher one.
	neverLoaded = 1
	// hiddenColumn begins the names of columns that StarRocks makes for partition expressions. They are in no DDL and are
	// computed on load (fe:FeConstants.GENERATED_PARTITION_COLUMN_PREFIX).
	hiddenColumn = "__generated_partition_column_"
	// hiddenPartition begins the name of the partition that automatic tables have from the start, always empty; SHOW
	// PARTITIONS hides it, partitions_meta does not (fe:ExpressionRangePartitionInfo.SHADOW_PARTITION_PREFIX).
	hiddenPartition = "$"
)

// DatabaseExists asks by name: an error 5501 is proof of absence, where lists hide what the user may not see.
func (c *Cluster) DatabaseExists(ctx context.Context, database string) (bool, error) {
	name, err := identifier(database)
	if err != nil {
		return false, fmt.Errorf("look for database: %w", err)
	}
	err = c.exec(ctx, "SHOW CREATE DATABASE "+name)
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for database %s: %w", database, err)
	}
	return true, nil
}

// requireDatabase fails with ErrUnknownDatabase where information_schema would only be empty.
func (c *Cluster) requireDatabase(ctx context.Context, database string) error {
	ok, err := c.DatabaseExists(ctx, database)
	if err == nil && !ok {
		err = fmt.Errorf("database %s: %w", database, cluster.ErrUnknownDatabase)
	}
	return err
}

// cloudNative is the engine of tables in a cluster of run mode shared_data.
const cloudNative = "CLOUD_NATIVE"

// engines are the kinds of tables that are base tables; what the others are called in lists.
var engines = map[string]string{
	"OLAP":                           "",
	cloudNative:                      "",
	"VIEW":                           "view",
	"MATERIALIZED_VIEW":              "materialized view",
	"CLOUD_NATIVE_MATERIALIZED_VIEW": "materialized view",
}

// Tables lists base tables, and views, materialized views, functions and tables of foreign engines as others.
func (c *Cluster) Tables(ctx context.Context, database string) (tables, others []string, err error) {
	if err := c.requireDatabase(ctx, database); err != nil {
		return nil, nil, fmt.Errorf("list tables: %w", err)
	}
	// tables tells all names, tables_config the engine: materialized views are of type VIEW in the first
	rows, err := c.query(ctx, "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.tables WHERE TABLE_SCHEMA = "+wire.String(database))
	if err != nil {
		return nil, nil, fmt.Errorf("list tables of %s: %w", database, err)
	}
	configs, err := c.configs(ctx, database, nil)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range rows {
		name := r["table_name"]
		kind, ok := engines[configs[name].engine]
		switch {
		case !ok && r["table_type"] == "VIEW":
			kind = "view"
		case !ok:
			kind = strings.ToLower(configs[name].engine + " table")
		}
		if kind == "" {
			tables = append(tables, name)
		} else {
			others = append(others, strings.TrimSpace(kind)+" "+name)
		}
	}
	functions, err := c.functions(ctx, database)
	if err != nil {
		return nil, nil, err
	}
	others = append(others, functions...)
	slices.Sort(tables)
	slices.Sort(others)
	return tables, others, nil
}

func (c *Cluster) functions(ctx context.Context, database string) ([]string, error) {
	name, err := identifier(database)
	if err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, "SHOW FUNCTIONS FROM "+name)
	if err != nil {
		return nil, fmt.Errorf("list functions of %s: %w", database, err)
	}
	var list []string
	for _, r := range rows {
		list = append(list, "function "+r["function name"])
	}
	return list, nil
}

// tableConfig is a row of tables_config.
type tableConfig struct {
	id     int64
	engine string
}

// few is the number of names up to which a statement lists them, instead of reading a whole database.
const few = 8

// only narrows a statement over a whole database to tables, where few are asked for; empty names stand for none.
func only(column string, tables []string) string {
	if len(tables) == 0 || len(tables) > few {
		return ""
	}
	if len(tables) == 1 { // an equation narrows the scan of some of these tables, a list is only a filter behind it (fe:PlanFragmentBuilder)
		return " AND " + column + " = " + wire.String(tables[0])
	}
	var list []string
	for _, t := range tables {
		if t != "" {
			list = append(list, wire.String(t))
		}
	}
	return " AND " + column + " IN (" + strings.Join(list, ", ") + ")"
}

func (c *Cluster) configs(ctx context.Context, database string, tables []string) (map[string]tableConfig, error) {
	rows, err := c.query(ctx, "SELECT TABLE_NAME, TABLE_ENGINE, TABLE_MODEL, TABLE_ID FROM information_schema.tables_config WHERE TABLE_SCHEMA = "+
		wire.String(database)+only("TABLE_NAME", tables))
	if err != nil {
		return nil, fmt.Errorf("read table ids of %s: %w", database, err)
	}
	m := make(map[string]tableConfig, len(rows))
	for _, r := range rows {
		id, err := strconv.ParseInt(r["table_id"], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read id of table %s.%s: %w", database, r["table_name"], err)
		}
		m[r["table_name"]] = tableConfig{id, r["table_engine"]}
	}
	return m, nil
}

// Describe reads ids, columns and partitions of all tables in one statement each, and then the DDL table by table.
// Tablets are listed only for partitions of one physical partition that is larger than 64 MiB, or has rows but no size
// yet: the others are meant to be read whole. (SHOW TABLET does not tell the tablets of physical partitions apart.)
func (c *Cluster) Describe(ctx context.Context, database string, tables []string) ([]snapshot.Table, error) {
	if err := c.requireDatabase(ctx, database); err != nil {
		return nil, fmt.Errorf("describe tables: %w", err)
	}
	configs, err := c.configs(ctx, database, tables)
	if err != nil {
		return nil, err
	}
	columns, err := c.columnNames(ctx, database, tables)
	if err != nil {
		return nil, err
	}
	metas, err := c.partitions(ctx, database, tables)
	if err != nil {
		return nil, err
	}
	rolled, err := c.rolled(ctx, database, configs)
	if err != nil {
		return nil, err
	}
	result, refusals := make([]snapshot.Table, len(tables)), make([]error, len(tables))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(statementsAtOnce)
	for i, name := range tables {
		g.Go(func() (err error) {
			t := snapshot.Table{Name: name, ID: configs[name].id}
			d, err := c.definition(ctx, database, name)
			if err == nil && t.ID == 0 {
				err = fmt.Errorf("not in tables_config: %w", cluster.ErrUnknownTable) // a view, or just created
			}
			if err == nil {
				err = fill(&t, d, columns[name], metas[name])
			}
			if err == nil && rolled {
				t.Rollups, err = c.rollups(ctx, database, t)
			}
			if err == nil {
				err = c.addTablets(ctx, database, &t)
			}
			switch {
			case errors.Is(err, cluster.ErrUnsupported):
				refusals[i] = &cluster.TableError{Table: name, Err: err}
			case err != nil:
				return fmt.Errorf("describe %s.%s: %w", database, name, err)
			}
			result[i] = t
			return nil
		})
	}
	err = g.Wait()
	if err == nil {
		err = errors.Join(refusals...)
	}
	return result, err
}

// definition reads a table's DDL. It is also the proof of a table's absence: error 5502.
func (c *Cluster) definition(ctx context.Context, database, table string) (*definition, error) {
	name, err := qualified(database, table)
	if err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, "SHOW CREATE TABLE "+name)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 || rows[0]["create table"] == "" {
		return nil, fmt.Errorf("SHOW CREATE TABLE gave %d rows: %w", len(rows), cluster.ErrUnsupported)
	}
	return parseDefinition(rows[0]["create table"])
}

// fill completes t from its definition. The names of columns are checked against a second source: a column lost in
// reading the DDL would be a column of data lost in silence.
func fill(t *snapshot.Table, d *definition, names []string, partitions []partitionMeta) error {
	t.DDL, t.Model, t.Partitioning = d.ddl, d.model, d.kind
	defined := 0
	for _, col := range d.columns {
		if !slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, col.name) }) {
			return fmt.Errorf("column %s of the DDL is not in information_schema.columns: %w", col.name, errDDL)
		}
		defined++
		if col.generated != "" {
			continue
		}
		typ, encoding, err := columnType(col.typ)
		if err == nil && col.aggregate != "" && !slices.Contains(aggregates, col.aggregate) {
			err = fmt.Errorf("aggregation %s: %w", col.aggregate, cluster.ErrUnsupported)
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", col.name, err)
		}
		t.Columns = append(t.Columns, snapshot.Column{Name: col.name, Type: typ, Source: col.typ.String(), Nullable: col.nullable, Key: col.key, Encoding: encoding})
	}
	if defined != len(names) {
		return fmt.Errorf("DDL has %d columns, information_schema.columns %d: %w", defined, len(names), errDDL)
	}
	for _, p := range partitions {
		if p.temporary && !slices.Contains(t.Temporary, p.name) {
			t.Temporary = append(t.Temporary, p.name)
		}
	}
	var err error
	t.Partitions, err = assemble(d, partitions)
	return err
}

func (c *Cluster) columnNames(ctx context.Context, database string, tables []string) (map[string][]string, error) {
	rows, err := c.query(ctx, "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.columns WHERE TABLE_SCHEMA = "+
		wire.String(database)+only("TABLE_NAME", tables))
	if err != nil {
		return nil, fmt.Errorf("read columns of %s: %w", database, err)
	}
	m := map[string][]string{}
	for _, r := range rows {
		if !strings.HasPrefix(r["column_name"], hiddenColumn) {
			m[r["table_name"]] = append(m[r["table_name"]], r["column_name"])
		}
	}
	return m, nil
}

// addTablets lists the tablets of large partitions.
func (c *Cluster) addTablets(ctx context.Context, database string, t *snapshot.Table) error {
	for i := range t.Partitions {
		p := &t.Partitions[i]
		if len(p.Physical) != 1 || p.Physical[0].Empty || p.Physical[0].Bytes > 0 && p.Physical[0].Bytes <= tabletBytes {
			continue
		}
		ids, err := c.tablets(ctx, database, t.Name, p.Name, t.Partitioning != snapshot.Unpartitioned)
		if err != nil {
			return fmt.Errorf("list tablets of partition %s: %w", p.Name, err)
		}
		p.Physical[0].Tablets = ids
	}
	return nil
}

// tablets lists the tablets of the base index, which is called like the table: the only ones that a hint may name.
func (c *Cluster) tablets(ctx context.Context, database, table, partition string, partitioned bool) ([]int64, error) {
	statement, err := qualified(database, table)
	if err != nil {
		return nil, err
	}
	if partitioned {
		p, err := identifier(partition)
		if err != nil {
			return nil, err
		}
		statement += " PARTITION (" + p + ")"
	}
	rows, err := c.query(ctx, "SHOW TABLET FROM "+statement+" WHERE IndexName = "+wire.String(table))
	if err != nil {
		return nil, err
	}
	ids := make([]int64, 0, len(rows))
	for _, r := range rows { // one row per replica
		id, err := strconv.ParseInt(r["tabletid"], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read tablet id: %w", err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Versions reads all partitions in one statement. A table that shows none is proven to be gone by asking for it.
// Values are left empty: they never change while the ids stay.
func (c *Cluster) Versions(ctx context.Context, database string, tables []string) (map[string][]snapshot.Partition, error) {
	metas, err := c.partitions(ctx, database, tables)
	if err != nil {
		return nil, err
	}
	m := make(map[string][]snapshot.Partition, len(tables))
	for _, name := range tables {
		if metas[name] == nil {
			_, err := c.definition(ctx, database, name)
			switch {
			case errors.Is(err, cluster.ErrUnknownTable), errors.Is(err, cluster.ErrUnknownDatabase):
				continue
			case err != nil:
				return nil, fmt.Errorf("read versions of %s.%s: %w", database, name, err)
			}
		}
		m[name], err = assemble(&definition{kind: snapshot.Unpartitioned}, metas[name])
		if err != nil {
			return nil, err
		}
	}
	return m, nil
}
