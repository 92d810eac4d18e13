package s3

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"starkeep/storage"
	"starkeep/storage/transport"
)

// url names an object, or the bucket, in messages.
func (b *Bucket) url(key string) string {
	if key == "" {
		return "s3://" + b.name
	}
	return "s3://" + b.name + "/" + key
}

// fail turns an error of the SDK into one line: what was tried, which of storage's errors it is, the store's own words and
// what to do. The SDK's text is left out: it repeats itself and carries request and host ids.
func (b *Bucket) fail(ctx context.Context, op, key string, err error) error {
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("%s %s: %w", op, b.url(key), cause)
	}
	var broken bodyError
	if errors.As(err, &broken) || errors.Is(err, storage.ErrConfig) { // said by this package
		return fmt.Errorf("%s %s: %w", op, b.url(key), err)
	}
	text, kind := b.explain(op, err)
	text = b.settings.spelling.Replace(text)
	if kind == nil {
		return fmt.Errorf("%s %s: %s", op, b.url(key), text)
	}
	return fmt.Errorf("%s %s: %w: %s", op, b.url(key), kind, text)
}

// explain finds the kind of an error, nil for the ones that storage has no name for.
func (b *Bucket) explain(op string, err error) (text string, kind error) {
	switch service(err) {
	case "ec2imds":
		return b.explainMetadata(err)
	case "STS":
		return b.explainRole(err)
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() != "" {
		return b.explainAnswer(op, api.ErrorCode(), api.ErrorMessage(), status(err), region(err))
	}
	return explainNetwork(err)
}

// explainRole explains why STS did not give the role.
func (b *Bucket) explainRole(err error) (string, error) {
	var api smithy.APIError
	if !errors.As(err, &api) {
		text, kind := explainNetwork(err)
		return "STS (aws.s3.sts.endpoint): " + text, kind
	}
	text, kind := b.explainAnswer("assume", api.ErrorCode(), api.ErrorMessage(), status(err), "")
	if kind == nil {
		kind = storage.ErrDenied
	}
	return "the role aws.s3.iam_role_arn cannot be assumed: " + text, kind
}

// explainMetadata explains why the machine has no credentials to give.
func (b *Bucket) explainMetadata(err error) (string, error) {
	switch code := status(err); {
	case code == http.StatusNotFound:
		return "there are no credentials: this machine has no instance profile; attach one, or set aws.s3.access_key and aws.s3.secret_key", storage.ErrDenied
	case b.settings.login.profile && code >= 400 && code < 500:
		return fmt.Sprintf("the instance metadata service refuses (%d): allow this machine to use it", code), storage.ErrDenied
	case b.settings.login.profile:
		return "the instance metadata service does not answer (" + transport.Cause(err) + ")", storage.ErrUnavailable
	}
	// The last of the SDK's chain. Whoever did not ask for it runs on a machine that has none.
	return "there are no credentials, neither in the environment nor in files nor of the machine: set aws.s3.access_key and aws.s3.secret_key", storage.ErrDenied
}

// answer is what a code of S3 means here and what to do about it.
type answer struct {
	kind error
	todo string
}

// answers are by code: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, MinIO's cmd/api-errors.go and
// https://docs.cloud.google.com/storage/docs/xml-api/reference-status
var answers = map[string]answer{
	"NoSuchBucket":          {storage.ErrNoRoot, "create the bucket, or correct the location"},
	"InvalidBucketName":     {storage.ErrConfig, "correct the bucket in the location"},
	"PreconditionFailed":    {storage.ErrExist, ""},
	"InvalidAccessKeyId":    {storage.ErrDenied, "the store does not know the access key: correct aws.s3.access_key"},
	"InvalidSecurity":       {storage.ErrDenied, "the store does not know the access key: correct aws.s3.access_key"},
	"InvalidClientTokenId":  {storage.ErrDenied, "the store does not know the access key: correct aws.s3.access_key"},
	"SignatureDoesNotMatch": {storage.ErrDenied, "the secret key is not the one of this access key: correct aws.s3.secret_key"},
	"InvalidToken":          {storage.ErrDenied, "correct aws.s3.session_token"},
	"InvalidTokenId":        {storage.ErrDenied, "correct aws.s3.session_token"},
	"AccountProblem":        {storage.ErrDenied, "ask the store's support"},
	"AllAccessDisabled":     {storage.ErrDenied, "ask the store's support"},

	"RequestTimeTooSkewed":            {storage.ErrConfig, "the clock of this machine is wrong: set it by NTP"},
	"InvalidStorageClass":             {storage.ErrConfig, "correct fs.s3a.create.storage.class"},
	"InvalidTag":                      {storage.ErrConfig, "correct s3.object_tags"},
	"KMS.NotFoundException":           {storage.ErrConfig, "correct fs.s3a.encryption.key"},
	"KMS.DisabledException":           {storage.ErrConfig, "enable the key of fs.s3a.encryption.key"},
	"KMSNotConfigured":                {storage.ErrConfig, "the store cannot encrypt: leave fs.s3a.encryption.algorithm out, or set up its keys"},
	"InvalidEncryptionAlgorithmError": {storage.ErrConfig, "correct fs.s3a.encryption.algorithm"},
	"InvalidObjectState":              {storage.ErrConfig, "the object is in an archive: restore it there first"},

	"XMinioStorageFull":              {storage.ErrNoSpace, "free space in the store"},
	"XMinioAdminBucketQuotaExceeded": {storage.ErrNoSpace, "raise the quota of the bucket, or drop snapshots"},
	"QuotaExceeded":                  {storage.ErrNoSpace, "raise the quota, or drop snapshots"},
	"EntityTooLarge":                 {storage.ErrNoSpace, "the store takes no objects of that size"},

	"SlowDown": {storage.ErrUnavailable, ""}, "SlowDownRead": {storage.ErrUnavailable, ""}, "SlowDownWrite": {storage.ErrUnavailable, ""},
	"ServiceUnavailable": {storage.ErrUnavailable, ""}, "InternalError": {storage.ErrUnavailable, ""}, "Busy": {storage.ErrUnavailable, ""},
	"Throttling": {storage.ErrUnavailable, ""}, "ThrottlingException": {storage.ErrUnavailable, ""}, "RequestLimitExceeded": {storage.ErrUnavailable, ""},
	"RequestTimeout": {storage.ErrUnavailable, ""}, "OperationAborted": {storage.ErrUnavailable, ""}, "ConditionalRequestConflict": {storage.ErrUnavailable, ""},
	"TemporaryRedirect": {storage.ErrUnavailable, ""}, "NoSuchUpload": {storage.ErrUnavailable, ""}, "XMinioServerNotInitialized": {storage.ErrUnavailable, ""},
	// The body was right when it was read, so it was damaged or cut on the way.
	"BadDigest": {storage.ErrUnavailable, ""}, "XAmzContentSHA256Mismatch": {storage.ErrUnavailable, ""}, "IncompleteBody": {storage.ErrUnavailable, ""},
}

// explainAnswer explains what the store said.
func (b *Bucket) explainAnswer(op, code, message string, status int, region string) (string, error) {
	said := code
	// UnknownError is what the SDK says when the store said nothing.
	if message = transport.OneLine(message); message != "" && message != code && message != "UnknownError" {
		said += " (" + message + ")"
	}
	known, ok := answers[code]
	if !ok {
		known = b.unlisted(op, code, status, region)
	}
	if known.todo != "" {
		said += "; " + known.todo
	}
	return said, known.kind
}

// unlisted answers what depends on more than the code.
func (b *Bucket) unlisted(op, code string, status int, region string) answer {
	switch code {
	case "NoSuchKey":
		if op == "put" || op == "delete" {
			return answer{storage.ErrUnavailable, ""} // nobody asked for a key: see vanishing
		}
		return answer{storage.ErrNotExist, ""}
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired":
		if b.settings.login.fixed() {
			return answer{storage.ErrDenied, "the session token has ended: write new keys and a new aws.s3.session_token"}
		}
		return answer{storage.ErrUnavailable, ""} // the next call gets new ones
	case "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidRegion":
		return answer{storage.ErrConfig, "the bucket is in another region: set aws.s3.region" + to(region) + " (and an endpoint of that region)"}
	case "NotImplemented":
		if op == "put" && b.settings.conditional {
			return answer{storage.ErrConfig, "if the store cannot create objects on a condition, set fs.s3a.create.conditional.enabled = false"}
		}
		return answer{storage.ErrConfig, "the store cannot do that"}
	}
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || strings.HasPrefix(code, "AccessDenied"):
		return answer{storage.ErrDenied, b.grant(op)}
	case status == http.StatusMovedPermanently:
		return answer{storage.ErrConfig, "the bucket is in another region: set aws.s3.region" + to(region)}
	case status == http.StatusNotFound:
		return answer{storage.ErrConfig, "is aws.s3.endpoint an S3 store?"}
	case status == http.StatusPreconditionFailed:
		return answer{storage.ErrExist, ""}
	case status == http.StatusInsufficientStorage:
		return answer{storage.ErrNoSpace, "free space in the store"}
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout, status == http.StatusConflict, status >= 500,
		status == http.StatusTemporaryRedirect:
		return answer{storage.ErrUnavailable, ""}
	}
	return answer{}
}

func to(region string) string {
	if region == "" {
		return ""
	}
	return " to " + region
}

// grant names the permission that an operation needs:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
func (b *Bucket) grant(op string) string {
	objects, bucket := "arn:aws:s3:::"+b.name+"/*", "arn:aws:s3:::"+b.name
	switch op {
	case "open", "list":
		return "grant s3:ListBucket on " + bucket
	case "get", "stat":
		return "grant s3:GetObject on " + objects + " and s3:ListBucket on " + bucket // without the latter an absent key is "denied"
	case "delete":
		return "grant s3:DeleteObject on " + objects
	case "assume":
		return "grant sts:AssumeRole to who asks, and let the role trust them (external id included)"
	}
	actions := "s3:PutObject"
	if b.settings.object.tags != nil {
		actions += ", s3:PutObjectTagging"
	}
	if b.settings.object.kmsKey != nil {
		actions += ", kms:GenerateDataKey, kms:Decrypt"
	}
	return "grant " + actions + " on " + objects
}

var advice = transport.Advice{
	Authorities: "AWS_CA_BUNDLE",
	PlainHTTP:   "begin aws.s3.endpoint with http://, or set aws.s3.enable_ssl = false",
	Host:        "correct aws.s3.endpoint, or set aws.s3.enable_path_style_access = true",
}

// explainNetwork explains an error without an answer.
func explainNetwork(err error) (string, error) {
	if text, kind := advice.Explain(err); kind != nil {
		return text, kind
	}
	var syntax *xml.SyntaxError
	code := status(err)
	switch {
	case code == http.StatusBadRequest: // without a body that S3 would send
		return "the store does not understand the request: is it https, or no S3 store? correct aws.s3.endpoint", storage.ErrConfig
	case errors.As(err, &syntax) && code < 500:
		return fmt.Sprintf("the answer (%d) is not of an S3 store: correct aws.s3.endpoint", code), storage.ErrConfig
	}
	var sent *smithyhttp.RequestSendError
	if code == 0 && !errors.As(err, &sent) { // no credentials from a file or a command, no endpoint: the SDK gave up before
		return "the request cannot be made: " + transport.Cause(err), storage.ErrConfig
	}
	return transport.Cause(err), storage.ErrUnavailable
}

// service is the innermost service that failed: credentials are got while another service waits for them.
func service(err error) string {
	name := ""
	for err != nil {
		var operation *smithy.OperationError
		if !errors.As(err, &operation) {
			break
		}
		name, err = operation.Service(), operation.Err
	}
	return name
}

// code is the error code of the store's answer, or "".
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// status is the HTTP status of the answer, or 0 when there was none.
func status(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.HTTPStatusCode()
	}
	return 0
}

// region is the region of the bucket, when the answer names it.
func region(err error) string {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.Response != nil {
		return response.Response.Header.Get("X-Amz-Bucket-Region")
	}
	return ""
}
