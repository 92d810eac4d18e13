package starrocks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"starkeep/cluster"
)

const (
	loadAttempts = 3
	answerLimit  = 1 << 20 // longest answer that is read
	reasonLength = 300     // longest piece of a strange answer that goes into an error
)

var labelForm = regexp.MustCompile(`^[-\w]{1,128}$`) // fe:FeNameFormat

// errLost says that a load may or may not have happened: its label tells.
var errLost = errors.New("answer to the load was lost")

// Load sends all rows in one Stream Load, which is one transaction under the label; a table with columns that no Stream Load
// makes is filled by an INSERT from a staging table, under the label again. A repetition is recognised while the cluster
// remembers the label, at most 3 days and 1000 loads of the database (label_keep_max_second, label_keep_max_num); afterwards
// the same label loads again.
//
// Strings and binaries go in hexadecimal. A value that is too long for one field (524288 bytes) or cannot go as the others
// of its column aborts the load, which is sent again under the same label in another form. What no form takes fails the load
// with ErrUnsupported, and nothing is loaded.
func (c *Cluster) Load(ctx context.Context, r cluster.LoadRequest) (cluster.LoadResult, error) {
	result, err := c.load(ctx, r)
	if err != nil {
		return cluster.LoadResult{}, fmt.Errorf("load %s.%s (label %s): %w", r.Database, r.Table, r.Label, err)
	}
	return result, nil
}

func (c *Cluster) load(ctx context.Context, r cluster.LoadRequest) (cluster.LoadResult, error) {
	if !labelForm.MatchString(r.Label) {
		return cluster.LoadResult{}, fmt.Errorf("label is not of the form %s: %w", labelForm, cluster.ErrInvalidName)
	}
	if strings.Contains(r.Database, "/") {
		return cluster.LoadResult{}, fmt.Errorf("a database name with a slash cannot stand in the path of a Stream Load: %w", cluster.ErrUnsupported)
	}
	fields, err := carriages(r.Columns)
	if err != nil {
		return cluster.LoadResult{}, err
	}
	for attempt := 1; ; {
		result, err := c.attempt(ctx, r, fields)
		var unfit *unfitError
		switch {
		case err == nil || ctx.Err() != nil:
			return result, err
		case errors.As(err, &unfit):
			if err := fields[unfit.field].change(unfit); err != nil {
				return result, err
			}
		case !errors.Is(err, errLost) || attempt == loadAttempts:
			return result, err
		default:
			attempt++
		}
		// the label tells what became of the attempt: it may have loaded, and may still be running
		done, err := c.settle(ctx, r)
		if err != nil || done {
			return cluster.LoadResult{Rows: -1, Repeated: true}, err
		}
	}
}

// attempt does one load. errLost, wrapped, says that nobody knows what became of it.
func (c *Cluster) attempt(ctx context.Context, r cluster.LoadRequest, fields []field) (cluster.LoadResult, error) {
	columns, err := columnsHeader(fields)
	if err != nil {
		return cluster.LoadResult{}, err
	}
	if len(columns) > maxHeader || strings.Contains(r.Table, "/") || slices.ContainsFunc(fields, func(f field) bool { return f.staged() }) {
		return c.throughStage(ctx, r, fields)
	}
	return c.stream(ctx, r, fields, columns, "")
}

// stream does one Stream Load. Every row begins with lead.
func (c *Cluster) stream(ctx context.Context, r cluster.LoadRequest, fields []field, columns, lead string) (cluster.LoadResult, error) {
	rows, err := r.Open()
	if err != nil {
		return cluster.LoadResult{}, fmt.Errorf("open rows: %w", err)
	}
	defer rows.Close()
	e := newEncoder(rows, fields)
	e.lead = lead
	switch some, err := e.prime(); {
	case err != nil:
		return cluster.LoadResult{}, fmt.Errorf("read rows: %w", err)
	case !some:
		// a load without rows fails: "all partitions have no load data"
		return cluster.LoadResult{}, nil
	}
	a, err := c.send(ctx, r, columns, e)
	if err != nil {
		return cluster.LoadResult{}, err
	}
	return c.outcome(ctx, r, a, e.sent)
}

// send puts the rows to a front end and follows its redirect.
func (c *Cluster) send(ctx context.Context, r cluster.LoadRequest, columns string, e *encoder) (*answer, error) {
	header, err := c.header(r, columns)
	if err != nil {
		return nil, err
	}
	var response *http.Response
	err = c.anyFrontend(func(base string) error {
		target, err := url.Parse(strings.TrimSuffix(base, "/") + "/api/" + url.PathEscape(r.Database) + "/" + url.PathEscape(r.Table) + "/_stream_load")
		if err != nil {
			return err
		}
		response, err = c.put(ctx, target, header, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	for hops := 0; response.StatusCode == http.StatusTemporaryRedirect; hops++ {
		_ = response.Body.Close()
		if hops == 3 {
			return nil, fmt.Errorf("redirected too often: %w", cluster.ErrUnreachable)
		}
		target, err := c.redirect(ctx, response.Request.URL, response.Header.Get("Location"))
		if err != nil {
			return nil, err
		}
		if response, err = c.put(ctx, target, header, e); err != nil {
			return nil, err
		}
	}
	defer response.Body.Close()
	return readAnswer(response)
}

// header are the parameters of a load; without columns the fields are the table's columns in their order.
func (c *Cluster) header(r cluster.LoadRequest, columns string) (http.Header, error) {
	h := http.Header{}
	for name, value := range map[string]string{ // be:http/http_common.h
		"Expect":           "100-continue", // without it a front end refuses
		"label":            r.Label,
		"format":           "CSV",
		"column_separator": ",",
		"row_delimiter":    `\n`,
		"enclose":          `"`,
		"strict_mode":      "true", // else a value that does not convert becomes NULL
		"max_filter_ratio": "0",
		"timeout":          strconv.Itoa(int(c.config.LoadTimeout / time.Second)),
	} {
		h.Set(name, value)
	}
	if columns != "" {
		h.Set("columns", columns)
	}
	if len(r.Temporary) > 0 {
		for _, n := range r.Temporary {
			if _, err := identifier(n); err != nil || strings.ContainsAny(n, ",\r\n") {
				return nil, fmt.Errorf("temporary partition %q cannot stand in a list: %w", n, cluster.ErrInvalidName)
			}
		}
		h.Set("temporary_partitions", strings.Join(r.Temporary, ","))
	}
	return h, nil
}

// put does one hop. The body is sent only once the server has answered 100.
func (c *Cluster) put(ctx context.Context, target *url.URL, header http.Header, e *encoder) (*http.Response, error) {
	b := &body{encoder: e}
	defer b.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, target.String(), b)
	if err != nil {
		return nil, err
	}
	request.Header = header
	request.SetBasicAuth(c.config.User, c.config.Password)
	response, err := c.http.Do(request)
	switch {
	case err == nil && response.StatusCode == http.StatusTemporaryRedirect && b.begun():
		_ = response.Body.Close()
		return nil, fmt.Errorf("%s took rows and then redirected: %w", target.Host, errLost)
	case err == nil:
		return response, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	_ = b.Close() // waits for a Read under way: from here on the encoder is ours
	return nil, c.failure(target, b, e, err)
}

// failure tells a load that cannot have happened from one that may have.
func (c *Cluster) failure(target *url.URL, b *body, e *encoder, err error) error {
	var unfit *unfitError
	switch {
	case e.err != nil && !errors.Is(e.err, io.EOF):
		if errors.As(e.err, &unfit) {
			return unfit
		}
		return fmt.Errorf("read rows: %w", e.err)
	case !b.begun():
		return fmt.Errorf("send rows to %s: %w: %w", target.Host, cluster.ErrUnreachable, err)
	}
	return fmt.Errorf("send rows to %s: %w: %w: %w", target.Host, cluster.ErrUnreachable, errLost, err)
}

func dialFailed(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// answer is what a Stream Load answers (be:runtime/stream_load/stream_load_context.cpp). Success and most failures come
// with HTTP 200.
type answer struct {
	Status       string
	Message      string
	Existing     string `json:"ExistingJobStatus"`
	LoadedRows   int64  `json:"NumberLoadedRows"`
	FilteredRows int64  `json:"NumberFilteredRows"`
	Unselected   int64  `json:"NumberUnselectedRows"`
	ErrorURL     string
}

func readAnswer(response *http.Response) (*answer, error) {
	text, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("read answer: %w: %w: %w", cluster.ErrUnreachable, errLost, err)
	}
	if response.StatusCode == http.StatusUnauthorized || response.StatusCode == http.StatusForbidden {
		return nil, fmt.Errorf("answer %s: %.*q: %w", response.Status, reasonLength, text, cluster.ErrDenied)
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil || a.Status == "" {
		return nil, fmt.Errorf("answer %s: %.*q is not that of a load: %w: %w", response.Status, reasonLength, text, cluster.ErrUnreachable, errLost)
	}
	return &a, nil
}

// outcome judges an answer by its Status.
func (c *Cluster) outcome(ctx context.Context, r cluster.LoadRequest, a *answer, sent int64) (cluster.LoadResult, error) {
	switch a.Status {
	case "Success":
		if a.FilteredRows != 0 || a.Unselected != 0 || a.LoadedRows != sent {
			return cluster.LoadResult{}, fmt.Errorf("%d rows sent, %d loaded, %d filtered, %d not selected: %w", sent, a.LoadedRows, a.FilteredRows, a.Unselected, cluster.ErrRejected)
		}
		return cluster.LoadResult{Rows: sent}, nil
	case "Publish Timeout": // committed for good, not visible yet: loading again would be wrong
		if err := c.visible(ctx, r); err != nil {
			return cluster.LoadResult{}, err
		}
		return cluster.LoadResult{Rows: sent}, nil
	case "Label Already Exists":
		if a.Existing == "FINISHED" { // COMMITTED or VISIBLE
			return cluster.LoadResult{Rows: -1, Repeated: true}, c.visible(ctx, r)
		}
		return cluster.LoadResult{}, fmt.Errorf("an earlier attempt is still running: %w: %w", cluster.ErrUnreachable, errLost)
	}
	if a.ErrorURL != "" || a.FilteredRows > 0 || strings.Contains(a.Message, "too many filtered rows") {
		return cluster.LoadResult{}, fmt.Errorf("%s%s: %w", a.Message, c.reasons(ctx, a.ErrorURL), cluster.ErrRejected)
	}
	err := fmt.Errorf("cluster answered %s: %s", a.Status, a.Message)
	if is := meaning(0, a.Message); is != nil {
		err = fmt.Errorf("%w: %w", is, err)
	}
	return cluster.LoadResult{}, err
}

// States of a transaction (fe:TransactionStatus).
const (
	stateVisible = "VISIBLE"
	stateAborted = "ABORTED"
	stateUnknown = "UNKNOWN" // never used, or forgotten
)

// settle waits until a label is either loaded (true) or free again (false).
func (c *Cluster) settle(ctx context.Context, r cluster.LoadRequest) (bool, error) {
	state, err := c.await(ctx, r, stateVisible, stateAborted, stateUnknown)
	return state == stateVisible, err
}

// visible waits until a committed load is visible.
func (c *Cluster) visible(ctx context.Context, r cluster.LoadRequest) error {
	state, err := c.await(ctx, r, stateVisible, stateAborted, stateUnknown)
	if err == nil && state != stateVisible {
		// the label was finished a moment ago; a restart or the end of its memory came between
		err = fmt.Errorf("load is %s after it was committed: %w", state, cluster.ErrUnreachable)
	}
	return err
}

// await polls the label's state until it is one of states, as long as a load may take.
func (c *Cluster) await(ctx context.Context, r cluster.LoadRequest, states ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.LoadTimeout)
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		state, err := c.loadState(ctx, r)
		if err != nil {
			return "", err
		}
		for _, s := range states {
			if s == state {
				return state, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for label in state %s: %w", state, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// loadState asks a front end for the state of the label; a follower redirects to the leader (fe:GetStreamLoadState).
func (c *Cluster) loadState(ctx context.Context, r cluster.LoadRequest) (string, error) {
	var response *http.Response
	err := c.anyFrontend(func(base string) error {
		target, err := url.Parse(strings.TrimSuffix(base, "/") + "/api/" + url.PathEscape(r.Database) + "/get_load_state?label=" + url.QueryEscape(r.Label))
		if err != nil {
			return err
		}
		response, err = c.get(ctx, target)
		return err
	})
	if err == nil && response.StatusCode == http.StatusTemporaryRedirect {
		_ = response.Body.Close()
		var target *url.URL
		if target, err = c.redirect(ctx, response.Request.URL, response.Header.Get("Location")); err == nil {
			response, err = c.get(ctx, target)
		}
	}
	if err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", fmt.Errorf("ask for the state of the label: %w: %w", cluster.ErrUnreachable, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, answerLimit))
	if err != nil {
		return "", fmt.Errorf("ask for the state of the label: %w: %w", cluster.ErrUnreachable, err)
	}
	var a struct{ State, Status, Msg string }
	if err := json.Unmarshal(text, &a); err != nil || a.State == "" {
		err := fmt.Errorf("ask for the state of the label: answer %s: %.*q", response.Status, reasonLength, text)
		if is := meaning(0, string(text)); is != nil {
			return "", fmt.Errorf("%w: %w", is, err)
		}
		return "", fmt.Errorf("%w: %w", cluster.ErrUnreachable, err)
	}
	return a.State, nil
}

func (c *Cluster) get(ctx context.Context, target *url.URL) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(c.config.User, c.config.Password)
	return c.http.Do(request)
}
