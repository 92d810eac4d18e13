package hdfs_test

import (
	"bytes"
	"errors"
	"io"
	"path"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/hdfs"
	"starkeep/storage/retry"
	"starkeep/tests/server/hadoop"
)

// halting is a body that calls back when it has been read half.
func halting(data []byte, half func()) storage.Body {
	body := storage.BytesBody(data)
	body.Open = func() (io.ReadCloser, error) {
		first, second := bytes.NewReader(data[:len(data)/2]), bytes.NewReader(data[len(data)/2:])
		return io.NopCloser(io.MultiReader(first, &calling{second, half})), nil
	}
	return body
}

type calling struct {
	io.Reader
	call func()
}

func (c *calling) Read(p []byte) (int, error) {
	if c.call != nil {
		c.call()
		c.call = nil
	}
	return c.Reader.Read(p)
}

func TestDataNodeThatDiesInAPutIsNoObject(t *testing.T) {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	b := closing(t, s, root)
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<19)
	err := b.Put(t.Context(), "k", halting(data, func() { s.KillDataNode(t, 0) }), storage.PutOptions{IfAbsent: true})
	require.ErrorIs(t, err, storage.ErrUnavailable)
	_, err = b.Stat(t.Context(), "k")
	require.ErrorIs(t, err, storage.ErrNotExist)
	require.Empty(t, leftovers(t, s.Client(t, s.Superuser), root))
	s.RunDataNode(t, 0)
	require.NoError(t, b.Put(t.Context(), "k", storage.BytesBody(data), storage.PutOptions{IfAbsent: true}))
}

func TestReadGoesOnAfterADeadDataNode(t *testing.T) {
	s := hadoop.Shared(t)
	b := retry.New(closing(t, s, s.Folder(t, me), "dfs.blocksize", "1m"), retry.Policy{Attempts: 8, First: 20 * time.Millisecond, Max: time.Second})
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 blocks, each found anew
	require.NoError(t, b.Put(t.Context(), "k", storage.BytesBody(data), storage.PutOptions{}))
	r, err := b.Get(t.Context(), "k", storage.Range{})
	require.NoError(t, err)
	got := make([]byte, len(data))
	_, err = io.ReadFull(r, got[:1<<20])
	require.NoError(t, err)
	s.KillDataNode(t, 0)
	s.RunDataNode(t, 0)
	_, err = io.ReadFull(r, got[1<<20:])
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.True(t, bytes.Equal(data, got))
}

func TestStalledDataNodeDoesNotHoldACancelledCall(t *testing.T) {
	s := hadoop.Shared(t)
	b := closing(t, s, s.Folder(t, me), "dfs.client.socket-timeout", "1500")
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	s.Stall(t, 0)
	err := b.Put(t.Context(), "k", storage.BytesBody(data), storage.PutOptions{})
	require.ErrorIs(t, err, storage.ErrUnavailable, "after the timeout")
	s.Resume(t, 0)

	patient := closing(t, s, s.Folder(t, me))
	ctx, cancel := cancelWithin(t, 200*time.Millisecond)
	defer cancel()
	s.Stall(t, 0)
	began := time.Now()
	err = patient.Put(ctx, "k", storage.BytesBody(data), storage.PutOptions{})
	s.Resume(t, 0)
	require.Less(t, time.Since(began), 3*time.Second)
	require.True(t, errors.Is(err, ctx.Err()), "%v", err)
}

func TestConnectionsAreMadeAnewAfterTheNameNodeCameBack(t *testing.T) {
	s := hadoop.Shared(t)
	b := closing(t, s, s.Folder(t, me))
	put(t, b, "d/k", "x")
	s.KillNameNode(t, 0)
	for name, err := range map[string]error{
		"stat":   func() error { _, err := b.Stat(t.Context(), "d/k"); return err }(),
		"list":   b.List(t.Context(), "", func(storage.Info) error { return nil }),
		"delete": b.Delete(t.Context(), "d/k"),
	} {
		require.ErrorIs(t, err, storage.ErrUnavailable, name)
		require.NotErrorIs(t, err, storage.ErrNotExist, name)
	}
	s.RunNameNode(t, 0)
	require.Equal(t, []string{"d/k"}, keys(t, b, ""), "at the first try")
}

func TestDeadWritersLeaveNothingForGood(t *testing.T) {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	put(t, closing(t, s, root), "k", "x")
	old := time.Now().Add(-48 * time.Hour)
	work := path.Join(root, hdfs.WorkFolder)
	// These writers never close their files: they hold the leases as one does that was killed.
	for _, name := range []string{"dead", "young"} {
		writer := s.Client(t, me)
		w, err := writer.Create(path.Join(work, name))
		require.NoError(t, err)
		_, err = w.Write([]byte("half"))
		require.NoError(t, err)
		require.NoError(t, w.Flush())
		if name == "dead" {
			require.NoError(t, writer.Chtimes(path.Join(work, name), old, old))
		}
	}
	require.Equal(t, []string{"k"}, keys(t, closing(t, s, root), ""))
	require.Equal(t, []string{"young"}, leftovers(t, s.Client(t, s.Superuser), root))
}

func TestStandbyNameNodeIsPassedOver(t *testing.T) {
	s := hadoop.Start(t, hadoop.Options{HA: true})
	root := s.Folder(t, me)
	pair := []string{
		"dfs.nameservices", hadoop.Service, "dfs.ha.namenodes." + hadoop.Service, "nn2, nn1",
		"dfs.namenode.rpc-address." + hadoop.Service + ".nn1", s.NameNodes[0],
		"dfs.namenode.rpc-address." + hadoop.Service + ".nn2", s.NameNodes[1],
		"dfs.client.failover.proxy.provider." + hadoop.Service, "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider",
		"username", me,
	}
	properties := map[string]string{}
	for i := 0; i < len(pair); i += 2 {
		properties[pair[i]] = pair[i+1]
	}
	b, err := hdfs.Open(t.Context(), hadoop.Service, root, true, properties, hdfs.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	put(t, b, "k", "x")

	// Alone, a standby name node is no answer to anything.
	_, err = hdfs.Open(t.Context(), s.NameNodes[1], root, false, map[string]string{"username": me}, hdfs.Options{})
	require.EqualError(t, err, "open hdfs://"+s.NameNodes[1]+root+": store unavailable: no name node is active: those that answer are standby")

	s.Standby(t, 0)
	_, err = b.Stat(t.Context(), "absent")
	require.ErrorIs(t, err, storage.ErrUnavailable)
	s.Activate(t, 1)
	require.Eventually(t, func() bool { _, err = b.Stat(t.Context(), "k"); return err == nil }, 10*time.Second, 100*time.Millisecond, "%v", err)
	put(t, b, "l", "y")
	s.KillNameNode(t, 0)
	require.Equal(t, []string{"k", "l"}, keys(t, b, ""))
}
