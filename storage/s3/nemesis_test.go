package s3_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/fault/wire"
	"starkeep/storage/retry"
	"starkeep/storage/s3"
	"starkeep/storage/storagetest"
	"starkeep/tests/server/minio"
)

// TestNemesisLosesNothing works on a real MinIO while what goes between it and the SDK is reset, cut, delayed and answered
// with 500 and SlowDown. storagetest.Nemesis says what must hold.
func TestNemesisLosesNothing(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	proxy, err := wire.NewHTTP(server.URL, wire.HTTPOptions{Seed: 1, Answers: wire.S3()})
	require.NoError(t, err)
	t.Cleanup(proxy.Close)
	bucket, properties := server.Bucket(t), server.Properties()
	for name, value := range properties {
		if value == server.URL {
			properties[name] = proxy.URL()
		}
	}
	b, err := s3.Open(t.Context(), bucket, properties, s3.Options{})
	require.NoError(t, err)
	proxy.Set(wire.Storm()) // behind Open, which nothing repeats
	storagetest.Nemesis(t, storagetest.NemesisOptions{
		Open: func() storage.Bucket {
			return retry.New(b, retry.Policy{Attempts: 12, First: 5 * time.Millisecond, Max: 200 * time.Millisecond})
		},
		Faults: proxy.Counts, Dead: proxy.Dead,
	})
}
