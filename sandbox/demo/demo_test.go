package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
	"starkeep/sandbox/fault"
	"starkeep/sandbox/streamload"
)

// small is enough for every kind of row.
var small = Sizes{Lineorders: 4_000, Customers: 50, Suppliers: 20, Parts: 60, Members: 500, Payments: 500}

func TestEveryGeneratedRowIsTakenByTheStrictLoad(t *testing.T) {
	t.Parallel()
	c := catalog.New("secret", 0)
	for _, name := range Databases {
		require.NoError(t, c.CreateDatabase(name, false, nil))
	}
	faults := &fault.Set{}
	var be *httptest.Server
	address := func() string { return strings.TrimPrefix(be.URL, "http://") }
	backend := streamload.NewBackend(c, faults, address)
	be = httptest.NewServer(backend)
	defer be.Close()
	fe := httptest.NewServer(&streamload.Frontend{Engine: c, Faults: faults, Backend: address})
	defer fe.Close()
	target := Target{HTTP: strings.TrimPrefix(fe.URL, "http://"), User: "root", Password: "secret"}
	for _, table := range tables {
		statement, err := dialect.Parse(table.ddl)
		require.NoError(t, err, table.name)
		require.NoError(t, c.CreateTable(statement.(*dialect.CreateTable)), table.name)
		require.NoError(t, target.load(context.Background(), table, small.withDefaults()), table.name)
	}
	target.Password = "wrong"
	require.Error(t, target.load(context.Background(), tables[0], small.withDefaults()))
}

// The text of a generation is frozen: a changed generator would make old proofs worthless.
func TestSameSeedGivesTheSameRowsInEveryRelease(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"dates": "f1e3c426c256ff99", "customer": "fa9e6a4d09c62d0f", "supplier": "34c4bb7ddc0d972a", "part": "7c50227769c5afc9", "lineorder": "bd88c382dbb27e03", "sr_member": "e5952f9e987459e5", "sr_pmc": "0ec1da85725bf69b",
	} {
		for _, table := range tables {
			if table.name != name {
				continue
			}
			h := sha256.New()
			_, err := io.Copy(h, table.body(small.withDefaults()))
			require.NoError(t, err)
			require.Equal(t, want, hex.EncodeToString(h.Sum(nil)[:8]), name)
		}
	}
}

func TestAnotherSeedGivesOtherRows(t *testing.T) {
	t.Parallel()
	other := small
	other.Seed = 2
	for _, table := range tables {
		if table.name == "dates" {
			continue // the calendar is what it is
		}
		first, err := io.ReadAll(table.body(small.withDefaults()))
		require.NoError(t, err)
		second, err := io.ReadAll(table.body(other.withDefaults()))
		require.NoError(t, err)
		require.NotEqual(t, first, second, table.name)
	}
}

func TestDefaultSizeIsHalfAMillionLineorders(t *testing.T) {
	t.Parallel()
	require.GreaterOrEqual(t, Sizes{}.withDefaults().Lineorders, 500_000)
}

func TestRowChecksumTellsFieldsAndNullApart(t *testing.T) {
	t.Parallel()
	row := func(values ...[]byte) uint64 {
		h := uint64(fnvOffset)
		for _, v := range values {
			h = hashValue(h, v)
		}
		return mix(h)
	}
	seen := map[uint64]bool{}
	for _, values := range [][][]byte{
		{[]byte("ab"), []byte("c")}, {[]byte("a"), []byte("bc")}, {[]byte("abc"), {}}, {{}, []byte("abc")}, {nil, []byte("abc")}, {{}}, {nil}, {{}, {}}, {nil, nil}, {{0}}, {{0, 0}},
	} {
		h := row(values...)
		require.False(t, seen[h], "%q", values)
		seen[h] = true
	}
	require.Equal(t, row([]byte("x"), nil), row([]byte("x"), nil))
}

func TestLoadAnswerOfHTTP200IsNotBelieved(t *testing.T) {
	t.Parallel()
	require.NoError(t, judge(200, []byte(`{"Status":"Success","NumberLoadedRows":3}`), 3))
	require.ErrorContains(t, judge(200, []byte(`{"Status":"Fail","Message":"too many filtered rows"}`), 3), "too many filtered rows")
	require.ErrorContains(t, judge(200, []byte(`{"Status":"Success","NumberLoadedRows":2}`), 3), "2 of 3 rows")
	require.ErrorContains(t, judge(502, []byte(`<html>`), 3), "502")
}
