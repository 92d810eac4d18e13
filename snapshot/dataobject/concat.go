package dataobject

import (
	"io"

	"starkeep/snapshot"
)

// Concat returns a reader of the rows of several readers, one behind the other. It calls next for each when the one
// before is at its end and closed, until next returns io.EOF; so one object is open at a time.
func Concat(next func() (snapshot.RowReader, error)) snapshot.RowReader {
	return &concat{next: next}
}

type concat struct {
	next    func() (snapshot.RowReader, error)
	current snapshot.RowReader // nil: ask next
	err     error              // io.EOF: closed or at the end
}

func (c *concat) Next(b *snapshot.Batch) error {
	for c.err == nil {
		if c.current == nil {
			if c.current, c.err = c.next(); c.err != nil {
				c.current = nil
				break
			}
		}
		err := c.current.Next(b)
		if err == nil {
			return nil
		}
		if err == io.EOF {
			err = c.current.Close()
			c.current = nil
		}
		c.err = err
	}
	b.Reset()
	return c.err
}

func (c *concat) Close() error {
	if c.err == nil {
		c.err = io.EOF
	}
	if c.current == nil {
		return nil
	}
	current := c.current
	c.current = nil
	return current.Close()
}
