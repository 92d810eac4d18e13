package location_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/location"
	"starkeep/storage/mem"
)

func TestLocationsHaveOneNormalForm(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]location.Location{
		"file:///backup":          {Scheme: "file", Path: "/backup"},
		"file:///backup///":       {Scheme: "file", Path: "/backup"},
		"FILE:///backup//a/./b/":  {Scheme: "file", Path: "/backup/a/b"},
		"file://localhost/backup": {Scheme: "file", Path: "/backup"},
		"file:/backup":            {Scheme: "file", Path: "/backup"},
		"file:///a b/100%25/日本":   {Scheme: "file", Path: "/a b/100%/日本"},
		"mem://place":             {Scheme: "mem", Path: "place"},
		"mem://place/":            {Scheme: "mem", Path: "place"},
		"s3a://bucket":            {Scheme: "s3a", Host: "bucket"},
		"s3://bucket//a/./b/":     {Scheme: "s3", Host: "bucket", Path: "a/b"},
		"gs://my_bucket.x/a b":    {Scheme: "gs", Host: "my_bucket.x", Path: "a b"},
		"hdfs://NN1:9000/a/":      {Scheme: "hdfs", Host: "nn1:9000", Path: "/a"},
		"hdfs://service/a":        {Scheme: "hdfs", Host: "service", Path: "/a"},
	} {
		l, err := location.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, l, text)
		again, err := location.Parse(l.String())
		require.NoError(t, err, l.String())
		require.Equal(t, want, again, "printed as %s", l)
	}
}

func TestWrongLocationsSayWhatToWrite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                     `invalid location: "" has no scheme; write file:///folder, s3://bucket/folder, gs://bucket/folder, hdfs://name-node:port/folder`,
		"/backup":              `invalid location: "/backup" has no scheme; write file:///folder, s3://bucket/folder, gs://bucket/folder, hdfs://name-node:port/folder`,
		"file://backup":        `invalid location: "file://backup" is not absolute; write file:///folder, with three slashes`,
		"file:backup":          `invalid location: "file:backup" is not absolute; write file:///folder, with three slashes`,
		"file://":              `invalid location: "file:" is the root of the file system; name a folder of its own`,
		"file:///":             `invalid location: "file:///" is the root of the file system; name a folder of its own`,
		"file:///a/../b":       `invalid location: "file:///a/../b" has a '..' in it; write the folder itself`,
		"file:///a/%2e%2e/b":   `invalid location: "file:///a/%2e%2e/b" has a '..' in it; write the folder itself`,
		"file:///a%00b":        `invalid location: "file:///a%00b" has a control character in it`,
		"file:///a?key=geheim": `invalid location: no '?' or '#' is allowed; write %3F and %23 if a folder is called so`,
		"file:///a?":           `invalid location: no '?' or '#' is allowed; write %3F and %23 if a folder is called so`,
		"file:///a#geheim":     `invalid location: no '?' or '#' is allowed; write %3F and %23 if a folder is called so`,
		"file:///100%":         `invalid location: not a URI; write file:///folder, with %25 for a percent sign`,
		"s3://key:geheim@b/%":  `invalid location: not a URI; write file:///folder, with %25 for a percent sign`,
		"s3://key:geheim@b/a":  `invalid location: it must not hold a user or password; they belong into the properties`,
		"s3://":                `invalid location: "s3:" names no bucket; write s3://bucket/folder`,
		"s3://h:9000/bucket":   `invalid location: "s3://h:9000/bucket" has an endpoint where the bucket belongs; write s3://bucket/folder and give the endpoint as a property`,
		"s3a://a%20b/x":        `invalid location: not a URI; write file:///folder, with %25 for a percent sign`,
		"gs://_x/a":            `invalid location: "_x" is not the name of a bucket`,
		"gs://bucket/a/../b":   `invalid location: "gs://bucket/a/../b" has a '..' in it; write the folder itself`,
		"hdfs:///a":            `invalid location: "hdfs:///a" names no name node; write hdfs://name-node:port/folder, or a name service that the properties explain`,
		"hdfs://h:/a":          `invalid location: "hdfs://h:/a" has no host or no port where one belongs; write hdfs://name-node:port/folder`,
		"hdfs://h:9000/":       `invalid location: "hdfs://h:9000/" is the root of the file system; name a folder of its own`,
		"oss://bucket/a":       `location not supported: oss://; OSS speaks S3: write s3://bucket/folder with its S3 endpoint`,
		"ftp://host/a":         `location not supported: unknown scheme ftp://; write file:///folder, s3://bucket/folder, gs://bucket/folder, hdfs://name-node:port/folder`,
		"mem://":               `invalid location: "mem:" is not mem://name, with a name of letters, digits, '_', '.' and '-'`,
		"mem://a/b":            `invalid location: "mem://a/b" is not mem://name, with a name of letters, digits, '_', '.' and '-'`,
	} {
		_, err := location.Parse(text)
		require.EqualError(t, err, want, text)
		_, err = location.Open(t.Context(), storage.Spec{Location: text}, location.Options{Create: true})
		require.EqualError(t, err, want, text)
	}
}

func TestOnlyCreateMakesFolders(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a b")
	spec := storage.Spec{Location: "file://" + dir}
	_, err := location.Open(t.Context(), spec, location.Options{Create: false})
	require.ErrorIs(t, err, storage.ErrNoRoot)
	readOnly := spec
	readOnly.ReadOnly = true
	_, err = location.Open(t.Context(), readOnly, location.Options{Create: true})
	require.ErrorIs(t, err, storage.ErrNoRoot, "who may not write does not create either")
	require.NoDirExists(t, dir)

	b, err := location.Open(t.Context(), spec, location.Options{Create: true})
	require.NoError(t, err)
	require.NoError(t, b.Put(t.Context(), "k", storage.BytesBody([]byte("x")), storage.PutOptions{}))
	data, err := os.ReadFile(filepath.Join(dir, "k"))
	require.NoError(t, err)
	require.Equal(t, "x", string(data))
	require.NoError(t, b.Close())

	b, err = location.Open(t.Context(), readOnly, location.Options{Create: false})
	require.NoError(t, err)
	_, err = b.Stat(t.Context(), "k")
	require.NoError(t, err)
	require.EqualError(t, b.Put(t.Context(), "k", storage.BytesBody(nil), storage.PutOptions{}), "put k: read only")
	require.ErrorIs(t, b.Delete(t.Context(), "k"), storage.ErrReadOnly)
	require.NoError(t, b.Close())
	require.FileExists(t, filepath.Join(dir, "k"))
}

func TestMemoryIsSharedByName(t *testing.T) {
	t.Parallel()
	spec := storage.Spec{Location: "mem://" + t.Name()}
	_, err := location.Open(t.Context(), spec, location.Options{Create: false})
	require.ErrorIs(t, err, storage.ErrNoRoot)
	a, err := location.Open(t.Context(), spec, location.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { mem.Drop(t.Name()) })
	b, err := location.Open(t.Context(), spec, location.Options{Create: false})
	require.NoError(t, err)
	require.NoError(t, a.Put(t.Context(), "k", storage.BytesBody(nil), storage.PutOptions{}))
	_, err = b.Stat(t.Context(), "k")
	require.NoError(t, err)
}
