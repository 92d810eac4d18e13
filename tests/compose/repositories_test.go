package compose

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"starkeep/snapshot/repository"
	"starkeep/statement"
	"starkeep/storage"
	"starkeep/storage/gcs"
	"starkeep/storage/hdfs"
	"starkeep/storage/readonly"
	"starkeep/storage/s3"
	"starkeep/tests/server/minio"
)

// openers are the stores by scheme, without asking anything of them: the context has ended.
var openers = map[string]func(ctx context.Context, u *url.URL, properties map[string]string) (storage.Bucket, error){
	"gs": func(ctx context.Context, u *url.URL, properties map[string]string) (storage.Bucket, error) {
		return gcs.Open(ctx, u.Host, properties, gcs.Options{})
	},
	"hdfs": func(ctx context.Context, u *url.URL, properties map[string]string) (storage.Bucket, error) {
		return hdfs.Open(ctx, u.Host, u.Path, false, properties, hdfs.Options{})
	},
	"s3": func(ctx context.Context, u *url.URL, properties map[string]string) (storage.Bucket, error) {
		return s3.Open(ctx, u.Host, properties, s3.Options{})
	},
}

// understood asserts that a store takes properties: all that it may complain of is that nobody waits for it.
func understood(t *testing.T, scheme string, u *url.URL, properties map[string]string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := openers[scheme](ctx, u, properties)
	if scheme == "hdfs" && err != nil && strings.Contains(err.Error(), "krb5.conf") {
		return // the properties are understood; Kerberos itself is not set up on this machine
	}
	require.ErrorIs(t, err, context.Canceled, "%s does not take what docs/repositories.md shows: %v", scheme, properties)
}

// page is docs/repositories.md.
func page(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(file("docs", "repositories.md"))
	require.NoError(t, err)
	return string(text)
}

// blocks returns the code blocks of a language.
func blocks(text, language string) []string {
	var found []string
	for _, part := range strings.Split(text, "```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		found = append(found, block)
	}
	return found
}

// Users copy examples. One that is refused is worse than none.
func TestDocumentedStatementsAreUnderstood(t *testing.T) {
	t.Parallel()
	examples := blocks(page(t), "sql")
	require.Greater(t, len(examples), 5)
	compose, err := os.ReadFile(file("docker-compose.yml"))
	require.NoError(t, err)
	_, after, _ := strings.Cut(string(compose), "#   CREATE REPOSITORY")
	inCompose, _, found := strings.Cut(after, ";")
	require.True(t, found)
	examples = append(examples, "CREATE REPOSITORY"+strings.ReplaceAll(inCompose, "\n#", "\n")+";")

	opened := map[string]int{}
	for _, example := range examples {
		statements, err := statement.Parse(example)
		require.NoError(t, err, example)
		for _, s := range statements {
			create, ok := s.(*statement.CreateRepository)
			if !ok {
				continue
			}
			u, err := url.Parse(create.Location)
			require.NoError(t, err)
			scheme := u.Scheme
			if strings.HasPrefix(scheme, "s3") { // s3a and s3n mean the same
				scheme = "s3"
			}
			opened[scheme]++
			if openers[scheme] == nil {
				continue
			}
			properties := map[string]string{}
			for _, p := range create.Properties {
				properties[p.Key] = p.Value
			}
			understood(t, scheme, u, properties)
		}
	}
	for scheme := range openers {
		require.Positive(t, opened[scheme], "there is no example for %s", scheme)
	}
}

var code = regexp.MustCompile("`([A-Za-z0-9_.-]+)`")

// A name in a table that the store does not know, or that means nothing alone, was renamed or never existed.
func TestDocumentedPropertiesExist(t *testing.T) {
	t.Parallel()
	for scheme, heading := range map[string]string{"s3": "S3", "gs": "Google Cloud Storage", "hdfs": "HDFS"} {
		_, section, found := strings.Cut(page(t), "\n## "+heading+"\n")
		require.True(t, found)
		section, _, _ = strings.Cut(section, "\n## ")
		section, _, _ = strings.Cut(section, "\n### Permissions")
		names, least := 0, map[string]int{"s3": 20, "gs": 10, "hdfs": 10}[scheme]
		for line := range strings.Lines(section) {
			if !strings.HasPrefix(line, "| ") {
				continue
			}
			for _, m := range code.FindAllStringSubmatch(line, -1) {
				if name := m[1]; strings.ContainsAny(name, "._") && !strings.Contains(name, "amazonaws") && name != strings.ToUpper(name) || strings.HasPrefix(name, "AWS_") {
					ctx, cancel := context.WithCancel(context.Background())
					cancel()
					_, err := openers[scheme](ctx, &url.URL{Host: "bucket"}, map[string]string{name: "1"})
					require.Error(t, err)
					require.NotContains(t, err.Error(), "does not know the property", "table of %s", heading)
					names++
				}
			}
		}
		require.Greater(t, names, least, "the tables of %s were not found", heading)
	}
}

// The documents promise that this policy suffices; the first backup must not be the one that finds out. And with less than it,
// for a READ ONLY repository, nothing may be written.
func TestDocumentedPolicySuffices(t *testing.T) {
	t.Parallel()
	server := minio.Shared(t)
	_, err := server.Client().CreateBucket(context.Background(), &awss3.CreateBucketInput{Bucket: aws.String("starkeep")})
	require.NoError(t, err)
	policy := blocks(page(t), "json")[0]
	ctx := t.Context()
	open := func(policy string) storage.Bucket {
		keys, properties := server.Session(t, policy), server.Properties()
		properties["aws.s3.access_key"], properties["aws.s3.secret_key"] = keys.AccessKeyID, keys.SecretAccessKey
		properties["aws.s3.session_token"] = keys.SessionToken
		b, err := s3.Open(ctx, "starkeep", properties, s3.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, b.Close()) })
		return b
	}

	full := open(policy)
	_, err = repository.Create(ctx, full, "repo") // lists, writes, reads back and deletes
	require.NoError(t, err)
	require.NoError(t, full.Delete(ctx, "nothing/here"))
	_, err = full.Stat(ctx, "nothing/here")
	require.ErrorIs(t, err, storage.ErrNotExist, "with this policy what is absent must not look denied")

	var less map[string]any
	require.NoError(t, json.Unmarshal([]byte(strings.ReplaceAll(policy, `, "s3:PutObject", "s3:DeleteObject"`, "")), &less))
	text, err := json.Marshal(less)
	require.NoError(t, err)
	require.NotContains(t, string(text), "Put")
	reader := open(string(text))
	require.ErrorIs(t, reader.Delete(ctx, "__starkeep_repository_repo/repository.json"), storage.ErrDenied)
	_, err = repository.Open(ctx, readonly.New(reader), "repo")
	require.NoError(t, err)
}
