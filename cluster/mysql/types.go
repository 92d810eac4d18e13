package mysql

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// kinds of the types whose declaration says no more. A table with any other type is ErrUnsupported, by name.
var kinds = map[string]snapshot.Kind{
	"float": snapshot.Float64, "double": snapshot.Float64, // a FLOAT is read as DOUBLE: its own text has 6 digits only
	"date": snapshot.Date, "datetime": snapshot.Datetime, "timestamp": snapshot.Datetime,
	"time": snapshot.String, // -838:59:59 .. 838:59:59
	"year": snapshot.String, // 0000 is a year of its own, not 0
	"json": snapshot.JSON,
	"char": snapshot.String, "varchar": snapshot.String, "enum": snapshot.String, "set": snapshot.String,
	"tinytext": snapshot.String, "text": snapshot.String, "mediumtext": snapshot.String, "longtext": snapshot.String,
	"inet4": snapshot.String, "inet6": snapshot.String, "uuid": snapshot.String, // MariaDB
	"binary": snapshot.Binary, "varbinary": snapshot.Binary, "bit": snapshot.Binary,
	"tinyblob": snapshot.Binary, "blob": snapshot.Binary, "mediumblob": snapshot.Binary, "longblob": snapshot.Binary,
	"geometry": snapshot.Binary, "point": snapshot.Binary, "linestring": snapshot.Binary, "polygon": snapshot.Binary,
	"multipoint": snapshot.Binary, "multilinestring": snapshot.Binary, "multipolygon": snapshot.Binary,
	"geometrycollection": snapshot.Binary, "geomcollection": snapshot.Binary, // MySQL 8 calls it the second
}

// integers are the kinds of signed and unsigned integers.
var integers = map[string][2]snapshot.Kind{
	"tinyint":   {snapshot.Int8, snapshot.Int16},
	"smallint":  {snapshot.Int16, snapshot.Int32},
	"mediumint": {snapshot.Int32, snapshot.Int32},
	"int":       {snapshot.Int32, snapshot.Int64},
	"bigint":    {snapshot.Int64, snapshot.Int128},
}

// unicode are the character sets whose text comes over a connection of utf8mb4 unchanged, or changed in a way that has
// one way back: all 256 bytes of latin1 have a character (it is cp1252 with the gaps filled, MySQL "West European
// Character Sets"). Text in others is carried as the bytes that are stored.
var unicode = []string{"utf8mb4", "utf8mb3", "utf8", "ascii", "latin1", "ucs2", "utf16", "utf16le", "utf32"}

// maxDecimal is the precision from which decimals are carried as text.
const maxDecimal = 38

// columnType maps a row of information_schema.columns.
func columnType(r record) (snapshot.Type, error) {
	name, declared := strings.ToLower(r["data_type"]), strings.ToLower(r["column_type"])
	if k, ok := integers[name]; ok {
		if strings.Contains(declared, "unsigned") {
			return snapshot.Type{Kind: k[1]}, nil
		}
		return snapshot.Type{Kind: k[0]}, nil
	}
	if name == "decimal" {
		return decimalType(r)
	}
	kind, ok := kinds[name]
	if !ok {
		return snapshot.Type{}, fmt.Errorf("type %s: %w", r["column_type"], cluster.ErrUnsupported)
	}
	if kind == snapshot.String && r["character_set_name"] != "" && !slices.Contains(unicode, r["character_set_name"]) {
		kind = snapshot.Binary
	}
	return snapshot.Type{Kind: kind}, nil
}

func decimalType(r record) (snapshot.Type, error) {
	precision, err := strconv.Atoi(r["numeric_precision"])
	if err != nil {
		return snapshot.Type{}, fmt.Errorf("read precision: %w", err)
	}
	scale, err := strconv.Atoi(r["numeric_scale"])
	if err != nil {
		return snapshot.Type{}, fmt.Errorf("read scale: %w", err)
	}
	if precision > maxDecimal {
		return snapshot.Type{Kind: snapshot.String}, nil
	}
	return snapshot.Type{Kind: snapshot.Decimal, Precision: precision, Scale: scale}, nil
}

// source is a column's own type text; texts name their character set, which their bytes mean nothing without.
func source(r record) string {
	if r["character_set_name"] == "" {
		return r["column_type"]
	}
	return r["column_type"] + " character set " + r["character_set_name"] + " collate " + r["collation_name"]
}

// computed tells whether the server computes a column, so that it cannot be loaded: MariaDB and MySQL write VIRTUAL
// GENERATED and STORED GENERATED into EXTRA, and for an expression as default value DEFAULT_GENERATED (MySQL), which is
// loaded like any other.
func computed(r record) bool {
	extra := strings.ToUpper(r["extra"])
	return strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "STORED GENERATED") || strings.Contains(extra, "PERSISTENT")
}

// column describes a row of information_schema.columns.
func column(r record) (snapshot.Column, error) {
	t, err := columnType(r)
	if err != nil {
		return snapshot.Column{}, fmt.Errorf("column %s: %w", r["column_name"], err)
	}
	return snapshot.Column{
		Name: r["column_name"], Type: t, Source: source(r), Nullable: r["is_nullable"] == "YES", Key: r["column_key"] == "PRI",
	}, nil
}
