package mysql

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// statementsAtOnce bounds the metadata statements that run at a time.
const statementsAtOnce = 4

// DatabaseExists asks by name: an error 1049 is proof of absence, where lists hide what the user may not see.
func (c *Cluster) DatabaseExists(ctx context.Context, database string) (bool, error) {
	name, err := identifier(database)
	if err != nil {
		return false, fmt.Errorf("look for database: %w", err)
	}
	if err := c.checkCase(ctx, database); err != nil {
		return false, fmt.Errorf("look for database: %w", err)
	}
	_, err = c.query(ctx, "SHOW CREATE DATABASE "+name)
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for database %s: %w", database, err)
	}
	return true, nil
}

// checkCase refuses a name that the server would make another one of: what it lists then, in foreign keys for instance, is
// not what was asked for. With lower_case_table_names = 2, macOS's, names are kept as they are.
func (c *Cluster) checkCase(ctx context.Context, name string) error {
	lower := strings.ToLower(name)
	if name == lower {
		return nil
	}
	v, err := c.variables(ctx, lowerCase)
	if err == nil && v[lowerCase] == "1" {
		err = fmt.Errorf("the server keeps names in lower case (%s = 1), %s is %s there: %w", lowerCase, name, lower, cluster.ErrInvalidName)
	}
	return err
}

const lowerCase = "lower_case_table_names"

// requireDatabase fails with ErrUnknownDatabase where information_schema would only be empty.
func (c *Cluster) requireDatabase(ctx context.Context, database string) error {
	ok, err := c.DatabaseExists(ctx, database)
	if err == nil && !ok {
		err = fmt.Errorf("database %s: %w", database, cluster.ErrUnknownDatabase)
	}
	return err
}

// baseTables are the types of tables that hold rows (information_schema.tables.TABLE_TYPE).
var baseTables = []string{"BASE TABLE", "SYSTEM VERSIONED"}

// Tables lists base tables, and views, sequences, routines and events as others.
func (c *Cluster) Tables(ctx context.Context, database string) (tables, others []string, err error) {
	if err := c.requireDatabase(ctx, database); err != nil {
		return nil, nil, fmt.Errorf("list tables: %w", err)
	}
	rows, err := c.query(ctx, "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+literal(database))
	if err != nil {
		return nil, nil, fmt.Errorf("list tables of %s: %w", database, err)
	}
	for _, r := range rows {
		if slices.Contains(baseTables, r["table_type"]) {
			if !isBookkeeping(r["table_name"]) {
				tables = append(tables, r["table_name"])
			}
			continue
		}
		others = append(others, strings.ToLower(r["table_type"])+" "+r["table_name"])
	}
	more, err := c.query(ctx, "SELECT LOWER(ROUTINE_TYPE) AS kind, ROUTINE_NAME AS name FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = "+literal(database)+
		" UNION ALL SELECT 'event', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = "+literal(database)+
		" UNION ALL SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = "+literal(database))
	if err != nil {
		return nil, nil, fmt.Errorf("list routines of %s: %w", database, err)
	}
	for _, r := range more {
		others = append(others, r["kind"]+" "+r["name"])
	}
	slices.Sort(tables)
	slices.Sort(others)
	return tables, others, nil
}

// tableIdentity is what identifies a table: nothing that a server tells to everybody survives without its name.
func tableIdentity(database, table string) int64 { return identity(database, table) }

// partitionIdentity is that of a partition.
func partitionIdentity(database, table, name string) int64 { return identity(database, table, name) }

// identity hashes names to a positive number.
func identity(names ...string) int64 {
	h := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return int64(binary.BigEndian.Uint64(h[:])>>1) | 1 //nolint:gosec // 63 bits
}

// Describe describes tables as they are now.
func (c *Cluster) Describe(ctx context.Context, database string, tables []string) ([]snapshot.Table, error) {
	if err := c.requireDatabase(ctx, database); err != nil {
		return nil, fmt.Errorf("describe tables: %w", err)
	}
	return describe(ctx, c.db, database, tables, statementsAtOnce)
}

// describe describes tables through a pool, several at a time, or through one session.
func describe(ctx context.Context, q querier, database string, tables []string, atOnce int) ([]snapshot.Table, error) {
	columns, err := columnsOf(ctx, q, database, tables)
	if err != nil {
		return nil, fmt.Errorf("read columns of %s: %w", database, err)
	}
	sizes, err := sizesOf(ctx, q, database, tables)
	if err != nil {
		return nil, fmt.Errorf("read sizes of %s: %w", database, err)
	}
	all, refusals := make([]snapshot.Table, len(tables)), make([]error, len(tables))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, name := range tables {
		g.Go(func() error {
			ddl, err := tableDDL(gctx, q, database, name)
			if err != nil {
				return err
			}
			all[i], err = assemble(database, name, ddl, columns[name], sizes[name])
			switch {
			case errors.Is(err, cluster.ErrUnsupported):
				refusals[i] = &cluster.TableError{Table: name, Err: err}
			case err != nil:
				return fmt.Errorf("describe %s.%s: %w", database, name, err)
			}
			return nil
		})
	}
	err = g.Wait()
	if err == nil {
		err = errors.Join(refusals...)
	}
	return all, err
}

// few is the number of names up to which a statement lists them, instead of reading a whole database.
const few = 8

// only narrows a statement over a database to tables, where few are asked for.
func only(tables []string) string {
	if len(tables) > few {
		return ""
	}
	return " AND TABLE_NAME IN (" + literals(tables) + ")"
}

// columnsOf reads the columns of tables in their order.
func columnsOf(ctx context.Context, q querier, database string, tables []string) (map[string][]record, error) {
	rows, err := queryOn(ctx, q, "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, COLUMN_KEY, EXTRA, NUMERIC_PRECISION, "+
		"NUMERIC_SCALE, CHARACTER_SET_NAME, COLLATION_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "+literal(database)+only(tables)+
		" ORDER BY TABLE_NAME, ORDINAL_POSITION")
	if err != nil {
		return nil, err
	}
	all := map[string][]record{}
	for _, r := range rows {
		all[r["table_name"]] = append(all[r["table_name"]], r)
	}
	return all, nil
}

// size is a server's estimate of a partition.
type size struct{ rows, bytes int64 }

// sizesOf reads estimates by table and partition; "" is the partition of a table without any.
func sizesOf(ctx context.Context, q querier, database string, tables []string) (map[string]map[string]size, error) {
	rows, err := queryOn(ctx, q, "SELECT TABLE_NAME, PARTITION_NAME, TABLE_ROWS, DATA_LENGTH FROM information_schema.PARTITIONS WHERE TABLE_SCHEMA = "+
		literal(database)+only(tables))
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]size{}
	for _, r := range rows {
		table := all[r["table_name"]]
		if table == nil {
			table = map[string]size{}
			all[r["table_name"]] = table
		}
		s := table[r["partition_name"]]
		n, _ := strconv.ParseInt(r["table_rows"], 10, 64) // estimates: NULL, or beyond int64, is as good as 0
		b, _ := strconv.ParseInt(r["data_length"], 10, 64)
		table[r["partition_name"]] = size{s.rows + n, s.bytes + b} // sub-partitions add up
	}
	return all, nil
}

// isSequence tells whether a definition is that of a sequence, which MariaDB prints as a table, too.
func isSequence(ddl string) bool {
	if !strings.Contains(ddl, "SEQUENCE=1") {
		return false
	}
	d, err := parseDefinition(ddl)
	return err == nil && d.option("SEQUENCE") == "1"
}

// tableDDL returns SHOW CREATE TABLE of a base table, without the database in front of its own sequences, so that it means
// the same in another one. ErrUnknownTable is the server's word.
func tableDDL(ctx context.Context, q querier, database, table string) (string, error) {
	name, err := qualified(database, table)
	if err != nil {
		return "", err
	}
	rows, err := queryOn(ctx, q, "SHOW CREATE TABLE "+name)
	if err != nil {
		return "", fmt.Errorf("read definition of %s.%s: %w", database, table, err)
	}
	if len(rows) != 1 || rows[0]["create table"] == "" || isSequence(rows[0]["create table"]) {
		return "", fmt.Errorf("%s.%s is there but not a table: %w", database, table, cluster.ErrUnsupported)
	}
	return withoutDatabase(rows[0]["create table"], database), nil
}

// elsewhere are engines whose tables show rows of other tables, or of other servers: what a restore loads into a table
// that is not live yet would be live there at once (MariaDB "Storage Engines").
var elsewhere = []string{"MRG_MYISAM", "FEDERATED", "CONNECT", "SPIDER", "S3", "OQGRAPH", "SPHINX"}

// assemble makes the description of a table.
func assemble(database, name, ddl string, columns []record, sizes map[string]size) (snapshot.Table, error) {
	d, err := parseDefinition(ddl)
	if err != nil {
		return snapshot.Table{}, err
	}
	t := snapshot.Table{
		Name: name, ID: tableIdentity(database, name), Model: strings.ToUpper(d.option("ENGINE")), DDL: ddl, Partitioning: d.kind,
	}
	if slices.Contains(elsewhere, t.Model) {
		return snapshot.Table{}, fmt.Errorf("engine %s shows rows that are kept elsewhere: %w", t.Model, cluster.ErrUnsupported)
	}
	var left []string
	for _, r := range columns {
		if computed(r) {
			left = append(left, r["column_name"])
			continue
		}
		x, err := column(r)
		if err != nil {
			return snapshot.Table{}, err
		}
		t.Columns = append(t.Columns, x)
	}
	if len(t.Columns) == 0 {
		return snapshot.Table{}, fmt.Errorf("all columns are computed (%s): %w", strings.Join(left, ", "), cluster.ErrUnsupported)
	}
	t.Partitions = d.described(database, name, sizes)
	return t, nil
}

// described returns the partitions of a definition; a table without any is one partition of its own name. Servers print
// no list for HASH and KEY partitions that were never named: those are p0, p1, … as the statistics list them.
func (d *definition) described(database, table string, sizes map[string]size) []snapshot.Partition {
	physical := func(name string, s size) []snapshot.PhysicalPartition {
		return []snapshot.PhysicalPartition{{ID: partitionIdentity(database, table, name), Rows: s.rows, Bytes: s.bytes}}
	}
	if d.kind == snapshot.Unpartitioned {
		var sum size
		for _, s := range sizes {
			sum = size{sum.rows + s.rows, sum.bytes + s.bytes}
		}
		return []snapshot.Partition{{Name: table, Physical: physical(table, sum)}}
	}
	var list []snapshot.Partition
	for _, p := range d.partitions {
		list = append(list, snapshot.Partition{Name: p.name, Values: p.values, Physical: physical(p.name, sizes[p.name])})
	}
	if len(list) > 0 {
		return list
	}
	for i := range len(sizes) {
		name := "p" + strconv.Itoa(i)
		list = append(list, snapshot.Partition{Name: name, Physical: physical(name, sizes[name])})
	}
	return list
}

// Versions returns the partitions that tables have. A server tells no versions: nothing proves that rows are unchanged.
func (c *Cluster) Versions(ctx context.Context, database string, tables []string) (map[string][]snapshot.Partition, error) {
	if err := c.requireDatabase(ctx, database); err != nil {
		return nil, fmt.Errorf("read partitions: %w", err)
	}
	m := make(map[string][]snapshot.Partition, len(tables))
	sizes, err := sizesOf(ctx, c.db, database, tables)
	if err != nil {
		return nil, fmt.Errorf("read partitions of %s: %w", database, err)
	}
	for _, name := range tables {
		ddl, err := tableDDL(ctx, c.db, database, name)
		if errors.Is(err, cluster.ErrUnknownTable) {
			continue
		}
		if err != nil {
			return nil, err
		}
		d, err := parseDefinition(ddl)
		if err != nil {
			return nil, err
		}
		m[name] = d.described(database, name, sizes[name])
	}
	return m, nil
}

// TableID returns the identity of a base table, 0 when nothing has that name, and ErrUnsupported when another kind of
// object has.
func (c *Cluster) TableID(ctx context.Context, database, table string) (int64, error) {
	_, err := tableDDL(ctx, c.db, database, table)
	if errors.Is(err, cluster.ErrUnknownTable) || errors.Is(err, cluster.ErrUnknownDatabase) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return tableIdentity(database, table), nil
}
