// Package readonly makes a storage.Bucket that cannot be changed, for repositories declared READ ONLY.
package readonly

import (
	"context"
	"fmt"

	"starkeep/storage"
)

type bucket struct{ storage.Bucket }

// New returns b with Put and Delete refused: storage.ErrReadOnly.
func New(b storage.Bucket) storage.Bucket { return bucket{b} }

func (bucket) Put(_ context.Context, key string, _ storage.Body, _ storage.PutOptions) error {
	return fmt.Errorf("put %s: %w", key, storage.ErrReadOnly)
}

func (bucket) Delete(_ context.Context, key string) error {
	return fmt.Errorf("delete %s: %w", key, storage.ErrReadOnly)
}
