package gcs_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"starkeep/storage"
	"starkeep/storage/retry"
	"starkeep/storage/storagetest"
	server "starkeep/tests/server/gcs"
)

// storm is what goes wrong between client and store.
type storm struct {
	server *server.Server
	mu     sync.Mutex
	faults map[string]int64
}

// fault picks what happens to a request: mostly nothing.
func (s *storm) fault() string {
	kinds := []string{"busy", "limited", "reset", "lost answer", "cut answer", "slow"}
	i := rand.IntN(10 * len(kinds))
	if i >= len(kinds) {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[kinds[i]]++
	return kinds[i]
}

func (s *storm) counted() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.faults)
}

// calm marks a request that the storm has struck already.
type calm struct{}

// through hands a request on to the store, so that the storm does not strike it again.
func (s *storm) through(r *http.Request) *recorder {
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	s.server.ServeHTTP(answer, r.WithContext(context.WithValue(r.Context(), calm{}, true)))
	return answer
}

// front is the storm's place.
func (s *storm) front(w http.ResponseWriter, r *http.Request) bool {
	if r.Context().Value(calm{}) != nil {
		return false
	}
	switch s.fault() {
	case "busy":
		server.Refuse(w, http.StatusServiceUnavailable, "backendError", "try again")
	case "limited":
		server.Refuse(w, http.StatusTooManyRequests, "rateLimitExceeded", "slow down")
	case "reset":
		panic(http.ErrAbortHandler)
	case "lost answer":
		s.through(r)
		panic(http.ErrAbortHandler)
	case "cut answer":
		answer := s.through(r)
		maps.Copy(w.Header(), answer.header)
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body.Bytes()[:answer.body.Len()/2])
		panic(http.ErrAbortHandler)
	case "slow":
		time.Sleep(rand.N(50 * time.Millisecond))
		return false
	default:
		return false
	}
	return true
}

func TestNothingIsLostInAStorm(t *testing.T) {
	s := &storm{server: server.Start(t), faults: map[string]int64{}}
	bucket := s.server.Bucket(t)
	storagetest.Nemesis(t, storagetest.NemesisOptions{
		Open: func() storage.Bucket {
			s.server.Front(nil)
			b := open(t, s.server, bucket)
			s.server.Front(s.front)
			return retry.New(b, retry.Policy{Attempts: 10, First: 2 * time.Millisecond, Max: 100 * time.Millisecond})
		},
		Faults: s.counted,
		Dead: func(do func()) {
			s.server.Kill(t)
			do()
			s.server.Restart(t)
		},
	})
}
