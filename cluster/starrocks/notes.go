package starrocks

import (
	"time"

	"starkeep/snapshot"
)

// Notes tells what of a table rests when it is published, or is not as it was.
func (c *Cluster) Notes(t snapshot.Table) []string {
	d, err := parseDefinition(t.DDL)
	if err != nil {
		return nil // CreateTable fails on it
	}
	_, notes := d.awake(t.Partitions, time.Now())
	return notes
}
