package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

var _ cluster.Host = (*Cluster)(nil)

// Fit looks for the engines, character sets and collations that the tables name: another version, or another kind of
// server, may lack some. One that keeps names in lower case takes no others. Notes name the foreign keys whose other end is
// not among the tables: a restore looks at no row for them.
func (c *Cluster) Fit(ctx context.Context, tables []snapshot.Table, _ cluster.TableOptions) ([]string, error) {
	has, err := c.offers(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at what %s offers: %w", c.config.Name, err)
	}
	var missing []error
	for _, t := range tables {
		if err := c.checkCase(ctx, t.Name); errors.Is(err, cluster.ErrInvalidName) {
			missing = append(missing, fmt.Errorf("table %s, which can come back under another name with AS: %w", t.Name, err))
		} else if err != nil {
			return nil, err
		}
		wanted, err := demands(t)
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", t.Name, err)
		}
		for _, w := range wanted {
			if !has[w] {
				missing = append(missing, fmt.Errorf("table %s: the server has no %s: %w", t.Name, w, cluster.ErrUnsupported))
			}
		}
	}
	return loose(tables), errors.Join(missing...)
}

// loose tells of foreign keys that point to other tables than these, which are known by the names in their definitions:
// they may come back under others.
func loose(tables []snapshot.Table) (notes []string) {
	here := map[string]bool{}
	for _, t := range tables {
		here[firstName(t.DDL)] = true
	}
	for _, t := range tables {
		d, err := parseDefinition(t.DDL)
		if err != nil {
			continue // CreateTable fails on it
		}
		for _, key := range d.of(foreignKey) {
			to, ok := references(key.text)
			if ok && (to.database != "" || !here[to.name]) {
				notes = append(notes, fmt.Sprintf("table %s: its foreign key %s points to %s, which this restore does not bring back: whether the rows are there is not checked",
					t.Name, key.name, key.text[to.start:to.end]))
			}
		}
	}
	return notes
}

// demand is something that a definition names, in lower case.
type demand struct{ kind, name string }

func (d demand) String() string { return d.kind + " " + d.name }

// offers are all that a server has. Since MariaDB 10.10 a collation may belong to several character sets; its full name is
// what definitions say.
func (c *Cluster) offers(ctx context.Context) (map[demand]bool, error) {
	all := map[demand]bool{}
	for _, x := range []struct{ kind, column, query string }{
		{"engine", "engine", "SELECT ENGINE FROM information_schema.ENGINES WHERE SUPPORT IN ('YES', 'DEFAULT')"},
		{"character set", "character_set_name", "SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS"},
		{"collation", "collation_name", "SELECT * FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"},
		{"collation", "full_collation_name", "SELECT * FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"},
	} {
		rows, err := c.query(ctx, x.query)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			all[demand{x.kind, strings.ToLower(r[x.column])}] = true
		}
	}
	return all, nil
}

// demands are all that a definition names. The name utf8 is known to every server, and may be listed as utf8mb3.
func demands(t snapshot.Table) ([]demand, error) {
	ts, err := tokens(t.DDL)
	if err != nil {
		return nil, err
	}
	list := []demand{{"engine", strings.ToLower(t.Model)}}
	for i := range ts {
		at := i + 1
		kind := ""
		switch {
		case ts[i].is("COLLATE"):
			kind = "collation"
		case ts[i].is("CHARSET"):
			kind = "character set"
		case ts[i].is("CHARACTER") && at < len(ts) && ts[at].is("SET"):
			kind, at = "character set", at+1
		}
		if at < len(ts) && ts[at].is("=") {
			at++
		}
		if kind == "" || at >= len(ts) || !ts[at].named() {
			continue
		}
		name := strings.ToLower(ts[at].name(t.DDL))
		if name == "utf8" || strings.HasPrefix(name, "utf8_") {
			continue
		}
		list = append(list, demand{kind, name})
	}
	return list, nil
}
