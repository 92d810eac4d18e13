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
	for _, key := range constraints {
		if d.value(key) != "" {
			notes = append(notes, key+" is that of the table it replaces, if there is one: tables are swapped only with equal ones")
		}
	}
	return notes
}
