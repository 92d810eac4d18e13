package mysql

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
)

// seeds are SQL in which something looks like something else.
var seeds = []string{
	"CREATE TABLE `a``b` (\n  `x,(` int COMMENT 'it''s \\' -- (',\n  PRIMARY KEY (`x,(`)\n) ENGINE=InnoDB COMMENT='PARTITION BY x'\n/*!50100 PARTITION BY HASH (`a`)\nPARTITIONS 3 */",
	"CREATE TABLE `t` (\n  `a` int,\n  CONSTRAINT `f` FOREIGN KEY (`a`) REFERENCES `d`.`p` (`a`),\n  CONSTRAINT `c` CHECK (`a` > 0)\n) DEFAULT CHARSET=utf8mb4 WITH SYSTEM VERSIONING",
	"SELECT 1 -- `\n, 'a' /* ' */ /*! + /*!50000 2 */ */ /*M!100000 ``*/ # \"", "`", "'\\", "/*", "(", "/*!", "*/", "GRANT `r` TO `u`@`%`", "\"a\"\"b\"", "--x",
}

func FuzzTokens(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sql string) {
		ts, err := tokens(sql)
		at := 0
		for _, x := range ts {
			require.GreaterOrEqual(t, x.start, at)
			require.Greater(t, x.end, x.start)
			at = x.end
			if x.kind == quote {
				again, err := tokens(quoted(x.value))
				require.NoError(t, err)
				require.Equal(t, x.value, again[0].value)
			}
		}
		require.LessOrEqual(t, at, len(sql))
		if err != nil {
			require.ErrorIs(t, err, cluster.ErrUnsupported)
		}
		same, err := rewritten("", sql, cluster.Renaming{From: "d", To: "d"})
		require.NoError(t, err)
		require.Equal(t, sql, same)
		_, _ = rewritten("", sql, cluster.Renaming{From: "d", To: "e"})
		_, _ = parseDefinition(sql)
		_, _, _ = parseGrants([]string{sql})
		_, _ = triggerStatement("", sql, "d", "t")
		_, _ = references(sql)
		_, _ = grantStatement(sql, cluster.Renaming{From: "d", To: "e"})
		_, _ = normal(sql), unnamed(sql)
	})
}

func TestDefinitionIsReadInParts(t *testing.T) {
	t.Parallel()
	d, err := parseDefinition(seeds[0])
	require.NoError(t, err)
	require.Len(t, d.items, 2)
	require.Equal(t, "x,(", d.items[0].name)
	require.Equal(t, primaryKey, d.items[1].kind)
	require.Equal(t, "InnoDB", d.option("ENGINE"))
	require.Equal(t, "PARTITION BY x", d.option("COMMENT"))
	require.Equal(t, hashPartitioning, d.kind)
	require.Equal(t, "PARTITION BY HASH (`a`)\nPARTITIONS 3", d.partitionBy)
	d, err = parseDefinition(seeds[1])
	require.NoError(t, err)
	require.Equal(t, []string{"f"}, names(d.of(foreignKey)))
	require.Equal(t, []string{"c"}, names(d.of(checkItem)))
	require.Equal(t, "utf8mb4", d.option("DEFAULT CHARSET"))
	require.Equal(t, "WITH SYSTEM VERSIONING", d.options[len(d.options)-1].name)
	for _, bad := range []string{"", "CREATE VIEW v AS SELECT 1", "CREATE TABLE t (a int", "CREATE TABLE t (,)", "DROP TABLE (a)", "CREATE TABLE t (a int) PARTITION BY RANGE (a) (PARTITION)"} {
		_, err := parseDefinition(bad)
		require.ErrorIs(t, err, cluster.ErrUnsupported, bad)
	}
}

func TestOnlyNamesAreRewritten(t *testing.T) {
	t.Parallel()
	r := cluster.Renaming{From: "d", To: "e`f", Tables: map[string]string{"t": "u"}}
	for sql, want := range map[string]string{
		"select `d`.`t`.`a` from `d`.`t`":               "select `e``f`.`u`.`a` from `e``f`.`u`",
		"SELECT d . x, 'd.t', \"d.t\" /* d.t */ -- d.t": "SELECT `e``f`.`x`, 'd.t', \"d.t\" /* d.t */ -- d.t",
		"x.d.t + dd.t + `d `.t":                         "x.d.t + dd.t + `d `.t",
		"NEW.d, t":                                      "NEW.d, t",
	} {
		got, err := rewritten("", sql, r)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestStringsEndWhereTheModeOfTheirTextSays(t *testing.T) {
	t.Parallel()
	r := cluster.Renaming{From: "d", To: "e"}
	got, err := rewritten("ANSI_QUOTES,NO_BACKSLASH_ESCAPES", `SELECT '\', "d".t, "a\" FROM d.t`, r)
	require.NoError(t, err)
	require.Equal(t, "SELECT '\\', `e`.`t`, \"a\\\" FROM `e`.`t`", got)
	got, err = rewritten("", `SELECT '\' d.t', "d".t FROM d.t`, r)
	require.NoError(t, err)
	require.Equal(t, "SELECT '\\' d.t', \"d\".t FROM `e`.`t`", got)
}

func TestForeignKeyPointsToAnotherTable(t *testing.T) {
	t.Parallel()
	to := map[string]string{"p": "s`1"}
	require.Equal(t, "FOREIGN KEY (`p`) REFERENCES `s``1` (`p`) ON DELETE CASCADE", pointed("FOREIGN KEY (`p`) REFERENCES `p` (`p`) ON DELETE CASCADE", "d", to))
	require.Equal(t, "FOREIGN KEY (a) REFERENCES `d`.`s``1` (a)", pointed("FOREIGN KEY (a) REFERENCES `d`.`p` (a)", "d", to))
	require.Equal(t, "FOREIGN KEY (a) REFERENCES `x`.`p` (a)", pointed("FOREIGN KEY (a) REFERENCES `x`.`p` (a)", "d", to))
	require.Equal(t, "FOREIGN KEY (`a`) REFERENCES `p` (`a`)", unnamed("CONSTRAINT `FOREIGN KEY` FOREIGN KEY (`a`) REFERENCES `p` (`a`)"))
}

func TestTriggerOnAnotherTable(t *testing.T) {
	t.Parallel()
	for ddl, want := range map[string]string{
		"CREATE DEFINER=`on`@`%` TRIGGER `d`.`x` BEFORE INSERT ON `d`.`t` FOR EACH ROW SET NEW.a = 'ON t'":                   "CREATE DEFINER=`on`@`%` TRIGGER `e`.`x` BEFORE INSERT ON `e`.`s` FOR EACH ROW SET NEW.a = 'ON t'",
		"CREATE TRIGGER IF NOT EXISTS x AFTER UPDATE ON t FOR EACH ROW PRECEDES y BEGIN IF OLD.b THEN SET @a=1; END IF; END": "CREATE TRIGGER IF NOT EXISTS `e`.`x` AFTER UPDATE ON `e`.`s` FOR EACH ROW  BEGIN IF OLD.b THEN SET @a=1; END IF; END",
	} {
		got, err := triggerStatement("", ddl, "e", "s")
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := triggerStatement("", "CREATE TABLE t (a int)", "e", "s")
	require.ErrorIs(t, err, cluster.ErrUnsupported)
}

func TestPatternsOfGrants(t *testing.T) {
	t.Parallel()
	for pattern, names := range map[string]struct{ yes, no []string }{
		"a%":     {[]string{"a", "ab", "a%"}, []string{"b", "ba", ""}},
		`a\_b`:   {[]string{"a_b"}, []string{"axb", `a\_b`}},
		"a_b":    {[]string{"a_b", "axb", "aéb"}, []string{"ab", "axxb"}},
		`\%`:     {[]string{"%"}, []string{"x", ""}},
		"%a%b%":  {[]string{"ab", "xaxbx"}, []string{"ba"}},
		"plain":  {[]string{"plain"}, []string{"Plain", "plain1"}},
		"%%%%%x": {[]string{strings.Repeat("y", 60) + "x"}, []string{strings.Repeat("y", 60)}},
	} {
		for _, n := range names.yes {
			require.True(t, like(pattern, n), "%s %s", pattern, n)
		}
		for _, n := range names.no {
			require.False(t, like(pattern, n), "%s %s", pattern, n)
		}
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	require.Equal(t, server{"5.5.5-10.11.4-MariaDB-log", true, 101104}, parseVersion("5.5.5-10.11.4-MariaDB-log"))
	require.Equal(t, server{"8.0.36-0ubuntu0.22.04.1", false, 80036}, parseVersion("8.0.36-0ubuntu0.22.04.1"))
}
