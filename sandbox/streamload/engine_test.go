package streamload

import (
	"fmt"
	"slices"
	"sync"
)

// memory is an Engine with tables that are lists of rows; it keeps the rules that the handlers rely on.
type memory struct {
	mu         sync.Mutex
	users      map[string]string
	denied     map[string]bool
	tables     map[string]*Table
	rows       map[string][][]any // []byte or nil
	partitions func(row [][]byte) string
	labels     *Labels
	ids        int64
}

func newMemory(tables ...*Table) *memory {
	m := &memory{users: map[string]string{"root": "secret"}, denied: map[string]bool{}, tables: map[string]*Table{},
		rows: map[string][][]any{}, labels: NewLabels(3, 0)}
	for _, t := range tables {
		m.tables[t.Database+"."+t.Name] = t
	}
	return m
}

func (m *memory) Authenticate(user, password string) error {
	if want, ok := m.users[user]; !ok || want != password {
		return fmt.Errorf("Access denied for user '%s'", user)
	}
	return nil
}

func (m *memory) Authorize(user, database, table string) error {
	if m.denied[user] {
		return fmt.Errorf("Access denied; you need (at least one of) the INSERT privilege(s) on TABLE %s for this operation", table)
	}
	return nil
}

func (m *memory) Describe(database, table string) (*Table, error) {
	if database != "db" {
		return nil, ErrUnknownDatabase
	}
	t, ok := m.tables[database+"."+table]
	if !ok {
		return nil, ErrUnknownTable
	}
	return t, nil
}

func (m *memory) Begin(r Request) (Load, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ids++
	if err := m.labels.Begin(r.Label, m.ids); err != nil {
		return nil, err
	}
	return &memoryLoad{memory: m, id: m.ids, request: r}, nil
}

func (m *memory) Label(database, label string) (Transaction, error) {
	if database != "db" {
		return Transaction{}, ErrUnknownDatabase
	}
	return m.labels.State(label), nil
}

// visible returns the rows of db.t as text, NULL as <nil>.
func (m *memory) visible(table string) [][]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows [][]string
	for _, row := range m.rows["db."+table] {
		var text []string
		for _, v := range row {
			if v == nil {
				text = append(text, "<nil>")
			} else {
				text = append(text, string(v.([]byte)))
			}
		}
		rows = append(rows, text)
	}
	return rows
}

type memoryLoad struct {
	*memory
	id      int64
	request Request
	staged  [][]any
}

func (l *memoryLoad) TxnID() int64 { return l.id }

func (l *memoryLoad) Append(b *Batch) ([]Rejection, error) {
	var rejected []Rejection
	for i := range b.Rows() {
		row, texts := make([]any, len(b.Columns)), make([][]byte, len(b.Columns))
		for c := range b.Columns {
			if !b.Columns[c].Null[i] {
				texts[c] = slices.Clone(b.Columns[c].Value(i))
				row[c] = texts[c]
			}
		}
		if l.partitions != nil && len(l.request.Partitions) > 0 && !slices.Contains(l.request.Partitions, l.partitions(texts)) {
			rejected = append(rejected, Rejection{i, "The row is out of partition ranges. Please add a new partition."})
			continue
		}
		l.staged = append(l.staged, row)
	}
	return rejected, nil
}

func (l *memoryLoad) Commit() error {
	l.labels.Move(l.request.Label, l.id, Committed, "")
	return nil
}

func (l *memoryLoad) Publish() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := l.request.Database + "." + l.request.Table
	l.rows[key] = append(l.rows[key], l.staged...)
	l.labels.Move(l.request.Label, l.id, Visible, "")
	return nil
}

func (l *memoryLoad) Abort(reason string) { l.labels.Move(l.request.Label, l.id, Aborted, reason) }
