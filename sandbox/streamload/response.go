package streamload

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// response is the JSON answer of a load in the order of be:runtime/stream_load/stream_load_context.cpp to_json.
type response struct {
	TxnID                  int64  `json:"TxnId"`
	Label                  string `json:"Label"`
	Db                     string `json:"Db"`
	Table                  string `json:"Table"`
	Status                 string `json:"Status"`
	ExistingJobStatus      string `json:"ExistingJobStatus,omitempty"`
	Message                string `json:"Message"`
	NumberTotalRows        int64  `json:"NumberTotalRows"`
	NumberLoadedRows       int64  `json:"NumberLoadedRows"`
	NumberFilteredRows     int64  `json:"NumberFilteredRows"`
	NumberUnselectedRows   int64  `json:"NumberUnselectedRows"`
	LoadBytes              int64  `json:"LoadBytes"`
	LoadTimeMs             int64  `json:"LoadTimeMs"`
	BeginTxnTimeMs         int64  `json:"BeginTxnTimeMs"`
	StreamLoadPlanTimeMs   int64  `json:"StreamLoadPlanTimeMs"`
	ReadDataTimeMs         int64  `json:"ReadDataTimeMs"`
	WriteDataTimeMs        int64  `json:"WriteDataTimeMs"`
	CommitAndPublishTimeMs int64  `json:"CommitAndPublishTimeMs"`
	ErrorURL               string `json:"ErrorURL,omitempty"`
}

// Words of the field Status.
const (
	statusSuccess        = "Success"
	statusPublishTimeout = "Publish Timeout"
	statusLabelExists    = "Label Already Exists"
	statusFail           = "Fail"
)

// nativeError is an error whose text is the real server's, capitals and all: clients match on it.
type nativeError string

func (e nativeError) Error() string { return string(e) }

func native(format string, args ...any) error { return nativeError(fmt.Sprintf(format, args...)) }

func (r *response) fail(err error) {
	r.Status, r.Message = statusFail, err.Error()
}

// frontendFailure is how the frontend tells a failed check: HTTP 200 all the same (fe:http/rest/LoadAction.java).
type frontendFailure struct {
	Status  string `json:"Status"`
	Message string `json:"Message"`
}

// restResult is the frontend's general answer (fe:http/rest/RestBaseResult.java).
type restResult struct {
	State   string  `json:"state,omitempty"`
	Reason  *string `json:"reason,omitempty"`
	Status  string  `json:"status"`
	Code    string  `json:"code"`
	Msg     string  `json:"msg"`
	Message string  `json:"message"`
}

func failed(message string) restResult {
	return restResult{Status: "FAILED", Code: "1", Msg: message, Message: message}
}

// reply writes an answer. A client that is gone cannot be told, so a failed write is not an error of the sandbox.
func reply(w http.ResponseWriter, status int, body any) {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "    ")
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	if err := e.Encode(body); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes())
}

// loadPath takes database and table from /api/{db}/{table}/_stream_load; ok is false for other paths. The segments are
// told apart before they are decoded, so a name may hold an encoded slash.
func loadPath(r *http.Request) (database, table string, ok bool) {
	parts := segments(r)
	if len(parts) != 4 || parts[0] != "api" || parts[3] != "_stream_load" {
		return "", "", false
	}
	return parts[1], parts[2], true
}

// segments returns the decoded parts of the path, nil when one cannot be decoded.
func segments(r *http.Request) []string {
	parts := strings.Split(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	for i, p := range parts {
		decoded, err := url.PathUnescape(p)
		if err != nil {
			return nil
		}
		parts[i] = decoded
	}
	return parts
}
