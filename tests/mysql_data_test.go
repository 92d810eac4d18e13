package tests

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
)

func TestMySQLBankInvariantHoldsInTheCopy(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	name := m.database("bank")
	bank := mysqldata.NewBank(t, m.server.DB(), name)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- bank.Run(ctx, 4) }()
	m.await("transfers", func() bool { return bank.Transfers() > 50 })
	first := bank.Transfers()
	out := m.on("BACKUP DATABASE " + name + ` SNAPSHOT moving TO repo PROPERTIES ("consistency" = "database")`)
	last := bank.Transfers()
	cancel()
	require.NoError(t, <-done)
	require.Greater(t, last, first, "somebody wrote meanwhile")
	require.Contains(t, out, "consistent per database")
	require.Contains(t, out, "writers waited ")
	details := m.details("moving")
	require.Regexp(t, `(?s)"point": \{\s+"binlog_file": "binlog\.\d+",\s+"binlog_position": \d+,.*"lock": ".+",\s+"locked_ns": \d+\s+\}`, details)
	copied := m.name("copy")
	m.on("RESTORE SNAPSHOT moving FROM repo DATABASE " + name + " AS " + copied)
	transfers := mysqldata.CheckBank(t, m.server.DB(), copied)
	require.GreaterOrEqual(t, transfers, first, "the view is not older than the job")
	require.LessOrEqual(t, transfers, last+8) // committed and not yet counted
}

func TestMySQLFiveHundredTablesComeBack(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	name := m.database("many")
	mysqldata.Small(t, m.server.DB(), name, 500)
	before := m.digest(name)
	begin := time.Now()
	m.on("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	backup := time.Since(begin)
	m.server.Drop(t, name)
	begin = time.Now()
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	t.Logf("500 tables: backup %v, restore %v", backup.Round(time.Millisecond), time.Since(begin).Round(time.Millisecond))
	m.requireSame(before, name)
}

const randomTables = 200 // of one database

// TestRandomMySQLTablesComeBack takes its seed from STARKEEP_SEED, to repeat what failed, and otherwise from the clock. It
// goes on with the next seeds for the time STARKEEP_SOAK; without it one database is enough.
func TestRandomMySQLTablesComeBack(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any number will do
	if text := os.Getenv("STARKEEP_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	var soak time.Duration
	if text := os.Getenv("STARKEEP_SOAK"); text != "" {
		var err error
		soak, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	m := newMaria(t, mariadb.Shared(t))
	for round, until := 0, time.Now().Add(soak); ; round++ {
		m.randomRound(fmt.Sprintf("random%d", round), seed)
		seed += randomTables
		if !time.Now().Before(until) {
			return
		}
	}
}

func (m *maria) randomRound(name string, seed uint64) {
	m.t.Helper()
	m.t.Logf("STARKEEP_SEED=%d", seed)
	name = m.database(name)
	for i := range uint64(randomTables) {
		mysqldata.Apply(m.t, m.server.DB(), name, mysqldata.Random(seed+i, fmt.Sprintf("t_%d", i)))
	}
	before := m.digest(name)
	m.on(fmt.Sprintf("BACKUP DATABASE %s SNAPSHOT %s TO repo", name, name))
	m.server.Drop(m.t, name)
	m.on(fmt.Sprintf("RESTORE SNAPSHOT %s FROM repo DATABASE %s", name, name))
	m.requireSame(before, name)
	m.server.Drop(m.t, name)
}
