package repository

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"starkeep/snapshot"
)

// Errors that callers tell apart (errors.Is); the ones of package storage come through as well.
var (
	// ErrNotFound is a proof: the repository is there, and what was asked for is not in it.
	ErrNotFound = errors.New("not found in the repository")
	// ErrExists: what was to be created is there, and another job (or attempt) wrote it.
	ErrExists = errors.New("exists already in the repository")
	// ErrNewerFormat: a newer release wrote it. The text says what to do.
	ErrNewerFormat = errors.New("written by a newer release")
	// ErrInvalidName: a name that cannot be part of a key.
	ErrInvalidName = errors.New("invalid name")
	// ErrBusy: another job is at work, so that nothing may be removed, or begun, just now. Try again.
	ErrBusy = errors.New("another job is at work in the repository")
)

// What to do about damage.
const (
	adviceLost    = "the next backup stores it again as long as the source still holds these rows; until then restore the tables that do not need it, or an older snapshot; if the bucket keeps versions, bring it back"
	adviceRotten  = "delete it: the next backup stores it again as long as the source still holds these rows; until then restore the tables that do not need it, or an older snapshot; if the bucket keeps versions, bring an older one back"
	adviceIndex   = "the tables it describes cannot be restored from this snapshot: restore the others, or another snapshot; if the bucket keeps versions, bring it back"
	adviceForeign = "it was changed since, or something other than Starkeep wrote it: bring back the original, or move it out of the repository"
)

// DamageError says that the repository is not as Starkeep wrote it. A repeat cannot help.
type DamageError struct {
	Key    string // object, from the root of the bucket
	Reason string // what is wrong with it
	Advice string // what to do
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("damaged: %s: %s; %s", e.Key, e.Reason, e.Advice)
}

// unreadable says why a file cannot be decoded, keeping apart what a newer release wrote.
func unreadable(key string, err error, advice string) error {
	if errors.Is(err, ErrNewerFormat) {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return &DamageError{Key: key, Reason: err.Error(), Advice: advice}
}

// decode decodes a whole file of one JSON object with a format. The decoder is strict: a field that this release does
// not know may change the meaning of those that it knows, so adding one takes a new format version.
func decode(data []byte, v any) error {
	var head struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("not JSON of ours: %w", err)
	}
	switch {
	case head.Format == nil || *head.Format < 1:
		return errors.New("not a file of ours: it states no format")
	case *head.Format > snapshot.FormatVersion:
		return fmt.Errorf("%w: format %d, this release reads up to %d: upgrade Starkeep", ErrNewerFormat, *head.Format, snapshot.FormatVersion)
	}
	return strict(data, v)
}

// strict decodes one JSON value that is all of data.
func strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("not JSON of ours: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("not JSON of ours: something follows its end")
	}
	return nil
}
