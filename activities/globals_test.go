package activities

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/job"
	"starkeep/snapshot"
)

// backupGlobals makes a snapshot of objects of the cluster itself.
func (b *bench) backupGlobals(label string, objects ...job.Object) snapshot.Manifest {
	b.t.Helper()
	b.prepare(label, func(r *job.BackupRequest) { r.Database, r.Objects = "", objects })
	return b.commit(label)
}

func TestCatalogsComeBackWithTheSecretsOfTheirOwn(t *testing.T) {
	t.Parallel()
	b := newServer(t)
	b.ref.Database = ""
	b.server.globals = []snapshot.Object{
		{Kind: snapshot.Catalog, Name: "lake", DDL: "CREATE lake", Masked: []string{"aws.s3.secret_key"}},
		{Kind: snapshot.Role, Name: "reader"}, {Kind: snapshot.User, Name: "'jack'@'%'", Masked: []string{"password"}},
	}
	m := b.backupGlobals("l", job.Object{Kind: snapshot.Catalog, All: true}, job.Object{Kind: snapshot.User, All: true})
	require.Equal(t, []string{"catalog lake", "user 'jack'@'%'"}, []string{m.Objects[0].String(), m.Objects[1].String()})
	require.Len(t, m.Objects, 2, "nobody asked for roles")
	require.Empty(t, m.Database)
	require.Equal(t, snapshot.RollupsFormat, m.Format)

	b.next("job-2")
	b.ref.Database = ""
	request := job.PrepareRestoreInput{Ref: b.ref, Request: job.RestoreRequest{Cluster: "c", Label: "l", Repository: "repo",
		Objects: []job.Object{{Kind: snapshot.Catalog, Table: "lake", Alias: "pond"}, {Kind: snapshot.User, All: true}}}}
	secrets := job.Secrets{"catalog.lake.aws.s3.secret_key": "hunter2", "user.jack.password": "letmein"}
	_, err := b.env.ExecuteActivity(job.PrepareRestoreActivity, request, secrets)
	require.NoError(t, err)
	_, err = b.env.ExecuteActivity(job.PutObjectsActivity, job.StageInput{Ref: b.ref}, secrets)
	require.NoError(t, err)
	require.Equal(t, map[string]map[string]string{
		"pond": {"aws.s3.secret_key": "hunter2"}, "'jack'@'%'": {"password": "letmein"},
	}, b.server.supplied)
	d, err := b.a.open(t.Context(), b.ref)
	require.NoError(t, err)
	pages, err := d.list(t.Context(), "")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	for _, name := range pages {
		var text json.RawMessage
		require.NoError(t, d.read(t.Context(), name, &text))
		require.False(t, bytes.Contains(text, []byte("hunter2")) || bytes.Contains(text, []byte("letmein")), name)
	}
	must[job.ReleaseOutput](b, job.ReleaseRestoreActivity, job.ReleaseInput{Ref: b.ref, Committed: true})
}

func TestSecretThatNothingNeedsIsRefusedWithoutItsValue(t *testing.T) {
	t.Parallel()
	b := shop(t)
	_, err := b.env.ExecuteActivity(job.PrepareRestoreActivity, job.PrepareRestoreInput{Ref: b.ref,
		Request: job.RestoreRequest{Cluster: "c", Database: "db", Label: "l", Repository: "repo"}}, job.Secrets{"catalog.lake.password": "hunter2"})
	requireFinal(t, err, job.InvalidRequest, "Unknown restore job properties: [catalog.lake.password]")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestBackupOfTheClusterItselfIsRefusedInTheNativeWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		objects    []job.Object
		kind, says string
	}{
		"no catalog":          {[]job.Object{{Kind: snapshot.Catalog, All: true}}, job.InvalidRequest, "No external catalog can be backed up"},
		"unknown catalog":     {[]job.Object{{Kind: snapshot.Catalog, Table: "x"}}, job.UnknownTable, "external catalog x does not existed."},
		"the default catalog": {[]job.Object{{Kind: snapshot.Catalog, Table: defaultCatalog}}, job.InvalidRequest, "Do not support Backup/Restore the entire default catalog"},
		"a table":             {[]job.Object{{Table: "a"}}, job.InvalidRequest, "database is required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newServer(t)
			b.ref.Database = ""
			_, err := run[job.PrepareBackupOutput](b, job.PrepareBackupActivity, job.PrepareBackupInput{Ref: b.ref,
				Request: job.BackupRequest{Cluster: "c", Label: "l", Repository: "repo", Objects: c.objects}, Timestamp: "2024-01-01-00-00-00-000"})
			requireFinal(t, err, c.kind, c.says)
		})
	}
}

func TestRestoreOfCatalogsIsRefusedInTheNativeWords(t *testing.T) {
	t.Parallel()
	b := shop(t)
	b.server.globals = []snapshot.Object{{Kind: snapshot.Catalog, Name: "lake"}}
	b.ref.Database = ""
	b.backupGlobals("catalogs", job.Object{Kind: snapshot.Catalog, All: true})
	for says, r := range map[string]job.RestoreRequest{
		"This is not a snapshot for external catalog restore, snapshot: l":         {Label: "l"},
		"Can not find restore catalog: x":                                          {Label: "catalogs", Objects: []job.Object{{Kind: snapshot.Catalog, Table: "x"}}},
		"Do not support set alias as default catalog for external catalog restore": {Label: "catalogs", Objects: []job.Object{{Kind: snapshot.Catalog, Table: "lake", Alias: defaultCatalog}}},
		"snapshot catalogs holds nothing of what is asked for":                     {Label: "catalogs", Objects: []job.Object{{Kind: snapshot.User, All: true}}},
		"database is required for tables, views and functions":                     {Label: "catalogs", Objects: []job.Object{{Table: "a"}}},
	} {
		r.Cluster, r.Repository = "c", "repo"
		b.next(strings.ReplaceAll(says[:20], " ", "-"))
		b.ref.Database = ""
		_, err := run[job.PrepareRestoreOutput](b, job.PrepareRestoreActivity, job.PrepareRestoreInput{Ref: b.ref, Request: r})
		require.ErrorContains(t, err, says)
	}
}
