package starrocks

import (
	"strings"
	"time"

	"starkeep/cluster"
	"starkeep/snapshot"
)

var _ cluster.Omitter = (*Cluster)(nil)

// Omissions tells of temporary partitions. A native backup refuses the table (fe:backup/BackupHandler).
func (c *Cluster) Omissions(t snapshot.Table) []string {
	if len(t.Temporary) == 0 {
		return nil
	}
	return []string{"its temporary partitions are not in the snapshot: " + strings.Join(t.Temporary, ", ")}
}

// Notes tells what of a table rests when it is published, or is not as it was.
func (c *Cluster) Notes(t snapshot.Table) []string {
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return nil // CreateTable fails on it
	}
	_, notes := d.awake(t.Partitions, time.Now())
	return notes
}
