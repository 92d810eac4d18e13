package dialect

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNamesOfAViewAreWrittenInFull(t *testing.T) {
	t.Parallel()
	known := map[ObjectName]string{{"d", "t"}: "a b day s", {"d", "u"}: "a x", {"e", "t"}: "a z"}
	lookup := func(name ObjectName) (columns []Column, err error) {
		names, ok := known[name]
		if !ok {
			return nil, errors.New("unknown " + name.Name)
		}
		for _, c := range strings.Fields(names) {
			columns = append(columns, Column{Name: c})
		}
		return columns, nil
	}
	for _, c := range []struct{ name, query, want, columns, tables string }{
		{"a column", "select a, `b` from t", "SELECT `d`.`t`.`a`, `d`.`t`.`b`\nFROM `d`.`t`", "a b", "d.t"},
		{"star", "select * from t where a > 1", "SELECT `d`.`t`.`a`, `d`.`t`.`b`, `d`.`t`.`day`, `d`.`t`.`s`\nFROM `d`.`t`\nwhere `d`.`t`.`a` > 1", "a b day s", "d.t"},
		{"alias", "select q.a as k, q.* from u q", "SELECT `q`.`a` AS `k`, `q`.`a`, `q`.`x`\nFROM `d`.`u` AS `q`", "k a x", "d.u"},
		{"alias without AS", "select a k, count(*) n from t group by a order by n",
			"SELECT `d`.`t`.`a` AS `k`, count(*) AS `n`\nFROM `d`.`t`\ngroup by `d`.`t`.`a` order by `n`", "k n", "d.t"},
		{"an expression is its own name", "select count(*), a+ 1 from t", "SELECT count(*) AS `count(*)`, `d`.`t`.`a`+ 1 AS `a+ 1`\nFROM `d`.`t`", "count(*) a+ 1", "d.t"},
		{"join", "select t.a, x from t join u on t.a = u.a", "SELECT `d`.`t`.`a`, `d`.`u`.`x`\nFROM `d`.`t` JOIN `d`.`u` ON `d`.`t`.`a` = `d`.`u`.`a`", "a x", "d.t d.u"},
		{"other database", "select e.t.z, t.z from e.t", "SELECT `e`.`t`.`z`, `e`.`t`.`z`\nFROM `e`.`t`", "z z", "e.t"},
		{"cte", "with t as (select x from u) select x from t", "WITH `t` AS (SELECT `d`.`u`.`x`\nFROM `d`.`u`) SELECT `t`.`x`\nFROM `t`", "x", "d.u"},
		{"subquery", "select s.k from (select a k from t) s where exists (select 1 from u where u.a = s.k)",
			"SELECT `s`.`k`\nFROM (SELECT `d`.`t`.`a` AS `k`\nFROM `d`.`t`) `s`\nwhere exists (SELECT 1 AS `1`\nFROM `d`.`u`\nwhere `d`.`u`.`a` = `s`.`k`)", "k", "d.t d.u"},
		{"strings and comments are no names", "select 'a' as c, -- from a\n a from t where b = 'from u, a'", "SELECT 'a' AS `c`, `d`.`t`.`a`\nFROM `d`.`t`\nwhere `d`.`t`.`b` = 'from u, a'", "c a", "d.t"},
		{"cast and interval", "select cast(a as int) i, date_add(b, interval 1 day) from t",
			"SELECT cast(`d`.`t`.`a` as int) AS `i`, date_add(`d`.`t`.`b`, interval 1 day) AS `date_add(b, interval 1 day)`\nFROM `d`.`t`", "i date_add(b, interval 1 day)", "d.t"},
		{"struct field", "select s.f.g from t", "SELECT `d`.`t`.`s`.`f`.`g` AS `s.f.g`\nFROM `d`.`t`", "s.f.g", "d.t"},
		{"union", "(select a from t) union all select x from u order by 1", "(SELECT `d`.`t`.`a`\nFROM `d`.`t`) UNION ALL SELECT `d`.`u`.`x`\nFROM `d`.`u`\norder by 1", "a", "d.t d.u"},
		{"no table", "select 1 as one", "SELECT 1 AS `one`", "one", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := Resolve(c.query, "d", lookup)
			require.NoError(t, err)
			require.Equal(t, c.want, got.Text)
			var columns, tables []string
			for _, o := range got.Columns {
				columns = append(columns, o.Name)
			}
			for _, n := range got.Tables {
				tables = append(tables, n.Database+"."+n.Name)
			}
			require.Equal(t, c.columns, strings.Join(columns, " "))
			require.Equal(t, c.tables, strings.Join(tables, " "))
			again, err := Resolve(got.Text, "elsewhere", lookup)
			require.NoError(t, err)
			require.Equal(t, got.Tables, again.Tables, "a text in full means the same from everywhere")
		})
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("with c as (select * from t) select a b, c.* from c, t x join u on (x.a = u.a) where a in (select 1) order by b")
	f.Add("select case when a then 'x' end from t group by 1 having count(*) > 1 limit 1")
	f.Fuzz(func(t *testing.T, query string) {
		lookup := func(ObjectName) ([]Column, error) { return []Column{{Name: "a"}}, nil }
		d, err := Resolve(query, "d", lookup)
		if err == nil && d == nil {
			t.Fatal("neither a definition nor an error")
		}
	})
}
