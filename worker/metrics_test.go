package main

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/mem"
	"starkeep/storage/metrics"
)

func TestMetricsTellWhatStoresDid(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	m, err := measure(address)
	require.NoError(t, err)
	_, err = measure(address)
	require.ErrorContains(t, err, "serve metrics at "+address)

	b, err := mem.Open(t.Name(), true)
	require.NoError(t, err)
	defer mem.Drop(t.Name())
	watched := metrics.New(b, metrics.NewMeter(storageMetrics{m.handler}))
	require.NoError(t, watched.Put(t.Context(), "k", storage.BytesBody([]byte("12345")), storage.PutOptions{}))
	answer, err := http.Get("http://" + address + "/metrics")
	require.NoError(t, err)
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Regexp(t, `starkeep_storage_requests{.*method="Put".*outcome="ok".*store="mem".*} 1`, string(text))
	require.Contains(t, string(text), `le="0.001"`, "a store answers in milliseconds")
	require.NoError(t, m.close())
}

func TestNothingIsServedWithoutAnAddress(t *testing.T) {
	t.Parallel()
	m, err := measure("")
	require.NoError(t, err)
	require.NoError(t, m.close())
}
