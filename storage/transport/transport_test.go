package transport_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"starkeep/storage/transport"
)

func TestSilentPeerIsNoticed(t *testing.T) {
	t.Parallel()
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	conn := transport.Quiet(near, 20*time.Millisecond)
	defer func() { _ = conn.Close() }()
	_, err := conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	_, err = conn.Write([]byte("x"))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}

func TestForeignTextCannotBreakAMessage(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a b c?", transport.OneLine("a\r\n b\tc\xff"))
	long := transport.OneLine(strings.Repeat("é", 500))
	require.True(t, utf8.ValidString(long))
	require.LessOrEqual(t, len(long), 203)
	cause := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	require.Equal(t, "dial tcp: connection refused", transport.Cause(fmt.Errorf("Put \"http://h/secret\": %w", cause)))
	require.Equal(t, "no more", transport.Cause(fmt.Errorf("a: %w", errors.New("no\nmore"))))
}
