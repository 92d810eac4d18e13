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

// sequenceNote is the journal's entry for a sequence that createSequences made. It is there until PutObject gives the
// sequence its own definition, or the tables that need it are live for good, or gone.
func sequenceNote(name string) string { return fmt.Sprintf("%s%x", sequenceNotes, identity(name)) }

const sequenceNotes = "sequence " // no shadow begins like this

// createSequences creates the sequences of the same database that a table's defaults name and that are not there yet: the
// server refuses the table without them. Finish brings them behind the rows, PutObject gives them their own definition and
// value. The journal knows of them before they are there, so that Discard drops these and no others.
func (c *Cluster) createSequences(ctx context.Context, database string, d *definition) error {
	for _, it := range d.of(columnItem) {
		for _, s := range sequencesIn(it.text) {
			if s.database != "" {
				continue
			}
			if err := c.createSequence(ctx, database, s.name); err != nil {
				return fmt.Errorf("create sequence %s: %w", s.name, err)
			}
		}
	}
	return nil
}

func (c *Cluster) createSequence(ctx context.Context, database, name string) error {
	there, err := c.present(ctx, []cluster.Publication{{Database: database, Table: name}})
	if err != nil || there[name] {
		return err
	}
	if _, err := c.note(ctx, database, sequenceNote(name), name); err != nil {
		return err
	}
	return c.exec(ctx, "CREATE SEQUENCE IF NOT EXISTS "+quoted(database)+"."+quoted(name)+" NOCACHE")
}

// notedSequences returns the sequences that createSequences made and nobody has finished.
func (c *Cluster) notedSequences(ctx context.Context, database string) ([]string, error) {
	name, err := qualified(database, journal)
	if err != nil {
		return nil, err
	}
	rows, err := c.query(ctx, "SELECT entry FROM "+name+" WHERE name LIKE "+literal(sequenceNotes+"%"))
	if errors.Is(err, cluster.ErrUnknownTable) || errors.Is(err, cluster.ErrUnknownDatabase) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	list := make([]string, len(rows))
	for i, r := range rows {
		list[i] = r["entry"]
	}
	return list, nil
}

// raiseSequences brings the sequences that createSequences made behind the rows of a shadow: should the snapshot not hold
// them, a live table gets no value a second time. Only whole numbers are looked at, that is where it would be an error.
func (c *Cluster) raiseSequences(ctx context.Context, database string, t snapshot.Table, d *definition, shadow string) error {
	noted, err := c.notedSequences(ctx, database)
	if err != nil || len(noted) == 0 {
		return err
	}
	for _, it := range d.of(columnItem) {
		for _, s := range sequencesIn(it.text) {
			if s.database != "" || !slices.Contains(noted, s.name) || !isWhole(t, it.name) {
				continue
			}
			top, err := c.scalar(ctx, "SELECT MAX("+quoted(it.name)+") FROM "+quoted(database)+"."+quoted(shadow))
			if err == nil && top != "" {
				_, err = c.scalar(ctx, "SELECT SETVAL("+quoted(database)+"."+quoted(s.name)+", "+top+")") // only ever forward
			}
			if err != nil {
				return fmt.Errorf("set sequence %s behind the rows: %w", s.name, err)
			}
		}
	}
	return nil
}

func isWhole(t snapshot.Table, column string) bool {
	return slices.ContainsFunc(t.Columns, func(c snapshot.Column) bool {
		return c.Name == column && slices.Contains([]snapshot.Kind{snapshot.Int8, snapshot.Int16, snapshot.Int32, snapshot.Int64}, c.Type.Kind)
	})
}

// settleSequences ends the journal's care for sequences that no table of a job needs any more. What the default of a live
// table names stays, whoever made it; of the others drop makes an end.
func (c *Cluster) settleSequences(ctx context.Context, database string, drop bool) error {
	noted, err := c.notedSequences(ctx, database)
	if err != nil || len(noted) == 0 {
		return err
	}
	building, live, err := c.sequencesInUse(ctx, database)
	if err != nil {
		return err
	}
	for _, name := range noted {
		if building[name] {
			continue
		}
		if drop && !live[name] {
			if err := c.exec(ctx, "DROP SEQUENCE IF EXISTS "+quoted(database)+"."+quoted(name)); err != nil {
				return fmt.Errorf("drop sequence %s: %w", name, err)
			}
		}
		if err := c.forget(ctx, database, sequenceNote(name)); err != nil {
			return err
		}
	}
	return nil
}

// sequencesInUse returns the sequences of a database that defaults name: of tables that a job has built or put aside, and
// of all others.
func (c *Cluster) sequencesInUse(ctx context.Context, database string) (building, live map[string]bool, err error) {
	rows, err := c.query(ctx, "SELECT TABLE_NAME, COLUMN_DEFAULT FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = "+literal(database)+" AND COLUMN_DEFAULT LIKE '%val(%'")
	if err != nil {
		return nil, nil, fmt.Errorf("list defaults of %s: %w", database, err)
	}
	building, live = map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		into := live
		if strings.HasPrefix(r["table_name"], ours) {
			into = building
		}
		for _, s := range sequencesIn(r["column_default"]) {
			if s.database == "" || s.database == database {
				into[s.name] = true
			}
		}
	}
	return building, live, nil
}

// putSequence gives a sequence its definition, and the value to go on with. One that is there and has given values only
// goes forward: live tables may hold what it gave, and a repeat must not take back what was given since.
func (c *Cluster) putSequence(ctx context.Context, s *session, database, name string, o snapshot.Object, statement string) (string, error) {
	full := quoted(database) + "." + quoted(name)
	there, err := c.present(ctx, []cluster.Publication{{Database: database, Table: name}})
	if err != nil {
		return "", err
	}
	now := snapshot.Object{Kind: snapshot.Sequence, Name: name}
	var note string
	switch {
	case !there[name]:
		if note, err = s.under(ctx, o, statement); err == nil {
			err = s.goOn(ctx, full, o.Settings[nextValue])
		}
	case c.showCreate(ctx, database, &now) == nil && now.DDL == o.DDL:
		err = s.goOn(ctx, full, o.Settings[nextValue])
	default:
		note, err = s.redefine(ctx, full, o, statement)
	}
	if err != nil {
		return "", err
	}
	return note, c.forget(ctx, database, sequenceNote(name))
}

// redefine gives a sequence another definition. It goes on behind what it has given, as far as its new bounds allow; under
// the lock nobody gets a value in between. One that stands at its start has given none.
func (s *session) redefine(ctx context.Context, sequence string, o snapshot.Object, statement string) (string, error) {
	if err := s.lockTables(ctx, []string{sequence}, lockedIdle); err != nil {
		return "", err
	}
	had, err := s.query(ctx, "SELECT next_not_cached_value AS next, start_value AS start FROM "+sequence)
	if err != nil {
		return "", err
	}
	note, err := s.under(ctx, o, statement)
	if err != nil {
		return "", err
	}
	if err := s.goOn(ctx, sequence, o.Settings[nextValue]); err != nil {
		return "", err
	}
	if next := had[0]["next"]; next != had[0]["start"] {
		fits, err := s.query(ctx, "SELECT "+next+" BETWEEN minimum_value AND maximum_value AS fits FROM "+sequence)
		if err != nil {
			return "", err
		}
		if fits[0]["fits"] == "1" {
			if err := s.goOn(ctx, sequence, next); err != nil {
				return "", err
			}
		}
	}
	return note, s.exec(ctx, "UNLOCK TABLES")
}

// goOn sets the value that a sequence gives next. SETVAL only goes forward: of a smaller value, or with a negative
// increment of a greater one, it takes no notice (MariaDB "SETVAL").
func (s *session) goOn(ctx context.Context, sequence, next string) error {
	if next == "" {
		return nil
	}
	_, err := s.query(ctx, "SELECT SETVAL("+sequence+", "+next+", 0)")
	return err
}
