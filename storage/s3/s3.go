// Package s3 is a storage.Bucket on Amazon S3 and on any store that speaks its protocol: MinIO, Google Cloud Storage
// through its interoperability endpoint, and the like.
//
// A key is the name of an object. One request puts an object, so it appears whole or not at all; the request is signed over
// the SHA-256 of the body, so the store itself refuses what was damaged on the way. Nothing is repeated here: storage/retry
// does that for all stores.
package s3

import (
	"context"
	"fmt"
	"net/http"
	"runtime"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"starkeep/storage"
)

// Options are what the opener knows and the user does not write.
type Options struct {
	// Connections is how many transfers at once the pool serves without dialing anew; 0 is twice the CPUs.
	Connections int
	// Prefix is what all keys will begin with. Open lists below it, because a policy may allow nothing else.
	Prefix string

	dial dialer // nil is the network; tests stand in for hosts they cannot reach
}

// Bucket is a handle on a bucket. Safe for concurrent use.
type Bucket struct {
	name      string
	client    *s3.Client
	transport *http.Client
	settings  settings
	single    int64 // the largest object that one request puts; larger ones go in parts
	part      int64 // bytes of a part, or more when there would be too many
}

var _ storage.Bucket = (*Bucket)(nil)

// Open returns a Bucket on the bucket name, as properties describe it: they may be named as StarRocks, Hadoop or Doris names
// them. One listing proves that the store, the credentials and the bucket are right, so that a mistake shows here.
func Open(ctx context.Context, name string, properties map[string]string, o Options) (storage.Bucket, error) {
	set, err := read(properties)
	if err != nil {
		return nil, fmt.Errorf("open s3://%s: %w", name, err)
	}
	if o.Connections == 0 {
		o.Connections = 2 * runtime.NumCPU()
	}
	b := &Bucket{name: name, settings: set, single: maxSingle, part: minPart}
	if err := b.connect(ctx, o); err != nil {
		return nil, b.fail(ctx, "open", "", err)
	}
	if err := b.probe(ctx, o.Prefix); err != nil {
		_ = b.Close()
		return nil, err
	}
	return b, nil
}

// connect makes the client; nothing is sent yet.
func (b *Bucket) connect(ctx context.Context, options Options) error {
	cfg, err := b.settings.load(ctx, options)
	if err != nil {
		return err
	}
	if cfg.Region == "" {
		return wrong("the region of the bucket is not known: set aws.s3.region")
	}
	b.transport = cfg.HTTPClient.(*http.Client)
	b.client = s3.NewFromConfig(cfg, func(o *s3.Options) {
		if b.settings.endpoint != "" {
			o.BaseEndpoint = aws.String(b.settings.endpoint)
		}
		o.UsePathStyle = b.settings.pathStyle
		o.HTTPSignerV4 = newSigner()
		// Trailing checksums are not understood everywhere, not by Google for one; the signed SHA-256 is.
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		// What is read is verified against the SHA-256 that the repository keeps; parts of objects have no checksum.
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		// A clock that is off is told, not worked around: certificates and tokens depend on it too.
		o.DisableClockSkewCorrection = true
		// Directory buckets would otherwise be asked for sessions, which the user's keys may not be allowed.
		o.DisableS3ExpressSessionAuth = aws.Bool(true)
	})
	return nil
}

// probe asks for one key.
func (b *Bucket) probe(ctx context.Context, prefix string) error {
	_, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, MaxKeys: aws.Int32(1)})
	if err != nil {
		return b.fail(ctx, "open", "", err)
	}
	return nil
}

// Delete implements storage.Bucket. In a bucket with versions it hides the object, as everywhere in S3.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := storage.Enter(ctx, key); err != nil {
		return err
	}
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
	// S3 answers that an absent key is deleted, Google that it is absent.
	if err != nil && code(err) != "NoSuchKey" {
		return b.fail(ctx, "delete", key, err)
	}
	return nil
}

// Traits implements storage.Bucket.
func (b *Bucket) Traits() storage.Traits {
	create := storage.Atomic
	if !b.settings.conditional {
		create = storage.Checked
	}
	return storage.Traits{Name: "s3", CreateAbsent: create, MaxKey: storage.MaxKey}
}

// Close implements storage.Bucket.
func (b *Bucket) Close() error {
	b.transport.CloseIdleConnections()
	return nil
}
