package snapshot

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestVersionReachedAgainIsNotTheSame(t *testing.T) {
	t.Parallel()
	at := func(id, version int64, time string) Partition {
		return Partition{Physical: []PhysicalPartition{{ID: id, Version: version, Time: time}}}
	}
	p := at(1, 5, "2024-01-01 00:00:00")
	require.True(t, p.SameVersions(p))
	require.True(t, p.SameVersions(at(1, 5, "")), "no time is known: the version decides")
	require.True(t, at(1, 5, "").SameVersions(p))
	require.False(t, p.SameVersions(at(1, 5, "2024-01-02 00:00:00")), "the cluster was set back and came to this version once more")
	require.False(t, p.SameVersions(at(1, 6, "2024-01-01 00:00:00")))
	require.False(t, p.SameVersions(at(2, 5, "2024-01-01 00:00:00")))
	require.False(t, p.SameVersions(Partition{}))
}
