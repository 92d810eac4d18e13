package tests

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// unicodeData is the Unicode character database of Debian's package unicode-data, which make test installs.
const unicodeData = "/usr/share/unicode/UnicodeData.txt"

func TestEveryScriptOfTheWorldSurvives(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f, err := os.Open(unicodeData)
	require.NoError(t, err, "install the Debian package unicode-data (make test does)")
	defer func() { _ = f.Close() }()
	w.exec("CREATE DATABASE unicode",
		"CREATE TABLE unicode.characters (code INT NOT NULL, glyph VARCHAR(16), name STRING, line STRING) DUPLICATE KEY(code) DISTRIBUTED BY HASH(code) BUCKETS 8 PROPERTIES ('replication_num' = '1')")
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, s.Text())
	}
	require.Greater(t, len(lines), 30000)
	w.insert("unicode.characters", len(lines), func(i int) string {
		fields := strings.Split(lines[i], ";")
		code, err := strconv.ParseInt(fields[0], 16, 32)
		require.NoError(t, err)
		return fmt.Sprintf("(%d, %s, %s, %s)", code, quote(string(rune(code))), quote(fields[1]), quote(lines[i]))
	})
	w.createRepository()
	before := w.prove("unicode", "characters")
	require.Equal(t, int64(len(lines)), before.Rows)
	w.sql("BACKUP DATABASE unicode SNAPSHOT u TO repo")
	w.exec("DROP DATABASE unicode FORCE")
	w.sql("RESTORE SNAPSHOT u FROM repo DATABASE unicode")
	require.Equal(t, before, w.prove("unicode", "characters"))
}

func TestRandomBytesInEveryStringTypeSurvive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("CREATE DATABASE raw",
		"CREATE TABLE raw.bytes (id INT NOT NULL, c CHAR(200), v VARCHAR(300), s STRING, b VARBINARY, j JSON) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 3 PROPERTIES ('replication_num' = '1')",
		// One column of one kind, where a blank row could get lost.
		"CREATE TABLE raw.single (s VARCHAR(20)) DUPLICATE KEY(s) DISTRIBUTED BY HASH(s) BUCKETS 2 PROPERTIES ('replication_num' = '1')")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	special := []string{`\N`, "", "NULL", "null", `"`, `""`, `'`, `\`, "\t", "\n", "\r\n", ",", "\x00", "\xff\xfe", "\\\\N", `\"`, " ", "\xed\xa0\x80"}
	value := func() string {
		switch r.IntN(5) {
		case 0:
			return "NULL"
		case 1:
			return hexLiteral(special[r.IntN(len(special))])
		}
		b := make([]byte, r.IntN(120))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return hexLiteral(string(b))
	}
	w.insert("raw.bytes", 2000, func(i int) string {
		return fmt.Sprintf("(%d, %s, %s, %s, %s, '{\"k\": \"%d é \\\\\\\\ \\\\\"\"}')", i, value(), value(), value(), value(), i)
	})
	w.insert("raw.single", 400, func(int) string {
		if r.IntN(4) == 0 {
			return "(NULL)"
		}
		return "(" + hexLiteral(special[r.IntN(len(special))]) + ")"
	})
	w.createRepository()
	before := w.proveAll("raw")
	w.sql("BACKUP DATABASE raw SNAPSHOT r TO repo")
	w.exec("DROP DATABASE raw FORCE")
	w.sql("RESTORE SNAPSHOT r FROM repo DATABASE raw")
	require.Equal(t, before, w.proveAll("raw"))
}

func TestExtremesOfEveryScalarTypeSurvive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec("CREATE DATABASE scalar",
		"CREATE TABLE scalar.extremes (id INT NOT NULL, b BOOLEAN, t TINYINT, s SMALLINT, i INT, l BIGINT, g LARGEINT, f FLOAT, d DOUBLE, "+
			"n9 DECIMAL(9,2), n18 DECIMAL(18,6), n38 DECIMAL(38,10), dt DATE, ts DATETIME) DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 2 PROPERTIES ('replication_num' = '1')",
		"INSERT INTO scalar.extremes VALUES "+
			"(1, true, -128, -32768, -2147483648, -9223372036854775808, '-170141183460469231731687303715884105728', 1e-38, 1.7976931348623157e308, -9999999.99, -999999999999.999999, '-9999999999999999999999999999.9999999999', '0000-01-01', '0000-01-01 00:00:00'), "+
			"(2, false, 127, 32767, 2147483647, 9223372036854775807, '170141183460469231731687303715884105727', 3.4028235e38, 5e-324, 9999999.99, 999999999999.999999, '9999999999999999999999999999.9999999999', '9999-12-31', '9999-12-31 23:59:59.999999'), "+
			"(3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), "+
			"(4, true, 0, 0, 0, 0, '0', 0.1, 0.1, 0, 0, '0', '1970-01-01', '2024-02-29 12:34:56.000001')")
	w.createRepository()
	before := w.prove("scalar", "extremes")
	w.sql("BACKUP DATABASE scalar SNAPSHOT x TO repo")
	w.exec("DROP DATABASE scalar FORCE")
	w.sql("RESTORE SNAPSHOT x FROM repo DATABASE scalar")
	require.Equal(t, before, w.prove("scalar", "extremes"))
}

func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}

// hexLiteral writes bytes so that no layer between here and the table touches them.
func hexLiteral(s string) string { return fmt.Sprintf("unhex('%X')", s) }
