// Package minio runs a real MinIO server for a test: S3 and STS on a free port of 127.0.0.1. However the test process ends,
// the server is stopped and its data removed.
package minio

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"starkeep/tests/server/machine"
)

// Options vary a server. The zero value is plain HTTP in region us-east-1.
type Options struct {
	TLS    bool   // serve HTTPS with a certificate of an own authority, see Server.CA
	Region string // refuse requests that are signed for another region
}

// Server is a running MinIO. Its methods are for one test at a time; the server itself serves many.
type Server struct {
	URL       string // http://127.0.0.1:port, or https://…
	AccessKey string // the root user: may do everything
	SecretKey string
	CA        string // PEM file of the authority that signed the certificate; "" without TLS

	address string
	region  string
	client  *http.Client
	keeper  *machine.Keeper // of data, certificates and log, too
}

// process is the keeper's name for the server itself.
const process = "minio"

var shared machine.Shared[Server]

// Shared returns the one server of this test process; tests keep apart by using a bucket each.
func Shared(t testing.TB) *Server {
	t.Helper()
	return shared.Get(t, func() *Server { return start(t, Options{}) })
}

// Start runs a server of its own until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := start(t, o)
	t.Cleanup(s.stop)
	return s
}

func start(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{
		AccessKey: "root" + rand.Text()[:8],
		SecretKey: rand.Text(),
		address:   machine.FreeAddress(t),
		region:    o.Region,
		client:    &http.Client{Timeout: 5 * time.Second},
		keeper:    machine.NewKeeper(t, roomyMemory(), "minio"),
	}
	s.URL = "http://" + s.address
	if o.TLS {
		s.URL = "https://" + s.address
		s.certify(t)
	}
	s.run(t)
	return s
}

// roomyMemory is a file system in memory, or "" when there is none with room for what tests and benchmarks put: MinIO syncs
// every object, and a disk would be most of the time of a test.
func roomyMemory() string {
	const memory, room = "/dev/shm", 4 << 30
	var stat syscall.Statfs_t
	if syscall.Statfs(memory, &stat) != nil || stat.Bavail*uint64(stat.Bsize) < room {
		return ""
	}
	return memory
}

func (s *Server) run(t testing.TB) {
	t.Helper()
	environment := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.keeper.Folder,
		"MINIO_ROOT_USER=" + s.AccessKey, "MINIO_ROOT_PASSWORD=" + s.SecretKey,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off",
	}
	if s.region != "" {
		environment = append(environment, "MINIO_SITE_REGION="+s.region)
	}
	s.keeper.Run(t, process, slices.Concat([]string{"env", "-i"}, environment,
		[]string{machine.Tool(t, "bin", "minio"), "server", "--quiet", "--address", s.address, "--certs-dir", "certs", "data"})...)
	// Temporary keys are the last thing that it can give out after a start, later than its own /minio/health/ready says.
	s.keeper.Await(t, process, time.Minute, func() error {
		_, err := s.assumeRole(Allow("s3:*"))
		return err
	})
}

// stop ends the server for good and removes its data.
func (s *Server) stop() {
	s.keeper.Stop()
	s.client.CloseIdleConnections()
}

// Kill ends the server at once, as a power failure does; its data stay. Restart brings it back.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.keeper.Kill(t, process)
}

// Restart kills the server, if it still runs, and starts it again on the same port and data.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	s.Kill(t)
	s.run(t)
}

// Client returns an S3 client of the root user.
func (s *Server) Client() *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.URL),
		Region:       s.Region(),
		UsePathStyle: true,
		Credentials:  credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		HTTPClient:   s.client,
	})
}

// Region returns the region that the server is in.
func (s *Server) Region() string {
	if s.region == "" {
		return "us-east-1"
	}
	return s.region
}

// Bucket creates an empty bucket and returns its name.
func (s *Server) Bucket(t testing.TB) string {
	t.Helper()
	name := "b" + strings.ToLower(rand.Text())
	_, err := s.Client().CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &name})
	require.NoError(t, err)
	return name
}

// Properties returns what CREATE REPOSITORY needs to reach the server as its root user.
func (s *Server) Properties() map[string]string {
	return map[string]string{
		"aws.s3.endpoint":   s.URL,
		"aws.s3.region":     s.Region(),
		"aws.s3.access_key": s.AccessKey,
		"aws.s3.secret_key": s.SecretKey,
	}
}

// Session returns temporary keys from the server's STS that may do what policy allows, for at least 15 minutes.
func (s *Server) Session(t testing.TB, policy string) aws.Credentials {
	t.Helper()
	out, err := s.assumeRole(policy)
	require.NoError(t, err)
	return aws.Credentials{
		AccessKeyID:     *out.Credentials.AccessKeyId,
		SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken:    *out.Credentials.SessionToken,
		CanExpire:       true,
		Expires:         *out.Credentials.Expiration,
	}
}

func (s *Server) assumeRole(policy string) (*sts.AssumeRoleOutput, error) {
	client := sts.New(sts.Options{
		BaseEndpoint:     aws.String(s.URL),
		Region:           s.Region(),
		Credentials:      credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		HTTPClient:       s.client,
		RetryMaxAttempts: 1,
	})
	return client.AssumeRole(context.Background(), &sts.AssumeRoleInput{
		RoleArn:         aws.String("arn:aws:iam::000000000000:role/test"), // MinIO does not look at it
		RoleSessionName: aws.String("test"),
		Policy:          &policy,
	})
}

// Allow is a policy that allows actions (s3:GetObject, …) on everything, and nothing else.
func Allow(actions ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["%s"],"Resource":["arn:aws:s3:::*"]}]}`,
		strings.Join(actions, `","`))
}

// trust makes the server's own client accept certificates of the authority.
func (s *Server) trust(ca *x509.Certificate) {
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
}
