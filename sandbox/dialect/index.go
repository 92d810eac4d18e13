package dialect

import (
	"maps"
	"slices"
	"strings"
)

// Index is a secondary index of a table.
type Index struct {
	Name       string
	Columns    []string
	Kind       string // BITMAP, NGRAMBF, GIN, VECTOR
	Properties map[string]string
	Comment    string
}

// index reads name (columns) [USING kind] [(properties)] [COMMENT text].
func (p *Parser) index() (x Index, err error) {
	if x.Name, err = p.name(); err != nil {
		return x, err
	}
	if x.Columns, err = p.nameList(); err != nil {
		return x, err
	}
	x.Kind = "BITMAP"
	if p.take("USING") {
		kind, ok := p.takeAny("BITMAP", "NGRAMBF", "GIN", "VECTOR")
		if !ok {
			return x, p.unexpected("BITMAP, NGRAMBF, GIN, VECTOR")
		}
		x.Kind = kind
	}
	if p.ahead("(") {
		if x.Properties, err = p.properties(); err != nil {
			return x, err
		}
	}
	if p.take("COMMENT") {
		x.Comment, err = p.text()
	}
	return x, err
}

// addRollups reads name (columns) [DUPLICATE KEY (columns)] [FROM base] [PROPERTIES (…)], ….
func (p *Parser) addRollups() (clauses []any, err error) {
	for {
		var r AddRollup
		if r.Name, err = p.name(); err != nil {
			return nil, err
		}
		if r.Columns, err = p.nameList(); err != nil {
			return nil, err
		}
		if p.take("DUPLICATE", "KEY") {
			if r.Keys, err = p.nameList(); err != nil {
				return nil, err
			}
		}
		if p.take("FROM") {
			if _, err = p.name(); err != nil {
				return nil, err
			}
		}
		if _, err = p.optionalProperties(); err != nil {
			return nil, err
		}
		clauses = append(clauses, r)
		if t := p.peekAt(1); !p.ahead(",") || t.Kind == Word && (t.is("ADD") || t.is("DROP")) {
			return clauses, nil
		}
		p.next()
	}
}

// SelectList reads the items and the table of a query over one table, whatever else it has.
func SelectList(query string) (items []QueryItem, from ObjectName, err error) {
	p, err := NewParser(query)
	if err != nil {
		return nil, from, err
	}
	if err := p.expect("SELECT"); err != nil {
		return nil, from, err
	}
	for {
		item, err := p.queryItem()
		if err != nil {
			return nil, from, err
		}
		if items = append(items, item); !p.take(",") {
			break
		}
	}
	if err := p.expect("FROM"); err != nil {
		return nil, from, err
	}
	from, err = p.objectName()
	return items, from, err
}

func printProperties(properties map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		parts = append(parts, `"`+key+`" = "`+strings.ReplaceAll(properties[key], `"`, `\"`)+`"`)
	}
	return strings.Join(parts, ", ")
}

// SQL prints an index as SHOW CREATE TABLE does (fe:catalog/Index.toSql): its name without quotes, its comment without escapes.
func (x Index) SQL() string {
	text := "INDEX " + x.Name + " (`" + strings.Join(x.Columns, "`,`") + "`) USING " + x.Kind
	if len(x.Properties) > 0 {
		text += "(" + printProperties(x.Properties) + ")"
	}
	return text + " COMMENT '" + x.Comment + "'"
}
