package sealed

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/job"
)

const secret = "s3cr3t-value"

func repository() job.CreateRepository {
	return job.CreateRepository{Name: "repo", Properties: map[string]string{"aws.s3.secret_key": secret}}
}

func TestSealedValueIsNeverStoredInClear(t *testing.T) {
	t.Parallel()
	k, err := Load(filepath.Join(t.TempDir(), "keys.json"))
	require.NoError(t, err)
	dc := k.DataConverter()
	for _, v := range []any{repository(), new(repository())} {
		p, err := dc.ToPayload(v)
		require.NoError(t, err)
		require.NotContains(t, string(p.Data), secret)
		require.NotContains(t, p.String(), secret)
		require.NotContains(t, dc.ToString(p), secret)
		var got job.CreateRepository
		require.NoError(t, dc.FromPayload(p, &got))
		require.Equal(t, repository(), got)
	}
}

func TestOrdinaryValuesStayReadableForTheUI(t *testing.T) {
	t.Parallel()
	k, err := Load(filepath.Join(t.TempDir(), "keys.json"))
	require.NoError(t, err)
	p, err := k.DataConverter().ToPayload(job.BackupRequest{Database: "sr_hub"})
	require.NoError(t, err)
	require.Contains(t, string(p.Data), `"database":"sr_hub"`)
}

func TestRotationKeepsOldValuesReadableInRunningProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	running, err := Load(path)
	require.NoError(t, err)
	old, err := running.DataConverter().ToPayload(repository())
	require.NoError(t, err)

	id, err := Rotate(path)
	require.NoError(t, err)
	fresh, err := Load(path)
	require.NoError(t, err)
	sealedAfter, err := fresh.DataConverter().ToPayload(repository())
	require.NoError(t, err)
	require.Equal(t, id, string(sealedAfter.Metadata[keyMetadata]))

	var got job.CreateRepository
	require.NoError(t, running.DataConverter().FromPayload(sealedAfter, &got), "a running process meets the new key")
	require.NoError(t, fresh.DataConverter().FromPayload(old, &got), "the old key stays")
}

func TestForeignKeyIsNamedNotGuessed(t *testing.T) {
	t.Parallel()
	a, err := Load(filepath.Join(t.TempDir(), "a.json"))
	require.NoError(t, err)
	b, err := Load(filepath.Join(t.TempDir(), "b.json"))
	require.NoError(t, err)
	p, err := a.DataConverter().ToPayload(repository())
	require.NoError(t, err)
	var got job.CreateRepository
	require.ErrorIs(t, b.DataConverter().FromPayload(p, &got), ErrUnknownKey)
}

func TestTamperedValueIsRefused(t *testing.T) {
	t.Parallel()
	k, err := Load(filepath.Join(t.TempDir(), "keys.json"))
	require.NoError(t, err)
	p, err := k.DataConverter().ToPayload(repository())
	require.NoError(t, err)
	p.Data[len(p.Data)-1] ^= 1
	var got job.CreateRepository
	require.Error(t, k.DataConverter().FromPayload(p, &got))
	p.Data = p.Data[:3]
	require.ErrorContains(t, k.DataConverter().FromPayload(p, &got), "cut short")
}

func TestKeyFileIsPrivateAndCreatedOnceByRacers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "keys.json")
	var wg sync.WaitGroup
	ids := make([]string, 16)
	for i := range ids {
		wg.Go(func() {
			k, err := Load(path)
			if err == nil {
				ids[i], _ = k.find("")
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.NotEmpty(t, id)
		require.Equal(t, ids[0], id, "all racers must use one key, or they could not read each other")
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = Load(path)
	require.ErrorContains(t, err, "chmod 600")
}

func TestKeysNeverPrint(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	k, err := Load(path)
	require.NoError(t, err)
	f, err := k.read()
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.NotContains(t, fmt.Sprintf(verb, k), f.Keys[f.Active])
	}
}
