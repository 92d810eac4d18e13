package tests

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/job"
	"starkeep/tests/mysqldata"
	"starkeep/tests/server/mariadb"
)

// maria is a world whose statements go to a real MariaDB.
type maria struct {
	*world
	server *mariadb.Server
	names  []string // databases that the test makes or restores
}

// newMaria gives a test a world with a MariaDB server, the cluster "maria" of its workers, who have these settings.
func newMaria(t testing.TB, server *mariadb.Server, settings ...string) *maria {
	t.Helper()
	m := &maria{server: server}
	m.world = newWorld(t, func(w *world) { w.settings, w.further = strings.Join(settings, "\n"), m.configuration() })
	t.Cleanup(func() {
		for _, name := range m.names {
			server.Drop(t, name)
		}
	})
	m.createRepository()
	return m
}

func (m *maria) configuration() string {
	return fmt.Sprintf("[clusters.maria]\nkind = \"mysql\"\nservers = [%q]\nuser = %q\npassword = %q\n", m.server.Address, m.server.User, m.server.Password)
}

// database makes an empty database of the test's own.
func (m *maria) database(name string) string {
	m.t.Helper()
	name = m.name(name)
	m.server.Exec(m.t, "CREATE DATABASE "+mysqldata.Quote(name))
	return name
}

// name returns a name for a database that no other test has, and that is dropped at the end.
func (m *maria) name(name string) string {
	name += "_" + m.namespace
	m.names = append(m.names, name)
	return name
}

// on runs a statement of Starkeep's on MariaDB, to its end.
func (m *maria) on(statement string) string {
	m.t.Helper()
	r := m.starter("--cluster", "maria", "sql", "--wait", "-e", statement)
	require.Zero(m.t, r.code, "%s\n%s%s", statement, r.out, r.err)
	return r.out
}

// start begins a job on MariaDB and does not wait for its end.
func (m *maria) start(statement string) {
	m.t.Helper()
	r := m.starter("--cluster", "maria", "sql", "-e", statement)
	require.Zero(m.t, r.code, "%s\n%s%s", statement, r.out, r.err)
}

func (m *maria) digest(database string) map[string]string {
	m.t.Helper()
	return mysqldata.Digest(m.t, m.server.DB(), database)
}

// awaitMaria waits until a job on MariaDB is as a condition says.
func (m *maria) awaitMaria(database, what string, ok func(job.Status) bool) job.Status {
	m.t.Helper()
	var s job.Status
	m.await(what, func() bool {
		v, err := m.client.QueryWorkflow(context.Background(), job.WorkflowID("maria", database), "", job.StatusQuery)
		if err != nil {
			return false
		}
		s = job.Status{}
		return v.Get(&s) == nil && ok(s)
	})
	return s
}

// finish waits for the end of a job on MariaDB and requires success.
func (m *maria) finish(database string) job.Status {
	m.t.Helper()
	s := m.awaitMaria(database, "the end of the job", func(s job.Status) bool { return s.State.Final() })
	require.Equal(m.t, job.Finished, s.State, "%+v", s)
	return s
}

// ours lists what a job left in a database.
func (m *maria) ours(database string) [][]string {
	m.t.Helper()
	return m.server.Query(m.t, "SELECT table_name FROM information_schema.tables WHERE table_schema = ? AND table_name LIKE '\\_\\_starkeep%'", database)
}

// requireSame requires that a database holds what a digest says, and names what differs. Nothing of a job may be left in it.
func (m *maria) requireSame(want map[string]string, database string, except ...string) {
	m.t.Helper()
	got := m.digest(database)
	for _, key := range except {
		require.Contains(m.t, want, key)
		got[key] = want[key]
	}
	var differ []string
	for key := range want {
		if _, there := got[key]; !there {
			differ = append(differ, key+": missing")
		} else if want[key] != got[key] {
			differ = append(differ, fmt.Sprintf("%s: want\n%.1500s\ngot\n%.1500s", key, want[key], got[key]))
		}
	}
	for key := range got {
		if _, there := want[key]; !there {
			differ = append(differ, key+": new")
		}
	}
	slices.Sort(differ)
	require.Empty(m.t, strings.Join(differ, "\n"), "%s differs", database)
	require.Empty(m.t, m.ours(database), "left behind in %s", database)
}
