package storagetest

import (
	"bytes"
	"fmt"
	"slices"
	"sync"

	"starkeep/storage"
)

// cell is what one key may hold. One worker, its owner, writes the key; all read it. So a read that runs beside writes may
// see any generation from the one that was there when it began to the last one that was begun when it ended, and no other.
type cell struct {
	key string

	mu      sync.Mutex
	states  []generation // in the order in which the owner put or deleted
	settled int          // index of the newest state that is known to be in force
}

func newCell(key string) *cell { return &cell{key: key, states: []generation{absentNow}} }

// now is what the key holds, as its owner knows it.
func (c *cell) now() generation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.states[len(c.states)-1]
}

// begin notes a write before it is sent.
func (c *cell) begin(g generation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.states = append(c.states, g)
}

// settle notes that the last write is in force.
func (c *cell) settle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.settled = len(c.states) - 1
}

// since marks the moment when a read begins.
func (c *cell) since() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.settled
}

// seen returns what a read that began at from may have seen.
func (c *cell) seen(from int) []generation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.states[from:])
}

// history is for the report of a failure: the last states, "3, 4?" where 4 was begun and not answered.
func (c *cell) history() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	from := max(0, c.settled-3)
	var text []string
	for i, g := range c.states[from:] {
		mark := ""
		if from+i > c.settled {
			mark = "?"
		}
		text = append(text, fmt.Sprintf("%d%s", g, mark))
	}
	return fmt.Sprintf("%s: %v, 0 is absent", c.key, text)
}

// found is an answer of the store about one key.
type found struct {
	absent bool
	size   int64
	data   []byte        // nil: only the size was asked for
	part   storage.Range // of the object that data is
}

// matches tells whether an answer is what one of the generations would give.
func (c contents) matches(key string, f found, of []generation) bool {
	return slices.ContainsFunc(of, func(g generation) bool {
		switch {
		case g == absentNow || f.absent:
			return g == absentNow && f.absent
		case f.data == nil:
			return f.size == c.size(key, g)
		}
		offset, length, err := f.part.Clip(c.size(key, g))
		if err != nil || length != int64(len(f.data)) {
			return false
		}
		return bytes.Equal(f.data, c.bytes(key, g)[offset:offset+length])
	})
}
