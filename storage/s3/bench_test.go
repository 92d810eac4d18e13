package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/s3"
	"starkeep/tests/server/minio"
)

// side is one way to move an object: the SDK as it comes, or this package.
type side struct {
	put, get func(key string) error
}

// BenchmarkBesideSDK moves the same bytes through this package and through a plain client of the SDK, in turns, so that the
// ratio holds on any machine: x-sdk is how many times as fast as the SDK (the median of all turns), µs/object the time of one
// stream for one object. MinIO keeps its data in memory where it can, so that the disk does not hide what a client costs.
func BenchmarkBesideSDK(b *testing.B) {
	server := minio.Start(b, minio.Options{})
	for _, size := range []struct {
		name  string
		bytes int
		rest  int // objects of a turn and stream
	}{{"64MiB", 64 * mib, 1}, {"100KiB", 100 << 10, 40}} {
		data := make([]byte, size.bytes)
		_, _ = rand.Read(data)
		for _, streams := range []int{1, 4, 16} {
			name := server.Bucket(b)
			sides := []side{sdk(server, name, data), own(b, server, name, data, streams)}
			for _, op := range []string{"put", "get"} {
				b.Run(fmt.Sprintf("%s/%s/%dstreams", op, size.name, streams), func(b *testing.B) {
					compare(b, sides, op, streams, size.rest)
					b.SetBytes(int64(2 * streams * size.rest * size.bytes))
				})
			}
			empty(b, server, name)
		}
	}
}

// compare lets the sides take turns and reports their ratio.
func compare(b *testing.B, sides []side, op string, streams, objects int) {
	var took [2]time.Duration
	var ratios []float64
	for b.Loop() {
		var now [2]time.Duration
		for i := range sides {
			i = (i + len(ratios)) % 2 // who comes first has the colder cache
			now[i] = turn(b, sides[i], op, fmt.Sprint(i), streams, objects)
			took[i] += now[i]
		}
		ratios = append(ratios, now[0].Seconds()/now[1].Seconds())
	}
	slices.Sort(ratios)
	b.ReportMetric((ratios[len(ratios)/2]+ratios[(len(ratios)-1)/2])/2, "x-sdk")
	b.ReportMetric(float64(took[1].Microseconds())/float64(len(ratios)*objects), "µs/object")
	b.ReportMetric(float64(took[0].Microseconds())/float64(len(ratios)*objects), "sdk-µs/object")
}

// turn moves objects on each of the streams at once and tells how long it took.
func turn(b *testing.B, s side, op, who string, streams, objects int) time.Duration {
	move := s.put
	if op == "get" {
		move = s.get
	}
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

// sdk is the SDK with what it does by itself.
func sdk(server *minio.Server, name string, data []byte) side {
	client := awss3.New(awss3.Options{
		BaseEndpoint: aws.String(server.URL), Region: server.Region(), UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(server.AccessKey, server.SecretKey, ""),
	})
	return side{
		put: func(key string) error {
			_, err := client.PutObject(context.Background(), &awss3.PutObjectInput{Bucket: &name, Key: &key, Body: bytes.NewReader(data)})
			return err
		},
		get: func(key string) error {
			out, err := client.GetObject(context.Background(), &awss3.GetObjectInput{Bucket: &name, Key: &key})
			if err != nil {
				return err
			}
			return drain(out.Body)
		},
	}
}

// own is this package.
func own(b *testing.B, server *minio.Server, name string, data []byte, streams int) side {
	bucket, err := s3.Open(context.Background(), name, server.Properties(), s3.Options{Connections: streams})
	require.NoError(b, err)
	body := storage.BytesBody(data)
	return side{
		put: func(key string) error {
			return bucket.Put(context.Background(), key, body, storage.PutOptions{})
		},
		get: func(key string) error {
			r, err := bucket.Get(context.Background(), key, storage.Range{})
			if err != nil {
				return err
			}
			return drain(r)
		},
	}
}

func drain(r io.ReadCloser) error {
	_, err := io.Copy(io.Discard, r)
	if closed := r.Close(); err == nil {
		err = closed
	}
	return err
}
