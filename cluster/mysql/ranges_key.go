package mysql

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// tableKey is the key in whose order the rows of a table are read, and by which it is divided. The zero value is none:
// such a table is read as it lies, in one piece.
type tableKey struct {
	index  string
	parts  []keyPart
	bounds int // so many parts, the first ones, can be bounds of ranges
}

// keyPart is one column of a key.
type keyPart struct {
	column     string
	form       boundForm
	charset    string // of boundText
	descending bool
}

// boundForm is how the values of a key column are written in snapshot.KeyRange and in SQL, so that the server compares
// them as it orders the index, and finds them by it.
type boundForm int

const (
	boundNone    boundForm = iota // cannot be a bound: a server finds no place of an ENUM or a SET in an index but by equality
	boundInteger                  // a number, and steps can be counted
	boundNumber                   // a number
	boundBits                     // as boundNumber
	boundDouble                   // as boundNumber, printed exactly
	boundQuoted                   // a text of ASCII
	boundText                     // the bytes as stored, in a character set
	boundBytes                    // bytes
)

var boundForms = map[string]boundForm{
	"tinyint": boundInteger, "smallint": boundInteger, "mediumint": boundInteger, "int": boundInteger, "bigint": boundInteger,
	"decimal": boundNumber, "float": boundDouble, "double": boundDouble,
	"bit":  boundBits,
	"date": boundQuoted, "datetime": boundQuoted, "timestamp": boundQuoted, "time": boundQuoted, "year": boundQuoted,
	"inet4": boundQuoted, "inet6": boundQuoted, "uuid": boundQuoted,
	"char": boundText, "varchar": boundText,
	"binary": boundBytes, "varbinary": boundBytes,
}

// keyOf finds the clustered key of an InnoDB table: the primary key, else the first unique key without NULLs and
// prefixes (MySQL "Clustered and Secondary Indexes"; SHOW INDEX lists keys in the order that this means). Reading by
// another key, or another engine's table by any, would mean a jump through the file for every row.
func keyOf(ctx context.Context, q querier, database, table string) (tableKey, error) {
	engine, err := queryOn(ctx, q, "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+literal(database)+" AND TABLE_NAME = "+literal(table))
	if err != nil {
		return tableKey{}, err
	}
	if len(engine) == 0 {
		return tableKey{}, fmt.Errorf("table %s.%s: %w", database, table, cluster.ErrUnknownTable)
	}
	if !strings.EqualFold(engine[0]["engine"], "InnoDB") {
		return tableKey{}, nil
	}
	name, err := qualified(database, table)
	if err != nil {
		return tableKey{}, err
	}
	parts, err := queryOn(ctx, q, "SHOW INDEX FROM "+name)
	if err != nil {
		return tableKey{}, err
	}
	columns, err := columnsOf(ctx, q, database, []string{table})
	if err != nil {
		return tableKey{}, err
	}
	return clusteredKey(parts, columns[table]), nil
}

// clusteredKey picks the key from the rows of SHOW INDEX.
func clusteredKey(parts, columns []record) tableKey {
	for len(parts) > 0 {
		n := 1
		for n < len(parts) && parts[n]["key_name"] == parts[0]["key_name"] {
			n++
		}
		if k, clustered := keyFrom(parts[:n], columns); clustered {
			return k
		}
		parts = parts[n:]
	}
	return tableKey{}
}

// keyFrom returns the key of these rows of SHOW INDEX, if it is one that InnoDB clusters by.
func keyFrom(parts, columns []record) (k tableKey, clustered bool) {
	k.index = parts[0]["key_name"]
	for _, p := range parts {
		if p["non_unique"] != "0" || p["null"] == "YES" || p["index_type"] != "BTREE" || p["sub_part"] != "" || p["column_name"] == "" {
			return tableKey{}, false
		}
		part := keyPart{column: p["column_name"], descending: p["collation"] == "D"}
		for _, c := range columns {
			if c["column_name"] == part.column {
				part.form, part.charset = boundForms[strings.ToLower(c["data_type"])], c["character_set_name"]
			}
		}
		k.parts = append(k.parts, part)
		// Not behind a change of direction: by an index over (a, b, c DESC) MariaDB 10.11 finds too few rows between bounds
		// whose texts are equal in their collation and not in their bytes (TestRangesOfAKeyInTwoDirectionsLoseNoRows).
		if part.form != boundNone && part.descending == k.parts[0].descending && k.bounds == len(k.parts)-1 {
			k.bounds++
		}
	}
	return k, true
}

func (k tableKey) none() bool { return len(k.parts) == 0 }

// hint makes the server read by the key: it would sort where its statistics tell it to read in another order.
func (k tableKey) hint() string {
	if k.none() {
		return ""
	}
	return " FORCE INDEX (" + quoted(k.index) + ")"
}

// order is the ORDER BY clause.
func (k tableKey) order() string {
	if k.none() {
		return ""
	}
	list := make([]string, len(k.parts))
	for i, p := range k.parts {
		list[i] = quoted(p.column)
		if p.descending {
			list[i] += " DESC"
		}
	}
	return " ORDER BY " + strings.Join(list, ", ")
}

// printed is the list of expressions that print a key as the bound of a range.
func (k tableKey) printed() string {
	list := make([]string, k.bounds)
	for i, p := range k.parts[:k.bounds] {
		name := quoted(p.column)
		switch p.form {
		case boundBits:
			name += "+0"
		case boundDouble:
			name += "*1e0"
		case boundText:
			name = "CAST(" + name + " AS BINARY)"
		}
		list[i] = name
	}
	return strings.Join(list, ", ")
}

// condition is the WHERE clause of a range, empty for all keys.
func (k tableKey) condition(r snapshot.KeyRange) (string, error) {
	var list []string
	for _, side := range []struct {
		bound [][]byte
		upTo  bool
	}{{r.After, false}, {r.UpTo, true}} {
		if side.bound == nil {
			continue
		}
		text, err := k.beyond(side.bound, side.upTo)
		if err != nil {
			return "", err
		}
		list = append(list, text)
	}
	if len(list) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(list, " AND "), nil
}

// beyond is the condition on the keys behind a bound or, with upTo, not behind it. A bound may have fewer values than the
// key has columns: all keys that begin with them are not behind it. Compared are columns one by one, since servers find no
// place in an index for (a, b) > (1, 2) (MySQL "Range Optimization of Row Constructor Expressions": equality only).
func (k tableKey) beyond(bound [][]byte, upTo bool) (string, error) {
	if len(bound) == 0 || len(bound) > k.bounds {
		return "", fmt.Errorf("range of %d values by a key of %d columns: %w", len(bound), k.bounds, cluster.ErrUnsupported)
	}
	condition := ""
	for i := len(bound) - 1; i >= 0; i-- {
		p := k.parts[i]
		value, err := p.literal(bound[i])
		if err != nil {
			return "", err
		}
		sign := ">"
		if upTo != p.descending {
			sign = "<"
		}
		name := quoted(p.column)
		switch {
		case condition != "":
			condition = "(" + name + " " + sign + "= " + value + " AND (" + name + " " + sign + " " + value + " OR " + condition + "))"
		case upTo:
			condition = name + " " + sign + "= " + value
		default:
			condition = name + " " + sign + " " + value
		}
	}
	return condition, nil
}

// literal writes a bound for a comparison with its column, which the server does in the column's own type and collation.
func (p keyPart) literal(value []byte) (string, error) {
	switch p.form {
	case boundInteger, boundNumber, boundBits, boundDouble:
		if !isNumeral(value) {
			return "", fmt.Errorf("bound %q of column %s is no number: %w", value, p.column, cluster.ErrUnsupported)
		}
		return string(value), nil
	case boundText:
		return "_" + p.charset + " " + string(appendHex(nil, value)), nil
	case boundBytes:
		return string(appendHex(nil, value)), nil
	}
	return literal(string(value)), nil
}

func isNumeral(value []byte) bool {
	_, err := strconv.ParseFloat(string(value), 64)
	return err == nil && !bytes.ContainsAny(value, "xXpP_nN")
}
