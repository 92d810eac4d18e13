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

// TestMySQLRandomTablesComeBack takes its seed from STARKEEP_SEED, to repeat what failed, and otherwise from the clock.
func TestMySQLRandomTablesComeBack(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any number will do
	if text := os.Getenv("STARKEEP_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("STARKEEP_SEED=%d", seed)
	m := newMaria(t, mariadb.Shared(t))
	name := m.database("random")
	for i := range uint64(200) {
		mysqldata.Apply(t, m.server.DB(), name, mysqldata.Random(seed+i, fmt.Sprintf("t_%d", i)))
	}
	before := m.digest(name)
	m.on("BACKUP DATABASE " + name + " SNAPSHOT nightly TO repo")
	m.server.Drop(t, name)
	m.on("RESTORE SNAPSHOT nightly FROM repo DATABASE " + name)
	m.requireSame(before, name)
}
