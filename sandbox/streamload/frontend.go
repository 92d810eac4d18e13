package streamload

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"starkeep/sandbox/fault"
)

// Frontend answers the HTTP port of a frontend: PUT /api/{db}/{table}/_stream_load with a redirect to a backend, and
// GET /api/{db}/get_load_state?label=….
type Frontend struct {
	Engine  Engine
	Faults  *fault.Set
	Backend func() string // host:port of a backend that is alive; empty when there is none
}

// ServeHTTP implements http.Handler.
func (f *Frontend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if database, table, ok := loadPath(r); ok && r.Method == http.MethodPut {
		f.guard(w, r, r.Header.Get("label"), func(user string) { f.load(w, r, user, database, table) })
		return
	}
	if parts := segments(r); r.Method == http.MethodGet && len(parts) == 3 && parts[0] == "api" && parts[2] == "get_load_state" {
		label := r.URL.Query().Get("label")
		f.guard(w, r, label, func(string) { f.state(w, parts[1], label) })
		return
	}
	http.NotFound(w, r)
}

// guard applies faults and the password check, then runs the action.
func (f *Frontend) guard(w http.ResponseWriter, r *http.Request, label string, action func(user string)) {
	e := f.Faults.HTTP(requestLine("FE", r, label))
	if e.Wait(r.Context()) != nil {
		return
	}
	if e.Cut {
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
	user, password, ok := r.BasicAuth()
	switch {
	case e.Status != 0:
		http.Error(w, http.StatusText(e.Status), e.Status)
	case e.Message != "":
		reply(w, http.StatusOK, frontendFailure{"FAILED", e.Message})
	case !ok:
		unauthorized(w, "Need auth information.")
	default:
		if err := f.Engine.Authenticate(user, password); err != nil {
			unauthorized(w, err.Error())
			return
		}
		if e.CutAfter {
			action = withoutAnswer(w, action)
		}
		action(user)
	}
}

// withoutAnswer runs an action and drops the connection instead of the answer: an abort discards what is buffered.
func withoutAnswer(_ http.ResponseWriter, action func(string)) func(string) {
	return func(user string) {
		action(user)
		panic(http.ErrAbortHandler)
	}
}

func unauthorized(w http.ResponseWriter, message string) {
	w.Header().Set("WWW-Authenticate", `Basic realm=""`)
	reply(w, http.StatusUnauthorized, failed(message))
}

// requestLine is what faults and the log see of a request.
func requestLine(role string, r *http.Request, label string) string {
	line := role + " " + r.Method + " " + r.URL.Path
	if label != "" {
		line += " label=" + label
	}
	return line
}

// load checks what fe:http/rest/LoadAction.java does and redirects. It does not look whether the table exists.
func (f *Frontend) load(w http.ResponseWriter, r *http.Request, user, database, table string) {
	// The real server closes the connection behind its answer; without the deadline net/http would first wait for a
	// body that a client with Expect never sends.
	w.Header().Set("Connection", "close")
	if err := http.NewResponseController(w).SetReadDeadline(time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	refuse := func(message string) {
		reply(w, http.StatusOK, frontendFailure{"FAILED", "class com.starrocks.common.DdlException: " + message})
	}
	if r.ProtoAtLeast(1, 1) && !strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		refuse("There is no 100-continue header")
		return
	}
	if database == "" {
		refuse("No database selected.")
		return
	}
	if table == "" {
		refuse("No table selected.")
		return
	}
	if err := f.Engine.Authorize(user, database, table); err != nil {
		unauthorized(w, err.Error())
		return
	}
	backend := f.Backend()
	if backend == "" {
		refuse("No backend alive.")
		return
	}
	// The target is built from the decoded path, as the original does: an encoded slash in a name does not survive.
	target := url.URL{Scheme: "http", Host: backend, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", target.String())
	w.WriteHeader(http.StatusTemporaryRedirect)
}

// state answers the status of a label (fe:http/rest/GetStreamLoadState.java).
func (f *Frontend) state(w http.ResponseWriter, database, label string) {
	if label == "" {
		reply(w, http.StatusOK, failed("No label selected."))
		return
	}
	t, err := f.Engine.Label(database, label)
	switch {
	case errors.Is(err, ErrUnknownDatabase):
		reply(w, http.StatusOK, failed("unknown database, database="+database))
	case err != nil:
		reply(w, http.StatusOK, failed(err.Error()))
	default:
		result := restResult{State: string(t.State), Status: "OK", Code: "0", Msg: "Success", Message: "OK"}
		if t.State != Unknown {
			result.Reason = &t.Reason
		}
		reply(w, http.StatusOK, result)
	}
}
