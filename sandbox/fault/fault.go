// Package fault makes the sandbox fail on purpose: a statement or request that matches a rule is answered with an
// error, delayed, or loses its connection. It also keeps a log of what the sandbox was asked, so that a test can tell
// what a client did and did not send.
package fault

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Kind says what a rule looks at.
type Kind string

// The kinds.
const (
	SQL  Kind = "sql"  // the text of a statement
	HTTP Kind = "http" // "FE PUT /api/db/table/_stream_load label=l", BE for the backend
)

// Action is what happens to a match.
type Action string

// The actions.
const (
	Error          Action = "error"           // answer Message: an SQL error, or a load whose Status is Fail
	Status         Action = "status"          // HTTP only: answer the bare status Code
	Delay          Action = "delay"           // wait Delay, then go on
	Cut            Action = "cut"             // close the connection, nothing was executed
	CutAfter       Action = "cut-after"       // execute, then close the connection: the answer is lost
	PublishTimeout Action = "publish-timeout" // loads only: commit, answer "Publish Timeout", make visible after Delay
)

// Rule is one fault. The n-th match (from Nth on, Count of them) fires.
type Rule struct {
	Kind     Kind     `json:"kind"`
	Contains string   `json:"contains,omitempty"` // substring; together with Pattern both must match
	Pattern  string   `json:"pattern,omitempty"`  // regular expression (RE2)
	Nth      int      `json:"nth,omitempty"`      // first match that fires, from 1; 0 means 1
	Count    int      `json:"count,omitempty"`    // matches that fire; 0 means 1, negative means all
	Action   Action   `json:"action"`
	Message  string   `json:"message,omitempty"` // Error
	Code     int      `json:"code,omitempty"`    // Error: MySQL error number, 0 means 1064; Status: HTTP status
	Delay    Duration `json:"delay,omitempty"`   // Delay, PublishTimeout
	Bytes    int64    `json:"bytes,omitempty"`   // Cut of an HTTP request: only when so much of its body was read
}

// Duration is a time.Duration that JSON writes as text ("1.5s").
type Duration time.Duration

// MarshalText prints the duration as time.Duration does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText parses what time.ParseDuration does.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// Hit is a rule with what became of it.
type Hit struct {
	ID int `json:"id"`
	Rule
	Matched int `json:"matched"` // requests that matched, fired or not
	Fired   int `json:"fired"`
}

// Entry is one line of the log.
type Entry struct {
	Seq  int64     `json:"seq"` // counts from 1, without gaps
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	Text string    `json:"text"`
}

// logSize is how many entries the log keeps; older ones are dropped.
const logSize = 20_000

// Set is a set of rules and the log. The zero value is ready; it is safe for concurrent use.
type Set struct {
	mu    sync.Mutex
	rules []*rule
	ids   int
	log   []Entry // a ring once it is full
	seq   int64
}

type rule struct {
	Hit
	re *regexp.Regexp
}

// Add adds a rule and returns its id; it fails on a rule that could never fire or has no meaning.
func (s *Set) Add(r Rule) (int, error) {
	added := &rule{Hit: Hit{Rule: r}}
	if err := r.check(); err != nil {
		return 0, err
	}
	if r.Pattern != "" {
		re, err := regexp.Compile(r.Pattern)
		if err != nil {
			return 0, fmt.Errorf("compile pattern: %w", err)
		}
		added.re = re
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	added.ID = s.ids
	s.rules = append(s.rules, added)
	return added.ID, nil
}

func (r Rule) check() error {
	switch {
	case r.Kind != SQL && r.Kind != HTTP:
		return fmt.Errorf("unknown kind %q: sql or http", r.Kind)
	case r.Nth < 0:
		return fmt.Errorf("negative nth %d", r.Nth)
	case r.Kind == SQL && (r.Action == Status || r.Action == PublishTimeout || r.Bytes != 0):
		return fmt.Errorf("action %q with bytes %d is for http only", r.Action, r.Bytes)
	}
	switch r.Action {
	case Error:
		if r.Message == "" {
			return fmt.Errorf("action %q needs a message", r.Action)
		}
	case Status:
		if r.Code < 100 || r.Code > 599 {
			return fmt.Errorf("action %q needs a code from 100 to 599, not %d", r.Action, r.Code)
		}
	case Delay:
		if r.Delay <= 0 {
			return fmt.Errorf("action %q needs a delay", r.Action)
		}
	case Cut, CutAfter, PublishTimeout:
	default:
		return fmt.Errorf("unknown action %q", r.Action)
	}
	return nil
}

// Remove removes a rule and tells whether it was there.
func (s *Set) Remove(id int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.rules)
	s.rules = slices.DeleteFunc(s.rules, func(r *rule) bool { return r.ID == id })
	return len(s.rules) < before
}

// Clear removes all rules; the log stays.
func (s *Set) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = nil
}

// Rules returns the rules with their counters, in the order they were added.
func (s *Set) Rules() []Hit {
	s.mu.Lock()
	defer s.mu.Unlock()
	hits := make([]Hit, len(s.rules))
	for i, r := range s.rules {
		hits[i] = r.Hit
	}
	return hits
}

// Fired returns how often a rule fired.
func (s *Set) Fired(id int) int {
	for _, h := range s.Rules() {
		if h.ID == id {
			return h.Fired
		}
	}
	return 0
}

// SQL logs a statement and returns what shall happen to it. A server calls it once per statement, before it runs.
func (s *Set) SQL(query string) Effect { return s.match(SQL, query) }

// HTTP logs a request ("FE PUT /api/db/table/_stream_load label=l") and returns what shall happen to it.
func (s *Set) HTTP(line string) Effect { return s.match(HTTP, line) }

func (s *Set) match(kind Kind, text string) Effect {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(kind, text)
	var e Effect
	for _, r := range s.rules {
		if r.Kind != kind || !strings.Contains(text, r.Contains) || r.re != nil && !r.re.MatchString(text) {
			continue
		}
		r.Matched++
		if first := max(r.Nth, 1); r.Matched < first || r.Count >= 0 && r.Matched >= first+max(r.Count, 1) {
			continue
		}
		r.Fired++
		e.add(r.Rule)
	}
	return e
}

func (s *Set) note(kind Kind, text string) {
	s.seq++
	entry := Entry{Seq: s.seq, Time: time.Now(), Kind: kind, Text: text}
	if len(s.log) < logSize {
		s.log = append(s.log, entry)
		return
	}
	s.log[(s.seq-1)%logSize] = entry
}

// Log returns the entries behind sequence number since, oldest first (0: all that are kept). A statement is kept as it was sent, with
// whatever password it carries: the log is an instrument of tests and stays in the memory of the sandbox.
func (s *Set) Log(since int64) []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(s.seq-max(since, 0), int64(len(s.log)))
	if n <= 0 {
		return nil
	}
	entries := make([]Entry, 0, n)
	for seq := s.seq - n; seq < s.seq; seq++ {
		entries = append(entries, s.log[seq%logSize])
	}
	return entries
}

// Effect is what shall happen to one statement or request; the zero value is nothing. Several rules may add up.
type Effect struct {
	Delay          time.Duration // wait first
	Cut            bool          // close the connection without executing; with CutBytes > 0 only when so much of the body was read
	CutBytes       int64
	Status         int    // answer this HTTP status
	Message        string // answer this error, when not empty
	Code           int    // with this MySQL error number
	CutAfter       bool   // execute, then close the connection
	PublishTimeout bool   // commit, answer, and make visible PublishDelay later
	PublishDelay   time.Duration
}

func (e *Effect) add(r Rule) {
	switch r.Action {
	case Error:
		e.Message, e.Code = r.Message, r.Code
		if e.Code == 0 {
			e.Code = 1064
		}
	case Status:
		e.Status = r.Code
	case Delay:
		e.Delay += time.Duration(r.Delay)
	case Cut:
		e.Cut, e.CutBytes = true, r.Bytes
	case CutAfter:
		e.CutAfter = true
	case PublishTimeout:
		e.PublishTimeout, e.PublishDelay = true, time.Duration(r.Delay)
	}
}

// Wait sleeps for the effect's delay, or until ctx is done, whose error it then returns.
func (e Effect) Wait(ctx context.Context) error {
	if e.Delay <= 0 {
		return nil
	}
	t := time.NewTimer(e.Delay)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
