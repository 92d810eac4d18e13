package starrocks

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// A staging table takes the fields of a load as they are, and an INSERT … SELECT makes columns of them with all that SQL has.
// Each attempt has a staging table of its own, with a Stream Load of its own, so that no other attempt's rows get into it;
// the INSERT has the label of the load, so that only one attempt's rows get out. What an attempt that died left behind is
// dropped when its table is finished or discarded.

const (
	stagePrefix = "__starkeep_stage_"
	// stageLead is the first field of every row of a staging table: its key column, since not all types can be one.
	stageLead   = "0,"
	dropTimeout = time.Minute
)

// stagesOf begins the names of the staging tables for loads into a table. Names are bounded, whatever the table's is.
func stagesOf(table string) string {
	sum := sha256.Sum256([]byte(table))
	return stagePrefix + hex.EncodeToString(sum[:4]) + "_"
}

// mayStage tells whether loads of these columns into a table may go through staging tables; those of JSON may, of bitmaps for
// their number of pieces.
func mayStage(table string, columns []snapshot.Column) bool {
	fields, err := carriages(columns)
	if err != nil || strings.Contains(table, "/") {
		return true
	}
	header, err := columnsHeader(fields)
	return err != nil || len(header) > maxHeader || slices.ContainsFunc(fields, func(f field) bool {
		return f.staged() || f.by == quoted || f.column.Encoding == snapshot.BitmapEncoding
	})
}

// throughStage is one attempt to load by way of a staging table.
func (c *Cluster) throughStage(ctx context.Context, r cluster.LoadRequest, fields []field) (cluster.LoadResult, error) {
	if done, err := c.settle(ctx, r); err != nil || done {
		return cluster.LoadResult{Rows: -1, Repeated: true}, err
	}
	nonce := make([]byte, 4)
	_, _ = rand.Read(nonce) // never fails
	suffix := hex.EncodeToString(nonce)
	s := r
	s.Table, s.Temporary = stagesOf(r.Table)+suffix, nil
	s.Label = r.Label[:min(len(r.Label), 128-len(suffix)-1)] + "_" + suffix
	insert, err := c.createStage(ctx, r, s.Table, fields)
	if err != nil {
		return cluster.LoadResult{}, fmt.Errorf("create staging table %s: %w", s.Table, err)
	}
	defer c.dropStage(ctx, r.Database, s.Table)
	result, err := c.stream(ctx, s, fields, "", stageLead)
	if err != nil || result.Rows == 0 {
		return result, err
	}
	return result, c.insertStaged(ctx, r, insert)
}

// createStage creates a staging table and returns the statement that moves its rows.
func (c *Cluster) createStage(ctx context.Context, r cluster.LoadRequest, stage string, fields []field) (insert string, err error) {
	list, expressions, err := sources(fields)
	if err != nil {
		return "", err
	}
	from, err := qualified(r.Database, stage)
	if err != nil {
		return "", err
	}
	into, err := qualified(r.Database, r.Table)
	if err != nil {
		return "", err
	}
	if len(r.Temporary) > 0 {
		names, err := nameList(r.Temporary)
		if err != nil {
			return "", err
		}
		into += " TEMPORARY PARTITION (" + names + ")"
	}
	key, err := identifier(temporaryPrefix(fields) + "key")
	if err != nil {
		return "", err
	}
	definitions := []string{key + " tinyint NULL"}
	for _, s := range list {
		definitions = append(definitions, s.name+" "+s.typ+" NULL")
	}
	columns := make([]string, len(fields))
	for i, f := range fields {
		if columns[i], err = identifier(f.column.Name); err != nil {
			return "", err
		}
		if expressions[i] == "" {
			expressions[i] = columns[i]
		}
	}
	// one replica in one bucket is little to make and to drop; with its node the load is lost and done again
	statement := "CREATE TABLE " + from + " (" + strings.Join(definitions, ", ") + ") DUPLICATE KEY(" + key +
		`) DISTRIBUTED BY RANDOM BUCKETS 1 PROPERTIES ("replication_num" = "1")`
	return "INSERT INTO " + into + " WITH LABEL `" + r.Label + "` (" + strings.Join(columns, ", ") + ") SELECT " +
		strings.Join(expressions, ", ") + " FROM " + from, c.exec(ctx, statement)
}

// insertStaged moves the rows of a staging table. Whatever goes wrong, the label tells what became of it.
func (c *Cluster) insertStaged(ctx context.Context, r cluster.LoadRequest, insert string) error {
	err := c.exec(ctx, insert)
	switch {
	case err == nil:
		return c.visible(ctx, r)
	case errors.Is(err, cluster.ErrUnreachable):
		return fmt.Errorf("insert staged rows: %w: %w", errLost, err)
	case strings.Contains(err.Error(), "has already been used"): // fe:LabelAlreadyUsedException
		return fmt.Errorf("insert staged rows: %w: %w: %w", cluster.ErrUnreachable, errLost, err)
	case strings.Contains(err.Error(), "Insert has filtered data"), strings.Contains(err.Error(), "too many filtered rows"): // fe:StmtExecutor
		return fmt.Errorf("insert staged rows: %w: %w", cluster.ErrRejected, err)
	}
	return fmt.Errorf("insert staged rows: %w", err)
}

// dropStage drops a staging table also when the load was cancelled; where that fails, dropStages comes later.
func (c *Cluster) dropStage(ctx context.Context, database, stage string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
	defer cancel()
	_ = c.DropTable(ctx, database, stage)
}

// dropStages drops what attempts to load into a table left behind.
func (c *Cluster) dropStages(ctx context.Context, database, table string) error {
	name, err := identifier(database)
	if err != nil {
		return err
	}
	prefix := stagesOf(table)
	rows, err := c.query(ctx, "SHOW TABLES FROM "+name+" LIKE "+wire.String(strings.ReplaceAll(prefix, "_", `\_`)+"%"))
	if errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for staging tables of %s.%s: %w", database, table, err)
	}
	for _, row := range rows {
		for _, found := range row { // the column is called Tables_in_<database>
			if strings.HasPrefix(found, prefix) {
				err = errors.Join(err, c.DropTable(ctx, database, found))
			}
		}
	}
	return err
}
