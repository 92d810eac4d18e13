package sqlserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"sync"
	"time"

	sqle "github.com/dolthub/go-mysql-server"
	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/go-mysql-server/sql/types"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
	"starkeep/sandbox/value"
)

// engine runs the queries that the sandbox does not answer itself. There is one in the process, for the library keeps
// global state that a second one would write; which server is asked, the session tells.
var engine = sync.OnceValue(func() *sqle.Engine {
	e := sqle.NewDefault(provider{})
	e.Analyzer.Catalog.InfoSchema = informationSchema{}
	return e
})

// query starts a query of a session.
func (x *session) query(ctx context.Context, query string) (*sql.Context, sql.Schema, sql.RowIter, error) {
	query, err := x.expand(query)
	if err != nil {
		return nil, nil, nil, err
	}
	sc := sql.NewContext(ctx, sql.WithSession(x))
	if x.database != "" {
		sc.SetCurrentDatabase(x.database)
	}
	schema, rows, _, err := engine().Query(sc, query)
	return sc, schema, rows, err
}

// sessionOf returns the session of a context of the engine, nil when it asks on its own behalf.
func sessionOf(ctx *sql.Context) *session {
	x, _ := ctx.Session.(*session)
	return x
}

// provider shows the catalog of a session's server to the engine.
type provider struct{}

var _ sql.DatabaseProvider = provider{}

// Database implements sql.DatabaseProvider.
func (provider) Database(ctx *sql.Context, name string) (sql.Database, error) {
	x := sessionOf(ctx)
	if x == nil {
		return nil, sql.ErrDatabaseNotFound.New(name)
	}
	if d := systemSchema(name); d != nil {
		return d, nil
	}
	if _, err := x.server.catalog.DatabaseID(name); err != nil {
		return nil, err
	}
	return tables{x.server, name}, nil
}

// HasDatabase implements sql.DatabaseProvider.
func (p provider) HasDatabase(ctx *sql.Context, name string) bool {
	_, err := p.Database(ctx, name)
	return err == nil
}

// AllDatabases implements sql.DatabaseProvider.
func (provider) AllDatabases(ctx *sql.Context) (all []sql.Database) {
	if x := sessionOf(ctx); x != nil {
		for _, name := range x.server.catalog.Databases() {
			all = append(all, tables{x.server, name})
		}
	}
	return all
}

// tables is one database.
type tables struct {
	server *Server
	name   string
}

var _ sql.Database = tables{}

// Name implements sql.Database.
func (d tables) Name() string { return d.name }

// GetTableNames implements sql.Database.
func (d tables) GetTableNames(*sql.Context) ([]string, error) {
	var names []string
	for _, t := range d.server.catalog.Tables(d.name) {
		names = append(names, t.Name)
	}
	return names, nil
}

// GetTableInsensitive implements sql.Database. Names are compared as StarRocks does: exactly.
func (d tables) GetTableInsensitive(ctx *sql.Context, name string) (sql.Table, bool, error) {
	x := sessionOf(ctx)
	if x == nil {
		return nil, false, nil
	}
	hinted, ok := x.hints[name]
	if !ok {
		hinted.Table = dialect.ObjectName{Database: d.name, Name: name}
	}
	hinted.Table.Database = d.name
	scan := x.pinned
	if scan == nil {
		var err error
		if scan, err = x.read(ctx, hinted.Table, hinted.Hint); err != nil {
			return nil, false, err
		}
	}
	return newStored(d.name, name, scan), true, nil
}

// stored is a table of the catalog at the versions of a scan.
type stored struct {
	database, name string
	scan           *catalog.Scan
	schema         sql.Schema
}

var _ sql.Table = (*stored)(nil)

func newStored(database, name string, scan *catalog.Scan) *stored {
	t := &stored{database: database, name: name, scan: scan}
	for _, c := range scan.Columns {
		t.schema = append(t.schema, &sql.Column{Name: c.Name, Type: engineType(c.Type), Nullable: c.Nullable, Source: name, DatabaseSource: database})
	}
	return t
}

// text is the engine's type of strings. It compares byte by byte, as StarRocks does.
var text = types.CreateLongText(sql.Collation_utf8mb4_0900_bin)

func engineType(t dialect.Type) sql.Type {
	switch t.Name {
	case "BOOLEAN", "TINYINT":
		return types.Int8
	case "SMALLINT":
		return types.Int16
	case "INT":
		return types.Int32
	case "BIGINT":
		return types.Int64
	case "LARGEINT":
		return types.MustCreateDecimalType(40, 0)
	case "FLOAT":
		return types.Float32
	case "DOUBLE":
		return types.Float64
	case "DECIMAL":
		if t.Precision > types.DecimalTypeMaxPrecision {
			return text
		}
		return types.MustCreateDecimalType(uint8(t.Precision), uint8(t.Scale))
	case "DATE":
		return types.Date
	case "DATETIME":
		return types.DatetimeMaxPrecision
	case "VARBINARY":
		return types.LongBlob
	}
	return text
}

// Name implements sql.Table.
func (t *stored) Name() string { return t.name }

// String implements sql.Table.
func (t *stored) String() string { return t.name }

// Schema implements sql.Table.
func (t *stored) Schema() sql.Schema { return t.schema }

// Collation implements sql.Table.
func (t *stored) Collation() sql.CollationID { return sql.Collation_utf8mb4_0900_bin }

// whole is the only partition that the engine sees.
type whole struct{}

// Key implements sql.Partition.
func (whole) Key() []byte { return []byte("whole") }

// Partitions implements sql.Table.
func (t *stored) Partitions(*sql.Context) (sql.PartitionIter, error) {
	return sql.PartitionsToPartitionIter(whole{}), nil
}

// PartitionRows implements sql.Table.
func (t *stored) PartitionRows(*sql.Context, sql.Partition) (sql.RowIter, error) {
	next, stop := iter.Pull(t.scan.Rows())
	return &storedRows{table: t, next: next, stop: stop, values: make([][]byte, len(t.schema))}, nil
}

type storedRows struct {
	table  *stored
	next   func() (catalog.Row, bool)
	stop   func()
	values [][]byte
}

// Next implements sql.RowIter.
func (r *storedRows) Next(ctx *sql.Context) (sql.Row, error) {
	row, ok := r.next()
	if !ok {
		return nil, io.EOF
	}
	row.Values(r.values)
	out := make(sql.Row, len(r.values))
	for i, v := range r.values {
		if v == nil {
			continue
		}
		var err error
		if out[i], err = decode(ctx, r.table.scan.Columns[i].Type, r.table.schema[i].Type, v); err != nil {
			return nil, fmt.Errorf("decode column %s: %w", r.table.scan.Columns[i].Name, err)
		}
	}
	return out, nil
}

// Close implements sql.RowIter.
func (r *storedRows) Close(*sql.Context) error {
	r.stop()
	return nil
}

// decode turns a stored value into the engine's.
func decode(ctx *sql.Context, t dialect.Type, as sql.Type, v []byte) (any, error) {
	if !value.Plain(t) { // the engine knows what is printed
		if printed := value.Print(nil, t, v, value.Hex); printed != nil {
			return string(printed), nil
		}
		return nil, nil
	}
	s := string(v)
	switch t.Name {
	case "BOOLEAN", "TINYINT":
		n, err := strconv.ParseInt(s, 10, 8)
		return int8(n), err
	case "SMALLINT":
		n, err := strconv.ParseInt(s, 10, 16)
		return int16(n), err
	case "INT":
		n, err := strconv.ParseInt(s, 10, 32)
		return int32(n), err
	case "BIGINT":
		return strconv.ParseInt(s, 10, 64)
	case "FLOAT":
		f, err := strconv.ParseFloat(s, 32)
		return float32(f), err
	case "DOUBLE":
		return strconv.ParseFloat(s, 64)
	case "LARGEINT", "DECIMAL":
		if t.Precision > types.DecimalTypeMaxPrecision {
			return s, nil
		}
		n, _, err := as.Convert(ctx, s)
		return n, err
	case "DATE":
		return time.Parse(time.DateOnly, s)
	case "DATETIME":
		return time.Parse(time.DateTime, s) // reads a fraction too
	case "VARBINARY":
		return []byte(s), nil
	}
	return s, nil
}

// encode prints a value of the engine for a column of the catalog; nil is NULL.
func encode(ctx *sql.Context, t sql.Type, v any) ([]byte, error) {
	value, err := engineValue(ctx, t, v)
	if err != nil || value.IsNull() {
		return nil, err
	}
	if raw := value.Raw(); raw != nil {
		return raw, nil
	}
	return []byte{}, nil
}

// messageOf words an error of the engine as the server would.
func messageOf(err error) error {
	var own *catalog.Error
	if errors.As(err, &own) {
		return own
	}
	return catalog.Analyzing("%s", strings.TrimSuffix(err.Error(), "."))
}
