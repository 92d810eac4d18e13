package sandbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox"
)

// BenchmarkMetadata makes 200 tables with 2,000 partitions and 20,000 tablets, and reads what a backup reads of them.
func BenchmarkMetadata(b *testing.B) {
	server, err := sandbox.Start(sandbox.Config{})
	require.NoError(b, err)
	defer func() { require.NoError(b, server.Close()) }()
	db := connect(b, server, "root", "")
	_, err = db.Exec("CREATE DATABASE d")
	require.NoError(b, err)
	began := time.Now()
	for i := range 200 {
		_, err := db.Exec(fmt.Sprintf("CREATE TABLE d.t%d (k INT, at DATE NOT NULL, v BIGINT) DUPLICATE KEY(k) PARTITION BY RANGE(at) (START ('2024-01-01') END ('2024-01-11') EVERY (INTERVAL 1 DAY)) DISTRIBUTED BY HASH(k) BUCKETS 10", i))
		require.NoError(b, err)
	}
	b.ReportMetric(time.Since(began).Seconds()/200*1000, "ms/table")
	for name, query := range map[string]string{
		"partitions_meta": "SELECT PARTITION_ID, VISIBLE_VERSION FROM information_schema.partitions_meta WHERE DB_NAME = 'd'",
		"show tablet":     "SHOW TABLET FROM d.t1",
		"show create":     "SHOW CREATE TABLE d.t1",
		"columns":         "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.columns WHERE TABLE_SCHEMA = 'd' AND TABLE_NAME = 't1'",
		"count":           "SELECT count(*) FROM d.t1",
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				rows, err := db.Query(query)
				require.NoError(b, err)
				for rows.Next() {
				}
				require.NoError(b, rows.Err())
			}
		})
	}
}
