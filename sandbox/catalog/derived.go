package catalog

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/expression"
)

// derived is a column that a load fills: a generated one, or one that counts.
type derived struct {
	column int
	expr   *expression.Expression // nil: AUTO_INCREMENT
}

// derive compiles the generated columns of a table; they see the columns before them and behind them, but not each other's
// values.
func derive(def *dialect.CreateTable) (list []derived, err error) {
	columns := expressionColumns(def)
	for i, c := range def.Columns {
		switch {
		case c.AutoIncrement:
			list = append(list, derived{column: i})
		case c.Generated != nil:
			d := derived{column: i}
			if d.expr, err = expression.To(c.Type, c.Generated, columns); err != nil {
				return nil, Analyzing("%v", err)
			}
			list = append(list, d)
		}
	}
	return list, nil
}

// expressionColumns are the columns of a table, for expressions over its rows.
func expressionColumns(def *dialect.CreateTable) []expression.Column {
	columns := make([]expression.Column, len(def.Columns))
	for i, c := range def.Columns {
		columns[i] = expression.Column{Name: c.Name, Type: c.Type}
	}
	return columns
}

// derive fills what the row leaves to the table. A value that is given to a column that counts does not move its counter,
// which is the trap of restored tables (docs auto_increment).
func (l *load) derive() (reason string) {
	for _, d := range l.derived {
		c := l.table.def.Columns[d.column]
		switch {
		case d.expr != nil:
			v := d.expr.Eval(l.values)
			if v == nil && !c.Nullable {
				return "NULL value in non-nullable column '" + c.Name + "'"
			}
			l.values[d.column] = v
		case l.values[d.column] == nil:
			l.values[d.column] = strconv.AppendInt(nil, l.table.counter.Add(1), 10)
		}
	}
	return ""
}

// newUUID is a random UUID as uuid() prints it.
func newUUID() string {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], rand.Uint64())
	binary.LittleEndian.PutUint64(b[8:], rand.Uint64())
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// checkDerived checks AUTO_INCREMENT, generated columns and default expressions (fe:sql/analyzer/CreateTableAnalyzer).
func checkDerived(def *dialect.CreateTable) error {
	counting := 0
	for _, c := range def.Columns {
		switch {
		case c.AutoIncrement && c.Type.Name != "BIGINT":
			return Analyzing("The AUTO_INCREMENT column must be BIGINT")
		case c.AutoIncrement:
			counting++
		case c.Generated != nil && def.Model == dialect.Aggregate:
			return Analyzing("Generated Column does not support AGG table")
		case c.Generated != nil && c.Key:
			return Analyzing("Generated Column can not be KEY")
		case c.Default != nil && c.Default.Expr != nil:
			if _, err := expression.To(c.Type, c.Default.Expr, nil); err != nil {
				return Analyzing("Invalid default value for '%s': %v", c.Name, err)
			}
		}
		if c.Generated != nil {
			var nested string
			c.Generated.Columns(func(name string) {
				if i := columnIndex(def.Columns, name); i >= 0 && (def.Columns[i].Generated != nil || def.Columns[i].AutoIncrement) {
					nested = name
				}
			})
			if nested != "" {
				return Analyzing("Expression can not refers to AUTO_INCREMENT columns or other generated columns: %s", nested)
			}
		}
	}
	if counting > 1 {
		return Analyzing("More than one AUTO_INCREMENT column defined in CREATE TABLE Statement")
	}
	_, err := derive(def)
	return err
}
