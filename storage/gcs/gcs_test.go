package gcs_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/gcs"
	"starkeep/storage/storagetest"
	server "starkeep/tests/server/gcs"
)

func open(t testing.TB, s *server.Server, bucket string) storage.Bucket {
	t.Helper()
	b, err := gcs.Open(t.Context(), bucket, s.Properties(), gcs.Options{})
	require.NoError(t, err)
	return b
}

func TestGCSPassesTheSuite(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		s := server.Start(t)
		bucket := s.Bucket(t)
		var denied atomic.Bool
		s.Front(func(w http.ResponseWriter, r *http.Request) bool {
			if denied.Load() {
				server.Refuse(w, http.StatusForbidden, "forbidden", "someone does not have access to the Google Cloud Storage bucket.")
			}
			return denied.Load()
		})
		return storagetest.Place{
			Open:       func() storage.Bucket { return open(t, s, bucket) },
			RemoveRoot: func() { s.RemoveBucket(t, bucket) },
			Denied: func(do func()) {
				denied.Store(true)
				defer denied.Store(false)
				do()
			},
		}
	})
}
