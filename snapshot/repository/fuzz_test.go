package repository

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/snapshot"
	"starkeep/storage"
)

// FuzzManifest: whatever is in a manifest file, reading it gives an error or a manifest that is written the same again
// and whose references stay inside the repository.
func FuzzManifest(f *testing.F) {
	seed, err := os.ReadFile(filepath.Join(goldenRoot, prefix(golden), manifestKey("nightly", "2026-11-21-01-02-03-004")))
	require.NoError(f, err)
	for _, s := range []string{
		string(seed), "", "{", "null", "[]", `{"format":1}`, `{"format":2}`, `{"format":0}`, `{"format":1e3}`, `{"format":null}`, `{"FORMAT":1}`,
		`{"format":1,"label":"../../etc","timestamp":"2026-11-21-01-02-03-004"}`, string(seed) + "{}", string(seed) + "x",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := decodeManifest(data)
		if err != nil {
			return
		}
		again, err := decodeManifest(encode(m))
		require.NoError(t, err)
		require.Equal(t, encode(m), encode(again))
		key := manifestKey(m.Label, m.Timestamp)
		require.True(t, filepath.IsLocal(key))
		label, timestamp, ok := parseManifestKey(key)
		require.True(t, ok)
		require.Equal(t, m.Label+m.Timestamp, label+timestamp)
		for _, table := range m.Tables {
			require.True(t, filepath.IsLocal(table.Index.Key))
		}
	})
}

// FuzzIndex: whatever the text of an index is, reading it gives an error or entries that are written the same again.
func FuzzIndex(f *testing.F) {
	s := newSample("j1", "one", "two")
	seed, err := encodeIndex(s.entries)
	require.NoError(f, err)
	for _, text := range []string{string(seed), "", "\n", "{}\n", "null\n", `{"table":"t","name":"p"}`, `{"table":"t","name":"p","objects":[{"key":"../x"}]}`, "\x00"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var entries []snapshot.PartitionEntry
		err := decodeIndex(compress(text), func(e snapshot.PartitionEntry) error {
			entries = append(entries, e)
			return nil
		})
		if err != nil {
			return
		}
		printed, err := encodeIndex(entries)
		require.NoError(t, err)
		again := entries
		entries = nil
		require.NoError(t, decodeIndex(compress(printed), func(e snapshot.PartitionEntry) error {
			entries = append(entries, e)
			return nil
		}))
		require.Equal(t, len(again), len(entries))
		repeated, err := encodeIndex(entries)
		require.NoError(t, err)
		require.Equal(t, printed, repeated)
	})
}

// FuzzIndexBytes: the decompressor is fed by the store, so it gets anything.
func FuzzIndexBytes(f *testing.F) {
	text, err := encodeIndex(newSample("j1", "one").entries)
	require.NoError(f, err)
	whole := compress(text)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add([]byte("not zstd"))
	f.Add(append(append([]byte{}, whole...), whole...))
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = decodeIndex(data, func(e snapshot.PartitionEntry) error { return checkEntry(e) })
	})
}

// TestIndexBombIsRefused decompresses to more than any index line may have.
func TestIndexBombIsRefused(t *testing.T) {
	t.Parallel()
	data := compress(make([]byte, maxIndexLine+1))
	require.Less(t, len(data), 1<<20)
	err := decodeIndex(data, func(snapshot.PartitionEntry) error { return nil })
	require.ErrorContains(t, err, "line 1: longer than 67108864 bytes")

	r, b := create(t)
	ref := indexRef(sha256.Sum256(data), int64(len(data)))
	_, err = r.putContent(t.Context(), ref, storage.BytesBody(data), nil)
	require.NoError(t, err)
	var damage *DamageError
	require.ErrorAs(t, r.ReadIndex(t.Context(), ref, func(snapshot.PartitionEntry) error { return nil }), &damage)
	require.Len(t, listKeys(t, b, "index/"), 1)
}
