package tests

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/job"
	"starkeep/tests/mysqlbench"
)

// BenchmarkMySQL measures a backup and a restore of MariaDB beside mydumper, myloader, mariadb-dump and the floors. Server,
// Temporal and worker share the machine's cores; the peers have them for the server and themselves. STARKEEP_LINES is the
// number of rows; the targets are for six million, below a million fixed costs decide.
func BenchmarkMySQL(b *testing.B) {
	lines := 600_000
	if text := os.Getenv("STARKEEP_LINES"); text != "" {
		var err error
		lines, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	for b.Loop() {
		server := mysqlbench.Start(b)
		m := newMaria(b, server)
		backups := 0
		subject := mysqlbench.Subject{
			Backup: func(ctx context.Context, database string) (mysqlbench.Effort, error) {
				backups++
				before, err := sizeOf(m.repository())
				if err != nil {
					return mysqlbench.Effort{}, err
				}
				e, err := m.timed(ctx, database, fmt.Sprintf("BACKUP DATABASE %s SNAPSHOT l%d TO repo", database, backups))
				if err != nil {
					return e, err
				}
				after, err := sizeOf(m.repository())
				e.Bytes = after - before
				return e, err
			},
			Restore: func(ctx context.Context, database, into string) (mysqlbench.Effort, error) {
				return m.timed(ctx, into, fmt.Sprintf("RESTORE SNAPSHOT l%d FROM repo DATABASE %s AS %s", backups, database, into))
			},
		}
		sizes := mysqlbench.Sizes{Lineitems: lines, Wide: max(lines/10_000, 1), Tables: 500}
		fmt.Printf("\n%d rows, %d connections\n%s", lines, runtime.NumCPU(), mysqlbench.Run(b, server, sizes, runtime.NumCPU(), &subject))
	}
}

// timed runs a job on MariaDB, however long it takes.
func (m *maria) timed(ctx context.Context, database, statement string) (mysqlbench.Effort, error) {
	begin := time.Now()
	m.start(statement)
	var s job.Status
	if err := m.client.GetWorkflow(ctx, job.WorkflowID("maria", database), "").Get(ctx, &s); err != nil {
		return mysqlbench.Effort{}, err
	}
	if s.State != job.Finished {
		return mysqlbench.Effort{}, fmt.Errorf("%s: %s %s", statement, s.State, s.Message)
	}
	return mysqlbench.Effort{Wall: time.Since(begin), Bytes: s.Progress.Stored}, nil
}

func sizeOf(folder string) (int64, error) {
	var all int64
	err := filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			all += info.Size()
		}
		return err
	})
	return all, err
}
