// Package wire puts faults between a client and its server, below every SDK: HTTP is a reverse proxy that knows where a
// request begins and ends, Link is for any protocol over TCP.
//
// What strikes is chosen by a seed and by what is struck (the n-th request for a URL, the n-th packet of a connection),
// not by the order in which goroutines happen to run. Each fault that really happened is counted.
package wire

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
)

// Kind is a kind of fault.
type Kind string

// The kinds.
const (
	ResetBefore Kind = "reset-before" // the connection is reset before the server sees the request
	ResetAfter  Kind = "reset-after"  // the server did what was asked, then its answer is lost (Link: any moment)
	CutRequest  Kind = "cut-request"  // the server gets only the beginning of the request's body (Link: of what is sent)
	CutAnswer   Kind = "cut-answer"   // the client gets only the beginning of the answer's body; HTTP only
	ServerError Kind = "server-error" // 500; HTTP only
	SlowDown    Kind = "slow-down"    // 503; HTTP only
	TooMany     Kind = "too-many"     // 429; HTTP only
	Latency     Kind = "latency"      // takes longer by Delays.Latency
	Stall       Kind = "stall"        // takes longer by Delays.Stall
)

// Odds says how often each kind of fault strikes: 0 never, 1 always. Their sum is at most 1.
type Odds map[Kind]float64

// Storm is what the nemesis of an HTTP store runs in: about every fifth request meets something.
func Storm() Odds {
	return Odds{
		ResetBefore: .02, ResetAfter: .02, CutRequest: .03, CutAnswer: .03, ServerError: .02, SlowDown: .03, TooMany: .02,
		Latency: .05, Stall: .002,
	}
}

// Squall is Storm for a Link, where faults strike packets and not requests.
func Squall() Odds {
	return Odds{ResetBefore: .02, ResetAfter: .001, CutRequest: .001, Latency: .01, Stall: .0002}
}

// dice chooses faults and counts those that happened. It is safe for concurrent use.
type dice struct {
	seed uint64

	mu     sync.Mutex
	odds   Odds
	kinds  []Kind // of odds, sorted: a map's order is no choice of the seed
	rolled map[string]uint64
	counts map[string]int64
}

func newDice(seed uint64, odds Odds) *dice {
	d := &dice{seed: seed, rolled: map[string]uint64{}, counts: map[string]int64{}}
	d.set(odds)
	return d
}

func (d *dice) set(odds Odds) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.odds = maps.Clone(odds)
	d.kinds = slices.Sorted(maps.Keys(odds))
}

// roll chooses for the next occurrence of what; empty: no fault. The fraction, in [0,1), says where a cut goes.
func (d *dice) roll(what string) (kind Kind, fraction float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rolled[what]++
	h := fnv.New64a()
	_, _ = h.Write([]byte(what)) // hash.Hash never fails
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, d.rolled[what]))
	source := rand.New(rand.NewPCG(d.seed, h.Sum64()))
	return d.pick(source), source.Float64()
}

// pick draws one kind; the caller holds mu.
func (d *dice) pick(source *rand.Rand) Kind {
	at := source.Float64()
	for _, kind := range d.kinds {
		if at -= d.odds[kind]; at < 0 {
			return kind
		}
	}
	return ""
}

// draw is roll for those who keep a source of their own.
func (d *dice) draw(source *rand.Rand) Kind {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pick(source)
}

func (d *dice) count(kind Kind) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.counts[string(kind)]++
}

// Counts returns how many faults of each kind have happened.
func (d *dice) Counts() map[string]int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.counts)
}

// reset closes a connection as a host does that has lost it: the other side reads ECONNRESET, not an orderly end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
