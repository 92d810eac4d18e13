package catalog

import (
	"starkeep/sandbox/dialect"
)

// Computed is a scan of rows that are in no table: those of a view. Values are brought to the form in which their
// column is printed.
func Computed(columns []dialect.Column, rows [][][]byte) (*Scan, error) {
	converts := make([]func([]byte, []byte) ([]byte, bool), len(columns))
	for i, c := range columns {
		convert, err := converter(c.Type)
		if err == nil && c.Type.Name != "VARBINARY" && c.Type.Name != "JSON" {
			converts[i] = convert
		}
	}
	var chunks []*chunk
	var row Row
	var scratch []byte
	for _, values := range rows {
		if len(values) != len(columns) {
			return nil, fail(1353, "HY000", "View's SELECT and view's field list have different column counts")
		}
		row = row[:0]
		for i, v := range values {
			if v == nil {
				row = row.appendNull()
				continue
			}
			if converts[i] != nil {
				if converted, ok := converts[i](scratch[:0], v); ok {
					scratch, v = converted, converted
				}
			}
			row = row.appendValue(v)
		}
		chunks = appendRow(chunks, row)
	}
	return &Scan{Columns: columns, Model: dialect.Duplicate, parts: []scanned{{tablets: []tablet{{chunks: chunks}}}}}, nil
}

// refuseMaterialized refuses to change the rows of a materialized view (fe:sql/analyzer/InsertAnalyzer, DeleteAnalyzer,
// UpdateAnalyzer, fe:service/FrontendServiceImpl for Stream Load).
func (c *Catalog) refuseMaterialized(name dialect.ObjectName, verb string) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, t, err := c.table(name)
	if err != nil || t.mv == nil {
		return nil // what is wrong with the name is told by those who use it
	}
	reason := "'" + name.Name + "' is a materialized view"
	if verb == "deleted" {
		reason = "it is a materialized view"
	}
	return Analyzing("The data of '%s' cannot be %s because %s,and the data of materialized view must be consistent with the base table.",
		name.Name, verb, reason)
}

// CheckWritable refuses DELETE ("deleted") and UPDATE ("modified") of a materialized view.
func (c *Catalog) CheckWritable(name dialect.ObjectName, verb string) error {
	return c.refuseMaterialized(name, verb)
}

// changed tells Changes that rows moved: by loads, DELETE, TRUNCATE, and when partitions are dropped or replaced
// (fe:listener/LoadJobMVListener). Called with the catalog locked.
func (c *Catalog) changed() {
	select {
	case c.changes <- struct{}{}:
	default: // told already
	}
}

// Changes is sent to after loads, once for several of them.
func (c *Catalog) Changes() <-chan struct{} { return c.changes }
