package mysql

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// loadSettings come on top of the settings of every session. Not STRICT: a load must bring no warning at all, which is
// more than STRICT asks (it lets notes pass: digits that were cut), and unlike it tells the one warning that is due, for
// the error value of an ENUM. Constraints hold for what is restored as far as they held where it comes from.
// unique_checks stays on: without it MariaDB loads the first rows of an empty table under a lock on the whole of it.
const loadSettings = "SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION', autocommit = 1" +
	"/*M! , check_constraint_checks = 0 */"

// loads is the table, one in a database, that remembers which labels were loaded into which table, as long as that one is
// a shadow or a temporary partition.
const loads = ours + "loads"

// dropLoads forgets the labels of tables, when they are dropped or have become live, and with the last label the table of
// labels.
func dropLoads(ctx context.Context, c *Cluster, database string, tables ...string) error {
	err := c.dropLoads(ctx, database, tables)
	if err != nil && !errors.Is(err, cluster.ErrUnknownDatabase) && !errors.Is(err, cluster.ErrUnknownTable) {
		return fmt.Errorf("forget labels of %s.%s: %w", database, strings.Join(tables, ", "), err)
	}
	return nil
}

func (c *Cluster) dropLoads(ctx context.Context, database string, tables []string) error {
	name, err := qualified(database, loads)
	if err != nil {
		return err
	}
	keys := make([]string, len(tables))
	for i, t := range tables {
		keys[i] = strconv.FormatInt(identity(t), 10)
	}
	if err := c.exec(ctx, "DELETE FROM "+name+" WHERE target IN ("+strings.Join(keys, ", ")+")"); err != nil {
		return err
	}
	// A label that is not committed yet is waited for. One that comes between these two statements is lost: nothing of a
	// job loads any more when it drops or publishes, and rows that a straggler loads twice are found by their number.
	left, err := c.query(ctx, "SELECT 1 FROM "+name+" LIMIT 1 LOCK IN SHARE MODE")
	if err != nil || len(left) > 0 {
		return err
	}
	return c.exec(ctx, "DROP TABLE IF EXISTS "+name)
}

// Load loads rows in one transaction with their label, by LOAD DATA LOCAL or, where the server does not allow it, by INSERT.
// Tables without transactions take rows one by one: there the label says that a load has begun, and a load that broke off
// cannot be repeated.
func (c *Cluster) Load(ctx context.Context, r cluster.LoadRequest) (cluster.LoadResult, error) {
	table := r.Table
	switch len(r.Temporary) {
	case 0:
	case 1:
		table = temporaryTable(r.Temporary[0])
	default:
		return cluster.LoadResult{}, fmt.Errorf("load into %d temporary partitions at once: %w", len(r.Temporary), cluster.ErrUnsupported)
	}
	result, err := c.load(ctx, r, table)
	if err != nil {
		return cluster.LoadResult{}, fmt.Errorf("load into %s.%s: %w", r.Database, table, err)
	}
	return result, nil
}

func (c *Cluster) load(ctx context.Context, r cluster.LoadRequest, table string) (cluster.LoadResult, error) {
	s, _, err := c.dial(ctx)
	if err != nil {
		return cluster.LoadResult{}, err
	}
	defer func() { _ = s.Close() }() // ends the transaction, if it is still open
	if err := s.Exec(ctx, loadSettings); err != nil {
		return cluster.LoadResult{}, explain(ctx, err)
	}
	l, err := newLoader(ctx, s, r, table)
	if err != nil {
		return cluster.LoadResult{}, c.which(ctx, r.Database, err)
	}
	repeated, err := l.begin(ctx)
	if err != nil || repeated {
		return cluster.LoadResult{Rows: -1, Repeated: repeated}, err
	}
	n, err := l.rows(ctx)
	if err != nil {
		return cluster.LoadResult{}, err
	}
	return cluster.LoadResult{Rows: n}, l.commit(ctx)
}

// loader is one load on a session of its own.
type loader struct {
	session       *wire.Session
	request       cluster.LoadRequest
	table         string // quoted
	target        int64  // its identity
	loads         string // quoted
	targets       []record
	escaped       []bool // columns whose text may hold what separates fields and lines: not numbers and times
	transactional bool

	errorValues uint64 // rows of ENUM columns whose error value was written: a warning each
	warnings    uint64
}

func newLoader(ctx context.Context, s *wire.Session, r cluster.LoadRequest, table string) (*loader, error) {
	l := &loader{session: s, request: r, target: identity(table), escaped: needEscapes(r.Columns)}
	var err error
	if l.table, err = qualified(r.Database, table); err != nil {
		return nil, err
	}
	if l.loads, err = qualified(r.Database, loads); err != nil {
		return nil, err
	}
	where := " WHERE TABLE_SCHEMA = " + literal(r.Database) + " AND TABLE_NAME = " + literal(table)
	found, err := records(ctx, s, "SELECT TRANSACTIONS FROM information_schema.TABLES JOIN information_schema.ENGINES USING (ENGINE)"+where)
	if err != nil {
		return nil, explain(ctx, err)
	}
	if len(found) == 0 {
		return nil, l.absent(ctx)
	}
	l.transactional = found[0]["transactions"] == "YES"
	columns, err := records(ctx, s, "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS"+where)
	if err != nil {
		return nil, explain(ctx, err)
	}
	for _, c := range r.Columns {
		i := slices.IndexFunc(columns, func(x record) bool { return x["column_name"] == c.Name })
		if i < 0 {
			return nil, fmt.Errorf("no column %s: %w", c.Name, cluster.ErrRejected)
		}
		l.targets = append(l.targets, columns[i])
	}
	return l, nil
}

func needEscapes(columns []snapshot.Column) []bool {
	list := make([]bool, len(columns))
	for i, c := range columns {
		list[i] = !slices.Contains(numbersAndTimes, c.Type.Kind)
	}
	return list
}

var numbersAndTimes = []snapshot.Kind{snapshot.Boolean, snapshot.Int8, snapshot.Int16, snapshot.Int32, snapshot.Int64, snapshot.Int128,
	snapshot.Float32, snapshot.Float64, snapshot.Decimal, snapshot.Date, snapshot.Datetime}

// absent asks for the table itself: it is the server's word that tells a missing table from one that cannot be seen.
func (l *loader) absent(ctx context.Context) error {
	if err := l.session.Exec(ctx, "SELECT 1 FROM "+l.table+" LIMIT 0"); err != nil {
		return explain(ctx, err)
	}
	return fmt.Errorf("its engine is not told: %w", cluster.ErrUnsupported)
}

const duplicateKey = 1062

// begin writes the label. An attempt with the same label that is under way holds its row locked, so this one waits until
// that is decided.
func (l *loader) begin(ctx context.Context) (repeated bool, err error) {
	if l.transactional {
		if err := l.session.Exec(ctx, "START TRANSACTION"); err != nil {
			return false, explain(ctx, err)
		}
	}
	insert := fmt.Sprintf("INSERT INTO %s (target, label, done) VALUES (%d, %s, %d)", l.loads, l.target, literal(l.request.Label), btoi(l.transactional))
	err = l.session.Exec(ctx, insert)
	if errors.Is(explain(ctx, err), cluster.ErrUnknownTable) {
		// Creating it ends the transaction, in which nothing has been done yet.
		create := "CREATE TABLE IF NOT EXISTS " + l.loads + " (target BIGINT, label VARBINARY(512), done TINYINT NOT NULL, PRIMARY KEY (target, label)) ENGINE=InnoDB"
		if err := l.session.Exec(ctx, create); err != nil {
			return false, fmt.Errorf("create table of labels: %w", explain(ctx, err))
		}
		return l.begin(ctx)
	}
	if isNumber(err, duplicateKey) {
		return true, l.loaded(ctx)
	}
	return false, explain(ctx, err)
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// loaded fails when a label stands for a load that has begun and not ended.
func (l *loader) loaded(ctx context.Context) error {
	found, err := records(ctx, l.session, "SELECT done FROM "+l.loads+l.own())
	if err != nil {
		return explain(ctx, err)
	}
	if len(found) == 1 && found[0]["done"] == "0" {
		return fmt.Errorf("an earlier attempt broke off, and the table keeps the rows it had loaded, since its engine has no transactions; "+
			"only building it anew helps: %w", cluster.ErrRejected)
	}
	return nil
}

// own selects the label of this load.
func (l *loader) own() string {
	return fmt.Sprintf(" WHERE target = %d AND label = %s", l.target, literal(l.request.Label))
}

func (l *loader) commit(ctx context.Context) error {
	statement := "COMMIT"
	if !l.transactional {
		statement = "UPDATE " + l.loads + " SET done = 1" + l.own()
	}
	if err := l.session.Exec(ctx, statement); err != nil {
		return fmt.Errorf("commit: %w", explain(ctx, err))
	}
	return nil
}

// noLocalFile are answers to LOAD DATA LOCAL of servers that do not allow it, before they take a byte.
var noLocalFile = []uint16{
	1148, // the command is not allowed with this version (MySQL 5.7, MariaDB before 10.5)
	3948, // loading local data is disabled (MySQL 8)
	4166, // the same (MariaDB 10.5 and newer)
}

// rows loads the rows by the faster of two ways that the server allows, and checks that it took each as it was.
func (l *loader) rows(ctx context.Context) (int64, error) {
	n, err := l.byFile(ctx)
	if isNumber(err, noLocalFile...) {
		n, err = l.byInsert(ctx)
	}
	if err == nil && min(l.warnings, maxWarnings) != min(l.errorValues, maxWarnings) {
		err = l.refused(ctx)
	}
	if isNumber(err, rejections...) {
		err = fmt.Errorf("%w: %w", cluster.ErrRejected, err)
	}
	return n, explain(ctx, err)
}

// maxWarnings is the most that the protocol can tell.
const maxWarnings = 1<<16 - 1

// rejections are answers to rows that no repetition makes acceptable.
var rejections = []uint16{
	1048,         // NULL in a column without NULLs
	duplicateKey, //
	1118, 1153,   // row, or packet, too large
	1216, 1217, // foreign key
	1261, 1262, // too few or too many fields
	1264, 1265, 1292, // out of range, truncated, not of the type
	1300, 1366, // not in the character set
	1364, 1406, // no default, too long
	1416,       // not a geometry
	1451, 1452, // foreign key
	1526, 1591, 1748, // no partition for the row
	1690,       // out of range
	3140, 3144, // JSON
	3819, 4025, // CHECK of MySQL, of MariaDB
}

// refused tells what the server did to the rows other than taking them as they were.
func (l *loader) refused(ctx context.Context) error {
	found, err := records(ctx, l.session, "SHOW WARNINGS LIMIT 3")
	if err != nil {
		return err
	}
	var reasons []string
	for _, r := range found {
		reasons = append(reasons, r["code"]+" "+r["message"])
	}
	return fmt.Errorf("the server changed values (%d warnings, %d are due): %s: %w", l.warnings, l.errorValues, strings.Join(reasons, "; "), cluster.ErrRejected)
}

// file is the statement that loads a file. Its character set is binary: every byte is what it is, whatever the column.
func (l *loader) file() string {
	fields := make([]string, len(l.request.Columns))
	var set []string
	for i, c := range l.request.Columns {
		fields[i] = quoted(c.Name)
		if viaText(c, l.targets[i]) {
			fields[i] = fmt.Sprintf("@v%d", i)
			set = append(set, fmt.Sprintf("%s = CONVERT(@v%d USING utf8mb4)", quoted(c.Name), i))
		}
	}
	statement := "LOAD DATA LOCAL INFILE 'rows' INTO TABLE " + l.table + " CHARACTER SET binary FIELDS TERMINATED BY '\\t' ESCAPED BY '\\\\' " +
		"LINES TERMINATED BY '\\n' (" + strings.Join(fields, ", ") + ")"
	if len(set) > 0 {
		statement += " SET " + strings.Join(set, ", ")
	}
	return statement
}

func (l *loader) byFile(ctx context.Context) (int64, error) {
	var sent int64
	outcome, err := l.session.Load(ctx, l.file(), func(w io.Writer) error {
		var text []byte
		return l.batches(func(b *snapshot.Batch) error {
			text = l.lines(text[:0], b)
			sent += int64(b.Rows())
			_, err := w.Write(text)
			return err
		})
	})
	if err != nil {
		return 0, err
	}
	l.warnings = uint64(outcome.Warnings)
	if outcome.Affected != uint64(sent) { //nolint:gosec // a count
		return 0, fmt.Errorf("%d rows were sent and %d taken: %w", sent, outcome.Affected, cluster.ErrRejected)
	}
	return sent, nil
}

// batches opens the rows and hands them on.
func (l *loader) batches(f func(*snapshot.Batch) error) error {
	rows, err := l.request.Open()
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // everything was read, or the error is another
	b := snapshot.NewBatch(len(l.request.Columns))
	for {
		switch err := rows.Next(b); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if len(b.Columns) != len(l.request.Columns) {
			return fmt.Errorf("rows of %d columns where %d are named", len(b.Columns), len(l.request.Columns))
		}
		l.countErrorValues(b)
		if err := f(b); err != nil {
			return err
		}
	}
}

func (l *loader) countErrorValues(b *snapshot.Batch) {
	for j, t := range l.targets {
		if !strings.EqualFold(t["data_type"], "enum") {
			continue
		}
		zero := errorValue(t["column_type"])
		v := &b.Columns[j]
		for i := range v.Len() {
			if !v.Null[i] && string(v.Value(i)) == zero {
				l.errorValues++
			}
		}
	}
}

// lines appends the rows of a batch as lines of a file.
func (l *loader) lines(dst []byte, b *snapshot.Batch) []byte {
	last := len(b.Columns) - 1
	for i := range b.Rows() {
		for j := range b.Columns {
			v := &b.Columns[j]
			switch {
			case v.Null[i]:
				dst = append(dst, '\\', 'N')
			case l.escaped[j]:
				dst = appendField(dst, v.Value(i))
			default:
				dst = append(dst, v.Value(i)...)
			}
			if j == last {
				dst = append(dst, '\n')
			} else {
				dst = append(dst, '\t')
			}
		}
	}
	return dst
}
