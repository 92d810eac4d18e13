package dataobject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"unicode/utf8"

	"starkeep/snapshot"
)

// maxGroupRows bounds the rows of a row group, whatever the options: a decoder need not believe in more.
const maxGroupRows = 1 << 21

// batchesInFlight is how many batches a Spool reads ahead, the one being encoded included.
const batchesInFlight = 3

// Spool reads rows until io.EOF and writes them to data objects in dir. Each finished file is handed to emit, which
// owns it from then on and removes it. Reading goes on in the meantime, up to a few batches ahead.
//
// Without rows there is no file. After an error, or when ctx is done, the unfinished file is removed; the files that
// emit was given are its business. Spool closes rows when it returns. To be stopped in the middle of a call of Next,
// rows has to heed ctx itself or return from Next when it is closed. A full disk is ErrSpoolFull.
func Spool(ctx context.Context, dir string, columns []snapshot.Column, rows snapshot.RowReader, o Options, emit func(File) error) (Summary, error) {
	s, err := newSpooler(dir, columns, o, emit)
	if err != nil {
		return Summary{}, errors.Join(err, rows.Close())
	}
	err = s.run(ctx, rows)
	if s.object != nil {
		if left := s.object.abandon(); left != nil {
			err = errors.Join(err, fmt.Errorf("remove unfinished data object: %w", left))
		}
	}
	s.encoder.release()
	return s.summary, err
}

// spooler is the state of one Spool.
type spooler struct {
	dir     string
	options Options
	emit    func(File) error
	columns []*column // the row group that is being collected
	weight  int64     // its size as RowGroupBytes counts
	encoder *encoder
	object  *objectWriter // nil: none of its row groups is complete
	summary Summary
}

func newSpooler(dir string, columns []snapshot.Column, o Options, emit func(File) error) (*spooler, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := checkColumns(columns); err != nil {
		return nil, err
	}
	s := &spooler{dir: dir, options: o, emit: emit}
	for _, c := range columns {
		l, err := layoutOf(c)
		if err != nil {
			return nil, err
		}
		s.columns = append(s.columns, newColumn(l))
	}
	s.encoder, err = takeEncoder(o)
	return s, err
}

func checkColumns(columns []snapshot.Column) error {
	if len(columns) == 0 {
		return fmt.Errorf("check columns: there are none")
	}
	seen := make(map[string]bool, len(columns))
	for _, c := range columns {
		if seen[c.Name] {
			return fmt.Errorf("check columns: two have the name %q", c.Name)
		}
		if !utf8.ValidString(c.Name) {
			return fmt.Errorf("check columns: the name %q is not UTF-8", c.Name)
		}
		seen[c.Name] = true
	}
	return nil
}

// run moves batches from a goroutine that reads to the caller, which encodes, and back.
func (s *spooler) run(ctx context.Context, rows snapshot.RowReader) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	empty, full := make(chan *snapshot.Batch, batchesInFlight), make(chan *snapshot.Batch, batchesInFlight)
	for range batchesInFlight {
		empty <- snapshot.NewBatch(len(s.columns))
	}
	var end error // of the reading goroutine, set before it closes full
	go func() {
		defer close(full)
		end = read(ctx, rows, empty, full)
	}()
	defer func() {
		cancel()
		if closing := rows.Close(); closing != nil {
			err = errors.Join(err, fmt.Errorf("close rows: %w", closing))
		}
		for range full { // until the goroutine has ended
		}
	}()

	for batch := range full {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := s.add(batch); err != nil {
			return err
		}
		empty <- batch
	}
	if end != io.EOF {
		return end
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return s.finishObject()
}

// read fills batches until the rows end (io.EOF), fail, or nobody wants them any more.
func read(ctx context.Context, rows snapshot.RowReader, empty <-chan *snapshot.Batch, full chan<- *snapshot.Batch) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case batch := <-empty:
			err := rows.Next(batch)
			if err == io.EOF {
				return io.EOF
			}
			if err != nil {
				return fmt.Errorf("read rows: %w", err)
			}
			full <- batch // has room for all batches
		}
	}
}

// add collects the rows of a batch. It ends row groups and objects where the rows ask for it, not where batches end.
func (s *spooler) add(b *snapshot.Batch) error {
	if len(b.Columns) != len(s.columns) {
		return fmt.Errorf("collect rows: they have %d columns instead of %d", len(b.Columns), len(s.columns))
	}
	for from := 0; from < b.Rows(); {
		to := s.fit(b, from)
		end, culprit := to, -1
		for i, c := range s.columns {
			if n := c.append(&b.Columns[i], from, end); n < end {
				end, culprit = n, i
			}
		}
		if culprit >= 0 { // the columns before it went on too far
			rows := s.columns[culprit].rows()
			for _, c := range s.columns[:culprit] {
				c.truncate(rows)
			}
		}
		weight := weigh(b, from, end)
		s.weight += weight
		s.summary.Rows += int64(end - from)
		s.summary.Bytes += weight - int64(end-from)*int64(len(s.columns))*valueWeight
		from = end
		if culprit >= 0 {
			if s.object != nil { // its layout cannot change any more
				if err := s.finishObject(); err != nil {
					return err
				}
			}
			s.columns[culprit].weaken(b.Columns[culprit].Null[end])
		}
		if s.weight >= s.options.RowGroupBytes || s.columns[0].rows() >= maxGroupRows {
			if err := s.finishGroup(); err != nil {
				return err
			}
		}
	}
	return nil
}

// weigh returns what rows [from, to) of b count for in a row group.
func weigh(b *snapshot.Batch, from, to int) int64 {
	if from == to {
		return 0
	}
	weight := int64(to-from) * int64(len(b.Columns)) * valueWeight
	for i := range b.Columns {
		v := &b.Columns[i]
		weight += int64(v.Ends[to-1]) - int64(offset(v, from))
	}
	return weight
}

// fit returns how far the rows of b beginning at from belong to the current row group: to the row that fills it.
func (s *spooler) fit(b *snapshot.Batch, from int) int {
	most := min(b.Rows()-from, maxGroupRows-s.columns[0].rows())
	enough := sort.Search(most, func(n int) bool {
		return s.weight+weigh(b, from, from+n+1) >= s.options.RowGroupBytes
	})
	return from + min(enough+1, most)
}

// finishGroup writes the collected rows as a row group, and ends the object if that made it large enough.
func (s *spooler) finishGroup() error {
	if s.columns[0].rows() == 0 {
		return nil
	}
	if s.object == nil {
		object, err := createObject(s.dir, s.columns, s.encoder.buffer)
		if err != nil {
			return err
		}
		s.object = object
	}
	if err := s.object.writeGroup(s.columns, s.encoder); err != nil {
		return err
	}
	for _, c := range s.columns {
		c.reset()
	}
	s.weight = 0
	if s.object.size >= s.options.TargetBytes {
		return s.finishObject()
	}
	return nil
}

// finishObject writes what is collected and hands the object over.
func (s *spooler) finishObject() error {
	if err := s.finishGroup(); err != nil || s.object == nil {
		return err
	}
	file, err := s.object.finish()
	if err != nil {
		return err
	}
	s.object = nil
	s.summary.Files++
	if err := s.emit(file); err != nil {
		return fmt.Errorf("hand over data object: %w", err)
	}
	return nil
}
