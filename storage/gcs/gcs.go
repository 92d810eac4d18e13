// Package gcs is a storage.Bucket on Google Cloud Storage, by its JSON API over HTTP.
//
// A key is the name of an object. One request puts an object, so it appears whole or not at all; creating has a condition
// that the store itself checks. The CRC32C of the body goes with it, and the store refuses what does not match. Nothing is
// repeated here: storage/retry does that for all stores. That is why this package calls the API itself instead of
// cloud.google.com/go/storage, whose readers go on by themselves after a break and whose writers may leave a wrong object
// before they notice.
package gcs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	api "google.golang.org/api/storage/v1"

	"starkeep/storage"
	"starkeep/storage/transport"
)

// Options are what the opener knows and the user does not write.
type Options struct {
	// Connections is how many transfers at once the pool serves without dialing anew; 0 is twice the CPUs.
	Connections int
	// Prefix is what all keys will begin with. Open lists below it, because a policy may allow nothing else.
	Prefix string

	identity string // root of the service that impersonates; "" is Google's; tests stand in for it
}

// Bucket is a handle on a bucket. It is safe for concurrent use.
type Bucket struct {
	name      string
	settings  settings
	service   *api.Service
	client    *http.Client
	transport *http.Transport
}

var _ storage.Bucket = (*Bucket)(nil)

// Open returns a Bucket on the bucket name, as properties describe it: they may be named as StarRocks or Hadoop names them.
// One listing proves that the store, the credentials and the bucket are right, so that a mistake shows here.
func Open(ctx context.Context, name string, properties map[string]string, o Options) (storage.Bucket, error) {
	set, err := read(properties)
	if err != nil {
		return nil, fmt.Errorf("open gs://%s: %w", name, err)
	}
	if o.Connections == 0 {
		o.Connections = 2 * runtime.NumCPU()
	}
	b := &Bucket{name: name, settings: set, transport: set.transport(o.Connections)}
	if err := b.connect(ctx, o); err != nil {
		return nil, b.fail(ctx, "open", "", err)
	}
	if _, err := b.page(ctx, o.Prefix, 1, ""); err != nil {
		_ = b.Close()
		return nil, b.fail(ctx, "open", "", err)
	}
	return b, nil
}

// connect makes the client; the store is not asked anything yet.
func (b *Bucket) connect(ctx context.Context, o Options) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	client, err := b.settings.client(ctx, b.transport, o.identity)
	if err != nil {
		return err
	}
	b.client = client
	// The context is of no consequence: with a client of its own, NewService only puts its fields together.
	b.service, err = api.NewService(ctx, option.WithHTTPClient(client), option.WithEndpoint(b.settings.endpoint+"/storage/v1/"))
	if err != nil {
		return fmt.Errorf("%w: %s", storage.ErrConfig, transport.OneLine(err.Error()))
	}
	b.service.UserAgent = userAgent
	return nil
}

const userAgent = "starkeep"

// Stat implements storage.Reader.
func (b *Bucket) Stat(ctx context.Context, key string) (storage.Info, error) {
	if err := storage.Enter(ctx, key); err != nil {
		return storage.Info{}, err
	}
	object, err := b.service.Objects.Get(b.name, key).Fields("name,size,timeCreated").Context(ctx).Do()
	if err != nil {
		return storage.Info{}, b.absent(ctx, "stat", key, err)
	}
	return b.info(object)
}

// Time created is when these bytes were put; "updated" moves with metadata too.
func (b *Bucket) info(o *api.Object) (storage.Info, error) {
	created, err := time.Parse(time.RFC3339, o.TimeCreated)
	if err != nil {
		return storage.Info{}, fmt.Errorf("%w: %s has no time of creation: %s", storage.ErrConfig, b.url(o.Name), notGoogle)
	}
	return storage.Info{Key: o.Name, Size: int64(o.Size), Modified: created}, nil
}

// absent turns the answer "404" to a question about one object into an error. It says the same of a missing object and of
// an object in a missing bucket, down to the words (https://github.com/googleapis/nodejs-storage/issues/1183), so only a
// listing proves that the bucket is there and the object is not.
func (b *Bucket) absent(ctx context.Context, op, key string, err error) error {
	if status(err) != http.StatusNotFound {
		return b.fail(ctx, op, key, err)
	}
	page, listErr := b.page(ctx, key, 1, "")
	switch {
	case listErr != nil:
		return b.fail(ctx, op, key, listErr)
	case len(page.Items) > 0 && page.Items[0].Name == key:
		// It appeared in between: asking again helps.
		return fmt.Errorf("%s %s: %w: the store changed its answer", op, b.url(key), storage.ErrUnavailable)
	}
	return fmt.Errorf("%s %s: %w", op, b.url(key), storage.ErrNotExist)
}

// List implements storage.Reader. Google lists in the order of keys:
// https://docs.cloud.google.com/storage/docs/listing-objects
func (b *Bucket) List(ctx context.Context, prefix string, fn func(storage.Info) error) error {
	if err := storage.EnterList(ctx, prefix); err != nil {
		return err
	}
	last, token := "", ""
	for {
		page, err := b.page(ctx, prefix, 1000, token)
		if err != nil {
			return b.fail(ctx, "list", prefix, err)
		}
		for _, object := range page.Items {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("list %s: %w", b.url(prefix), err)
			}
			info, err := b.info(object)
			if err != nil {
				return err
			}
			// Callers merge listings.
			if info.Key <= last {
				return fmt.Errorf("list %s: %w: the store does not list in the order of keys (%q after %q)", b.url(prefix), storage.ErrConfig, info.Key, last)
			}
			last = info.Key
			if err := fn(info); err != nil {
				return err
			}
		}
		if token = page.NextPageToken; token == "" {
			return nil
		}
	}
}

// page asks for one page of a listing.
func (b *Bucket) page(ctx context.Context, prefix string, most int64, token string) (*api.Objects, error) {
	call := b.service.Objects.List(b.name).Prefix(prefix).MaxResults(most).Fields("nextPageToken,items(name,size,timeCreated)")
	if token != "" {
		call.PageToken(token)
	}
	return call.Context(ctx).Do()
}

// Delete implements storage.Bucket. In a bucket with versions or soft delete the store keeps the object for a while, unseen.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := storage.Enter(ctx, key); err != nil {
		return err
	}
	err := b.service.Objects.Delete(b.name, key).Context(ctx).Do()
	if err == nil {
		return nil
	}
	if err = b.absent(ctx, "delete", key, err); errors.Is(err, storage.ErrNotExist) {
		return nil
	}
	return err
}

// Traits implements storage.Bucket.
func (b *Bucket) Traits() storage.Traits {
	return storage.Traits{Name: "gcs", CreateAbsent: storage.Atomic, MaxKey: storage.MaxKey}
}

// Close implements storage.Bucket.
func (b *Bucket) Close() error {
	b.transport.CloseIdleConnections()
	return nil
}

// status is the HTTP status of an answer, or 0 when there was none.
func status(err error) int {
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		return answer.Code
	}
	return 0
}
