package streamload

import (
	"sync"
	"time"
)

// LabelState is the status of a load transaction by the names that the real server uses.
type LabelState string

// The states. Only Aborted and Unknown labels may be used (again).
const (
	Unknown   LabelState = "UNKNOWN"
	Prepare   LabelState = "PREPARE"
	Prepared  LabelState = "PREPARED"
	Committed LabelState = "COMMITTED"
	Visible   LabelState = "VISIBLE"
	Aborted   LabelState = "ABORTED"
)

// The memory of finished labels that a real server has by default (fe:common/Config.java label_keep_max_num,
// label_keep_max_second).
const (
	DefaultLabelKeepNum = 1000
	DefaultLabelKeepAge = 72 * time.Hour
)

// Transaction is what a database remembers about one load.
type Transaction struct {
	ID       int64
	Label    string
	State    LabelState
	Reason   string // why it was aborted
	Started  time.Time
	Finished time.Time
}

// Labels remembers the labels of one database by the native rules: a label is taken while its transaction runs and after it
// committed, free again after it aborted, and forgotten when more than keepNum younger transactions have finished or
// keepAge has passed: then the same label loads again. An Engine may use it; it is safe for concurrent use.
type Labels struct {
	mu       sync.Mutex
	keepNum  int
	keepAge  time.Duration
	now      func() time.Time
	latest   map[string]*Transaction // by label: the youngest transaction
	finished []*Transaction          // oldest first
}

// NewLabels returns an empty memory; zero limits mean the defaults.
func NewLabels(keepNum int, keepAge time.Duration) *Labels {
	if keepNum <= 0 {
		keepNum = DefaultLabelKeepNum
	}
	if keepAge <= 0 {
		keepAge = DefaultLabelKeepAge
	}
	return &Labels{keepNum: keepNum, keepAge: keepAge, now: time.Now, latest: map[string]*Transaction{}}
}

// Begin takes a label for transaction id, or fails with *LabelError.
func (l *Labels) Begin(label string, id int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	if t, ok := l.latest[label]; ok && t.State != Aborted {
		return &LabelError{Label: label, Running: t.State == Prepare || t.State == Prepared}
	}
	l.latest[label] = &Transaction{ID: id, Label: label, State: Prepare, Started: l.now()}
	return nil
}

// Move sets the state of transaction id under a label; it does nothing when that transaction is final or not known.
func (l *Labels) Move(label string, id int64, to LabelState, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, ok := l.latest[label]
	if !ok || t.ID != id || t.State == Visible || t.State == Aborted {
		return
	}
	t.State, t.Reason = to, reason
	if to == Visible || to == Aborted {
		t.Finished = l.now()
		l.finished = append(l.finished, t)
		l.forget()
	}
}

// State returns the youngest transaction of a label, State Unknown when there is none.
func (l *Labels) State(label string) Transaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	if t, ok := l.latest[label]; ok {
		return *t
	}
	return Transaction{Label: label, State: Unknown}
}

// All returns what is remembered, in no order.
func (l *Labels) All() []Transaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	all := make([]Transaction, 0, len(l.latest))
	for _, t := range l.latest {
		all = append(all, *t)
	}
	return all
}

// forget drops the oldest finished transactions, whichever limit comes first (fe:transaction/DatabaseTransactionMgr
// removeExpiredTxns). Only finished ones count: a running label is never forgotten.
func (l *Labels) forget() {
	oldest := l.now().Add(-l.keepAge)
	for len(l.finished) > 0 && (len(l.finished) > l.keepNum || l.finished[0].Finished.Before(oldest)) {
		t := l.finished[0]
		l.finished = l.finished[1:]
		if l.latest[t.Label] == t {
			delete(l.latest, t.Label)
		}
	}
}
