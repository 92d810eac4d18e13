package catalog

import (
	"maps"
	"slices"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
)

// TableInfo is a table at one moment.
type TableInfo struct {
	Database   string
	Name       string
	ID         int64
	Created    time.Time
	Def        *dialect.CreateTable // not to be changed; its Name may be an older one
	Partitions []PartitionInfo      // physical partitions, temporary ones last
	Rollups    []RollupInfo         // visible ones, oldest first
	MV         *MaterializedInfo    // of a materialized view
	Comment    string               // as it is shown
}

// Kind is TABLE or MATERIALIZED VIEW.
func (t TableInfo) Kind() string {
	if t.MV != nil {
		return "MATERIALIZED VIEW"
	}
	return "TABLE"
}

// PartitionInfo is a physical partition at one moment.
type PartitionInfo struct {
	Name      string
	ID        int64
	Temporary bool
	Version   int64
	// DataVersion moves with loads only; Version in a shared-data cluster with compactions, too.
	DataVersion int64
	Moved       time.Time
	Values      string // range or list as SHOW PARTITIONS prints it; empty for an unpartitioned table
	Hash        []string
	Buckets     int
	Medium      string // storage medium
	Tablets     []TabletInfo
}

// TabletInfo is a tablet at one moment.
type TabletInfo struct {
	ID    int64
	Rows  int64
	Bytes int64
}

// CompactVersion is the version that the youngest compaction made; 0 when there was none.
func (p PartitionInfo) CompactVersion() int64 {
	if p.Version == p.DataVersion {
		return 0
	}
	return p.Version
}

// Rows returns the number of rows.
func (p PartitionInfo) Rows() (n int64) {
	for _, t := range p.Tablets {
		n += t.Rows
	}
	return n
}

// Bytes returns the size of the rows.
func (p PartitionInfo) Bytes() (n int64) {
	for _, t := range p.Tablets {
		n += t.Bytes
	}
	return n
}

// Table describes a table.
func (c *Catalog) Table(name dialect.ObjectName) (TableInfo, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, t, err := c.table(name)
	if err != nil {
		return TableInfo{}, err
	}
	return c.info(d, t), nil
}

// DDL returns what SHOW CREATE TABLE prints.
func (c *Catalog) DDL(name dialect.ObjectName) (string, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, t, err := c.table(name)
	if err != nil {
		return "", err
	}
	return t.ddl(c.defaultComment(t)), nil
}

// Tables describes the tables of a database, sorted by name; none when there is no such database.
func (c *Catalog) Tables(database string) []TableInfo {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.databases[database]
	if !ok {
		return nil
	}
	var tables []TableInfo
	for _, name := range slices.Sorted(maps.Keys(d.tables)) {
		tables = append(tables, c.info(d, d.tables[name]))
	}
	return tables
}

// FindTablet returns the table and the physical partition that hold a tablet.
func (c *Catalog) FindTablet(id int64) (TableInfo, PartitionInfo, bool) {
	for _, database := range c.Databases() {
		for _, t := range c.Tables(database) {
			for _, p := range t.Partitions {
				if slices.ContainsFunc(p.Tablets, func(x TabletInfo) bool { return x.ID == id }) {
					return t, p, true
				}
			}
		}
	}
	return TableInfo{}, PartitionInfo{}, false
}

func (c *Catalog) info(d *database, t *table) TableInfo {
	info := TableInfo{Database: d.name, Name: t.name, ID: t.id, Created: t.created, Def: t.def, Rollups: t.visibleRollups(), Comment: c.defaultComment(t)}
	if t.mv != nil {
		mv := t.mv.info()
		info.MV = &mv
	}
	types, err := partitionTypes(t.def)
	if err != nil { // checked when the table was made
		return info
	}
	for i, p := range slices.Concat(t.partitions, t.temporary) {
		for _, ph := range p.physical {
			info.Partitions = append(info.Partitions, ph.info(p, types, i >= len(t.partitions)))
		}
	}
	return info
}

func (ph *physical) info(p *partition, types []dialect.Type, temporary bool) PartitionInfo {
	info := PartitionInfo{Name: p.name, ID: ph.id, Temporary: temporary, Version: ph.version, DataVersion: ph.version - ph.compactions, Moved: ph.moved, Hash: p.hash, Buckets: p.buckets, Medium: p.medium}
	switch {
	case p.lower != nil:
		info.Values = rangeText(types, p.lower, p.upper)
	case p.values != nil:
		info.Values = listText(p.values)
	}
	for _, t := range ph.tablets {
		info.Tablets = append(info.Tablets, TabletInfo{ID: t.id, Rows: countRows(t.chunks), Bytes: countBytes(t.chunks)})
	}
	return info
}

// ddl prints the table as SHOW CREATE TABLE does (fe:sql/analyzer/AstToStringBuilder.getDdlStmt): temporary partitions
// and those of automatic tables are left out.
func (t *table) ddl(comment string) string {
	var b strings.Builder
	b.WriteString("CREATE TABLE `" + t.name + "` (\n")
	for i, column := range t.def.Columns {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString("  " + columnText(column, t.def.Model))
	}
	for _, index := range t.def.Indexes {
		b.WriteString(",\n  " + index.SQL())
	}
	b.WriteString("\n) ENGINE=OLAP \n" + t.def.Model + " KEY(" + quoted(t.def.Keys, ", ") + ")")
	if comment != "" {
		b.WriteString("\nCOMMENT \"" + escape(comment) + "\"")
	}
	b.WriteString(t.partitionText())
	b.WriteString("\nDISTRIBUTED BY " + t.def.DistributionText())
	if t.def.OrderBy != nil {
		b.WriteString("\nORDER BY(" + quoted(t.def.OrderBy, ", ") + ")")
	}
	b.WriteString("\nPROPERTIES (\n")
	for i, key := range slices.Sorted(maps.Keys(t.def.Properties)) {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.WriteString(`"` + key + `" = "` + strings.ReplaceAll(t.def.Properties[key], `"`, `\"`) + `"`) // fe:common/util/PrintableMap
	}
	b.WriteString("\n);")
	return b.String()
}

func columnText(c dialect.Column, model string) string {
	text := "`" + c.Name + "` " + c.Type.String() + " "
	switch {
	case c.State != "":
		text += c.State + " "
	case c.Aggregation != "" && model == dialect.Aggregate:
		text += c.Aggregation + " "
	}
	if c.Nullable {
		text += "NULL "
	} else {
		text += "NOT NULL "
	}
	switch {
	case c.AutoIncrement:
		text += "AUTO_INCREMENT "
	case c.Generated != nil:
		text += "AS " + c.GeneratedText + " "
	case c.Default == nil || c.Default.Null: // DEFAULT NULL is not printed
	case c.Default.UUID != "":
		text += "DEFAULT (" + c.Default.UUID + ") "
	case c.Default.Expr != nil:
		text += "DEFAULT " + c.Default.Text + " "
	case c.Default.Now:
		text += "DEFAULT CURRENT_TIMESTAMP "
	default:
		text += `DEFAULT "` + escape(c.Default.Value) + `" `
	}
	return text + `COMMENT "` + escape(c.Comment) + `"`
}

func (t *table) partitionText() string {
	by := t.def.Partition
	switch by.Kind {
	case dialect.RangeExpression:
		return "\nPARTITION BY " + by.Expression
	case dialect.ListColumns:
		return "\nPARTITION BY (" + by.List() + ")"
	case dialect.Range:
		var parts []string
		for _, p := range t.partitions {
			parts = append(parts, "PARTITION "+p.name+" VALUES ["+keySQL(p.lower)+", "+keySQL(p.upper)+")")
		}
		return "\nPARTITION BY RANGE(" + quoted(by.Columns, ", ") + ")\n(" + strings.Join(parts, ",\n") + ")"
	case dialect.List:
		var parts []string
		for _, p := range t.partitions {
			parts = append(parts, "  PARTITION "+p.name+" VALUES IN "+valuesSQL(p.values))
		}
		return "\nPARTITION BY LIST(" + quoted(by.Columns, ",") + ")(\n" + strings.Join(parts, ",\n") + "\n)"
	}
	return ""
}

func keySQL(key []dialect.Value) string {
	parts := make([]string, len(key))
	for i, v := range key {
		if parts[i] = `"` + v.Text + `"`; v.Max {
			parts[i] = "MAXVALUE"
		}
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// valuesSQL prints list values as the server does: in single quotes without escaping, NULL as the text 'NULL'
// (fe:catalog/ListPartitionInfo.valuesToString). So such values do not survive the DDL.
func valuesSQL(values [][]dialect.Value) string {
	lists := make([]string, len(values))
	for i, tuple := range values {
		parts := make([]string, len(tuple))
		for j, v := range tuple {
			parts[j] = "'" + listValueText(v) + "'"
		}
		if lists[i] = strings.Join(parts, ", "); len(tuple) > 1 {
			lists[i] = "(" + lists[i] + ")"
		}
	}
	return "(" + strings.Join(lists, ", ") + ")"
}

func quoted(names []string, separator string) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = "`" + n + "`"
	}
	return strings.Join(parts, separator)
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`)

func escape(s string) string { return escaper.Replace(s) }
