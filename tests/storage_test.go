package tests

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/tests/server/gcs"
	"starkeep/tests/server/hadoop"
	"starkeep/tests/server/minio"
)

// place is where a test puts its repository, in the words of CREATE REPOSITORY.
type place struct {
	location   string
	properties map[string]string
	secrets    []string // of the properties: shown nowhere
}

// create is the statement that makes a repository there; kind is "REPOSITORY" or "READ ONLY REPOSITORY".
func (p place) create(kind, name string) string {
	s := fmt.Sprintf(`CREATE %s %s WITH BROKER ON LOCATION "%s"`, kind, name, p.location)
	var properties []string
	for _, key := range slices.Sorted(maps.Keys(p.properties)) {
		properties = append(properties, fmt.Sprintf(`"%s" = "%s"`, key, p.properties[key]))
	}
	if properties == nil {
		return s
	}
	return s + " PROPERTIES (" + strings.Join(properties, ", ") + ")"
}

// with is the place with some properties replaced; an empty value takes one away.
func (p place) with(change ...string) place {
	p.properties = maps.Clone(p.properties)
	for i := 0; i < len(change); i += 2 {
		p.properties[change[i]] = change[i+1]
		if change[i+1] == "" {
			delete(p.properties, change[i])
		}
	}
	return p
}

// withKeys is a new bucket of MinIO, in the words of Hadoop.
func withKeys(t testing.TB, s *minio.Server) place {
	t.Helper()
	return place{
		location:   "s3a://" + s.Bucket(t) + "/backups/starrocks",
		properties: map[string]string{"fs.s3a.endpoint": s.URL, "fs.s3a.access.key": s.AccessKey, "fs.s3a.secret.key": s.SecretKey},
		secrets:    []string{s.SecretKey},
	}
}

// withRole is a new bucket of MinIO, for a role that its STS gives out, in the words of StarRocks.
func withRole(t testing.TB, s *minio.Server) place {
	t.Helper()
	target, err := url.Parse(s.URL)
	require.NoError(t, err)
	var asked atomic.Int64
	sts := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		asked.Add(1)
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is signed
	}})
	t.Cleanup(func() {
		sts.Close()
		require.Positive(t, asked.Load(), "the keys alone would do, so somebody has to have asked for the role")
	})
	properties := s.Properties()
	properties["aws.s3.iam_role_arn"] = "arn:aws:iam::123456789012:role/backup"
	properties["aws.s3.external_id"] = "of-the-demo"
	properties["aws.s3.sts.endpoint"] = sts.URL
	return place{location: "s3://" + s.Bucket(t) + "/backups", properties: properties, secrets: []string{s.SecretKey}}
}

// withAccount is a new bucket of a fake of Google's, for a service account.
func withAccount(t testing.TB) place {
	t.Helper()
	const token = "ya29.T0K3N"
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"`+token+`","expires_in":3600,"token_type":"Bearer"}`)
	}))
	t.Cleanup(tokens.Close)
	s := gcs.Start(t)
	s.Front(func(w http.ResponseWriter, r *http.Request) bool { // the fake itself lets everybody in
		in := r.Header.Get("Authorization") == "Bearer "+token
		if !in {
			gcs.Refuse(w, http.StatusUnauthorized, "required", "Anonymous caller does not have storage access.")
		}
		return !in
	})
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	private := strings.ReplaceAll(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})), "\n", `\n`)
	return place{
		location: "gs://" + s.Bucket(t) + "/backups",
		properties: map[string]string{
			"gcp.gcs.endpoint": s.URL, "fs.gs.token.server.url": tokens.URL,
			"gcp.gcs.service_account_email":          "keeper@project.iam.gserviceaccount.com",
			"gcp.gcs.service_account_private_key_id": "k1",
			"gcp.gcs.service_account_private_key":    private,
		},
		secrets: []string{token, strings.Split(private, `\n`)[1]},
	}
}

// asUser is a new folder of HDFS.
func asUser(t testing.TB, s *hadoop.Server) place {
	t.Helper()
	return place{
		location:   "hdfs://" + s.NameNodes[0] + s.Folder(t, "keeper") + "/backups",
		properties: map[string]string{"username": "keeper", "password": secret},
		secrets:    []string{secret},
	}
}

func TestDroppedDatabaseComesBackFromEveryStore(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(testing.TB) place{
		"MinIO with keys":               func(t testing.TB) place { return withKeys(t, minio.Shared(t)) },
		"MinIO with an assumed role":    func(t testing.TB) place { return withRole(t, minio.Shared(t)) },
		"Google with a service account": withAccount,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newWorld(t).comesBack(at(t))
		})
	}
}

// comesBack backs a database up, drops it and restores it, by SQL alone.
func (w *world) comesBack(p place) {
	w.t.Helper()
	w.shop(1000)
	before := w.proveAll("shop")
	said := w.sql(p.create("REPOSITORY", "repo"))
	said += w.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")
	w.exec("DROP DATABASE shop FORCE")
	said += w.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	require.Equal(w.t, before, w.proveAll("shop"))

	repositories := w.sql("SHOW REPOSITORIES")
	require.Contains(w.t, repositories, p.location)
	said += repositories + w.sql("SHOW BACKUP") + w.sql("SHOW RESTORE") + w.sql("SHOW SNAPSHOT ON repo")
	again := w.starter("sql", "-e", p.create("REPOSITORY", "repo"))
	require.Equal(w.t, 4, again.code)
	for _, s := range p.secrets {
		require.NotContains(w.t, said+again.out+again.err, s, "output")
		require.NotContains(w.t, w.worker.out.String(), s, "log")
	}
}

// The second one has another Temporal, another key file, another cluster, and credentials that can only read.
func TestSecondStarkeepRestoresWhatTheFirstOneWrote(t *testing.T) {
	t.Parallel()
	s := minio.Shared(t)
	written := withKeys(t, s)
	first := newWorld(t)
	first.shop(1000)
	before := first.proveAll("shop")
	first.sql(written.create("REPOSITORY", "repo"))
	first.sql("BACKUP DATABASE shop SNAPSHOT nightly TO repo")

	reader := s.Session(t, minio.Allow("s3:ListBucket", "s3:GetObject"))
	read := written.with("fs.s3a.access.key", reader.AccessKeyID, "fs.s3a.secret.key", reader.SecretAccessKey, "fs.s3a.session.token", reader.SessionToken)
	second := newWorld(t, ownTemporal)
	refused := func(statement, says string) {
		t.Helper()
		r := second.starter("sql", "-e", statement)
		require.NotZero(t, r.code, r.out)
		require.Contains(t, r.out+r.err, says)
	}
	refused(read.create("REPOSITORY", "repo"), "s3:PutObject")
	second.sql(read.create("READ ONLY REPOSITORY", "repo"))
	second.sql("RESTORE SNAPSHOT nightly FROM repo DATABASE shop")
	require.Equal(t, before, second.proveAll("shop"))
	refused("BACKUP DATABASE shop SNAPSHOT mine TO repo", "read only")
	require.Contains(t, first.sql("SHOW SNAPSHOT ON repo"), "nightly")
	require.NotContains(t, first.sql("SHOW SNAPSHOT ON repo"), "mine")
}
