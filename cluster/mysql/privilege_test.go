package mysql_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/mysql"
	"starkeep/snapshot"
	"starkeep/tests/server/mariadb"
)

func TestGrantThatIsNamedIsTheOneThatHelps(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE t (a int); CREATE TABLE u (a int)")
	for _, c := range []struct {
		database string
		tables   []string
		purpose  cluster.Purpose
	}{
		{p.database, []string{"t"}, cluster.ForBackup}, {p.database, nil, cluster.ForBackup},
		{p.database, nil, cluster.ForRestore}, {p.database + "_later", nil, cluster.ForRestore},
	} {
		user, password := p.server.NewUser(t, "USAGE ON *.*", "CREATE TEMPORARY TABLES ON "+p.database+".*")
		keeper := connect(t, p.server.Address, user, password)
		missing, err := keeper.Missing(t.Context(), cluster.Audit{Purpose: c.purpose, Database: c.database, Tables: c.tables})
		require.NoError(t, err)
		require.NotEmpty(t, missing)
		for _, m := range missing {
			require.NotContains(t, m.Grant, "*.* TO ''")
			p.server.Exec(t, m.Grant)
		}
		missing, err = keeper.Missing(t.Context(), cluster.Audit{Purpose: c.purpose, Database: c.database, Tables: c.tables})
		require.NoError(t, err)
		require.Empty(t, missing)
		if c.purpose == cluster.ForBackup {
			missing, err = keeper.Missing(t.Context(), cluster.Audit{Purpose: c.purpose, Database: p.database, Tables: []string{"u"}})
			require.NoError(t, err)
			require.Equal(t, c.tables != nil, len(missing) > 0, "what was given for one table is not given for another")
		}
	}
}

func TestGrantedByPatternOrRole(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.exec("CREATE TABLE t (a int, b int)")
	role := strings.Replace(p.database, "t_", "role_", 1)
	p.server.Exec(t, "CREATE ROLE "+role+", "+role+"_in; GRANT "+role+"_in TO "+role)
	t.Cleanup(func() { p.server.Exec(t, "DROP ROLE "+role+", "+role+"_in") })
	pattern := "`" + strings.Replace(p.database, "_", `\_`, 1)[:5] + "%`"
	for name, c := range map[string]struct {
		grants []string
		enough bool
	}{
		"pattern":           {[]string{"SELECT, TRIGGER ON " + pattern + ".*"}, true},
		"underscore":        {[]string{"ALL ON `" + strings.Replace(p.database, "t_", "__", 1) + "`.*"}, true},
		"all":               {[]string{"ALL PRIVILEGES ON " + p.database + ".*"}, true},
		"global":            {[]string{"SELECT, TRIGGER ON *.*"}, true},
		"another pattern":   {[]string{"ALL ON `x%`.*"}, false},
		"escaped":           {[]string{"ALL ON `" + strings.Replace(p.database, "t_", `\_\_`, 1) + "`.*"}, false},
		"columns only":      {[]string{"SELECT (a), INSERT (b) ON " + p.database + ".t"}, false},
		"role not active":   {nil, false},
		"role, and another": {nil, true},
	} {
		user, password := p.server.NewUser(t, c.grants...)
		if strings.HasPrefix(name, "role") {
			p.server.Exec(t, "GRANT "+role+" TO "+user)
			p.server.Exec(t, "GRANT SELECT, TRIGGER ON "+p.database+".* TO "+role+"_in")
		}
		if name == "role, and another" {
			p.server.Exec(t, "SET DEFAULT ROLE "+role+" FOR "+user)
		}
		missing, err := connect(t, p.server.Address, user, password).Missing(t.Context(), cluster.Audit{Purpose: cluster.ForBackup, Database: p.database, Tables: []string{"t"}})
		if !c.enough && err != nil { // nothing at all: the database itself is hidden
			require.ErrorIs(t, err, cluster.ErrDenied, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.enough, len(missing) == 0, "%s: %v", name, missing)
	}
}

func TestDoctorNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	s := mariadb.Start(t, mariadb.Options{Args: []string{"--local-infile=0", "--skip-log-bin", "--max-allowed-packet=1M"}})
	user, password := s.NewUser(t)
	bad := map[string]string{}
	for _, c := range connect(t, s.Address, user, password).Examine(t.Context()) {
		if !c.OK {
			bad[c.Name] = c.Advice
		}
	}
	require.Len(t, bad, 4)
	for name, advice := range map[string]string{
		"local_infile": "local_infile = ON", "log_bin": "log_bin", "max_allowed_packet": "16777216", "privileges": "GRANT RELOAD ON *.* TO '" + user + "'@'%'",
	} {
		require.Contains(t, bad[name], advice)
	}
	checks := connect(t, s.Address, user, "wrong").Examine(t.Context())
	require.Len(t, checks, 1)
	require.Contains(t, checks[0].Advice, "password")
	for _, c := range checks {
		require.NotContains(t, c.Detail+c.Advice, "wrong")
	}
}

func TestIdentityStaysAndIsNobodyElses(t *testing.T) {
	t.Parallel()
	s := mariadb.Start(t, mariadb.Options{})
	c := connect(t, s.Address, s.User, s.Password)
	first, err := c.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, "mysql", first.Kind)
	require.Contains(t, first.Version, "MariaDB")
	s.Restart(t)
	again, err := c.Info(t.Context())
	require.NoError(t, err, "a session that died with the server is not used again")
	require.Equal(t, first, again)
	other := mariadb.Shared(t)
	info, err := connect(t, other.Address, other.User, other.Password).Info(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, first.ID, info.ID)
}

func TestUsersAloneAreRefusedWithTheStatementThatTakesThem(t *testing.T) {
	t.Parallel()
	_, err := (&mysql.Cluster{}).Missing(t.Context(), cluster.Audit{Purpose: cluster.ForBackup, Kinds: []snapshot.ObjectKind{snapshot.User}})
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	require.ErrorContains(t, err, `PROPERTIES ("users" = "true")`)
}

// What such a server lists has other names than those that were asked for: a live table would lose its triggers, and a view
// of the copy would show the rows of the original.
func TestServerThatKeepsNamesInLowerCase(t *testing.T) {
	t.Parallel()
	s := mariadb.Start(t, mariadb.Options{Args: []string{"--lower-case-table-names=1"}})
	p := &place{t, s, connect(t, s.Address, s.User, s.Password), s.Database(t)}
	p.exec("CREATE TABLE Up (Id int PRIMARY KEY)")
	for _, database := range []string{strings.ToUpper(p.database), "Nowhere"} {
		_, err := p.cluster.DatabaseExists(t.Context(), database)
		require.ErrorIs(t, err, cluster.ErrInvalidName)
		require.ErrorContains(t, err, database+" is "+strings.ToLower(database)+" there")
	}
	tables, _, err := p.cluster.Tables(t.Context(), p.database)
	require.NoError(t, err)
	require.Equal(t, []string{"up"}, tables)
	table := p.describe("up")
	_, err = p.cluster.Fit(t.Context(), []snapshot.Table{table}, cluster.TableOptions{})
	require.NoError(t, err)
	table.Name = "Up"
	_, err = p.cluster.Fit(t.Context(), []snapshot.Table{table}, cluster.TableOptions{})
	require.ErrorIs(t, err, cluster.ErrInvalidName)
	require.ErrorContains(t, err, "under another name with AS")
	other := newPlace(t)
	_, err = other.cluster.DatabaseExists(t.Context(), "Nowhere")
	require.NoError(t, err)
}

// What is not named here is missed in the middle of a job.
func TestEveryMissingPrivilegeIsNamed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	user, password := p.server.NewUser(t, "CREATE TEMPORARY TABLES ON "+p.database+".*") // so that it sees the database
	c := connect(t, p.server.Address, user, password)
	for purpose, want := range map[cluster.Purpose]string{
		cluster.ForBackup: "SELECT, TRIGGER, SHOW VIEW, EVENT, SELECT",
		cluster.ForRestore: "SELECT, INSERT, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER, LOCK TABLES, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, " +
			"ALTER ROUTINE, EVENT, SET USER, SUPER",
	} {
		missing, err := c.Missing(t.Context(), cluster.Audit{Purpose: purpose, Database: p.database})
		require.NoError(t, err)
		var names []string
		for _, m := range missing {
			name, _, _ := strings.Cut(m.Name, " on ")
			names = append(names, name)
		}
		require.Equal(t, want, strings.Join(names, ", "))
	}
}
