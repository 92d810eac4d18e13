package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"unicode/utf8"

	"starkeep/storage"
)

// Advice is what a person does about a store that is not reached, in the words of the store's own settings.
type Advice struct {
	Authorities string // the variable of the workers that names a PEM file of authorities
	PlainHTTP   string // makes the store be asked over http
	Host        string // mends a host that is not found
}

// Explain explains an error without an answer: what it says about the host and its TLS, and which of storage's errors it is.
// The kind is nil for everything else.
func (a Advice) Explain(err error) (text string, kind error) {
	var unknown x509.UnknownAuthorityError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var name *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return "the certificate of the store is signed by an unknown authority: put that authority's PEM file into " + a.Authorities + " of the workers", storage.ErrConfig
	case errors.As(err, &certificate):
		return "the certificate of the store is not valid: " + OneLine(certificate.Err.Error()), storage.ErrConfig
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "the store speaks http, not https: " + a.PlainHTTP, storage.ErrConfig
	case errors.As(err, &alert):
		return "the store refuses the TLS connection: " + OneLine(alert.Error()), storage.ErrConfig
	case errors.As(err, &name) && name.IsNotFound:
		return "the host " + name.Name + " is not found: " + a.Host, storage.ErrUnavailable
	}
	return "", nil
}

// Cause is the text of the innermost cause alone: the layers above repeat the request.
func Cause(err error) string {
	for {
		if network, ok := err.(*net.OpError); ok {
			return OneLine(network.Error())
		}
		inner := errors.Unwrap(err)
		if inner == nil {
			return OneLine(err.Error())
		}
		err = inner
	}
}

// OneLine keeps foreign text from breaking a message.
func OneLine(s string) string { return Shorten(s, 200) }

// Shorten puts foreign text on one line of at most so many bytes.
func Shorten(s string, most int) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) <= most {
		return s
	}
	for !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most] + "…"
}
