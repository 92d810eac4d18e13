package gcs_test

import (
	"net/http"
	"strconv"
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

// page is what the suite's listings have a page: Google may send fewer than were asked for, and the fake looks through all
// objects for each that is put.
const page = 100

func TestGCSPassesTheSuite(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t testing.TB) storagetest.Place {
		s := server.Start(t)
		bucket := s.Bucket(t)
		var denied atomic.Bool
		s.Front(func(w http.ResponseWriter, r *http.Request) bool {
			if q := r.URL.Query(); q.Has("maxResults") {
				if n, err := strconv.Atoi(q.Get("maxResults")); err == nil && n > page {
					q.Set("maxResults", strconv.Itoa(page))
					r.URL.RawQuery = q.Encode()
				}
			}
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
			Page: page,
		}
	})
}
