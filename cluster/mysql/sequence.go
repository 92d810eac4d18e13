package mysql

import (
	"context"
	"fmt"
	"strings"
)

// sequencesIn returns the bounds of the names of sequences in a piece of SQL, as MariaDB prints them in defaults:
// nextval(`database`.`sequence`), or without database for one of the same database.
func sequencesIn(sql string) []sequenceName {
	if !strings.Contains(strings.ToLower(sql), "val(") {
		return nil
	}
	ts, err := tokens(sql)
	if err != nil {
		return nil
	}
	var list []sequenceName
	for i := 0; i+3 < len(ts); i++ {
		if !ts[i].is("NEXTVAL") && !ts[i].is("LASTVAL") || !ts[i+1].is("(") || !ts[i+2].named() {
			continue
		}
		s := sequenceName{start: ts[i+2].start, end: ts[i+2].end, name: ts[i+2].name(sql)}
		if ts[i+3].is(".") && i+4 < len(ts) {
			s.database, s.name, s.end = s.name, ts[i+4].name(sql), ts[i+4].end
		}
		list = append(list, s)
	}
	return list
}

type sequenceName struct {
	start, end     int
	database, name string
}

// withSequences writes the database before names of sequences that have none.
func withSequences(sql, database string) string {
	return replaceSequences(sql, func(s sequenceName) string {
		if s.database == "" {
			return quoted(database) + "." + quoted(s.name)
		}
		return sql[s.start:s.end]
	})
}

// withoutDatabase drops the database before names of its own sequences, so that a definition means the same in another.
func withoutDatabase(sql, database string) string {
	return replaceSequences(sql, func(s sequenceName) string {
		if s.database == database {
			return quoted(s.name)
		}
		return sql[s.start:s.end]
	})
}

func replaceSequences(sql string, by func(sequenceName) string) string {
	var b strings.Builder
	at := 0
	for _, s := range sequencesIn(sql) {
		b.WriteString(sql[at:s.start] + by(s))
		at = s.end
	}
	return b.String() + sql[at:]
}

// createSequences creates the sequences of the same database that a table's defaults name and that are not there yet:
// the server refuses the table without them. PutObject gives them their own definition and value; until then their comment
// says that they are ours, so that Discard drops them.
func (c *Cluster) createSequences(ctx context.Context, database string, d *definition) error {
	for _, it := range d.of(columnItem) {
		for _, s := range sequencesIn(it.text) {
			if s.database != "" {
				continue
			}
			if err := c.exec(ctx, "CREATE SEQUENCE IF NOT EXISTS "+quoted(database)+"."+quoted(s.name)+" COMMENT="+literal(ours)); err != nil {
				return fmt.Errorf("create sequence %s: %w", s.name, err)
			}
		}
	}
	return nil
}

// dropSequences drops those that createSequences made and nobody has given another definition.
func (c *Cluster) dropSequences(ctx context.Context, database string) error {
	rows, err := c.query(ctx, "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = "+literal(database)+
		" AND TABLE_TYPE = 'SEQUENCE' AND TABLE_COMMENT = "+literal(ours))
	for i := 0; err == nil && i < len(rows); i++ {
		err = c.exec(ctx, "DROP SEQUENCE IF EXISTS "+quoted(database)+"."+quoted(rows[i]["table_name"]))
	}
	if err != nil {
		return fmt.Errorf("drop sequences: %w", err)
	}
	return nil
}
