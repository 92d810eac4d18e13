package gcs

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	"golang.org/x/oauth2/jwt"
	"google.golang.org/api/iamcredentials/v1"
	"google.golang.org/api/option"

	"starkeep/storage"
	"starkeep/storage/transport"
)

// Scopes: https://docs.cloud.google.com/storage/docs/authentication#oauth-scopes
const (
	scopeObjects = "https://www.googleapis.com/auth/devstorage.read_write"
	scopeAll     = "https://www.googleapis.com/auth/cloud-platform" // which becoming somebody else needs
)

// client returns what sends requests in the name of who the settings say.
func (s settings) client(ctx context.Context, transport *http.Transport, identity string) (*http.Client, error) {
	plain := &http.Client{Transport: transport}
	if s.login.way == byAnonymous {
		return plain, nil
	}
	// Tokens are got again long after this call, over the same connections and with the same limits.
	ctx = context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, plain)
	source, err := s.login.source(ctx)
	if err != nil {
		return nil, err
	}
	if s.login.impersonate != "" {
		if source, err = become(ctx, s.login.impersonate, source, transport, identity); err != nil {
			return nil, err
		}
	}
	return &http.Client{Transport: &oauth2.Transport{Source: source, Base: transport}}, nil
}

// source returns where tokens come from.
func (l login) source(ctx context.Context) (oauth2.TokenSource, error) {
	scope := scopeObjects
	if l.impersonate != "" {
		scope = scopeAll
	}
	switch l.way {
	case byToken:
		return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: l.token}), nil
	case byMachine:
		return oauth2.ReuseTokenSource(nil, google.ComputeTokenSource("", scope)), nil
	case byKey:
		config, err := l.account()
		if err != nil {
			return nil, err
		}
		config.Scopes = []string{scope}
		return config.TokenSource(ctx), nil
	}
	found, err := google.FindDefaultCredentials(ctx, scope)
	if err != nil {
		// The library's text names files and flags of other tools.
		return nil, fmt.Errorf("%w: there are no credentials, neither in GOOGLE_APPLICATION_CREDENTIALS of the workers nor of the machine: set %s, %s and %s",
			storage.ErrDenied, nameEmail[0], nameKeyID[0], nameKey[0])
	}
	return found.TokenSource, nil
}

// account reads the key of a service account.
func (l login) account() (*jwt.Config, error) {
	from := nameKey[0]
	if l.keyFile != "" {
		from = nameKeyFile[0]
		file, err := os.ReadFile(l.keyFile)
		if err != nil {
			return nil, wrong(fmt.Sprintf("%s cannot be read on this worker: %s", from, transport.OneLine(err.Error())))
		}
		var key struct {
			Type        string `json:"type"`
			ClientEmail string `json:"client_email"`
			ID          string `json:"private_key_id"`
			PrivateKey  string `json:"private_key"`
			TokenURI    string `json:"token_uri"`
		}
		// The parser's text would show a piece of the file.
		if json.Unmarshal(file, &key) != nil || key.Type != "service_account" || key.ClientEmail == "" {
			return nil, wrong(from + " is not the JSON key file of a service account")
		}
		l.email, l.keyID, l.key = key.ClientEmail, key.ID, key.PrivateKey
		if l.tokenServer == "" {
			l.tokenServer = key.TokenURI
		}
	}
	if !isPrivateKey(l.key) {
		return nil, wrong(from + " holds no private key: copy private_key of the JSON key file whole, with its BEGIN and END lines")
	}
	if l.tokenServer == "" {
		l.tokenServer = google.JWTTokenURL
	}
	return &jwt.Config{Email: l.email, PrivateKey: []byte(l.key), PrivateKeyID: l.keyID, TokenURL: l.tokenServer}, nil
}

// isPrivateKey looks now for what package jwt would only find out later, and then say with a piece of the key.
func isPrivateKey(text string) bool {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return false
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return true
	}
	_, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	return err == nil
}

// become returns tokens of another service account, which source may ask for:
// https://docs.cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
func become(ctx context.Context, account string, source oauth2.TokenSource, pool *http.Transport, root string) (oauth2.TokenSource, error) {
	options := []option.ClientOption{option.WithHTTPClient(&http.Client{Transport: &oauth2.Transport{Source: source, Base: pool}})}
	if root != "" {
		options = append(options, option.WithEndpoint(root))
	}
	service, err := iamcredentials.NewService(ctx, options...)
	if err != nil {
		return nil, wrong(transport.OneLine(err.Error()))
	}
	return oauth2.ReuseTokenSource(nil, &impersonated{ctx: ctx, service: service, account: account}), nil
}

type impersonated struct {
	ctx     context.Context // without an end; the transport has limits
	service *iamcredentials.Service
	account string
}

// Token implements oauth2.TokenSource.
func (i *impersonated) Token() (*oauth2.Token, error) {
	answer, err := i.service.Projects.ServiceAccounts.GenerateAccessToken("projects/-/serviceAccounts/"+i.account,
		&iamcredentials.GenerateAccessTokenRequest{Scope: []string{scopeObjects}, Lifetime: "3600s"}).Context(i.ctx).Do()
	if err != nil {
		return nil, &refusedRole{err}
	}
	expiry, err := time.Parse(time.RFC3339, answer.ExpireTime)
	if err != nil {
		return nil, fmt.Errorf("the token of %s has no end: %w", i.account, err)
	}
	return &oauth2.Token{AccessToken: answer.AccessToken, Expiry: expiry}, nil
}

// refusedRole tells a failed impersonation from a failed call of the store.
type refusedRole struct{ err error }

func (r *refusedRole) Error() string { return "impersonate: " + r.err.Error() }
func (r *refusedRole) Unwrap() error { return r.err }
