package starrocks

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

var _ cluster.Translator = (*Cluster)(nil)

const (
	maxVarchar    = 1 << 20 // bytes (docs VARCHAR)
	maxPrimaryKey = 128     // bytes of an encoded primary key (be:common/config.h primary_key_limit_size)
)

// Translate brings in tables of MySQL and MariaDB. Their primary key becomes the one of a Primary Key table, where every
// value of its types fits in; else the table is a Duplicate Key table, which takes all rows. Key columns go first.
//
// Values keep their text, with these exceptions: TIMESTAMP is the time in UTC, JSON is what StarRocks makes of it. Text and
// BLOB may be declared longer than what StarRocks holds, 1048576 bytes, and dates may be none (0000-00-00): a table with
// such a value fails when it is loaded, before it is published. Of everything else that a table has, such as defaults,
// counters, secondary indexes and constraints, nothing comes along.
func (c *Cluster) Translate(t snapshot.Table, from string) (snapshot.Table, error) {
	if from == Kind {
		return t, nil
	}
	if from != "mysql" {
		return t, fmt.Errorf("bring table %s from a cluster of kind %s: %w", t.Name, from, cluster.ErrUnsupported)
	}
	out, err := translate(t)
	if err != nil {
		return t, fmt.Errorf("bring table %s from %s: %w", t.Name, from, err)
	}
	return out, nil
}

func translate(t snapshot.Table) (snapshot.Table, error) {
	if name := missing(t); name != "" {
		return t, fmt.Errorf("column %s is computed by the server, so that the snapshot has no values of it: %w", name, cluster.ErrUnsupported)
	}
	for _, x := range t.Columns {
		if _, err := identifier(x.Name); err != nil {
			return t, err
		}
	}
	name, err := identifier(t.Name)
	if err != nil {
		return t, err
	}
	fits := make([]fit, len(t.Columns))
	for i, x := range t.Columns {
		if fits[i], err = fitting(x); err != nil {
			return t, fmt.Errorf("column %s: %w", x.Name, err)
		}
	}
	model, keys := keysOf(t.Columns, fits)
	if len(keys) == 0 {
		return t, fmt.Errorf("no column is of a type that can be a key: %w", cluster.ErrUnsupported)
	}
	out := t
	out.Columns = slices.Clone(t.Columns)
	for i := range out.Columns {
		out.Columns[i].Source, out.Columns[i].Key = fits[i].name, slices.Contains(keys, i)
	}
	out.Model, out.Partitioning = model, snapshot.Unpartitioned
	out.DDL = creating(name, model, keys, out.Columns)
	out.Partitions = []snapshot.Partition{{Name: t.Name, Physical: []snapshot.PhysicalPartition{whole(t)}}}
	return out, nil
}

// columnLine begins the line of a column in what SHOW CREATE TABLE of MySQL and MariaDB prints.
var columnLine = regexp.MustCompile("(?m)^  `((?:[^`]|``)+)` ")

// missing names a column of the definition that the snapshot does not carry: a generated one. Without it the table would
// be another one.
func missing(t snapshot.Table) string {
	for _, match := range columnLine.FindAllStringSubmatch(t.DDL, -1) {
		name := strings.ReplaceAll(match[1], "``", "`")
		if !slices.ContainsFunc(t.Columns, func(x snapshot.Column) bool { return x.Name == name }) {
			return name
		}
	}
	return ""
}

// whole is all partitions of t as one.
func whole(t snapshot.Table) snapshot.PhysicalPartition {
	sum := snapshot.PhysicalPartition{ID: t.ID}
	for _, p := range t.Partitions {
		for _, x := range p.Physical {
			sum.Rows += x.Rows
			sum.Bytes += x.Bytes
		}
	}
	return sum
}

// keysOf decides the model and its key columns, by their place. A table whose primary key has no room is sorted by the
// first column that can be a key, if possible one of the primary key.
func keysOf(columns []snapshot.Column, fits []fit) (model string, keys []int) {
	size, sortable := 0, []int(nil)
	primary := true
	for i, x := range columns {
		if fits[i].sorts {
			sortable = append(sortable, i)
		}
		if x.Key {
			keys = append(keys, i)
			size += fits[i].size
			primary = primary && fits[i].size > 0 && !x.Nullable
		}
	}
	if primary && len(keys) > 0 && size+separator*(len(keys)-1) <= maxPrimaryKey {
		return "PRIMARY", keys
	}
	for _, i := range sortable {
		if columns[i].Key {
			return "DUPLICATE", []int{i}
		}
	}
	return "DUPLICATE", sortable[:min(1, len(sortable))]
}

// separator is what follows a text that is not the last column of an encoded key (be:storage/primary_key_encoder.cpp).
const separator = 2

// creating prints the definition as SHOW CREATE TABLE would, so that it can be compared. Key columns have to be the first
// ones; loads name their columns, so that the others need not know. Random distribution is for Duplicate Key tables only
// (docs Data_distribution). Without a property the number of replicas is the cluster's default.
func creating(name, model string, keys []int, columns []snapshot.Column) string {
	var lines, names []string
	line := func(x snapshot.Column) string {
		null := "NULL"
		if !x.Nullable {
			null = "NOT NULL"
		}
		return "  `" + x.Name + "` " + x.Source + " " + null
	}
	for _, i := range keys {
		lines, names = append(lines, line(columns[i])), append(names, "`"+columns[i].Name+"`")
	}
	for _, x := range columns {
		if !x.Key {
			lines = append(lines, line(x))
		}
	}
	list := "(" + strings.Join(names, ", ") + ")"
	distributed := "RANDOM"
	if model == "PRIMARY" {
		distributed = "HASH" + list
	}
	return "CREATE TABLE " + name + " (\n" + strings.Join(lines, ",\n") + "\n) ENGINE=OLAP\n" + model + " KEY" + list + "\nDISTRIBUTED BY " + distributed
}

// fit is the type that holds all values of a column.
type fit struct {
	name  string // as SHOW CREATE TABLE prints it
	size  int    // most bytes of a value in a primary key; 0: cannot be in one (be:storage/primary_key_encoder.cpp is_supported)
	sorts bool   // can be the key of a Duplicate Key table
}

// fixed fit all columns of a kind.
var fixed = map[snapshot.Kind]fit{
	snapshot.Int8: {"tinyint(4)", 1, true}, snapshot.Int16: {"smallint(6)", 2, true}, snapshot.Int32: {"int(11)", 4, true},
	snapshot.Int64: {"bigint(20)", 8, true}, snapshot.Int128: {"largeint(40)", 16, true},
	snapshot.Float64: {"double", 0, false}, snapshot.JSON: {"json", 0, false},
	snapshot.Date: {"date", 4, true}, snapshot.Datetime: {"datetime", 8, true},
}

// texts are lengths, in characters that are ASCII, of types that StarRocks has not, and of texts in bytes.
var (
	texts = map[string]int{"time": len("-838:59:59.999999"), "year": 4, "uuid": 36, "inet4": len("255.255.255.255"),
		"inet6": len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")}
	longTexts = map[string]int{"tinytext": 1<<8 - 1, "text": 1<<16 - 1, "mediumtext": 1<<24 - 1, "longtext": 1<<32 - 1}
	blobs     = []string{"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"}
)

// fitting chooses by the kind of values that the snapshot has and the type that MySQL declares. What it refuses: BIT and
// spatial types, which mean nothing here; text that is carried as the bytes of a character set of its own; decimals that
// are carried as text, being too long for DECIMAL.
func fitting(x snapshot.Column) (fit, error) {
	if f, ok := fixed[x.Type.Kind]; ok {
		return f, nil
	}
	declared, charset := x.Source, ""
	if i := strings.LastIndex(declared, " character set "); i >= 0 {
		charset, _, _ = strings.Cut(declared[i+len(" character set "):], " ")
		declared = declared[:i]
	}
	name := strings.ToLower(declared)
	if i := strings.IndexAny(name, "( "); i >= 0 {
		name = name[:i]
	}
	switch x.Type.Kind {
	case snapshot.Decimal:
		return fit{fmt.Sprintf("decimal(%d, %d)", x.Type.Precision, x.Type.Scale), 0, true}, nil
	case snapshot.Binary: // never a key (docs BINARY)
		if charset == "" && slices.Contains(blobs, name) {
			return fit{"varbinary", 0, false}, nil
		}
	case snapshot.String:
		if n := textLength(name, declared, charset); n > 0 {
			return fit{fmt.Sprintf("varchar(%d)", n), n, true}, nil
		}
	}
	return fit{}, fmt.Errorf("type %s: %w", x.Source, cluster.ErrUnsupported)
}

// widths are how many bytes of UTF-8 a character and a byte of text can become (RFC 3629; latin1 is cp1252, with the euro
// sign and other characters of three bytes in one). An ascii column takes any bytes and is carried as these.
var widths = map[string]struct{ character, bytes int }{
	"ascii": {1, 1}, "latin1": {3, 3}, "utf8": {3, 1}, "utf8mb3": {3, 1}, "utf8mb4": {4, 1}, "ucs2": {3, 2}, "utf16": {4, 2}, "utf16le": {4, 2}, "utf32": {4, 1},
}

// textLength is how long a text can become, in bytes of UTF-8; 0 for what is no text.
func textLength(name, declared, charset string) int {
	width, known := widths[charset]
	if !known {
		return texts[name]
	}
	if n, ok := longTexts[name]; ok {
		return min(n*width.bytes, maxVarchar)
	}
	begin, end := strings.IndexByte(declared, '('), strings.LastIndexByte(declared, ')')
	if begin < 0 || end < begin {
		return 0
	}
	switch arguments := declared[begin+1 : end]; name {
	case "char", "varchar":
		n, _ := strconv.Atoi(arguments)
		return max(n, 1) * width.character // of CHAR(0) there is the empty text only
	case "enum", "set":
		return len(arguments) // as one text, its quotes and commas included, no value is longer
	}
	return 0
}
