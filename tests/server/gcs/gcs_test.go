package gcs_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/server/gcs"
)

// request returns the status and the text of an answer.
func request(t testing.TB, method, url, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func TestObjectsOutliveAKilledServer(t *testing.T) {
	t.Parallel()
	s := gcs.Start(t)
	bucket := s.Bucket(t)
	status, _ := request(t, http.MethodPost, s.URL+"/upload/storage/v1/b/"+bucket+"/o?uploadType=media&name=k", "kept")
	require.Equal(t, http.StatusOK, status)
	s.Kill(t)
	_, err := http.Get(s.URL)
	require.Error(t, err)
	s.Restart(t)
	status, text := request(t, http.MethodGet, s.URL+"/storage/v1/b/"+bucket+"/o/k?alt=media", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "kept", text)
}

func TestUploadMakesNoBucket(t *testing.T) {
	t.Parallel()
	s := gcs.Start(t)
	for range 2 {
		status, text := request(t, http.MethodPost, s.URL+"/upload/storage/v1/b/none/o?uploadType=media&name=k", "lost")
		require.Equal(t, http.StatusNotFound, status)
		require.Contains(t, text, "The specified bucket does not exist.")
	}
	status, text := request(t, http.MethodGet, s.URL+"/storage/v1/b/none/o/k", "")
	require.Equal(t, http.StatusNotFound, status)
	require.Contains(t, text, "No such object: none/k", "the words of Google do not tell the two apart")
}
