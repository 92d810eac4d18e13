package tests

import (
	"context"
	"fmt"
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

func TestRandomMySQLTablesComeBack(t *testing.T) {
	t.Parallel()
	m := newMaria(t, mariadb.Shared(t))
	rounds(t, m.randomRound)
}

func (m *maria) randomRound(name string, seed uint64) {
	m.t.Helper()
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
