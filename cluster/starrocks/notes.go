package starrocks

import (
	"fmt"
	"strings"

	"starkeep/snapshot"
)

// Notes tells what of a table a restore does not bring back, as far as its DDL shows it.
func (c *Cluster) Notes(t snapshot.Table) []string {
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return nil // CreateTable fails on it
	}
	var notes []string
	for _, col := range d.columns {
		if col.automatic {
			// no SQL reads the counter, and values that are loaded do not move it (docs auto_increment.md)
			notes = append(notes, fmt.Sprintf("the AUTO_INCREMENT counter of column %s is not restored: new rows could get ids that are taken", col.name))
		}
	}
	if strings.Contains(d.ddl[d.list.start:d.list.end], `("`+replicationNum+`" = "`) { // fe:RangePartitionInfo, fe:ListPartitionInfo
		notes = append(notes, "partitions with a replication_num of their own get that of the table")
	}
	return append(notes, d.expiry()...)
}

// expiry tells of the properties by which the cluster drops old partitions by itself (docs dynamic_partitioning.md,
// docs CREATE_TABLE partition_live_number, partition_ttl, partition_retention_condition).
func (d *definition) expiry() []string {
	var notes []string
	if enabled, ok := d.property(dynamicPartition); ok && !strings.EqualFold(enabled.value, "false") {
		// without a start nothing is dropped: its default is the smallest integer
		if start, ok := d.property("dynamic_partition.start"); ok && start.value != "-2147483648" {
			unit, _ := d.property("dynamic_partition.time_unit")
			notes = append(notes, strings.TrimSpace(fmt.Sprintf("dynamic partitioning drops partitions older than its start (%s %s", start.value, unit.value))+
				") soon after the table is published")
		}
	}
	for _, key := range []string{"partition_live_number", "partition_ttl", "partition_ttl_number", "partition_retention_condition"} {
		if p, ok := d.property(key); ok && p.value != "-1" && p.value != "" {
			notes = append(notes, fmt.Sprintf("%s = %s lets the cluster drop older partitions soon after the table is created", key, p.value))
		}
	}
	return notes
}
