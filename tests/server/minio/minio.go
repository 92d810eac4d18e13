// Package minio runs a real MinIO server for a test: S3 and STS on a free port of 127.0.0.1.
//
// The server is kept by a shell that waits on a pipe from the test process: however that process ends, the server is
// stopped and its data removed.
package minio

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
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
	folder  string // data, certificates and log
	client  *http.Client
	keeper  *exec.Cmd
	pipe    io.Closer // closing it stops the keeper
	pid     int       // of the server itself
}

var (
	sharedOnce sync.Once
	shared     *Server
)

// Shared returns the one server of this test process; tests keep apart by using a bucket each.
func Shared(t testing.TB) *Server {
	t.Helper()
	sharedOnce.Do(func() { shared = start(t, Options{}) })
	require.NotNil(t, shared, "MinIO did not start in an earlier test")
	return shared
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
	folder, err := os.MkdirTemp(roomyMemory(), "starkeep-minio-")
	require.NoError(t, err)
	s := &Server{
		AccessKey: "root" + rand.Text()[:8],
		SecretKey: rand.Text(),
		address:   machine.FreeAddress(t),
		region:    o.Region,
		folder:    folder,
		client:    &http.Client{Timeout: 5 * time.Second},
	}
	s.URL = "http://" + s.address
	if o.TLS {
		s.URL = "https://" + s.address
		s.certify(t)
	}
	s.run(t)
	return s
}

// Binary returns the path of the MinIO server, which `make tools` builds. Without it the test fails: it is required.
func Binary(t testing.TB) string {
	t.Helper()
	return machine.Tool(t, "bin", "minio")
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

// keep starts the server, tells its process id, and ends with the pipe on its standard input.
const keep = `
trap '' PIPE # the test may be gone before it is told
"$1" server --quiet --address "$2" --certs-dir "$3/certs" "$3/data" >>"$3/log" 2>&1 </dev/null &
echo $!
read -r end
kill -9 $! 2>/dev/null
wait
[ "$end" = keep ] || rm -rf "$3"
`

func (s *Server) run(t testing.TB) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Join(s.folder, "data"), 0o750))
	cmd := exec.Command("sh", "-c", keep, "sh", Binary(t), s.address, s.folder)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder,
		"MINIO_ROOT_USER=" + s.AccessKey, "MINIO_ROOT_PASSWORD=" + s.SecretKey,
		"MINIO_BROWSER=off", "MINIO_UPDATE=off",
	}
	if s.region != "" {
		cmd.Env = append(cmd.Env, "MINIO_SITE_REGION="+s.region)
	}
	// A group of its own: Ctrl-C on the terminal must not kill the keeper before it has cleaned up.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	s.pid, err = strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	s.keeper, s.pipe = cmd, stdin
	if !s.awaitReady() {
		log, _ := os.ReadFile(filepath.Join(s.folder, "log"))
		s.stop()
		require.FailNow(t, "MinIO did not become ready", "%s", log)
	}
}

// awaitReady polls until the server gives out temporary keys: that is the last thing that it can do after a start, later
// than its own /minio/health/ready says.
func (s *Server) awaitReady() bool {
	for until := time.Now().Add(60 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if _, err := s.assumeRole(Allow("s3:*")); err == nil {
			return true
		}
	}
	return false
}

// stop ends the server for good and removes its data.
func (s *Server) stop() {
	_ = s.pipe.Close()
	_ = s.keeper.Wait()
	s.client.CloseIdleConnections()
}

// Kill ends the server at once, as a power failure does; its data stay. Restart brings it back.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	require.NoError(t, syscall.Kill(s.pid, syscall.SIGKILL))
	machine.AwaitSilence(t, s.address)
}

// Restart kills the server, if it still runs, and starts it again on the same port and data.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	_, err := io.WriteString(s.pipe.(io.Writer), "keep\n")
	require.NoError(t, err)
	_ = s.keeper.Wait()
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
