package tests

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDoctorTellsTheSickFromTheWell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.createRepository()
	well := w.starter("doctor")
	require.Zero(t, well.code, well.out+well.err)
	well = w.starter("doctor", "repository", "repo")
	require.Zero(t, well.code, well.out+well.err)
	require.Contains(t, well.out, "exactly one", "the store was not tried out")
	for _, f := range files(t, w.repository()) {
		require.NotContains(t, f, "examination", "the trial left something behind")
	}
	well = w.starter("doctor", "worker")
	require.Zero(t, well.code, well.out+well.err)

	require.NoError(t, w.sandbox.Close())
	sick := w.starter("doctor", "cluster")
	require.Equal(t, 1, sick.code, sick.out+sick.err)
	require.NotContains(t, sick.out+sick.err, "GRANT", "a dead server does not lack privileges")
	sick = w.starter("doctor", "repository", "nowhere")
	require.Equal(t, 1, sick.code, sick.out+sick.err)
}
