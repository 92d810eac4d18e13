package starrocks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/snapshot"
)

func tableOf(properties ...string) *definition {
	d := &definition{distributed: "random", model: "DUPLICATE"}
	for i := 0; i < len(properties); i += 2 {
		d.properties = append(d.properties, property{properties[i], properties[i+1]})
	}
	return d
}

func TestFewerBackendsThanReplicasIsSaidBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	d := tableOf(replicationNum, "3")
	err := d.check(place{alive: 1}, 0)
	require.ErrorIs(t, err, cluster.ErrUnsupported)
	require.ErrorContains(t, err, `"replication_num" = "1"`)
	require.NoError(t, d.check(place{alive: 1}, 1))
	require.NoError(t, d.check(place{alive: 3}, 0))
	require.ErrorIs(t, d.check(place{alive: 3}, 4), cluster.ErrUnsupported)
	require.NoError(t, d.check(place{shared: true}, 0), "there are no replicas in shared storage")
	require.NoError(t, tableOf(replicationNum, "3", "datacache.enable", "true").check(place{alive: 1}, 0), "fits gives it one")
}

func TestPropertiesOfTheOtherRunModeAreMappedAndNamed(t *testing.T) {
	t.Parallel()
	nothing := tableOf("compression", "LZ4", "replicated_storage", "true", replicationNum, "3", "storage_medium", "SSD")
	list, notes := nothing.fits(place{shared: true}, 0)
	require.Equal(t, []property{{"compression", "LZ4"}, {replicationNum, "3"}}, list)
	require.Len(t, notes, 2)
	require.Contains(t, notes[1], "storage_medium = SSD")
	list, notes = nothing.fits(place{alive: 3}, 0)
	require.Equal(t, nothing.properties, list)
	require.Empty(t, notes)

	shared := tableOf("datacache.enable", "true", replicationNum, "1", storageVolume, "vol")
	list, notes = shared.fits(place{alive: 2}, 0)
	require.Equal(t, []property{{replicationNum, "2"}}, list)
	require.Len(t, notes, 3)
	list, _ = shared.fits(place{alive: 2}, 1)
	require.Equal(t, []property{{replicationNum, "1"}}, list)
	list, notes = shared.fits(place{shared: true, volumes: []string{"vol"}}, 0)
	require.Equal(t, shared.properties, list)
	require.Empty(t, notes)
	list, notes = shared.fits(place{shared: true}, 0)
	require.Equal(t, shared.properties[:2], list)
	require.Contains(t, notes[0], "no storage volume vol")
}

func TestFeatureThatTheVersionDoesNotKnowIsRefusedByName(t *testing.T) {
	t.Parallel()
	ddl := func(column, clause string) *definition {
		d, err := parseDefinition("CREATE TABLE `t` (`a` int(11) NULL,\n`b` " + column + ") ENGINE=OLAP\nDUPLICATE KEY(`a`)\n" + clause + "\nDISTRIBUTED BY RANDOM\nPROPERTIES ();")
		require.NoError(t, err)
		return d
	}
	for _, c := range []struct {
		d          *definition
		name       string
		before, in string
	}{
		{ddl("decimal(50, 2) NULL", ""), "DECIMAL256", "3.5.9-abc", "4.0.0"},
		{ddl("array<decimal(50, 2)> NULL", ""), "DECIMAL256", "3.5.9", "4.0.0"},
		{ddl("varchar(9) NULL,\nINDEX i (`b`) USING GIN (\"parser\" = \"english\") COMMENT ''", ""), "full-text", "3.2.1", "3.3.0"},
		{ddl("varchar(9) NULL,\nINDEX i (`b`) USING GIN (\"imp_lib\" = \"builtin\")", ""), "built-in full-text", "4.0.1", "4.1.0"},
		{ddl("int(11) NULL", "PARTITION BY date_trunc('day', `a`),`b`"), "several expressions", "3.3.5", "3.4.0"},
		{ddl("int(11) NULL", "ORDER BY(`b`)"), "ORDER BY", "3.2.5", "3.3.0"},
	} {
		err := c.d.check(place{alive: 3, version: c.before}, 0)
		require.ErrorIs(t, err, cluster.ErrUnsupported, c.name)
		require.ErrorContains(t, err, c.name)
		require.NoError(t, c.d.check(place{alive: 3, version: c.in}, 0), c.name)
		require.NoError(t, c.d.check(place{alive: 3, version: "main-1a2b3c"}, 0), "a build of no release is not guessed at")
	}
	vector := ddl("array<float> NULL,\nINDEX i (`b`) USING VECTOR (\"dim\" = \"3\")", "")
	require.NoError(t, vector.check(place{alive: 3, version: "3.4.0"}, 0))
	require.ErrorContains(t, vector.check(place{shared: true, version: "4.0.0"}, 0), "a vector index cannot be")
}

func TestPartitionsKeepTheirOwnReplicasAndMedium(t *testing.T) {
	t.Parallel()
	d := tableOf(replicationNum, "3", "storage_medium", "SSD")
	d.kind = snapshot.RangePartitioning
	const keys = "[types: [INT]; keys: [1]; ..types: [INT]; keys: [2]; )"
	for _, c := range []struct{ replicas, medium, want string }{
		{"3", "SSD", ""}, {"1", "SSD", ` ("replication_num" = "1")`}, {"3", "HDD", ` ("replication_num" = "3", "storage_medium" = "HDD")`}, {"", "", ""},
	} {
		got, err := d.values(partitionMeta{values: keys, replicas: c.replicas, medium: c.medium})
		require.NoError(t, err)
		require.Equal(t, `VALUES [("1"), ("2"))`+c.want, got)
		p := withoutProperties([]snapshot.Partition{{Values: got}})
		require.Equal(t, `VALUES [("1"), ("2"))`, p[0].Values)
	}
	d.kind = snapshot.ListPartitioning
	got, err := d.values(partitionMeta{values: `[["a\") (\"replication_num\" = "]]`, replicas: "1"})
	require.NoError(t, err)
	p := withoutProperties([]snapshot.Partition{{Values: got}})
	require.Equal(t, `VALUES IN ("a\") (\"replication_num\" = ")`, p[0].Values, "a value is not taken for properties")
	require.True(t, strings.HasSuffix(got, ` ("replication_num" = "1")`))
}
