package wire_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage/fault/wire"
)

// echo is a server that sends back what it gets, up to the end of the client's half.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func link(t *testing.T, o wire.LinkOptions) *wire.Link {
	t.Helper()
	l := wire.NewLink(o)
	t.Cleanup(l.Close)
	return l
}

// ways are the two by which a client can use a link.
func ways(t *testing.T, l *wire.Link, target string) map[string]func() (net.Conn, error) {
	t.Helper()
	port, err := l.Listen(target)
	require.NoError(t, err)
	return map[string]func() (net.Conn, error){
		"dial":   func() (net.Conn, error) { return l.Dial(t.Context(), "tcp", target) },
		"listen": func() (net.Conn, error) { return net.Dial("tcp", port) },
	}
}

// talk sends text, ends its half and reads what comes back.
func talk(c net.Conn, text string) (string, error) {
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, text)
		if half, ok := c.(interface{ CloseWrite() error }); ok && err == nil {
			err = half.CloseWrite()
		}
		sent <- err
	}()
	data, err := io.ReadAll(struct{ io.Reader }{c})
	return string(data), errors.Join(err, <-sent, c.Close())
}

func TestLinkWithoutFaultsCarriesAll(t *testing.T) {
	t.Parallel()
	l := link(t, wire.LinkOptions{})
	text := strings.Repeat("0123456789", 100_000)
	for name, connect := range ways(t, l, echo(t)) {
		c, err := connect()
		require.NoError(t, err, name)
		got, err := talk(c, text)
		require.NoError(t, err, name)
		require.True(t, got == text, name)
	}
	require.Empty(t, l.Counts())
}

func TestLinkFaultsBreakConnections(t *testing.T) {
	t.Parallel()
	for _, kind := range []wire.Kind{wire.ResetBefore, wire.ResetAfter, wire.CutRequest} {
		l := link(t, wire.LinkOptions{Odds: wire.Odds{kind: 1}})
		for name, connect := range ways(t, l, echo(t)) {
			c, err := connect()
			var got string
			if err == nil {
				got, err = talk(c, "hello, world")
			}
			require.Error(t, err, "%s by %s", kind, name)
			require.Less(t, len(got), len("hello, world"))
		}
		require.EqualValues(t, 2, l.Counts()[string(kind)])
	}
}

func TestLinkIsAsSlowAsAsked(t *testing.T) {
	t.Parallel()
	target := echo(t)
	for name, o := range map[string]wire.LinkOptions{
		"latency":   {Odds: wire.Odds{wire.Latency: 1}, Latency: 15 * time.Millisecond},
		"stall":     {Odds: wire.Odds{wire.Stall: 1}, Stall: 15 * time.Millisecond},
		"bandwidth": {BytesPerSecond: 1000},
	} {
		l := link(t, o)
		c, err := l.Dial(t.Context(), "tcp", target)
		require.NoError(t, err)
		began := time.Now()
		got, err := talk(c, strings.Repeat("x", 15))
		require.NoError(t, err, name)
		require.Len(t, got, 15)
		require.GreaterOrEqual(t, time.Since(began), 30*time.Millisecond, "%s, there and back", name)
	}
}

func TestDeadLinkCutsWhatIsOpen(t *testing.T) {
	t.Parallel()
	l := link(t, wire.LinkOptions{})
	for name, connect := range ways(t, l, echo(t)) {
		c, err := connect()
		require.NoError(t, err)
		_, err = io.WriteString(c, "line\n")
		require.NoError(t, err)
		_, err = bufio.NewReader(c).ReadString('\n')
		require.NoError(t, err, "it is alive")
		l.Dead(func() {
			_, err := io.ReadAll(struct{ io.Reader }{c})
			require.Error(t, err, name)
			_, err = l.Dial(t.Context(), "tcp", "127.0.0.1:1")
			require.ErrorIs(t, err, syscall.ECONNREFUSED)
		})
		_ = c.Close()
		c, err = connect()
		require.NoError(t, err)
		got, err := talk(c, "back")
		require.NoError(t, err, name)
		require.Equal(t, "back", got)
	}
}

func TestClosedLinkDoesNotWaitOutItsDelays(t *testing.T) {
	t.Parallel()
	l := wire.NewLink(wire.LinkOptions{Odds: wire.Odds{wire.Stall: 1}, Stall: time.Hour})
	c, err := l.Dial(t.Context(), "tcp", echo(t))
	require.NoError(t, err)
	failed := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, "never sent")
		failed <- err
	}()
	require.Eventually(t, func() bool { return l.Counts()["stall"] == 1 }, 5*time.Second, time.Millisecond)
	l.Close()
	require.ErrorIs(t, <-failed, syscall.ECONNRESET)
}
