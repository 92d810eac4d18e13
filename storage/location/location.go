// Package location opens the storage.Bucket that a location names, the URI of CREATE REPOSITORY.
package location

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"starkeep/storage"
	"starkeep/storage/file"
	"starkeep/storage/gcs"
	"starkeep/storage/hdfs"
	"starkeep/storage/limit"
	"starkeep/storage/mem"
	"starkeep/storage/prefix"
	"starkeep/storage/readonly"
	"starkeep/storage/retry"
	"starkeep/storage/s3"
)

// Errors about the location itself. A repeat cannot help.
var (
	ErrInvalid     = errors.New("invalid location")
	ErrUnsupported = errors.New("location not supported")
)

// forms are the schemes that have a backend, each with the form of its locations.
var forms = map[string]string{
	"file": "file:///folder",
	"s3":   "s3://bucket/folder", "s3a": "s3a://bucket/folder", "s3n": "s3n://bucket/folder",
	"gs":   "gs://bucket/folder",
	"hdfs": "hdfs://name-node:port/folder",
	"mem":  "mem://name",
}

// foreign are schemes of native repositories that have no backend here, each with what to write instead.
var foreign = map[string]string{
	"oss":    "OSS speaks S3: write s3://bucket/folder with its S3 endpoint",
	"cosn":   "COS speaks S3: write s3://bucket/folder with its S3 endpoint",
	"obs":    "OBS speaks S3: write s3://bucket/folder with its S3 endpoint",
	"ks3":    "KS3 speaks S3: write s3://bucket/folder with its S3 endpoint",
	"viewfs": "name the name service behind it: hdfs://service/folder",
	"azblob": noAzure, "abfs": noAzure, "abfss": noAzure, "wasb": noAzure, "wasbs": noAzure, "adl": noAzure,
}

const noAzure = "there is no backend for Azure; put an S3 gateway before it, or mount it and write file:///folder"

var (
	memName    = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,128}$`)
	bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,221}$`) // S3 and GCS; what else they forbid, they say
)

// Location is a checked location.
type Location struct {
	Scheme string
	Host   string // bucket, name node with its port, or name service; empty for file and mem
	Path   string // of file and hdfs: absolute; of mem: the name; of a bucket: without slashes around it, may be empty
}

// String prints the location in its one normal form.
func (l Location) String() string {
	switch l.Scheme {
	case "mem":
		return "mem://" + l.Path
	case "file", "hdfs":
		return (&url.URL{Scheme: l.Scheme, Host: l.Host, Path: l.Path}).String()
	}
	return strings.TrimSuffix((&url.URL{Scheme: l.Scheme, Host: l.Host, Path: "/" + l.Path}).String(), "/")
}

// Options say how a bucket is opened.
type Options struct {
	Create      bool                                // make the folder if it is missing; buckets are never made
	Connections int                                 // transfers that will go on at once; 0: the backend's default
	Limiter     *limit.Limiter                      // bandwidth that all handles share; nil: no limit
	Retry       retry.Policy                        // the zero value: its default
	Watch       func(storage.Bucket) storage.Bucket // outermost wrapper of what does the work, e.g. metrics; nil: none
}

// Open opens the bucket of a spec. Properties that its store does not know are storage.ErrConfig. A read-only spec gives a
// bucket that refuses changes, and creates nothing.
func Open(ctx context.Context, spec storage.Spec, o Options) (storage.Bucket, error) {
	l, err := Parse(spec.Location)
	if err != nil {
		return nil, err
	}
	o.Create = o.Create && !spec.ReadOnly
	b, err := l.open(ctx, spec.Properties, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", l, err)
	}
	if o.Limiter != nil {
		b = limit.New(b, o.Limiter)
	}
	if l.Scheme != "mem" && l.Scheme != "file" {
		b = retry.New(b, o.Retry)
	}
	if o.Watch != nil {
		b = o.Watch(b)
	}
	if spec.ReadOnly {
		b = readonly.New(b)
	}
	return b, nil
}

func (l Location) open(ctx context.Context, properties map[string]string, o Options) (storage.Bucket, error) {
	switch l.Scheme {
	case "mem":
		return mem.Open(l.Path, o.Create)
	case "file":
		return file.Open(l.Path, o.Create)
	case "hdfs":
		return hdfs.Open(ctx, l.Host, l.Path, o.Create, properties, hdfs.Options{Connections: o.Connections})
	}
	var b storage.Bucket
	var err error
	if l.Scheme == "gs" {
		b, err = gcs.Open(ctx, l.Host, properties, gcs.Options{Connections: o.Connections, Prefix: l.Path})
	} else {
		b, err = s3.Open(ctx, l.Host, properties, s3.Options{Connections: o.Connections, Prefix: l.Path})
	}
	if err != nil {
		return nil, err
	}
	return prefix.New(b, l.Path), nil
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
	case u.Scheme == "":
		return Location{}, fmt.Errorf("%w: %q has no scheme; write %s", ErrInvalid, text, known())
	case foreign[u.Scheme] != "":
		return Location{}, fmt.Errorf("%w: %s://; %s", ErrUnsupported, u.Scheme, foreign[u.Scheme])
	case forms[u.Scheme] == "":
		return Location{}, fmt.Errorf("%w: unknown scheme %s://; write %s", ErrUnsupported, u.Scheme, known())
	case slices.Contains(strings.Split(u.Path, "/"), ".."):
		return Location{}, fmt.Errorf("%w: %q has a '..' in it; write the folder itself", ErrInvalid, u)
	case strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Location{}, fmt.Errorf("%w: %q has a control character in it", ErrInvalid, u)
	}
	switch u.Scheme {
	case "mem":
		return parseMem(u)
	case "file":
		return parseFile(u)
	case "hdfs":
		return parseHDFS(u)
	}
	return parseBucket(u)
}

// known lists the forms that a user may choose from.
func known() string {
	return strings.Join([]string{forms["file"], forms["s3"], forms["gs"], forms["hdfs"]}, ", ")
}

func parseFile(u *url.URL) (Location, error) {
	if u.Host != "" && u.Host != "localhost" || u.Opaque != "" {
		return Location{}, fmt.Errorf("%w: %q is not absolute; write file:///folder, with three slashes", ErrInvalid, u)
	}
	clean := path.Clean("/" + u.Path)
	if clean == "/" {
		return Location{}, fmt.Errorf("%w: %q is the root of the file system; name a folder of its own", ErrInvalid, u)
	}
	return Location{Scheme: u.Scheme, Path: clean}, nil
}

func parseMem(u *url.URL) (Location, error) {
	if name := strings.TrimRight(u.Host+u.Path, "/"); memName.MatchString(name) {
		return Location{Scheme: u.Scheme, Path: name}, nil
	}
	return Location{}, fmt.Errorf("%w: %q is not mem://name, with a name of letters, digits, '_', '.' and '-'", ErrInvalid, u)
}

func parseHDFS(u *url.URL) (Location, error) {
	if u.Host == "" || u.Opaque != "" {
		return Location{}, fmt.Errorf("%w: %q names no name node; write %s, or a name service that the properties explain", ErrInvalid, u, forms["hdfs"])
	}
	if u.Hostname() == "" || strings.HasSuffix(u.Host, ":") {
		return Location{}, fmt.Errorf("%w: %q has no host or no port where one belongs; write %s", ErrInvalid, u, forms["hdfs"])
	}
	clean := path.Clean("/" + u.Path)
	if clean == "/" {
		return Location{}, fmt.Errorf("%w: %q is the root of the file system; name a folder of its own", ErrInvalid, u)
	}
	return Location{Scheme: u.Scheme, Host: strings.ToLower(u.Host), Path: clean}, nil
}

func parseBucket(u *url.URL) (Location, error) {
	switch _, _, err := net.SplitHostPort(u.Host); {
	case u.Host == "" || u.Opaque != "":
		return Location{}, fmt.Errorf("%w: %q names no bucket; write %s", ErrInvalid, u, forms[u.Scheme])
	case err == nil:
		return Location{}, fmt.Errorf("%w: %q has an endpoint where the bucket belongs; write %s and give the endpoint as a property", ErrInvalid, u, forms[u.Scheme])
	case !bucketName.MatchString(u.Host):
		return Location{}, fmt.Errorf("%w: %q is not the name of a bucket", ErrInvalid, u.Host)
	}
	folder := strings.Trim(path.Clean("/"+u.Path), "/")
	if folder != "" {
		if err := storage.CheckKey(folder); err != nil {
			return Location{}, fmt.Errorf("%w: %q: %w", ErrInvalid, u, err)
		}
	}
	return Location{Scheme: u.Scheme, Host: u.Host, Path: folder}, nil
}
