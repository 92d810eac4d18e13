package storage

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Limits of a key. S3 allows 1024 bytes, file systems 255 a part; the repository's own prefix is counted in.
const (
	MaxKey  = 900 // bytes of a key
	MaxPart = 255 // bytes between two slashes
)

// CheckKey returns ErrInvalidKey unless key is relative, valid UTF-8 without control characters, at most MaxKey bytes,
// and made of parts between single slashes that are neither empty nor "." nor "..", each at most MaxPart bytes.
// Every Bucket checks with it, so that no key means a path of its own to one store.
func CheckKey(key string) error {
	if key == "" {
		return fmt.Errorf("%w: it is empty", ErrInvalidKey)
	}
	if err := checkText(key); err != nil {
		return err
	}
	for part := range strings.SplitSeq(key, "/") {
		if err := checkPart(key, part); err != nil {
			return err
		}
	}
	return nil
}

// Enter is how a Bucket begins a call about one key: with the key checked, and not at all when ctx has ended.
func Enter(ctx context.Context, key string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return CheckKey(key)
}

// EnterList is Enter for List.
func EnterList(ctx context.Context, prefix string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return CheckPrefix(prefix)
}

// CheckPrefix returns ErrInvalidKey unless some valid key may begin with prefix. The empty prefix is every key's.
func CheckPrefix(prefix string) error {
	if err := checkText(prefix); err != nil {
		return err
	}
	parts := strings.Split(prefix, "/")
	for _, part := range parts[:len(parts)-1] {
		if err := checkPart(prefix, part); err != nil {
			return err
		}
	}
	return nil
}

func checkText(s string) error {
	if len(s) > MaxKey {
		return fmt.Errorf("%w: %d bytes, at most %d are allowed: %.60q…", ErrInvalidKey, len(s), MaxKey, s)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: not UTF-8: %q", ErrInvalidKey, s)
	}
	// C1 control characters count too: terminals obey some of them.
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
		return fmt.Errorf("%w: control character in %q", ErrInvalidKey, s)
	}
	return nil
}

func checkPart(key, part string) error {
	switch {
	case part == "" || part == "." || part == "..":
		return fmt.Errorf("%w: part %q in %q", ErrInvalidKey, part, key)
	case len(part) > MaxPart:
		return fmt.Errorf("%w: a part of %d bytes, at most %d are allowed: %.60q…", ErrInvalidKey, len(part), MaxPart, part)
	}
	return nil
}
