package demo

import (
	"context"
	"fmt"
)

// accidents are the ways to lose data that a backup is for.
var accidents = []string{
	"ALTER TABLE ssb.lineorder DROP PARTITION p3 FORCE",
	"TRUNCATE TABLE ssb.customer",
	"DELETE FROM ssb.supplier WHERE s_suppkey <= 50",
	"TRUNCATE TABLE sr_hub.sr_member PARTITION (p2)",
	"UPDATE sr_hub.sr_pmc SET note = 'overwritten' WHERE pmc_id <= 1000",
	"DELETE FROM sr_hub.sr_pmc WHERE pmc_id > 4000",
	"DROP TABLE ssb.part FORCE",
}

// Damage harms what Load has built: it drops a partition and a table, truncates, updates and deletes. Each statement is
// told to say before it runs.
func Damage(ctx context.Context, t Target, say func(sql string)) error {
	db, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, statement := range accidents {
		say(statement)
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("run %q: %w", statement, err)
		}
	}
	return nil
}
