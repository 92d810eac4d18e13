package starrocks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/snapshot"
)

func TestNotesTellWhatARestoreDoesNotBringBack(t *testing.T) {
	t.Parallel()
	notes := func(ddl string) []string { return new(Cluster).Notes(snapshot.Table{DDL: ddl}) }
	require.Equal(t, []string{"partitions with a replication_num of their own get that of the table"}, notes(orders))
	plain := strings.Replace(orders, ` ("replication_num" = "1")`, "", 1)
	require.Empty(t, notes(plain), "dynamic partitioning without a start drops nothing")
	start := strings.Replace(plain, `"compression"`, `"dynamic_partition.start" = "-7", "dynamic_partition.time_unit" = "DAY", "compression"`, 1)
	for ddl, want := range map[string]string{
		start: "older than its start (-7 DAY)",
		strings.Replace(plain, "`id` bigint(20) NOT NULL", "`id` bigint(20) NOT NULL AUTO_INCREMENT", 1): "column id",
		strings.Replace(plain, `"compression"`, `"partition_live_number" = "3", "compression"`, 1):       "partition_live_number = 3",
	} {
		got := notes(ddl)
		require.Len(t, got, 1, ddl)
		require.Contains(t, got[0], want)
	}
	require.Empty(t, notes(strings.Replace(start, `enable" = "true`, `enable" = "false`, 1)), "it rests")
}
