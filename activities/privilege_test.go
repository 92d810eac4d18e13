package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/job"
)

func TestPrivilegesOfOnePlaceAreOneGrant(t *testing.T) {
	t.Parallel()
	names, grants := lacking([]cluster.Privilege{
		{Name: "SELECT on all tables of d", Grant: "GRANT SELECT ON `d`.* TO 'u'@'%'"},
		{Name: "role user_admin", Grant: "GRANT user_admin TO USER 'u'"},
		{Name: "SUPER on the server to create triggers", Grant: "GRANT SUPER ON *.* TO 'u'@'%'"},
		{Name: "LOCK TABLES on all tables of d", Grant: "GRANT LOCK TABLES ON `d`.* TO 'u'@'%'"},
	})
	require.Equal(t, "SELECT, LOCK TABLES on all tables of d; role user_admin; SUPER on the server to create triggers", names)
	require.Equal(t, "GRANT SELECT, LOCK TABLES ON `d`.* TO 'u'@'%'; GRANT user_admin TO USER 'u'; GRANT SUPER ON *.* TO 'u'@'%'", grants)
}

func TestDoctorLooksAtTheDatabaseThatItIsAskedFor(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	b.cluster.add("a", 1)
	examine := func(database string) []job.Check {
		return must[[]job.Check](b, job.ExamineClusterActivity, job.DoctorRequest{Cluster: "c", Database: database})
	}
	require.Len(t, examine(""), 1)
	require.Empty(t, b.server.audits)
	checks := examine("db")
	require.Equal(t, job.Check{Subject: "cluster c", Name: "backup of db", OK: true, Detail: "no privilege is missing"}, checks[1])
	require.Equal(t, "restore of db", checks[2].Name)
	require.Equal(t, cluster.Audit{Purpose: cluster.ForBackup, Database: "db", Kinds: carried}, b.server.audits[0])

	b.server.missing = []cluster.Privilege{{Name: "SELECT on all tables of db", Grant: "GRANT SELECT ON `db`.* TO 'u'"}}
	for _, check := range examine("db")[1:] {
		require.False(t, check.OK)
		require.Equal(t, "missing: SELECT on all tables of db", check.Detail)
		require.Equal(t, "GRANT SELECT ON `db`.* TO 'u'", check.Advice)
	}
	b.server.missing = nil
	require.Equal(t, "Unknown database 'nowhere'", examine("nowhere")[1].Detail)

	b.server.dead = true
	require.Len(t, examine("db"), 1, "who does not answer is not asked again")
}

func TestNotesOfTheCheckAreNotToldAgain(t *testing.T) {
	t.Parallel()
	told := []string{"user 'a': it exists and keeps its password", "role r: it exists"}
	require.Empty(t, unsaid("role r: it exists", told))
	require.Equal(t, "user 'a': refused: GRANT x", unsaid("user 'a': it exists and keeps its password; refused: GRANT x", told))
	require.Equal(t, "role r: it existed", unsaid("role r: it existed", told))
	require.Equal(t, "role s: it exists", unsaid("role s: it exists", told))
}
