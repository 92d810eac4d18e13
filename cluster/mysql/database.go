package mysql

import (
	"context"
	"fmt"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// The settings of a database.
const (
	collation = "collation" // the character set is part of its name
	comment   = "comment"   // MariaDB
)

// defaults reads what a database gives to new objects. A later ALTER of a table, and the text of its routines, mean it.
func (c *Cluster) defaults(ctx context.Context, database string) (snapshot.Object, error) {
	o := snapshot.Object{Kind: snapshot.Database, Name: database}
	rows, err := c.query(ctx, "SELECT * FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = "+literal(database))
	if err != nil {
		return o, fmt.Errorf("read database %s: %w", database, err)
	}
	if len(rows) != 1 {
		return o, fmt.Errorf("read database %s: %w", database, cluster.ErrUnknownDatabase)
	}
	o.Settings = map[string]string{collation: rows[0]["default_collation_name"]}
	if text := rows[0]["schema_comment"]; text != "" {
		o.Settings[comment] = text
	}
	return o, nil
}

func (c *Cluster) putDefaults(ctx context.Context, o snapshot.Object, database string) error {
	statement := "ALTER DATABASE " + quoted(database) + " COLLATE " + literal(o.Settings[collation])
	if text := o.Settings[comment]; text != "" {
		statement += " COMMENT " + literal(text)
	}
	return c.exec(ctx, statement)
}
