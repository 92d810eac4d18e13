package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"cloud.google.com/go/compute/metadata"
	"golang.org/x/oauth2"
	"google.golang.org/api/googleapi"

	"starkeep/storage"
	"starkeep/storage/transport"
)

const notGoogle = "the answer is not of Google Cloud Storage: correct gcp.gcs.endpoint"

// url names an object, or the bucket, in messages.
func (b *Bucket) url(key string) string {
	if key == "" {
		return "gs://" + b.name
	}
	return "gs://" + b.name + "/" + key
}

// fail turns an error into one line: what was tried, which of storage's errors it is, the store's own words and what to do.
func (b *Bucket) fail(ctx context.Context, op, key string, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%s %s: %w", op, b.url(key), cause)
	}
	for _, kind := range []error{storage.ErrConfig, storage.ErrDenied} {
		if errors.Is(err, kind) { // already said by this package
			return fmt.Errorf("%s %s: %w", op, b.url(key), err)
		}
	}
	text, kind := b.explain(op, err)
	if kind == nil {
		return fmt.Errorf("%s %s: %s", op, b.url(key), text)
	}
	return fmt.Errorf("%s %s: %w: %s", op, b.url(key), kind, text)
}

// explain finds the kind of an error, nil for the ones that storage has no name for.
func (b *Bucket) explain(op string, err error) (text string, kind error) {
	var role *refusedRole
	var token *oauth2.RetrieveError
	var machine metadata.NotDefinedError
	var onMachine *metadata.Error
	switch {
	case errors.As(err, &role):
		return b.explainRole(role.err)
	case errors.As(err, &token):
		return explainToken(token)
	case errors.As(err, &machine), errors.As(err, &onMachine) && onMachine.Code < 500:
		return "this machine has no service account: attach one, or set " + nameEmail[0] + ", " + nameKeyID[0] + " and " + nameKey[0], storage.ErrDenied
	}
	if answer := refusal(err); answer != nil {
		return b.explainAnswer(op, answer)
	}
	return explainNetwork(err)
}

// refusal is the store's answer that err is about, or nil. What came instead of an object's bytes the library leaves unread.
func refusal(err error) *googleapi.Error {
	var refused *googleapi.Error
	if !errors.As(err, &refused) {
		return nil
	}
	unread := struct{ Error googleapi.Error }{}
	if len(refused.Errors) > 0 || json.Unmarshal([]byte(refused.Body), &unread) != nil {
		return refused
	}
	unread.Error.Code = refused.Code
	return &unread.Error
}

// explainRole explains why another service account cannot be impersonated.
func (b *Bucket) explainRole(err error) (string, error) {
	answer := refusal(err)
	if answer == nil {
		text, kind := b.explain("impersonate", err)
		return nameImpersonate[0] + ": " + text, kind
	}
	said := fmt.Sprintf("%s cannot be impersonated: %s", b.settings.login.impersonate, words(answer))
	switch {
	case answer.Code == http.StatusTooManyRequests || answer.Code >= 500:
		return said, storage.ErrUnavailable
	case answer.Code == http.StatusNotFound:
		return said + "; correct " + nameImpersonate[0], storage.ErrConfig
	}
	return said + "; grant roles/iam.serviceAccountTokenCreator on it to who asks", storage.ErrDenied
}

// explainToken explains why the token server gave no token: RFC 6749, section 5.2; the descriptions are listed in
// https://developers.google.com/identity/protocols/oauth2/service-account#error-codes
func explainToken(err *oauth2.RetrieveError) (string, error) {
	code := 0
	if err.Response != nil {
		code = err.Response.StatusCode
	}
	answer := struct {
		Error       string
		Description string `json:"error_description"`
	}{err.ErrorCode, err.ErrorDescription}
	if answer.Error == "" {
		_ = json.Unmarshal(err.Body, &answer) // package jwt leaves that to others; what is no JSON stays empty
	}
	said := "the token server refuses: " + answer.Error
	if answer.Error == "" {
		said += fmt.Sprint(code)
	}
	if text := transport.OneLine(answer.Description); text != "" {
		said += " (" + text + ")"
	}
	switch {
	case code == http.StatusTooManyRequests || code >= 500:
		return said, storage.ErrUnavailable
	case strings.Contains(answer.Description, "iat and exp"):
		return said + "; the clock of this machine is wrong: set it by NTP", storage.ErrConfig
	case strings.Contains(answer.Description, "account not found"):
		return said + "; correct " + nameEmail[0], storage.ErrDenied
	case answer.Error == "":
		return said + "; correct " + nameTokenServer[0], storage.ErrConfig
	}
	return said + "; the key was deleted or is of another account: write a new " + nameKey[0] + " and its id", storage.ErrDenied
}

// answer is what a reason of the JSON API means here and what to do about it.
type answer struct {
	kind error
	todo string
}

// reasons are those that say more than their status:
// https://docs.cloud.google.com/storage/docs/json_api/v1/status-codes
var reasons = map[string]answer{
	"rateLimitExceeded":     {storage.ErrUnavailable, ""},
	"userRateLimitExceeded": {storage.ErrUnavailable, ""},
	"backendError":          {storage.ErrUnavailable, ""},
	"internalError":         {storage.ErrUnavailable, ""},
	"quotaExceeded":         {storage.ErrNoSpace, "raise the quota of the project"},
	"dailyLimitExceeded":    {storage.ErrNoSpace, "raise the quota of the project, or wait for the next day"},
	"accountDisabled":       {storage.ErrDenied, "enable the billing of the bucket's project"},
	"sslRequired":           {storage.ErrConfig, "begin gcp.gcs.endpoint with https://"},
	"retentionPolicyNotMet": {storage.ErrDenied, "the bucket keeps objects for a time: a repository needs a bucket that lets them be deleted"},
	"objectUnderActiveHold": {storage.ErrDenied, "release the hold on the object"},
	"userProjectMissing":    {storage.ErrConfig, "the bucket lets who asks pay, which is not supported: turn requester pays off"},
}

// explainAnswer explains what the store said.
func (b *Bucket) explainAnswer(op string, err *googleapi.Error) (string, error) {
	said := words(err)
	known, ok := reasons[reason(err)]
	if !ok {
		known = b.unlisted(op, err)
	}
	if known.todo != "" {
		said += "; " + known.todo
	}
	return said, known.kind
}

// unlisted answers what depends on more than the reason.
func (b *Bucket) unlisted(op string, err *googleapi.Error) answer {
	switch code := err.Code; {
	case code == http.StatusBadRequest && strings.Contains(err.Message, "doesn't match calculated"):
		return answer{storage.ErrUnavailable, ""} // the body was right when it was read, so it was damaged on the way
	case code == http.StatusBadRequest && strings.Contains(strings.ToLower(err.Message), "bucket name"):
		return answer{storage.ErrConfig, "correct the bucket in the location"}
	case code == http.StatusUnauthorized:
		return answer{storage.ErrDenied, b.relogin()}
	case code == http.StatusForbidden:
		return answer{storage.ErrDenied, b.grant(op)}
	case code == http.StatusNotFound && reason(err) == "notFound":
		return answer{storage.ErrNoRoot, "create the bucket, or correct the location"}
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code == http.StatusConflict:
		return answer{storage.ErrUnavailable, ""}
	case len(err.Errors) == 0:
		return answer{storage.ErrConfig, notGoogle}
	}
	return answer{}
}

// relogin says what to do when the store does not take a token.
func (b *Bucket) relogin() string {
	switch b.settings.login.way {
	case byToken:
		return "the access token has ended: write a new " + nameToken[0]
	case byAnonymous:
		return "the bucket is not public: set " + nameEmail[0] + ", " + nameKeyID[0] + " and " + nameKey[0]
	}
	return "the account was disabled or deleted, or its key was: write a new key"
}

// grant names the permission that an operation needs: https://docs.cloud.google.com/storage/docs/access-control/iam-json
func (b *Bucket) grant(op string) string {
	permission := map[string]string{
		"open": "storage.objects.list", "list": "storage.objects.list", "get": "storage.objects.get", "stat": "storage.objects.get",
		"put": "storage.objects.create, and storage.objects.delete to replace,", "delete": "storage.objects.delete",
	}[op]
	return "grant " + permission + " on the bucket " + b.name + " (roles/storage.objectUser has all that is needed)"
}

// reason is the first reason of an answer, or "".
func reason(err *googleapi.Error) string {
	if len(err.Errors) == 0 {
		return ""
	}
	return err.Errors[0].Reason
}

// words are the store's own: its reason and its message.
func words(err *googleapi.Error) string {
	said := reason(err)
	if said == "" {
		said = fmt.Sprint(err.Code)
	}
	if message := transport.OneLine(err.Message); message != "" {
		said += " (" + message + ")"
	}
	return said
}

var advice = transport.Advice{
	Authorities: "SSL_CERT_FILE",
	PlainHTTP:   "begin gcp.gcs.endpoint with http://",
	Host:        "correct gcp.gcs.endpoint",
}

// explainNetwork explains an error without an answer that could be read.
func explainNetwork(err error) (string, error) {
	if text, kind := advice.Explain(err); kind != nil {
		return text, kind
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return notGoogle, storage.ErrConfig
	}
	return transport.Cause(err), storage.ErrUnavailable
}
