package mysqldata

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// Bank is accounts in several tables, between which money moves and is never made or lost; every transfer is written
// down in one more table. What a copy of it holds is one moment if, and only if, CheckBank finds nothing.
type Bank struct {
	db        *sql.DB
	database  string
	transfers atomic.Int64
}

const (
	banks    = 4 // tables of accounts
	accounts = 250
	opening  = 1000 // money in each account at first
)

// NewBank fills an empty database.
func NewBank(t testing.TB, db *sql.DB, database string) *Bank {
	t.Helper()
	var statements []string
	for bank := range banks {
		statements = append(statements,
			fmt.Sprintf("CREATE TABLE bank_%d (account INT NOT NULL PRIMARY KEY, balance BIGINT NOT NULL, pad CHAR(100) NOT NULL DEFAULT 'x')", bank),
			fmt.Sprintf("INSERT INTO bank_%d (account, balance) SELECT seq, %d FROM seq_1_to_%d", bank, opening, accounts))
	}
	statements = append(statements, `CREATE TABLE ledger (
		id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, bank_from INT NOT NULL, from_account INT NOT NULL, bank_to INT NOT NULL, to_account INT NOT NULL,
		amount BIGINT NOT NULL)`)
	Apply(t, db, database, statements)
	return &Bank{db: db, database: database}
}

// Run transfers money with so many workers until ctx ends, and returns what went wrong. Lost connections, deadlocks and
// lock waits are what a bank lives with: it tries the next transfer.
func (b *Bank) Run(ctx context.Context, workers int) error {
	failed := make(chan error, workers)
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for ctx.Err() == nil {
				if err := b.transfer(ctx); err != nil && ctx.Err() == nil && !passing(err) {
					failed <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(failed)
	var all []error
	for err := range failed {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// Transfers tells how many transfers have been committed so far.
func (b *Bank) Transfers() int64 { return b.transfers.Load() }

func (b *Bank) transfer(ctx context.Context) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	from, to := rand.IntN(banks), rand.IntN(banks)               //nolint:gosec // any account will do
	giver, taker := 1+rand.IntN(accounts), 1+rand.IntN(accounts) //nolint:gosec // any account will do
	amount := 1 + rand.Int64N(100)                               //nolint:gosec // any sum will do
	for _, statement := range []string{
		fmt.Sprintf("UPDATE %s.bank_%d SET balance = balance - %d WHERE account = %d", Quote(b.database), from, amount, giver),
		fmt.Sprintf("UPDATE %s.bank_%d SET balance = balance + %d WHERE account = %d", Quote(b.database), to, amount, taker),
		fmt.Sprintf("INSERT INTO %s.ledger (bank_from, from_account, bank_to, to_account, amount) VALUES (%d, %d, %d, %d, %d)",
			Quote(b.database), from, giver, to, taker, amount),
	} {
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	b.transfers.Add(1)
	return nil
}

// passing tells the errors that a repeated transfer may get over: no answer, a deadlock, a lock wait, a server going down.
func passing(err error) bool {
	var answer *mysql.MySQLError
	if !errors.As(err, &answer) {
		return true
	}
	switch answer.Number {
	case 1205, 1213, 1053, 1927, 1317, 2006, 2013:
		return true
	}
	return false
}

// CheckBank requires that a copy of a bank is one moment: no money is made or lost, and each account holds what the
// ledger says. It returns the number of transfers in it.
func CheckBank(t testing.TB, db *sql.DB, database string) int64 {
	t.Helper()
	in := open(t, db, database)
	defer in.Close()
	var each []string
	for bank := range banks {
		each = append(each, fmt.Sprintf("SELECT %d AS bank, account, balance FROM bank_%d", bank, bank))
	}
	all := strings.Join(each, " UNION ALL ")
	moved := "SELECT bank_from AS bank, from_account AS account, -amount AS amount FROM ledger UNION ALL SELECT bank_to, to_account, amount FROM ledger"
	_, sum := in.Query("SELECT COUNT(*), SUM(balance) FROM (" + all + ") AS a")
	require.Equal(t, fmt.Sprint(banks*accounts), *sum[0][0], "accounts")
	require.Equal(t, fmt.Sprint(banks*accounts*opening), *sum[0][1], "money was made or lost")
	_, wrong := in.Query(fmt.Sprintf(`SELECT a.bank, a.account, a.balance, %d + COALESCE(m.amount, 0) FROM (%s) AS a
		LEFT JOIN (SELECT bank, account, SUM(amount) AS amount FROM (%s) AS l GROUP BY bank, account) AS m USING (bank, account)
		WHERE a.balance <> %d + COALESCE(m.amount, 0) LIMIT 5`, opening, all, moved, opening))
	for _, row := range wrong {
		require.Fail(t, "an account differs from the ledger", "bank %s account %s holds %s, the ledger says %s", *row[0], *row[1], *row[2], *row[3])
	}
	_, transfers := in.Query("SELECT COUNT(*) FROM ledger")
	var n int64
	_, err := fmt.Sscan(*transfers[0][0], &n)
	require.NoError(t, err)
	return n
}
