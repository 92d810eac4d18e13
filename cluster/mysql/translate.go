package mysql

import (
	"fmt"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

var _ cluster.Translator = (*Cluster)(nil)

// Limits of InnoDB and of types (MySQL "InnoDB Limits", "Limits on Table Column Count and Row Size").
const (
	maxKeyBytes     = 3072
	maxScale        = 38 // MariaDB; MySQL has 30 and refuses the table
	bytesPerChar    = 4  // utf8mb4
	longestVarchar  = 255
	longestText     = 1<<16 - 1
	longestMedium   = 1<<24 - 1
	largestDecimal  = 65
	largeintDigits  = 39
	starrocksString = 65533   // length of STRING and of VARCHAR without one (StarRocks "STRING", "VARCHAR")
	starrocksBinary = 1 << 20 // length of VARBINARY without one (StarRocks "BINARY/VARBINARY")
)

// Translate brings in tables of StarRocks. Text gets a binary collation, so that what is different there is different
// here; PRIMARY, UNIQUE and AGGREGATE keys become the primary key.
func (c *Cluster) Translate(t snapshot.Table, from string) (snapshot.Table, error) {
	if from == Kind {
		return t, nil
	}
	if from != "starrocks" {
		return t, fmt.Errorf("bring table %s from a cluster of kind %s: %w", t.Name, from, cluster.ErrUnsupported)
	}
	out, err := translate(t)
	if err != nil {
		return t, fmt.Errorf("bring table %s from %s: %w", t.Name, from, err)
	}
	return out, nil
}

func translate(t snapshot.Table) (snapshot.Table, error) {
	key := primary(t)
	out := t
	out.Columns = make([]snapshot.Column, len(t.Columns))
	var lines, keyNames []string
	keyBytes := 0
	for i, x := range t.Columns {
		if strings.Contains(x.Name, "\x00") {
			return t, fmt.Errorf("column %q: %w", x.Name, cluster.ErrInvalidName)
		}
		declared, size, err := declaration(x, key && x.Key)
		if err != nil {
			return t, fmt.Errorf("column %s: %w", x.Name, err)
		}
		out.Columns[i] = x
		out.Columns[i].Source, out.Columns[i].Key = declared, key && x.Key
		line := "  " + quoted(x.Name) + " " + declared
		if !x.Nullable {
			line += " NOT NULL"
		}
		lines = append(lines, line)
		if key && x.Key {
			keyNames = append(keyNames, quoted(x.Name))
			if keyBytes += size; size == 0 || keyBytes > maxKeyBytes {
				return t, fmt.Errorf("column %s: type %s in a key, which has room for %d bytes: %w", x.Name, x.Source, maxKeyBytes, cluster.ErrUnsupported)
			}
		}
	}
	if len(keyNames) > 0 {
		lines = append(lines, "  PRIMARY KEY ("+strings.Join(keyNames, ",")+")")
	}
	out.Model, out.Partitioning = "INNODB", snapshot.Unpartitioned
	out.DDL = "CREATE TABLE " + quoted(t.Name) + " (\n" + strings.Join(lines, ",\n") + "\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"
	out.Partitions = []snapshot.Partition{{Name: t.Name, Physical: []snapshot.PhysicalPartition{{ID: t.ID, Bytes: bytesOf(t), Rows: rowsOf(t)}}}}
	return out, nil
}

func rowsOf(t snapshot.Table) (sum int64) {
	for _, p := range t.Partitions {
		for _, x := range p.Physical {
			sum += x.Rows
		}
	}
	return sum
}

// primary tells whether the key columns of a table make rows unique and can be a primary key, which holds no NULL.
func primary(t snapshot.Table) bool {
	if t.Model == "DUPLICATE" {
		return false
	}
	any := false
	for _, x := range t.Columns {
		if x.Key && x.Nullable {
			return false
		}
		any = any || x.Key
	}
	return any
}

// fixed are the types of kinds without length, with the bytes they take in a key.
var fixed = map[snapshot.Kind]struct {
	name string
	size int
}{
	snapshot.Boolean: {"tinyint(1)", 1}, snapshot.Int8: {"tinyint", 1}, snapshot.Int16: {"smallint", 2}, snapshot.Int32: {"int", 4},
	snapshot.Int64: {"bigint", 8}, snapshot.Int128: {"decimal(" + strconv.Itoa(largeintDigits) + ",0)", 18},
	snapshot.Float32: {"float", 4}, snapshot.Float64: {"double", 8},
	snapshot.Date: {"date", 3}, snapshot.Datetime: {"datetime(6)", 8}, snapshot.JSON: {"json", 0},
}

// declaration returns the type of a column and the bytes it takes in a key, 0 where it cannot be in one.
func declaration(x snapshot.Column, inKey bool) (string, int, error) {
	if f, ok := fixed[x.Type.Kind]; ok {
		return f.name, f.size, nil
	}
	length := declaredLength(x.Source)
	switch x.Type.Kind {
	case snapshot.Decimal:
		if x.Type.Precision > largestDecimal || x.Type.Scale > maxScale {
			break
		}
		return fmt.Sprintf("decimal(%d,%d)", x.Type.Precision, x.Type.Scale), (x.Type.Precision+8)/9*4 + 4, nil
	case snapshot.String: // a length is in bytes there, in characters here
		if inKey || length <= longestVarchar {
			return fmt.Sprintf("varchar(%d)", length), length * bytesPerChar, nil
		}
		return sized(length, "text"), 0, nil
	case snapshot.Binary:
		if inKey || length <= longestVarchar {
			return fmt.Sprintf("varbinary(%d)", length), length, nil
		}
		return sized(length, "blob"), 0, nil
	}
	return "", 0, fmt.Errorf("type %s: %w", x.Source, cluster.ErrUnsupported)
}

func sized(length int, name string) string {
	switch {
	case length <= longestText:
		return name
	case length <= longestMedium:
		return "medium" + name
	}
	return "long" + name
}

// declaredLength is the number in parentheses of a type, or what StarRocks means without one.
func declaredLength(source string) int {
	_, rest, _ := strings.Cut(source, "(")
	digits, _, _ := strings.Cut(rest, ")")
	if n, err := strconv.Atoi(digits); err == nil {
		return n
	}
	switch source = strings.ToLower(source); {
	case strings.HasPrefix(source, "char"):
		return 1
	case strings.Contains(source, "binary"):
		return starrocksBinary
	}
	return starrocksString
}
