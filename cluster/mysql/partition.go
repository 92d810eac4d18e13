package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// The server has no temporary partitions. What stands for one is a table of its own, which EXCHANGE PARTITION puts in the
// place of the partition; once that is done it holds the old rows and has another name.

// temporaryTable is the table that stands for a temporary partition.
func temporaryTable(name string) string { return "__" + name }

// exchangedTable is its name once it holds what was replaced.
func exchangedTable(name string) string { return "__" + name + "_old" }

// AddTemporaryPartitions creates a table for each partition, with the columns and keys of the live table.
func (c *Cluster) AddTemporaryPartitions(ctx context.Context, database, table string, shape []snapshot.Partition, names map[string]string) (map[string]int64, error) {
	ids, err := c.addTemporaryPartitions(ctx, database, table, shape, names)
	if err != nil {
		return nil, fmt.Errorf("prepare partitions of %s.%s: %w", database, table, err)
	}
	return ids, nil
}

func (c *Cluster) addTemporaryPartitions(ctx context.Context, database, table string, shape []snapshot.Partition, names map[string]string) (map[string]int64, error) {
	d, err := c.definition(ctx, database, table)
	if err != nil {
		return nil, err
	}
	if d.kind == snapshot.Unpartitioned {
		return nil, fmt.Errorf("it has no partitions: %w", cluster.ErrUnsupported)
	}
	if d.subpartitioned() { // error 1734
		return nil, fmt.Errorf("a server exchanges sub-partitions only, each for itself; restore the whole table, under another name if need be: %w", cluster.ErrUnsupported)
	}
	alone := d.bare()
	alone.partitionBy, alone.partitions = "", nil
	statement := alone.statement(database)
	ids := make(map[string]int64, len(names))
	for _, p := range shape {
		temporary, ok := names[p.Name]
		if !ok {
			continue
		}
		name, err := qualified(database, temporaryTable(temporary))
		if err != nil {
			return nil, err
		}
		if err := c.exec(ctx, "CREATE TABLE IF NOT EXISTS "+name+" "+statement); err != nil {
			return nil, fmt.Errorf("temporary partition %s: %w", temporary, err)
		}
		ids[temporary] = partitionIdentity(database, table, p.Name)
	}
	for partition, temporary := range names {
		if ids[temporary] == 0 {
			return nil, fmt.Errorf("partition %s has no shape: %w", partition, cluster.ErrUnknownPartition)
		}
	}
	return ids, nil
}

// DropTemporaryPartitions drops the tables that stand for temporary partitions, also those that hold replaced rows.
func (c *Cluster) DropTemporaryPartitions(ctx context.Context, database, table string, names []string) error {
	for _, n := range names {
		for _, t := range []string{temporaryTable(n), exchangedTable(n)} {
			if err := c.DropTable(ctx, database, t); err != nil {
				return fmt.Errorf("drop temporary partition %s of %s.%s: %w", n, database, table, err)
			}
		}
		if err := c.forget(ctx, database, temporaryTable(n)); err != nil {
			return fmt.Errorf("drop temporary partition %s of %s.%s: %w", n, database, table, err)
		}
	}
	return nil
}

// replace exchanges partitions one by one. An exchange done twice would bring the old rows back, so what the table of a
// temporary partition holds is noted before (its checksum): a repetition sees from that whether the exchange was done.
// Nobody else writes to that table, and stalled attempts are waited for (alone).
func (c *Cluster) replace(ctx context.Context, p cluster.Publication) error {
	return c.alone(ctx, p.Database, func(s *session) error {
		for _, r := range p.Replace {
			if err := c.replaceOne(ctx, s, p, r); err != nil {
				return fmt.Errorf("partition %s: %w", r.Partition, err)
			}
		}
		return nil
	})
}

func (c *Cluster) replaceOne(ctx context.Context, s *session, p cluster.Publication, r cluster.Replacement) error {
	temporary := temporaryTable(r.Temporary)
	done, err := c.replaced(ctx, p, r)
	if err != nil || done {
		return err
	}
	if _, err := tableDDL(ctx, c.db, p.Database, temporary); err != nil {
		return err
	}
	sum, err := c.checksum(ctx, p.Database, temporary)
	if err != nil {
		return err
	}
	noted, err := c.note(ctx, p.Database, temporary, sum)
	if err != nil {
		return err
	}
	if noted == sum {
		if err := c.exchange(ctx, s, p, r); err != nil {
			return err
		}
	}
	return s.exec(ctx, "RENAME TABLE "+quoted(p.Database)+"."+quoted(temporary)+" TO "+quoted(p.Database)+"."+quoted(exchangedTable(r.Temporary)))
}

// replaced tells whether a partition was replaced, by the name of the table that was its temporary one.
func (c *Cluster) replaced(ctx context.Context, p cluster.Publication, r cluster.Replacement) (bool, error) {
	id, err := c.TableID(ctx, p.Database, exchangedTable(r.Temporary))
	return id != 0, err
}

func (c *Cluster) checksum(ctx context.Context, database, table string) (string, error) {
	rows, err := c.query(ctx, "CHECKSUM TABLE "+quoted(database)+"."+quoted(table)+" EXTENDED")
	if err != nil {
		return "", fmt.Errorf("sum up %s: %w", table, err)
	}
	if len(rows) != 1 || rows[0]["checksum"] == "" { // NULL: it is gone
		return "", fmt.Errorf("sum up %s: %w", table, cluster.ErrUnknownTable)
	}
	return rows[0]["checksum"], nil
}

// exchange puts the table of a temporary partition in the partition's place. The server looks at every row whether it
// belongs there: WITHOUT VALIDATION would trust that the live table's partitions are those of the snapshot.
func (c *Cluster) exchange(ctx context.Context, s *session, p cluster.Publication, r cluster.Replacement) error {
	d, err := c.definition(ctx, p.Database, p.Table)
	if err != nil {
		return err
	}
	table := quoted(p.Database) + "." + quoted(p.Table)
	if r.Missing && !d.hasPartition(r.Partition) {
		if err := s.addPartition(ctx, table, d, r); err != nil {
			return err
		}
	}
	name, err := identifier(r.Partition)
	if err != nil {
		return err
	}
	err = s.exec(ctx, "ALTER TABLE "+table+" EXCHANGE PARTITION "+name+" WITH TABLE "+quoted(p.Database)+"."+quoted(temporaryTable(r.Temporary)))
	if isNumber(err, rowMisplaced) {
		return fmt.Errorf("%w: %w", cluster.ErrRejected, err)
	}
	return err
}

// Answers about partitions.
const (
	notIncreasing = 1493 // VALUES LESS THAN value must be strictly increasing
	rangeChanged  = 1520 // reorganize of range partitions cannot change total ranges
	rowMisplaced  = 1737 // found a row that does not match the partition
	maxValueFirst = 1481 // MAXVALUE can only be used in the last partition
)

// addPartition adds a partition that the live table does not have. A range in the middle is cut out of the partition that
// holds it now, with its rows, which the exchange then replaces.
func (s *session) addPartition(ctx context.Context, table string, d *definition, r cluster.Replacement) error {
	name, err := identifier(r.Partition)
	if err != nil {
		return err
	}
	if r.Values == "" {
		return fmt.Errorf("add a partition to a table by HASH or KEY: %w", cluster.ErrUnsupported)
	}
	piece := "PARTITION " + name + " " + r.Values
	err = s.exec(ctx, "ALTER TABLE "+table+" ADD PARTITION ("+piece+")")
	if !isNumber(err, notIncreasing, maxValueFirst) {
		return err
	}
	for _, next := range d.partitions {
		cut := s.exec(ctx, "ALTER TABLE "+table+" REORGANIZE PARTITION "+quoted(next.name)+" INTO ("+piece+", PARTITION "+quoted(next.name)+" "+next.values+")")
		if !isNumber(cut, notIncreasing, rangeChanged) {
			return cut
		}
	}
	return err
}

// unreplaced is Unpublish of partitions.
func (c *Cluster) unreplaced(ctx context.Context, p cluster.Publication) error {
	var gone []string
	for _, r := range p.Replace {
		done, err := c.begun(ctx, p, r)
		if err != nil {
			return err
		}
		if done {
			gone = append(gone, r.Partition)
		}
	}
	if len(gone) > 0 {
		return fmt.Errorf("partitions %s were replaced for good: %w", strings.Join(slices.Sorted(slices.Values(gone)), ", "), cluster.ErrUnsupported)
	}
	return nil
}

// begun tells whether the exchange of a partition was done, also where its attempt ended right behind it.
func (c *Cluster) begun(ctx context.Context, p cluster.Publication, r cluster.Replacement) (bool, error) {
	done, err := c.replaced(ctx, p, r)
	if err != nil || done {
		return done, err
	}
	noted, err := c.noted(ctx, p.Database, temporaryTable(r.Temporary))
	if err != nil || noted == "" {
		return false, err
	}
	sum, err := c.checksum(ctx, p.Database, temporaryTable(r.Temporary))
	if errors.Is(err, cluster.ErrUnknownTable) {
		return false, nil
	}
	return err == nil && sum != noted, err
}
