package sqlserver

import (
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"
	"github.com/dolthub/vitess/go/sqltypes"
	querypb "github.com/dolthub/vitess/go/vt/proto/query"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
	"starkeep/sandbox/value"
)

type result = sqltypes.Result

// discard takes a result that nobody will see.
func discard(*result, bool) error { return nil }

// Character sets of columns: 33 is utf8, 63 is binary.
const (
	utf8   = 33
	binary = 63
)

func field(name string, t querypb.Type) *querypb.Field {
	f := &querypb.Field{Name: name, Type: t, Charset: binary, ColumnLength: 64}
	if sqltypes.IsText(t) || sqltypes.IsQuoted(t) && t != sqltypes.Blob {
		f.Charset = utf8
	}
	return f
}

// wireTypes are the type bytes of StarRocks (fe:mysql/MysqlCodec); what is missing is sent as STRING.
var wireTypes = map[string]querypb.Type{
	"BOOLEAN": sqltypes.Int8, "TINYINT": sqltypes.Int8, "SMALLINT": sqltypes.Int16, "INT": sqltypes.Int32, "BIGINT": sqltypes.Int64,
	"FLOAT": sqltypes.Float32, "DOUBLE": sqltypes.Float64, "DECIMAL": sqltypes.Decimal, "DATE": sqltypes.Date, "DATETIME": sqltypes.Datetime,
	"VARCHAR": sqltypes.VarChar, "VARBINARY": sqltypes.Blob,
}

func columnField(c dialect.Column) *querypb.Field {
	t, ok := wireTypes[c.Type.Name]
	if !ok {
		t = sqltypes.Char
	}
	return field(c.Name, t)
}

// ok answers a statement without rows.
func ok(callback mysql.ResultSpoolFn, affected int64) error {
	return callback(&result{RowsAffected: uint64(affected)}, false)
}

// rows answers with text columns. A cell is a string, a number, a time or nil.
func rows(callback mysql.ResultSpoolFn, columns []string, cells [][]any) error {
	res := &result{}
	for _, name := range columns {
		res.Fields = append(res.Fields, field(name, sqltypes.VarChar))
	}
	for _, row := range cells {
		values := make([]sqltypes.Value, len(columns))
		for i, cell := range row {
			values[i] = cellValue(cell)
		}
		res.Rows = append(res.Rows, values)
	}
	return callback(res, false)
}

func cellValue(cell any) sqltypes.Value {
	switch v := cell.(type) {
	case nil:
		return sqltypes.NULL
	case string:
		return sqltypes.MakeTrusted(sqltypes.VarChar, []byte(v))
	case int64:
		return sqltypes.MakeTrusted(sqltypes.VarChar, strconv.AppendInt(nil, v, 10))
	case int:
		return sqltypes.MakeTrusted(sqltypes.VarChar, strconv.AppendInt(nil, int64(v), 10))
	case bool:
		return sqltypes.MakeTrusted(sqltypes.VarChar, strconv.AppendBool(nil, v))
	case time.Time:
		return sqltypes.MakeTrusted(sqltypes.VarChar, v.In(shanghai).AppendFormat(nil, time.DateTime))
	}
	return sqltypes.NULL
}

// shanghai is the zone of the times in SHOW statements, whatever the cluster's or the session's is (fe:common/util/TimeUtils).
var shanghai = time.FixedZone("UTC+8", 8*3600)

// scanBatch is how many rows are handed to the connection at once.
const scanBatch = 512

// sendScan sends the rows of a scan; columns are indexes into its columns. Nothing is allocated per row of plain types.
func sendScan(callback mysql.ResultSpoolFn, s *catalog.Scan, columns []int, limit int64, binary value.Encoding) error {
	res := &result{Rows: make([][]sqltypes.Value, 0, scanBatch)}
	for _, c := range columns {
		res.Fields = append(res.Fields, columnField(s.Columns[c]))
	}
	if err := callback(res, true); err != nil {
		return err
	}
	width := len(columns)
	backing := make([]sqltypes.Value, scanBatch*width)
	values := make([][]byte, len(s.Columns))
	for row := range s.Rows() {
		if limit == 0 {
			break
		}
		limit--
		row.Values(values)
		n := len(res.Rows)
		out := backing[n*width : (n+1)*width]
		for i, c := range columns {
			v := values[c]
			if t := s.Columns[c].Type; !value.Plain(t) {
				v = value.Print(nil, t, v, binary)
			}
			if out[i] = sqltypes.NULL; v != nil {
				out[i] = sqltypes.MakeTrusted(res.Fields[i].Type, v)
			}
		}
		res.Rows = append(res.Rows, out)
		if len(res.Rows) == scanBatch {
			if err := callback(res, true); err != nil {
				return err
			}
			res.Rows = res.Rows[:0]
		}
	}
	return callback(res, false)
}

// sendIter sends what the engine computed.
func sendIter(ctx *sql.Context, callback mysql.ResultSpoolFn, schema sql.Schema, iter sql.RowIter, limit int64) (err error) {
	defer func() { err = errors.Join(err, iter.Close(ctx)) }()
	if len(schema) == 0 || isOK(schema) {
		return drain(ctx, callback, iter)
	}
	res := &result{}
	for _, c := range schema {
		res.Fields = append(res.Fields, field(c.Name, c.Type.Type()))
	}
	for sent := int64(0); sent < limit; sent++ {
		row, err := iter.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		values := make([]sqltypes.Value, len(row))
		for i, v := range row {
			if values[i], err = engineValue(ctx, schema[i].Type, v); err != nil {
				return err
			}
		}
		if res.Rows = append(res.Rows, values); len(res.Rows) == scanBatch {
			if err := callback(res, true); err != nil {
				return err
			}
			res.Rows = nil
		}
	}
	return callback(res, false)
}

func isOK(schema sql.Schema) bool {
	return len(schema) == 1 && schema[0].Name == "__ok_result__"
}

// drain runs a statement that has no rows.
func drain(ctx *sql.Context, callback mysql.ResultSpoolFn, iter sql.RowIter) error {
	for {
		if _, err := iter.Next(ctx); errors.Is(err, io.EOF) {
			return ok(callback, 0)
		} else if err != nil {
			return err
		}
	}
}

// engineValue prints a value of the engine as StarRocks prints values of that type.
func engineValue(ctx *sql.Context, t sql.Type, v any) (sqltypes.Value, error) {
	switch x := v.(type) {
	case nil:
		return sqltypes.NULL, nil
	case string:
		return sqltypes.MakeTrusted(t.Type(), []byte(x)), nil
	case []byte:
		return sqltypes.MakeTrusted(t.Type(), x), nil
	case float32:
		return sqltypes.MakeTrusted(t.Type(), value.AppendFloat(nil, float64(x), 32)), nil
	case float64:
		return sqltypes.MakeTrusted(t.Type(), value.AppendFloat(nil, x, 64)), nil
	case time.Time:
		layout := time.DateTime
		switch {
		case t.Type() == sqltypes.Date:
			layout = time.DateOnly
		case x.Nanosecond() != 0:
			layout = "2006-01-02 15:04:05.000000"
		}
		return sqltypes.MakeTrusted(t.Type(), x.AppendFormat(nil, layout)), nil
	}
	return t.SQL(ctx, nil, v)
}

func sendCount(callback mysql.ResultSpoolFn, heading string, n, limit int64) error {
	res := &result{Fields: []*querypb.Field{field(heading, sqltypes.Int64)}}
	if limit > 0 {
		res.Rows = append(res.Rows, []sqltypes.Value{sqltypes.NewInt64(n)})
	}
	return callback(res, false)
}

func formatInt(n int64) string { return strconv.FormatInt(n, 10) }
