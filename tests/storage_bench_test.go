package tests

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox/demo"
	"starkeep/tests/server/minio"
)

// BenchmarkStores backs the demo's database up to a folder and to MinIO, and restores it from there, in turns: the best of
// each counts. Cluster, Temporal, worker and MinIO share the machine's cores. The ratio of backups should be at most 1.3.
func BenchmarkStores(b *testing.B) {
	w := newWorld(b)
	target := demo.Target{SQL: w.sandbox.SQLAddr(), HTTP: w.sandbox.HTTPAddr(), User: "root", Password: secret}
	require.NoError(b, demo.Load(b.Context(), target, demo.Sizes{Lineorders: 500_000}, false, func(string) {}))
	before := w.proveAll("ssb")
	server := minio.Shared(b)
	best := map[string]cost{}
	measure := func(what, statement string) {
		c := w.measure("ssb", statement)
		if have, ok := best[what]; !ok || c.wall < have.wall {
			best[what] = c
		}
	}
	for n := 0; b.Loop(); n++ {
		for round := range benchRounds {
			for store, at := range map[string]place{
				"file":  {location: fmt.Sprintf("file://%s/%d_%d", b.TempDir(), n, round)},
				"MinIO": withKeys(b, server),
			} {
				name := fmt.Sprintf("%s_%d_%d", store, n, round) // a new repository, so that nothing in it can be used again
				w.sql(at.create("REPOSITORY", name))
				measure("BACKUP "+store, "BACKUP DATABASE ssb SNAPSHOT l TO "+name)
				w.exec("DROP DATABASE ssb FORCE")
				measure("RESTORE "+store, "RESTORE SNAPSHOT l FROM "+name+" DATABASE ssb")
				require.Equal(b, before, w.proveAll("ssb"))
			}
		}
	}
	for _, store := range []string{"file", "MinIO"} {
		printStages(store, best["BACKUP "+store], best["RESTORE "+store])
	}
	ratio := func(job string) float64 {
		return best[job+" MinIO"].wall.Seconds() / best[job+" file"].wall.Seconds()
	}
	b.ReportMetric(ratio("BACKUP"), "backup-MinIO/file")
	b.ReportMetric(ratio("RESTORE"), "restore-MinIO/file")
}
