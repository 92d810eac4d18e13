package minio

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// certify makes an authority and a certificate for 127.0.0.1, in the folder where MinIO looks for them.
func (s *Server) certify(t testing.TB) {
	t.Helper()
	certs := filepath.Join(s.keeper.Folder, "certs")
	require.NoError(t, os.MkdirAll(certs, 0o750))

	authority, authorityKey := certificate(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "Starkeep test authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	s.CA = filepath.Join(certs, "authority.pem")
	writePEM(t, s.CA, "CERTIFICATE", authority.Raw)
	s.trust(authority)

	server, serverKey := certificate(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority, authorityKey)
	key, err := x509.MarshalPKCS8PrivateKey(serverKey)
	require.NoError(t, err)
	writePEM(t, filepath.Join(certs, "public.crt"), "CERTIFICATE", server.Raw)
	writePEM(t, filepath.Join(certs, "private.key"), "PRIVATE KEY", key)
}

// certificate makes a certificate signed by parent, or by itself without one.
func certificate(t testing.TB, template, parent *x509.Certificate, signer crypto.Signer) (*x509.Certificate, crypto.Signer) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	if parent == nil {
		parent, signer = template, key
	}
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return made, key
}

func writePEM(t testing.TB, path, kind string, raw []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600))
}
