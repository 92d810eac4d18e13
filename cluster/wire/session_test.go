package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/snapshot"
)

// peer is a server that speaks just enough MySQL: it lets everybody but the user "refused" in, and answers statements.
type peer struct {
	net.Listener
	connections atomic.Int32
	cut         atomic.Bool // a client went away within a file
	answer      func(statement string, a *answerBytes, conn net.Conn)
}

func newPeer(t *testing.T, answer func(statement string, a *answerBytes, conn net.Conn)) *peer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &peer{Listener: l, answer: answer}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.connections.Add(1)
			go p.serve(conn)
		}
	}()
	return p
}

func (p *peer) serve(conn net.Conn) {
	defer conn.Close()
	// protocol 10, version, connection id, salt, capabilities 4.1 + secure + plugin auth, utf8mb4, salt, plugin
	hello := &answerBytes{}
	hello.packet([]byte("\x0a8.0.33\x00\x01\x00\x00\x0012345678\x00\x00\x82\x2d\x02\x00\x08\x00\x15" + strings.Repeat("\x00", 10) + "123456789012\x00mysql_native_password\x00"))
	if _, err := conn.Write(hello.Bytes()); err != nil {
		return
	}
	f := newFrames(conn)
	f.next = 1
	login, err := f.packet()
	if err != nil {
		return
	}
	a := &answerBytes{next: 2}
	if bytes.Contains(login, []byte("refused\x00")) {
		a.packet([]byte("\xff\x15\x04#28000Access denied for user 'refused'"))
		_, _ = conn.Write(a.Bytes())
		return
	}
	a.packet([]byte{0, 0, 0, 2, 0, 0, 0})
	_, _ = conn.Write(a.Bytes())
	for {
		f.next = 0
		command, err := f.packet()
		if err != nil || command[0] != commandQuery {
			return
		}
		statement := string(command[1:])
		a := newAnswer()
		a.next = f.next
		if strings.HasPrefix(statement, "LOAD") {
			a.packet([]byte("\xfbrows"))
			if _, err := conn.Write(a.Bytes()); err != nil {
				return
			}
			a.Reset()
			var file []byte
			f.next = a.next
			for {
				part, err := f.packet()
				if err != nil {
					p.cut.Store(true)
					return
				}
				if len(part) == 0 {
					break
				}
				file = append(file, part...)
			}
			a.next = f.next
			statement += string(file)
		}
		p.answer(statement, a, conn)
		if _, err := conn.Write(a.Bytes()); err != nil {
			return
		}
	}
}

// echo answers with the statement in one row, or as it is told.
func echo(statement string, a *answerBytes, conn net.Conn) {
	switch statement {
	case "fail":
		a.packet([]byte("\xff\x28\x04#HY000no"))
	case "ok":
		a.packet([]byte{0, 0, 0, 2, 0, 0, 0})
	case "hang":
		_, _ = conn.Read(make([]byte, 1))
	case "cut":
		_ = conn.Close()
	case "endless":
		a.columns("a")
		for range 100_000 {
			a.row(make([]byte, 100))
		}
	case "infile":
		a.packet([]byte("\xfb/etc/passwd"))
	default:
		a.columns("a")
		a.eof()
		a.row([]byte(statement))
		a.eof()
	}
}

func dialPeer(t *testing.T, p *peer, idle time.Duration) *Session {
	s, err := Dial(t.Context(), p.Addr().String(), Options{User: "u", Connect: 5 * time.Second, Idle: idle})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func value(t *testing.T, s interface {
	Query(context.Context, string) (*Result, error)
}, statement string) string {
	r, err := s.Query(t.Context(), statement)
	require.NoError(t, err)
	defer r.Close()
	var b snapshot.Batch
	require.NoError(t, r.Next(&b))
	got := string(b.Columns[0].Value(0))
	require.Equal(t, io.EOF, r.Next(&b))
	require.Equal(t, io.EOF, r.Next(&b))
	return got
}

func TestRefusedLoginIsTheServersWord(t *testing.T) {
	t.Parallel()
	_, err := Dial(t.Context(), newPeer(t, echo).Addr().String(), Options{User: "refused", Password: "hunter2"})
	var refused *ServerError
	require.ErrorAs(t, err, &refused)
	require.EqualValues(t, 1045, refused.Code)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestSessionGoesOnBehindAFailedStatement(t *testing.T) {
	t.Parallel()
	s := dialPeer(t, newPeer(t, echo), time.Minute)
	var refused *ServerError
	require.ErrorAs(t, s.Exec(t.Context(), "fail"), &refused)
	require.NoError(t, s.Exec(t.Context(), "ok"))
	require.NoError(t, s.Exec(t.Context(), "rows that nobody reads"))
	require.Equal(t, "SELECT 1", value(t, s, "SELECT 1"))
}

func TestServerMayNotAskForAFile(t *testing.T) {
	t.Parallel()
	s := dialPeer(t, newPeer(t, echo), time.Minute)
	require.ErrorIs(t, s.Exec(t.Context(), "infile"), ErrMalformed)
	require.ErrorIs(t, s.Exec(t.Context(), "ok"), net.ErrClosed)
}

func TestSilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	s := dialPeer(t, newPeer(t, echo), 50*time.Millisecond)
	var timeout net.Error
	require.ErrorAs(t, s.Exec(t.Context(), "hang"), &timeout)
	require.True(t, timeout.Timeout())
}

func TestCancelledStatementReturnsAtOnceWithItsCause(t *testing.T) {
	t.Parallel()
	s := dialPeer(t, newPeer(t, echo), time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	require.ErrorIs(t, s.Exec(ctx, "hang"), context.Canceled)
}

func TestPoolUsesSessionsAgainAndDropsDeadOnes(t *testing.T) {
	t.Parallel()
	server := newPeer(t, echo)
	pool := NewPool(func(ctx context.Context) (*Session, error) {
		return Dial(ctx, server.Addr().String(), Options{User: "u", Idle: time.Minute})
	})
	for range 3 {
		require.Equal(t, "x", value(t, pool, "x"))
		require.Error(t, pool.Exec(t.Context(), "fail"))
		require.NoError(t, pool.Exec(t.Context(), "ok"))
	}
	require.EqualValues(t, 1, server.connections.Load())
	require.Error(t, pool.Exec(t.Context(), "cut"))
	require.Equal(t, "x", value(t, pool, "x"))
	require.EqualValues(t, 2, server.connections.Load())

	r, err := pool.Query(t.Context(), "x")
	require.NoError(t, err)
	require.NoError(t, r.Close(), "unread rows: the session cannot be used again")
	require.NoError(t, r.Close())
	require.Equal(t, "x", value(t, pool, "x"))
	require.EqualValues(t, 3, server.connections.Load())

	require.NoError(t, pool.Close())
	require.ErrorIs(t, pool.Exec(t.Context(), "ok"), net.ErrClosed)
}

func TestSessionIsMadeReadyForEachStatement(t *testing.T) {
	t.Parallel()
	server := newPeer(t, echo)
	var taken int
	var unready error
	pool := NewPool(func(ctx context.Context) (*Session, error) {
		s, err := Dial(ctx, server.Addr().String(), Options{User: "u", Idle: time.Minute})
		if err == nil {
			s.Ready = func(ctx context.Context) error {
				taken++
				return errors.Join(unready, s.Exec(ctx, "ok"))
			}
		}
		return s, err
	})
	for range 2 {
		require.Equal(t, "x", value(t, pool, "x"))
	}
	require.Equal(t, 2, taken)
	unready = io.ErrNoProgress
	require.ErrorIs(t, pool.Exec(t.Context(), "ok"), unready)
	unready = nil
	require.Equal(t, "x", value(t, pool, "x"))
	require.EqualValues(t, 1, server.connections.Load(), "a session that was not ready is not lost")
}

func TestExpiredSessionIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	server := newPeer(t, echo)
	lifetime := time.Hour
	pool := NewPool(func(ctx context.Context) (*Session, error) {
		s, err := Dial(ctx, server.Addr().String(), Options{User: "u", Idle: time.Minute})
		if err == nil {
			s.Expires = time.Now().Add(lifetime)
		}
		return s, err
	})
	require.Equal(t, "x", value(t, pool, "x"))
	require.Equal(t, "x", value(t, pool, "x"))
	require.EqualValues(t, 1, server.connections.Load())
	pool.idle[0].Expires = time.Now().Add(-time.Second)
	require.Equal(t, "x", value(t, pool, "x"))
	require.EqualValues(t, 2, server.connections.Load())
}

func TestSessionClosedByTheServerMeanwhileIsNotUsed(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	server := newPeer(t, func(statement string, a *answerBytes, conn net.Conn) {
		echo(statement, a, conn)
		if statement == "last" {
			go func() { // once the answer is read
				<-closed
				_ = conn.Close()
				closed <- struct{}{}
			}()
		}
	})
	pool := NewPool(func(ctx context.Context) (*Session, error) {
		return Dial(ctx, server.Addr().String(), Options{User: "u", Idle: time.Minute})
	})
	require.Equal(t, "last", value(t, pool, "last"))
	closed <- struct{}{}
	<-closed
	require.Eventually(t, func() bool { return !pool.idle[0].Alive() }, 5*time.Second, time.Millisecond)
	require.Equal(t, "x", value(t, pool, "x"))
	require.EqualValues(t, 2, server.connections.Load())
}

func TestResultThatIsCutIsNoWholeResult(t *testing.T) {
	t.Parallel()
	s := dialPeer(t, newPeer(t, func(statement string, a *answerBytes, conn net.Conn) {
		echo(statement, a, conn)
		a.Truncate(a.Len() - 1)
		_, _ = conn.Write(a.Bytes())
		_ = conn.Close()
	}), time.Minute)
	r, err := s.Query(t.Context(), "x")
	require.NoError(t, err)
	var b snapshot.Batch
	for err == nil {
		err = r.Next(&b)
	}
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.Zero(t, b.Rows())
	require.Equal(t, err, r.Next(&b), "a broken result stays broken")
}

func TestCancelledReadEndsInTheMiddle(t *testing.T) {
	t.Parallel()
	s := dialPeer(t, newPeer(t, func(statement string, a *answerBytes, conn net.Conn) {
		echo(statement, a, conn)
		_, _ = conn.Write(a.Bytes())
		a.Reset()
		_, _ = conn.Read(make([]byte, 1)) // the end of the rows never comes
	}), time.Minute)
	ctx, cancel := context.WithCancelCause(t.Context())
	r, err := s.Query(ctx, "endless")
	require.NoError(t, err)
	reason := errors.New("job is cancelled")
	var b snapshot.Batch
	require.NoError(t, r.Next(&b))
	cancel(reason)
	for err == nil {
		err = r.Next(&b)
	}
	require.ErrorIs(t, err, reason)
}

func TestStatementOfSeveralFramesArrivesWhole(t *testing.T) {
	t.Parallel()
	s := dialPeer(t, newPeer(t, func(statement string, a *answerBytes, _ net.Conn) {
		a.packet([]byte{0, 0xfd, byte(len(statement)), byte(len(statement) >> 8), byte(len(statement) >> 16), 0, 2, 0, 0, 0})
	}), time.Minute)
	for _, n := range []int{1, maxFrame - 2, maxFrame - 1, maxFrame} { // the command is a byte of the packet
		r, err := s.Query(t.Context(), strings.Repeat("x", n))
		require.NoError(t, err)
		require.Equal(t, uint64(n&(1<<24-1)), r.Outcome().Affected)
	}
}

// counted answers a load with the number of bytes that came.
func counted(statement string, a *answerBytes, _ net.Conn) {
	n := len(statement) - len("LOAD ")
	if strings.Contains(statement, "bad") {
		a.packet([]byte("\xff\x28\x04#HY000no"))
		return
	}
	a.packet([]byte{0, 0xfd, byte(n), byte(n >> 8), byte(n >> 16), 0, 2, 0, 7, 1})
}

func TestFileArrivesWholeWhateverItsLength(t *testing.T) {
	t.Parallel()
	s := dialPeer(t, newPeer(t, counted), time.Minute)
	for _, n := range []int{0, 1, fileFrame - 1, fileFrame, fileFrame + 1, 5*fileFrame + 3} {
		o, err := s.Load(t.Context(), "LOAD ", func(w io.Writer) error {
			for _, part := range []int{n / 3, n - n/3} {
				if _, err := w.Write(bytes.Repeat([]byte("x"), part)); err != nil {
					return err
				}
			}
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, Outcome{Affected: uint64(n), Warnings: 263}, o)
	}
}

func TestSessionGoesOnBehindARefusedLoad(t *testing.T) {
	t.Parallel()
	s := dialPeer(t, newPeer(t, counted), time.Minute)
	var refused *ServerError
	_, err := s.Load(t.Context(), "LOAD ", func(w io.Writer) error { _, err := io.WriteString(w, "bad"); return err })
	require.ErrorAs(t, err, &refused)
	_, err = s.Load(t.Context(), "bad", func(io.Writer) error { t.Error("rows were asked for"); return nil })
	require.ErrorAs(t, err, &refused)
	_, err = s.Load(t.Context(), "LOAD ", func(io.Writer) error { return nil })
	require.NoError(t, err)
}

func TestFileThatBreaksOffIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	p := newPeer(t, counted)
	s := dialPeer(t, p, time.Minute)
	broken := errors.New("object is damaged")
	_, err := s.Load(t.Context(), "LOAD ", func(w io.Writer) error {
		_, err := w.Write(make([]byte, 3*fileFrame))
		return errors.Join(err, broken)
	})
	require.ErrorIs(t, err, broken)
	require.Eventually(t, p.cut.Load, 5*time.Second, time.Millisecond)
	_, err = s.Load(t.Context(), "LOAD ", func(io.Writer) error { return nil })
	require.ErrorIs(t, err, net.ErrClosed)
}

func TestCancelledLoadIsNotTakenForWhole(t *testing.T) {
	t.Parallel()
	p := newPeer(t, counted)
	s := dialPeer(t, p, time.Minute)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("job is cancelled")
	_, err := s.Load(ctx, "LOAD ", func(w io.Writer) error {
		cancel(reason)
		for {
			if _, err := w.Write(make([]byte, fileFrame)); err != nil {
				return err
			}
		}
	})
	require.ErrorIs(t, err, reason)
	require.Eventually(t, p.cut.Load, 5*time.Second, time.Millisecond)
}

// The driver looks at a connection under the limit of connecting, and leaves that limit behind.
func TestLookAtASessionDoesNotLimitItsNextStatement(t *testing.T) {
	t.Parallel()
	const limit = 200 * time.Millisecond
	p := newPeer(t, func(statement string, a *answerBytes, conn net.Conn) {
		time.Sleep(2 * limit) // a server that thinks
		echo(statement, a, conn)
	})
	s, err := Dial(t.Context(), p.Addr().String(), Options{User: "u", Connect: limit})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	require.True(t, s.Alive())
	require.Equal(t, "SELECT 1", value(t, s, "SELECT 1"))
}
