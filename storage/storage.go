// Package storage defines Bucket: bytes by key, on any store. Backends live in folders of their own
// (storage/file, storage/mem, …), and storagetest is the suite that every one of them passes.
//
// Nothing in the repository format needs rename, append or copy, so no Bucket has them.
package storage

import (
	"context"
	"errors"
	"io"
	"time"
)

// Errors that a Bucket tells apart. Test with errors.Is; the chain carries the key and the store's own words.
var (
	// ErrNotExist is a proof: the store answered that the key is not there. A dead store, a denied call or a
	// missing root never gives it.
	ErrNotExist = errors.New("object does not exist")
	// ErrExist is what Put with IfAbsent returns when the key is taken; the old object is unchanged.
	ErrExist = errors.New("object exists already")
	// ErrDenied: the store refused the credentials or the permission. A person has to act.
	ErrDenied = errors.New("access denied")
	// ErrNoRoot: the bucket, directory or namespace that should hold the keys is missing.
	ErrNoRoot = errors.New("storage location does not exist")
	// ErrNoSpace: the store (or its quota) is full. A person has to act.
	ErrNoSpace = errors.New("no space left")
	// ErrBody: the body handed to Put did not match its declared size or SHA-256; nothing was stored.
	ErrBody = errors.New("body does not match its declaration")
	// ErrInvalidKey: the key is not of the allowed form; see CheckKey.
	ErrInvalidKey = errors.New("invalid key")
	// ErrReadOnly: the repository was declared read only.
	ErrReadOnly = errors.New("read only")
	// ErrUnavailable: the store did not answer, or asked to come back later (a reset, a timeout, a 5xx, SlowDown, a standby
	// name node). The only error that a repeat at once may cure: storage/retry repeats nothing else.
	ErrUnavailable = errors.New("store unavailable")
	// ErrConfig: a property or the location does not fit the store: a certificate it does not trust, a region it is not in,
	// a clock that is off. The chain names the property and what to write instead.
	ErrConfig = errors.New("wrong configuration")
)

// Info describes a stored object.
type Info struct {
	Key      string
	Size     int64
	Modified time.Time // the store's clock; a hint, never a decision
}

// Range selects bytes of an object. The zero value is the whole object.
type Range struct {
	Offset int64 // first byte; behind the end gives zero bytes, not an error
	Length int64 // 0 = to the end
}

// Reader is what verify, show and restore need. Safe for concurrent use.
type Reader interface {
	// Get opens an object for reading. Absent: ErrNotExist, from Get itself, never from the first Read.
	// The caller closes the reader; an error may surface in any Read or in Close.
	Get(ctx context.Context, key string, r Range) (io.ReadCloser, error)
	// Stat describes an object, or returns ErrNotExist.
	Stat(ctx context.Context, key string) (Info, error)
	// List calls fn for every object whose key begins with prefix, in ascending byte order of keys, and stops at
	// fn's first error, which it returns. An empty result is a proof, like ErrNotExist. A prefix that no valid key begins
	// with is ErrInvalidKey; fn may call the Reader.
	List(ctx context.Context, prefix string, fn func(Info) error) error
}

// Bucket adds writing. Safe for concurrent use; several processes may use one location at once.
type Bucket interface {
	Reader
	// Put stores an object atomically: readers see all of it or nothing, also after a crash, and after Put returned
	// nil the object is durable. Without IfAbsent an older object is replaced. A repeat of the same Put is harmless.
	// A cancelled context changes nothing, unless the store had already accepted the object.
	Put(ctx context.Context, key string, body Body, opts PutOptions) error
	// Delete removes an object; deleting what is absent is no error.
	Delete(ctx context.Context, key string) error
	// Traits states what the store can do; storagetest holds it to that.
	Traits() Traits
	// Close releases connections. The Bucket must not be used afterwards.
	Close() error
}

// Body is what Put stores. It can be opened again for a retry, and it knows what it is before it is sent.
type Body struct {
	Open   func() (io.ReadCloser, error)
	Size   int64
	SHA256 [32]byte // verified while sending; the zero value means "not known", only Size is then checked
}

// PutOptions modify a Put.
type PutOptions struct {
	IfAbsent bool // fail with ErrExist, and change nothing, when the key is taken
}

// Traits is what a store can do.
type Traits struct {
	Name         string // "file", "mem", "s3", …
	CreateAbsent CreateAbsent
	MaxKey       int // longest key in bytes
}

// CreateAbsent is the strength of Put with IfAbsent.
type CreateAbsent string

// The strengths.
const (
	Atomic  CreateAbsent = "atomic"  // of any number of writers exactly one wins
	Checked CreateAbsent = "checked" // looked up first, then written: two writers at the same moment may both win
)

// Spec is what a user wrote in CREATE REPOSITORY: enough to open a Bucket anywhere. Properties may hold secrets.
type Spec struct {
	Location   string            `json:"location"`
	Properties map[string]string `json:"properties,omitempty"`
	ReadOnly   bool              `json:"read_only,omitempty"`
}
