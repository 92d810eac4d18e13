package mysql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// definition is a CREATE TABLE as SHOW CREATE TABLE prints it, in parts. Parts are pieces of the server's own text.
type definition struct {
	items       []item
	options     []option
	partitionBy string // PARTITION BY … without the list of partitions; "" for none
	kind        snapshot.Partitioning
	partitions  []partition
}

// itemKind is what an item is.
type itemKind string

const (
	columnItem  itemKind = "column"
	primaryKey  itemKind = "primary key"
	uniqueKey   itemKind = "unique key"
	plainKey    itemKind = "key" // also FULLTEXT, SPATIAL, VECTOR
	foreignKey  itemKind = "foreign key"
	checkItem   itemKind = "check"
	anotherItem itemKind = "other" // PERIOD
)

// item is what stands between two commas of a table's definition.
type item struct {
	kind itemKind
	name string // "" where it has none
	text string
}

// option is one table option, e.g. ENGINE and InnoDB.
type option struct{ name, value, text string }

// partition is one partition of a definition.
type partition struct {
	name   string
	values string // VALUES …; "" for HASH and KEY
	text   string
}

// hashPartitioning is that of HASH and KEY: the server chooses the partition of a row, all of them exist from the start.
const hashPartitioning snapshot.Partitioning = "hash"

// parseDefinition reads what SHOW CREATE TABLE printed.
func parseDefinition(ddl string) (*definition, error) {
	d, err := readDefinition(ddl)
	if err != nil {
		return nil, fmt.Errorf("read table definition: %w", err)
	}
	return d, nil
}

var errForm = fmt.Errorf("not the form that servers print: %w", cluster.ErrUnsupported)

func readDefinition(ddl string) (*definition, error) {
	ts, err := tokens(ddl)
	if err != nil {
		return nil, err
	}
	open := slices.IndexFunc(ts, func(t token) bool { return t.is("(") })
	if open < 0 || !ts[0].is("CREATE") {
		return nil, errForm
	}
	end, err := closing(ts, open)
	if err != nil {
		return nil, err
	}
	d := &definition{kind: snapshot.Unpartitioned}
	for _, p := range separated(ts, open+1, end) {
		if p[0] == p[1] {
			return nil, errForm
		}
		d.items = append(d.items, readItem(ddl, ts[p[0]:p[1]]))
	}
	rest := ts[end+1:]
	by := len(rest)
	for i := range rest {
		if rest[i].is("PARTITION") && i+1 < len(rest) && rest[i+1].is("BY") {
			by = i
			break
		}
	}
	if err := d.readOptions(ddl, rest[:by]); err != nil {
		return nil, err
	}
	if by < len(rest) {
		return d, d.readPartitions(ddl, rest[by:])
	}
	return d, nil
}

func readItem(ddl string, ts []token) item {
	it := item{kind: anotherItem, text: ddl[ts[0].start:ts[len(ts)-1].end]}
	rest := ts
	if ts[0].is("CONSTRAINT") && len(ts) > 2 {
		it.name, rest = ts[1].name(ddl), ts[2:]
	}
	switch {
	case rest[0].kind == quote:
		it.kind, it.name = columnItem, rest[0].value
	case rest[0].is("PRIMARY"):
		it.kind = primaryKey
	case rest[0].is("FOREIGN"):
		it.kind = foreignKey
	case rest[0].is("CHECK"):
		it.kind = checkItem
	case rest[0].is("UNIQUE"):
		it.kind = uniqueKey
	case rest[0].is("KEY"), rest[0].is("INDEX"), rest[0].is("FULLTEXT"), rest[0].is("SPATIAL"), rest[0].is("VECTOR"):
		it.kind = plainKey
	}
	if it.kind == uniqueKey || it.kind == plainKey {
		if i := slices.IndexFunc(rest, func(t token) bool { return t.kind == quote }); i >= 0 {
			it.name = rest[i].value
		}
	}
	return it
}

// readOptions reads table options: NAME=value, or words such as WITH SYSTEM VERSIONING.
func (d *definition) readOptions(ddl string, ts []token) error {
	for i := 0; i < len(ts); {
		if ts[i].is("=") {
			return errForm
		}
		start := i
		for i < len(ts) && !ts[i].is("=") && (i == start || ts[i].kind == word && !startsOption(ts, start, i)) {
			i++
		}
		if i >= len(ts) || !ts[i].is("=") {
			text := ddl[ts[start].start:ts[i-1].end]
			d.options = append(d.options, option{name: strings.ToUpper(text), text: text})
			continue
		}
		name := ddl[ts[start].start:ts[i-1].end]
		i++
		value := i
		if i < len(ts) && ts[i].is("(") {
			if end, err := closing(ts, i); err == nil {
				i = end
			}
		}
		i = min(i+1, len(ts))
		if value == i {
			return errForm
		}
		o := option{name: strings.ToUpper(name), value: ddl[ts[value].start:ts[i-1].end], text: ddl[ts[start].start:ts[i-1].end]}
		if i == value+1 && ts[value].kind != word {
			o.value = ts[value].value
		}
		d.options = append(d.options, o)
	}
	return nil
}

// startsOption tells whether an option without value ends before ts[i]: the next token but one is "=".
func startsOption(ts []token, start, i int) bool {
	switch {
	case ts[start].is("WITH"): // SYSTEM VERSIONING
		return i > start+2
	case i+1 < len(ts) && ts[i+1].is("="):
		return !ts[start].is("DEFAULT") && !ts[start].is("DATA") && !ts[start].is("INDEX")
	}
	return false
}

func (d *definition) readPartitions(ddl string, ts []token) error {
	d.kind = hashPartitioning
	for i := 2; i < len(ts) && !ts[i].is("("); i++ {
		switch {
		case ts[i].is("RANGE"):
			d.kind = snapshot.RangePartitioning
		case ts[i].is("LIST"):
			d.kind = snapshot.ListPartitioning
		case ts[i].is("SYSTEM_TIME"):
			d.kind = snapshot.Unpartitioned // its partitions hold history: what is read is the table as it is now
		}
	}
	list := len(ts)
	for i := 2; i+1 < len(ts); i++ {
		if !ts[i].is("(") {
			continue
		}
		if ts[i+1].is("PARTITION") {
			list = i
			break
		}
		end, err := closing(ts, i)
		if err != nil {
			return err
		}
		i = end
	}
	d.partitionBy = ddl[ts[0].start:ts[list-1].end]
	if list == len(ts) {
		return nil
	}
	end, err := closing(ts, list)
	if err != nil {
		return err
	}
	for _, p := range separated(ts, list+1, end) {
		piece := ts[p[0]:p[1]]
		if len(piece) < 2 {
			return errForm
		}
		values, err := valuesClause(ddl, piece)
		if err != nil {
			return err
		}
		d.partitions = append(d.partitions, partition{
			name: piece[1].name(ddl), values: values, text: ddl[piece[0].start:piece[len(piece)-1].end],
		})
	}
	return nil
}

// valuesClause returns VALUES LESS THAN (…), VALUES LESS THAN MAXVALUE or VALUES IN (…) of a partition.
func valuesClause(ddl string, ts []token) (string, error) {
	if len(ts) < 4 || !ts[2].is("VALUES") {
		return "", nil
	}
	for i := 3; i < len(ts); i++ {
		if ts[i].is("MAXVALUE") {
			return ddl[ts[2].start:ts[i].end], nil
		}
		if ts[i].is("(") {
			end, err := closing(ts, i)
			if err != nil {
				return "", err
			}
			return ddl[ts[2].start:ts[end].end], nil
		}
	}
	return "", errForm
}

// subpartitioned tells whether partitions are divided again.
func (d *definition) subpartitioned() bool { return has(d.partitionBy, "SUBPARTITION") }

// option returns the value of a table option; names as the server prints them, e.g. ENGINE, AUTO_INCREMENT, COMMENT.
func (d *definition) option(name string) string {
	for _, o := range d.options {
		if o.name == name {
			return o.value
		}
	}
	return ""
}

// counter is the next AUTO_INCREMENT value that is stated, 0 for none.
func (d *definition) counter() uint64 {
	n, _ := strconv.ParseUint(d.option("AUTO_INCREMENT"), 10, 64) // the server printed a number
	return n
}

// of returns the items of a kind.
func (d *definition) of(kinds ...itemKind) []item {
	var list []item
	for _, it := range d.items {
		if slices.Contains(kinds, it.kind) {
			list = append(list, it)
		}
	}
	return list
}
