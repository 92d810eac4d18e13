package mysqldata

import (
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// Small makes n tables t_0… with a few rows each; one in eight is empty.
func Small(t testing.TB, db *sql.DB, database string, n int) {
	t.Helper()
	var statements []string
	for i := range n {
		statements = append(statements,
			fmt.Sprintf("CREATE TABLE t_%d (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL, made DATETIME(6), KEY (name))", i))
		if i%8 != 7 {
			statements = append(statements,
				fmt.Sprintf("INSERT INTO t_%d SELECT seq, CONCAT('row ', seq, ' of %d'), '2024-01-01' + INTERVAL seq SECOND FROM seq_1_to_%d", i, i, 1+i%20))
		}
	}
	Apply(t, db, database, statements)
}

// lineitem is the widest table of the TPC-H benchmark, with its types and primary key, and one secondary index.
const lineitem = `CREATE TABLE lineitem (
	l_orderkey BIGINT NOT NULL, l_partkey INT NOT NULL, l_suppkey INT NOT NULL, l_linenumber INT NOT NULL,
	l_quantity DECIMAL(15,2) NOT NULL, l_extendedprice DECIMAL(15,2) NOT NULL, l_discount DECIMAL(15,2) NOT NULL, l_tax DECIMAL(15,2) NOT NULL,
	l_returnflag CHAR(1) NOT NULL, l_linestatus CHAR(1) NOT NULL, l_shipdate DATE NOT NULL, l_commitdate DATE NOT NULL, l_receiptdate DATE NOT NULL,
	l_shipinstruct CHAR(25) NOT NULL, l_shipmode CHAR(10) NOT NULL, l_comment VARCHAR(44) NOT NULL,
	PRIMARY KEY (l_orderkey, l_linenumber), KEY l_shipdate (l_shipdate)
) DEFAULT CHARACTER SET utf8mb4`

// Lineitem makes the table lineitem with so many rows (6 million are 750 MB as TSV) over several connections at once. The
// rows depend on nothing but their number.
func Lineitem(t testing.TB, db *sql.DB, database string, rows, connections int) {
	t.Helper()
	Apply(t, db, database, []string{lineitem})
	Load(t, db, database, "lineitem", connections, func(part int, w io.Writer) error {
		return WriteLineitem(w, rows*part/connections, rows*(part+1)/connections)
	})
}

// Wide makes a table of so many rows of blobs, 200 KiB each on average, of bytes that nothing compresses and of text.
func Wide(t testing.TB, db *sql.DB, database string, rows int) {
	t.Helper()
	Apply(t, db, database, []string{"CREATE TABLE wide (id INT NOT NULL PRIMARY KEY, noise LONGBLOB NOT NULL, words LONGTEXT NOT NULL) DEFAULT CHARACTER SET utf8mb4"})
	Load(t, db, database, "wide", 1, func(_ int, w io.Writer) error {
		r := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // repeatable on purpose
		for id := range rows {
			line := strconv.AppendInt(nil, int64(id), 10)
			line = append(line, '\t')
			for range r.IntN(200 << 10) {
				if b := byte(r.Uint32()); b != '\t' && b != '\n' && b != '\\' {
					line = append(line, b)
				}
			}
			line = append(line, '\t')
			for range r.IntN(40 << 10) {
				line = append(append(line, words[r.IntN(len(words))]...), ' ')
			}
			if _, err := w.Write(append(line, '\n')); err != nil {
				return err
			}
		}
		return nil
	})
}

// Load runs LOAD DATA LOCAL of what write writes for each part, all parts at once. Rows are TSV as the server escapes it.
func Load(t testing.TB, db *sql.DB, database, table string, parts int, write func(part int, w io.Writer) error) {
	t.Helper()
	failed := make([]error, parts)
	var group sync.WaitGroup
	for part := range parts {
		group.Go(func() {
			read, w := io.Pipe()
			go func() { _ = w.CloseWithError(write(part, w)) }()
			name := fmt.Sprintf("%s/%s/%d", database, table, part)
			mysql.RegisterReaderHandler(name, func() io.Reader { return read })
			defer mysql.DeregisterReaderHandler(name)
			_, failed[part] = db.Exec(fmt.Sprintf("LOAD DATA LOCAL INFILE 'Reader::%s' INTO TABLE %s.%s CHARACTER SET binary",
				name, Quote(database), Quote(table)))
			_ = read.Close() // lets the writer go when the server did not read to the end
		})
	}
	group.Wait()
	for _, err := range failed {
		require.NoError(t, err)
	}
}

var words = []string{
	"furiously", "regular", "deposits", "sleep", "blithely", "final", "packages", "carefully", "ironic", "accounts", "haggle", "quickly",
	"express", "requests", "above", "the", "pending", "theodolites", "slyly", "even", "instructions", "bold", "foxes", "among",
}

var (
	instructions = []string{"DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"}
	modes        = []string{"REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"}
)

// WriteLineitem writes the rows from, inclusive, until to, exclusive, as TSV.
func WriteLineitem(w io.Writer, from, to int) error {
	buffer := make([]byte, 0, 256<<10)
	for n := from; n < to; n++ {
		buffer = appendLineitem(buffer, uint64(n)) //nolint:gosec // not negative
		if len(buffer) > 255<<10 {
			if _, err := w.Write(buffer); err != nil {
				return err
			}
			buffer = buffer[:0]
		}
	}
	_, err := w.Write(buffer)
	return err
}

// appendLineitem appends row n. Its numbers are drawn from n by a fixed mixing (splitmix64), so that any range of rows can
// be written without those before it.
func appendLineitem(b []byte, n uint64) []byte {
	draw := func(below uint64) uint64 { n += 0x9E3779B97F4A7C15; return mix(n) % below }
	number := func(v uint64) { b = append(strconv.AppendUint(b, v, 10), '\t') }
	cents := func(v uint64) {
		b = append(strconv.AppendUint(b, v/100, 10), '.', byte('0'+v/10%10), byte('0'+v%10), '\t')
	}
	order, line := n/4, n%4+1
	quantity := 1 + draw(50)
	number(order + 1)
	number(1 + draw(200_000))
	number(1 + draw(10_000))
	number(line)
	cents(quantity * 100)
	cents(quantity * (90_000 + draw(110_000)))
	cents(draw(11))
	cents(draw(9))
	b = append(b, "RAN"[draw(3)], '\t', "OF"[draw(2)], '\t')
	ship := int(draw(2500))                                                           //nolint:gosec // small
	for _, day := range []int{ship, ship + int(draw(60)), ship + 1 + int(draw(30))} { //nolint:gosec // small
		b = append(appendDay(b, day), '\t')
	}
	b = append(append(b, instructions[draw(4)]...), '\t')
	b = append(append(b, modes[draw(7)]...), '\t')
	start := len(b)
	for range 2 + draw(4) {
		b = append(append(b, words[draw(uint64(len(words)))]...), ' ')
	}
	if len(b)-start > 44 {
		b = b[:start+44]
	}
	for b[len(b)-1] == ' ' {
		b = b[:len(b)-1]
	}
	return append(b, '\n')
}

func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

// appendDay appends the day so many days after 1992-01-01, in months of 30 days: every one of them exists, and no time is
// spent on calendars (but for the 29th and 30th of February, which become the 28th).
func appendDay(b []byte, days int) []byte {
	year, month, day := 1992+days/360, 1+days/30%12, 1+days%30
	if month == 2 {
		day = min(day, 28)
	}
	return append(strconv.AppendInt(b, int64(year), 10), '-', byte('0'+month/10), byte('0'+month%10), '-', byte('0'+day/10), byte('0'+day%10))
}
