// Package location opens the storage.Bucket that a location names, the URI of CREATE REPOSITORY.
package location

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"starkeep/storage"
	"starkeep/storage/file"
	"starkeep/storage/mem"
	"starkeep/storage/readonly"
)

// Errors about the location itself. A repeat cannot help.
var (
	ErrInvalid     = errors.New("invalid location")
	ErrUnsupported = errors.New("location not supported")
)

// planned are the schemes of native repositories that have no backend here yet.
var planned = []string{"s3", "s3a", "s3n", "gs", "hdfs", "oss", "cosn", "viewfs", "azblob", "abfs", "abfss", "wasb", "wasbs"}

var memName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)

// Location is a checked location.
type Location struct {
	Scheme string // file or mem
	Path   string // of file: the absolute path; of mem: the name
}

// String prints the location in its one normal form.
func (l Location) String() string {
	if l.Scheme == "mem" {
		return "mem://" + l.Path
	}
	return (&url.URL{Scheme: l.Scheme, Path: l.Path}).String()
}

// Open opens the bucket of a spec; what it does not find is created only with create. A read-only spec gives a bucket
// that refuses changes, and creates nothing. The properties of a spec are for stores that need some; file and mem do not.
func Open(_ context.Context, spec storage.Spec, create bool) (storage.Bucket, error) {
	l, err := Parse(spec.Location)
	if err != nil {
		return nil, err
	}
	create = create && !spec.ReadOnly
	var b storage.Bucket
	if l.Scheme == "mem" {
		b, err = mem.Open(l.Path, create)
	} else {
		b, err = file.Open(l.Path, create)
	}
	if err != nil {
		return nil, err
	}
	if spec.ReadOnly {
		b = readonly.New(b)
	}
	return b, nil
}

// Parse checks a location: ErrInvalid or ErrUnsupported. Neither repeats what may hold a secret.
func Parse(text string) (Location, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The text of err repeats the location, and with it a password that it may hold.
		return Location{}, fmt.Errorf("%w: not a URI; write file:///folder, with %%25 for a percent sign", ErrInvalid)
	}
	switch {
	case u.User != nil:
		return Location{}, fmt.Errorf("%w: it must not hold a user or password; they belong into the properties", ErrInvalid)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return Location{}, fmt.Errorf("%w: no '?' or '#' is allowed; write %%3F and %%23 if a folder is called so", ErrInvalid)
	case u.Scheme == "file":
		return parseFile(u)
	case u.Scheme == "mem":
		return parseMem(u)
	case slices.Contains(planned, u.Scheme):
		return Location{}, fmt.Errorf("%w yet: %s://; this release stores to file:///folder only", ErrUnsupported, u.Scheme)
	case u.Scheme == "":
		return Location{}, fmt.Errorf("%w: %q has no scheme; write file:///folder", ErrInvalid, text)
	}
	return Location{}, fmt.Errorf("%w: unknown scheme %s://; this release stores to file:///folder only", ErrUnsupported, u.Scheme)
}

func parseFile(u *url.URL) (Location, error) {
	switch {
	case u.Host != "" && u.Host != "localhost", u.Opaque != "":
		return Location{}, fmt.Errorf("%w: %q is not absolute; write file:///folder, with three slashes", ErrInvalid, u)
	case slices.Contains(strings.Split(u.Path, "/"), ".."):
		return Location{}, fmt.Errorf("%w: %q has a '..' in it; write the folder itself", ErrInvalid, u)
	case strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Location{}, fmt.Errorf("%w: %q has a control character in it", ErrInvalid, u)
	}
	clean := path.Clean("/" + u.Path)
	if clean == "/" {
		return Location{}, fmt.Errorf("%w: %q is the root of the file system; name a folder of its own", ErrInvalid, u)
	}
	return Location{Scheme: "file", Path: clean}, nil
}

func parseMem(u *url.URL) (Location, error) {
	if name := strings.TrimRight(u.Host+u.Path, "/"); memName.MatchString(name) {
		return Location{Scheme: "mem", Path: name}, nil
	}
	return Location{}, fmt.Errorf("%w: %q is not mem://name, with a name of letters, digits, '_', '.' and '-'", ErrInvalid, u)
}
