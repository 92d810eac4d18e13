package storagetest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"starkeep/storage"
)

// Side is one way to move the object of a benchmark: a library as it comes, or a Bucket.
type Side struct {
	Put, Get func(key string) error
}

// Sides are the two that a benchmark compares, with an object of data, moved on so many streams at once.
type Sides func(b *testing.B, data []byte, streams int) (library, own Side)

// Own is the side of a Bucket.
func Own(bucket storage.Bucket, data []byte) Side {
	body := storage.BytesBody(data)
	return Side{
		Put: func(key string) error {
			return bucket.Put(context.Background(), key, body, storage.PutOptions{})
		},
		Get: func(key string) error {
			r, err := bucket.Get(context.Background(), key, storage.Range{})
			if err != nil {
				return err
			}
			return Drain(r)
		},
	}
}

// Drain reads to the end and closes.
func Drain(r io.ReadCloser) error {
	_, err := io.Copy(io.Discard, r)
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err
}

// Beside moves the same bytes through a Bucket and through its library, in turns, so that the ratio holds on any machine:
// x-library is how many times as fast as the library (the median of all turns), µs/object the time of one stream for one
// object. What the sides clean up is gone before the next sizes and streams.
func Beside(b *testing.B, sides Sides) {
	for _, size := range []struct {
		name  string
		bytes int
		rest  int // objects of a turn and stream
	}{{"64MiB", 64 << 20, 1}, {"100KiB", 100 << 10, 40}} {
		data := make([]byte, size.bytes)
		_, _ = rand.Read(data)
		for _, streams := range []int{1, 4, 16} {
			b.Run(fmt.Sprintf("%s/%dstreams", size.name, streams), func(b *testing.B) {
				library, own := sides(b, data, streams)
				for _, op := range []string{"put", "get"} {
					b.Run(op, func(b *testing.B) {
						compare(b, library.move(op), own.move(op), streams, size.rest)
						b.SetBytes(int64(2 * streams * size.rest * size.bytes))
					})
				}
			})
		}
	}
}

func (s Side) move(op string) func(key string) error {
	if op == "get" {
		return s.Get
	}
	return s.Put
}

// compare lets the two take turns and reports their ratio.
func compare(b *testing.B, library, own func(key string) error, streams, objects int) {
	var took [2]time.Duration
	var ratios []float64
	moves := [2]func(key string) error{library, own}
	for b.Loop() {
		var now [2]time.Duration
		for i := range moves {
			i = (i + len(ratios)) % 2 // who comes first has the colder cache
			now[i] = turn(b, moves[i], fmt.Sprint(i), streams, objects)
			took[i] += now[i]
		}
		ratios = append(ratios, now[0].Seconds()/now[1].Seconds())
	}
	slices.Sort(ratios)
	b.ReportMetric((ratios[len(ratios)/2]+ratios[(len(ratios)-1)/2])/2, "x-library")
	b.ReportMetric(float64(took[1].Microseconds())/float64(len(ratios)*objects), "µs/object")
	b.ReportMetric(float64(took[0].Microseconds())/float64(len(ratios)*objects), "library-µs/object")
}

// turn moves objects on each of the streams at once and tells how long it took.
func turn(b *testing.B, move func(key string) error, who string, streams, objects int) time.Duration {
	start := time.Now()
	var wg sync.WaitGroup
	for stream := range streams {
		wg.Go(func() {
			for i := range objects {
				if err := move(fmt.Sprintf("%s/%d/%d", who, stream, i)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	return time.Since(start)
}
