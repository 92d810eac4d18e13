// Package sealed encrypts, wherever Temporal keeps them, the values that can hold secrets: histories, update arguments,
// query answers and continue-as-new state carry them as ciphertext only.
//
// A type asks for it with a method Sealed(). Everything else stays readable, so that the Temporal UI and the temporal CLI
// show requests and status without a codec server.
package sealed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// ErrUnknownKey: a value was sealed with a key that the key file does not hold.
var ErrUnknownKey = errors.New("value is sealed with a key that the key file does not hold")

const keyBytes = 32 // AES-256

// keyFile is the JSON of the key file. Old keys stay in it: what they sealed must remain readable.
type keyFile struct {
	Active string            `json:"active"` // id of the key that seals new values
	Keys   map[string]string `json:"keys"`   // id -> base64 of 32 random bytes
}

// Keys is the content of a key file. Safe for concurrent use. It prints nothing of what it holds.
type Keys struct {
	path   string
	mu     sync.RWMutex
	active string
	aeads  map[string]cipher.AEAD
}

// Load reads the key file, creating it (mode 0600, one random key) when there is none. Clients and workers of one
// namespace need the same file. A file that others may read is refused.
func Load(path string) (*Keys, error) {
	k := &Keys{path: path}
	err := k.reload()
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("create key file: %w", err)
		}
		err = k.reload()
	}
	if err != nil {
		return nil, fmt.Errorf("load key file: %w", err)
	}
	return k, nil
}

// Rotate adds a fresh key and makes it the active one. Processes that run meet it when they first see its id.
func Rotate(path string) (id string, err error) {
	k, err := Load(path)
	if err != nil {
		return "", err
	}
	f, err := k.read()
	if err != nil {
		return "", err
	}
	id, err = f.add()
	if err != nil {
		return "", err
	}
	return id, write(path, f, os.Rename)
}

// String keeps keys out of logs.
func (k *Keys) String() string { return "keys of " + k.path }

// GoString keeps keys out of %#v.
func (k *Keys) GoString() string { return k.String() }

func (k *Keys) read() (keyFile, error) {
	var f keyFile
	info, err := os.Stat(k.path)
	if err != nil {
		return f, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return f, fmt.Errorf("refuse %s: others may read it; run: chmod 600 %s", k.path, k.path)
	}
	b, err := os.ReadFile(k.path)
	if err != nil {
		return f, err
	}
	if err := json.Unmarshal(b, &f); err != nil {
		return f, fmt.Errorf("parse %s: not a key file", k.path) // the cause would quote the content
	}
	return f, nil
}

func (k *Keys) reload() error {
	f, err := k.read()
	if err != nil {
		return err
	}
	aeads := make(map[string]cipher.AEAD, len(f.Keys))
	for id, text := range f.Keys {
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != keyBytes {
			return fmt.Errorf("parse %s: key %q is not %d bytes of base64", k.path, id, keyBytes)
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return err
		}
		if aeads[id], err = cipher.NewGCM(block); err != nil {
			return err
		}
	}
	if aeads[f.Active] == nil {
		return fmt.Errorf("parse %s: active key %q is missing", k.path, f.Active)
	}
	k.mu.Lock()
	k.active, k.aeads = f.Active, aeads
	k.mu.Unlock()
	return nil
}

// aead returns the cipher of a key id ("" = the active one), reading the file again when another process rotated.
func (k *Keys) aead(id string) (string, cipher.AEAD, error) {
	if id, a := k.find(id); a != nil {
		return id, a, nil
	}
	if err := k.reload(); err != nil {
		return "", nil, err
	}
	if id, a := k.find(id); a != nil {
		return id, a, nil
	}
	return "", nil, fmt.Errorf("%w: key id %q, file %s", ErrUnknownKey, id, k.path)
}

func (k *Keys) find(id string) (string, cipher.AEAD) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if id == "" {
		id = k.active
	}
	return id, k.aeads[id]
}

func (f *keyFile) add() (id string, err error) {
	b := make([]byte, keyBytes+8)
	if _, err := rand.Read(b); err != nil {
		return "", err
	}
	id = fmt.Sprintf("%x", b[keyBytes:])
	if f.Keys == nil {
		f.Keys = map[string]string{}
	}
	f.Keys[id] = base64.StdEncoding.EncodeToString(b[:keyBytes])
	f.Active = id
	return id, nil
}

// create makes a new key file; when two processes do so at once the first one's file stays, because os.Link refuses to
// replace it.
func create(path string) error {
	var f keyFile
	if _, err := f.add(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	err := write(path, f, os.Link)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// write puts the file in place in one step, so that no reader ever sees half of it.
func write(path string, f keyFile, place func(from, to string) error) error {
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".keys-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }()
	_, err = tmp.Write(append(b, '\n'))
	if serr := tmp.Sync(); err == nil {
		err = serr
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return place(tmp.Name(), path)
}
