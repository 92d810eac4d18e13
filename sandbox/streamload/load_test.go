package streamload

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"

	"starkeep/sandbox/fault"

	"starkeep/sandbox/value"
)

// city is the table of most tests: k INT NOT NULL, s VARCHAR(5), d DECIMAL(5,2).
func city() *Table {
	return &Table{Database: "db", Name: "city", Columns: []Column{
		{Name: "k", Type: Type{Name: "INT"}, Key: true},
		{Name: "s", Type: Type{Name: "VARCHAR", Length: 5}, Nullable: true},
		{Name: "d", Type: Type{Name: "DECIMAL", Precision: 5, Scale: 2}, Nullable: true},
	}}
}

// one is a table with the single column c.
func one(t Type) *Table {
	return &Table{Database: "db", Name: "one", Columns: []Column{{Name: "c", Type: t, Nullable: true}}}
}

// server is a frontend and a backend over one memory engine.
type server struct {
	*memory
	t        *testing.T
	faults   *fault.Set
	backend  *Backend
	frontend string // URL
	be       string // URL
}

func serve(t *testing.T, tables ...*Table) *server {
	t.Helper()
	s := &server{memory: newMemory(tables...), t: t, faults: &fault.Set{}}
	var be *httptest.Server
	address := func() string { return strings.TrimPrefix(be.URL, "http://") }
	s.backend = NewBackend(s.memory, s.faults, address)
	be = httptest.NewServer(s.backend)
	fe := httptest.NewServer(&Frontend{Engine: s.memory, Faults: s.faults, Backend: address})
	t.Cleanup(func() {
		fe.Close()
		be.Close()
		require.NoError(t, s.backend.Close())
	})
	s.frontend, s.be = fe.URL, be.URL
	return s
}

// client does not follow redirects by itself: the tests look at each hop.
var client = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{ExpectContinueTimeout: 5 * time.Second, DisableKeepAlives: true},
}

func (s *server) request(url, body string, headers ...string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPut, url, strings.NewReader(body))
	require.NoError(s.t, err)
	r.SetBasicAuth("root", "secret")
	r.Header.Set("Expect", "100-continue")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r
}

func (s *server) do(r *http.Request) (int, string, http.Header) {
	s.t.Helper()
	resp, err := client.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(text), resp.Header
}

// load sends a body straight to the backend.
func (s *server) load(table, body string, headers ...string) response {
	s.t.Helper()
	status, text, _ := s.do(s.request(s.be+"/api/db/"+table+"/_stream_load", body, headers...))
	require.Equal(s.t, http.StatusOK, status, text)
	var r response
	require.NoError(s.t, json.Unmarshal([]byte(text), &r), text)
	return r
}

// reasons fetches the error log of a load.
func (s *server) reasons(r response) string {
	s.t.Helper()
	require.NotEmpty(s.t, r.ErrorURL)
	resp, err := http.Get(r.ErrorURL)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return string(text)
}

func TestFrontendRedirectsAndBackendLoads(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	status, _, header := s.do(s.request(s.frontend+"/api/db/city/_stream_load", "never sent", "label: l1"))
	require.Equal(t, http.StatusTemporaryRedirect, status)
	require.Equal(t, s.be+"/api/db/city/_stream_load", header.Get("Location"))

	status, text, _ := s.do(s.request(header.Get("Location"), "1\tab\t1.005\n", "label: l1"))
	require.Equal(t, http.StatusOK, status)
	var fields map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &fields))
	require.Equal(t, "Success", fields["Status"])
	require.Equal(t, "OK", fields["Message"])
	for _, name := range []string{"TxnId", "Label", "Db", "Table", "NumberTotalRows", "NumberLoadedRows", "NumberFilteredRows", "NumberUnselectedRows",
		"LoadBytes", "LoadTimeMs", "BeginTxnTimeMs", "StreamLoadPlanTimeMs", "ReadDataTimeMs", "WriteDataTimeMs", "CommitAndPublishTimeMs"} {
		require.Contains(t, fields, name)
	}
	require.Equal(t, [][]string{{"1", "ab", "1.01"}}, s.visible("city"))
}

func TestMissingExpectHeaderIsRefusedWithHTTP200(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.request(s.frontend+"/api/db/city/_stream_load", "1\ta\t1\n")
	r.Header.Del("Expect")
	status, text, _ := s.do(r)
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"Status":"FAILED","Message":"class com.starrocks.common.DdlException: There is no 100-continue header"}`, text)
}

func TestHTTP10IsExemptFromExpect(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.frontend, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "PUT /api/db/city/_stream_load HTTP/1.0\r\nAuthorization: Basic cm9vdDpzZWNyZXQ=\r\nContent-Length: 0\r\n\r\n")
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusTemporaryRedirect, resp.StatusCode)
}

func TestFrontendDoesNotAskForTheBody(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.frontend, "http://"))
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "PUT /api/db/city/_stream_load HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: Basic cm9vdDpzZWNyZXQ=\r\nContent-Length: 100\r\n\r\n")
	require.NoError(t, err)
	text, err := io.ReadAll(conn) // ends: the frontend closes
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "HTTP/1.1 307"), string(text))
}

func TestAuthorizationLostOnRedirectIsToldByTheBackend(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.request(s.be+"/api/db/city/_stream_load", "1\ta\t1\n")
	r.Header.Del("Authorization")
	status, text, _ := s.do(r)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, text, `"Status": "Fail"`)
	require.Contains(t, text, "no valid Basic authorization")
}

func TestFrontendTellsWrongPasswordAndMissingPrivilegeWith401(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.request(s.frontend+"/api/db/city/_stream_load", "")
	r.SetBasicAuth("root", "wrong")
	status, _, header := s.do(r)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Equal(t, `Basic realm=""`, header.Get("WWW-Authenticate"))

	r.Header.Del("Authorization")
	status, text, _ := s.do(r)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, text, "Need auth information.")

	s.users["poor"], s.denied["poor"] = "p", true
	r.SetBasicAuth("poor", "p")
	status, text, _ = s.do(r)
	require.Equal(t, http.StatusUnauthorized, status)
	require.Contains(t, text, "INSERT privilege")
}

func TestUnknownObjectsFailWithHTTP200(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.load("nowhere", "1\n", "label: l")
	require.Equal(t, "Fail", r.Status)
	require.Equal(t, `unknown table "db.nowhere"`, r.Message)
	_, text, _ := s.do(s.request(s.be+"/api/other/city/_stream_load", "1\n"))
	require.Contains(t, text, "unknown database, database=other")
	require.Equal(t, Unknown, s.labels.State("l").State, "a load that never began must not use its label")
}

func TestLabelRules(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	require.Equal(t, "Success", s.load("city", "1\ta\t1\n", "label: a").Status)

	again := s.load("city", "1\ta\t1\n", "label: a")
	require.Equal(t, "Label Already Exists", again.Status)
	require.Equal(t, "FINISHED", again.ExistingJobStatus)
	require.Equal(t, "Label [a] has already been used.", again.Message)
	require.Zero(t, again.NumberLoadedRows, "the counts of the first attempt are not repeated")
	require.Len(t, s.visible("city"), 1)

	running, err := s.Begin(Request{Database: "db", Table: "city", Label: "b"})
	require.NoError(t, err)
	require.Equal(t, "RUNNING", s.load("city", "2\ta\t1\n", "label: b").ExistingJobStatus)
	running.Abort("test")
	require.Equal(t, "Success", s.load("city", "2\ta\t1\n", "label: b").Status, "an aborted label is free")

	require.Equal(t, "Fail", s.load("city", "x\ta\t1\n", "label: c", "strict_mode: true").Status)
	require.Equal(t, "Success", s.load("city", "3\ta\t1\n", "label: c").Status, "a failed load frees its label")

	bad := s.load("city", "3\ta\t1\n", "label: a.b")
	require.Equal(t, `Label format error. regex: ^[-\w]{1,128}$, label: a.b`, bad.Message)
}

// The memory keeps 3 labels here, 1000 by default.
func TestForgottenLabelLoadsAgain(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	for _, label := range []string{"a", "b", "c", "d"} {
		require.Equal(t, "Success", s.load("city", "1\ta\t1\n", "label: "+label).Status)
	}
	require.Equal(t, "Label Already Exists", s.load("city", "1\ta\t1\n", "label: d").Status)
	require.Equal(t, "Success", s.load("city", "1\ta\t1\n", "label: a").Status)
	require.Len(t, s.visible("city"), 5)
}

func TestLabelsAreForgottenByAgeButNeverWhileRunning(t *testing.T) {
	t.Parallel()
	l := NewLabels(10, time.Hour)
	now := time.Unix(1000, 0)
	l.now = func() time.Time { return now }
	require.NoError(t, l.Begin("done", 1))
	l.Move("done", 1, Committed, "")
	l.Move("done", 1, Visible, "")
	require.NoError(t, l.Begin("running", 2))
	now = now.Add(time.Hour + time.Second)
	require.Equal(t, Unknown, l.State("done").State)
	require.Equal(t, Prepare, l.State("running").State)
	require.Len(t, l.All(), 1)
	require.NoError(t, l.Begin("done", 3))
	l.Move("done", 1, Aborted, "late") // of the forgotten transaction
	require.Equal(t, Prepare, l.State("done").State)
}

func TestLabelStateIsTold(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	s.load("city", "1\ta\t1\n", "label: good")
	s.load("city", "x\ta\t1\n", "label: bad", "strict_mode: true")
	state := func(database, label string) string {
		r, err := http.NewRequest(http.MethodGet, s.frontend+"/api/"+database+"/get_load_state?label="+label, nil)
		require.NoError(t, err)
		r.SetBasicAuth("root", "secret")
		_, text, _ := s.do(r)
		return text
	}
	require.JSONEq(t, `{"state":"VISIBLE","reason":"","status":"OK","code":"0","msg":"Success","message":"OK"}`, state("db", "good"))
	require.JSONEq(t, `{"state":"ABORTED","reason":"too many filtered rows","status":"OK","code":"0","msg":"Success","message":"OK"}`, state("db", "bad"))
	require.JSONEq(t, `{"state":"UNKNOWN","status":"OK","code":"0","msg":"Success","message":"OK"}`, state("db", "never"))
	require.JSONEq(t, `{"status":"FAILED","code":"1","msg":"unknown database, database=other","message":"unknown database, database=other"}`, state("other", "x"))
	require.Contains(t, state("db", ""), "No label selected.")
}

func TestPublishTimeoutIsCommittedAndBecomesVisibleLater(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	_, err := s.faults.Add(fault.Rule{Kind: fault.HTTP, Contains: "BE PUT", Action: fault.PublishTimeout, Delay: fault.Duration(50 * time.Millisecond)})
	require.NoError(t, err)
	r := s.load("city", "1\ta\t1\n", "label: l")
	require.Equal(t, "Publish Timeout", r.Status)
	require.Equal(t, "FINISHED", s.load("city", "1\ta\t1\n", "label: l").ExistingJobStatus)
	require.Eventually(t, func() bool { return s.labels.State("l").State == Visible }, 5*time.Second, 5*time.Millisecond)
	require.Len(t, s.visible("city"), 1)
}

func TestCloseDoesNotLosePutOffPublishes(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	_, err := s.faults.Add(fault.Rule{Kind: fault.HTTP, Contains: "BE PUT", Action: fault.PublishTimeout, Delay: fault.Duration(time.Hour)})
	require.NoError(t, err)
	require.Equal(t, "Publish Timeout", s.load("city", "1\ta\t1\n", "label: l").Status)
	require.Equal(t, Committed, s.labels.State("l").State)
	require.NoError(t, s.backend.Close())
	require.Equal(t, Visible, s.labels.State("l").State)
}

func TestLostAnswerLeavesTheRowsLoadedOnce(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	id, err := s.faults.Add(fault.Rule{Kind: fault.HTTP, Contains: "BE PUT", Action: fault.CutAfter})
	require.NoError(t, err)
	_, err = client.Do(s.request(s.be+"/api/db/city/_stream_load", "1\ta\t1\n", "label: l"))
	require.Error(t, err)
	require.Equal(t, 1, s.faults.Fired(id))
	require.Equal(t, "FINISHED", s.load("city", "1\ta\t1\n", "label: l").ExistingJobStatus)
	require.Len(t, s.visible("city"), 1)
}

func TestConnectionCutBeforeOrInsideTheBodyLoadsNothing(t *testing.T) {
	t.Parallel()
	for _, bytes := range []int64{0, 100_000} {
		s := serve(t, city())
		_, err := s.faults.Add(fault.Rule{Kind: fault.HTTP, Contains: "BE PUT", Action: fault.Cut, Bytes: bytes})
		require.NoError(t, err)
		_, err = client.Do(s.request(s.be+"/api/db/city/_stream_load", strings.Repeat("1\ta\t1\n", 50_000), "label: l"))
		require.Error(t, err)
		require.Empty(t, s.visible("city"))
		require.Equal(t, "Success", s.load("city", "1\ta\t1\n", "label: l").Status, "the label is free again")
	}
}

func TestClientThatDiesInTheBodyLoadsNothing(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.be, "http://"))
	require.NoError(t, err)
	_, err = io.WriteString(conn, "PUT /api/db/city/_stream_load HTTP/1.1\r\nHost: x\r\nlabel: l\r\nAuthorization: Basic cm9vdDpzZWNyZXQ=\r\nContent-Length: 100\r\n\r\n1\ta\t1\n")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.labels.State("l").State == Prepare }, 5*time.Second, time.Millisecond)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return s.labels.State("l").State == Aborted }, 5*time.Second, time.Millisecond)
	require.Empty(t, s.visible("city"))
}

func TestFaultsOnTheFrontend(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	url := s.frontend + "/api/db/city/_stream_load"
	for _, rule := range []fault.Rule{
		{Kind: fault.HTTP, Contains: "FE PUT /api/db/city/_stream_load label=x", Action: fault.Status, Code: 503},
		{Kind: fault.HTTP, Contains: "label=y", Action: fault.Error, Message: "No backend alive."},
		{Kind: fault.HTTP, Contains: "label=z", Action: fault.Cut},
		{Kind: fault.HTTP, Contains: "label=w", Action: fault.CutAfter},
	} {
		_, err := s.faults.Add(rule)
		require.NoError(t, err)
	}
	status, _, _ := s.do(s.request(url, "", "label: x"))
	require.Equal(t, 503, status)
	_, text, _ := s.do(s.request(url, "", "label: y"))
	require.Contains(t, text, "No backend alive.")
	for _, label := range []string{"z", "w"} {
		_, err := client.Do(s.request(url, "", "label: "+label))
		require.Error(t, err)
	}
	require.Equal(t, "FE PUT /api/db/city/_stream_load label=x", s.faults.Log(0)[0].Text)
}

func TestFaultOnTheBackendFailsTheLoad(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	_, err := s.faults.Add(fault.Rule{Kind: fault.HTTP, Contains: "BE PUT", Action: fault.Error, Message: "disk is full"})
	require.NoError(t, err)
	r := s.load("city", "1\ta\t1\n")
	require.Equal(t, "Fail", r.Status)
	require.Equal(t, "disk is full", r.Message)
}

func TestNoBackendAlive(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	fe := httptest.NewServer(&Frontend{Engine: s.memory, Faults: s.faults, Backend: func() string { return "" }})
	defer fe.Close()
	_, text, _ := s.do(s.request(fe.URL+"/api/db/city/_stream_load", ""))
	require.Contains(t, text, "No backend alive.")
}

func TestNamesWithBlanksAndSignsSurviveTheRedirect(t *testing.T) {
	t.Parallel()
	odd := city()
	odd.Name = `a b%c?d"é`
	s := serve(t, odd)
	_, _, header := s.do(s.request(s.frontend+"/api/db/a%20b%25c%3Fd%22%C3%A9/_stream_load", ""))
	_, text, _ := s.do(s.request(header.Get("Location"), "1\ta\t1\n"))
	require.Contains(t, text, `"Status": "Success"`)
	require.Len(t, s.visible(odd.Name), 1)
}

func TestFilteredRowFailsTheLoadUnlessTheRatioAllowsIt(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	body := "1\ta\t1\n2\tb\n3\tc\t3\n"
	r := s.load("city", body)
	require.Equal(t, "Fail", r.Status)
	require.Equal(t, "too many filtered rows", r.Message)
	require.EqualValues(t, 1, r.NumberFilteredRows)
	require.Contains(t, s.reasons(r), `Error: Target column count: 3 doesn't match source value column count: 2. Column separator: '\t', Row delimiter: '\n'. Row: 2	b`)
	require.Empty(t, s.visible("city"))

	r = s.load("city", body, "max_filter_ratio: 0.4")
	require.Equal(t, "Success", r.Status)
	require.EqualValues(t, 3, r.NumberTotalRows)
	require.EqualValues(t, 2, r.NumberLoadedRows)
	require.Len(t, s.visible("city"), 2)
}

func TestWithoutStrictModeABadValueIsNullSilently(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.load("city", "1\ttoolong\t1e9\n")
	require.Equal(t, "Success", r.Status)
	require.Equal(t, [][]string{{"1", "<nil>", "<nil>"}}, s.visible("city"))

	r = s.load("city", "1\ttoolong\t1\n", "strict_mode: true")
	require.Equal(t, "Fail", r.Status)
	require.Contains(t, s.reasons(r), "The field (name = s, pos = 1) is out of range. Type: VARCHAR(5), Value length: 7, Value: toolong")

	r = s.load("city", "x\ta\t1\n")
	require.Equal(t, "Fail", r.Status, "NULL in a key is an error in any mode")
	require.Contains(t, s.reasons(r), "NULL value in non-nullable column 'k'")
}

func TestRowThatIsNotUTF8IsFiltered(t *testing.T) {
	t.Parallel()
	s := serve(t, one(Type{Name: "VARCHAR"}))
	for _, h := range []string{"x: y", `enclose: "`} {
		r := s.load("one", "ok\n\xff\xfe\n", h)
		require.Equal(t, "Fail", r.Status)
		require.Contains(t, s.reasons(r), "Invalid UTF-8 row")
	}
}

func TestNullTextIsNullAlsoInQuotesAndInFieldsOfExpressions(t *testing.T) {
	t.Parallel()
	s := serve(t, one(Type{Name: "VARCHAR"}))
	require.Equal(t, "Success", s.load("one", "\\N\n").Status)
	require.Equal(t, "Success", s.load("one", "\"\\N\"\n", `enclose: "`).Status)
	require.Equal(t, "Success", s.load("one", "\"\\N\"\n", `enclose: "`, "columns: t, c=unhex(t)").Status)
	require.Equal(t, [][]string{{"<nil>"}, {"<nil>"}, {"<nil>"}}, s.visible("one"))
}

func TestBlankRowIsSkippedSoAnEmptyStringNeedsQuotes(t *testing.T) {
	t.Parallel()
	s := serve(t, one(Type{Name: "VARCHAR"}))
	require.EqualValues(t, 2, s.load("one", "a\n\n\nb\n").NumberLoadedRows)
	require.EqualValues(t, 3, s.load("one", "a\n\n\"\"\nb\n", `enclose: "`).NumberLoadedRows)
	require.Equal(t, [][]string{{"a"}, {"b"}, {"a"}, {""}, {"b"}}, s.visible("one"))
}

func TestTextOverOneMiBIsRefusedAlsoInFieldsOfExpressions(t *testing.T) {
	t.Parallel()
	s := serve(t, one(Type{Name: "VARCHAR"}))
	fits, over := strings.Repeat("ab", value.MaxString/2), strings.Repeat("ab", value.MaxString/2)+"ab"
	require.Equal(t, "Success", s.load("one", fits+"\n", "strict_mode: true").Status)
	require.Equal(t, "Fail", s.load("one", over+"\n", "strict_mode: true").Status)
	require.Equal(t, "Success", s.load("one", fits+"\n", "strict_mode: true", "columns: t,c=unhex(t)").Status)
	require.Equal(t, "Fail", s.load("one", over+"\n", "strict_mode: true", "columns: t,c=unhex(t)").Status)
	require.Equal(t, "Success", s.load("one", over+"\n", "columns: t,c=unhex(t)").Status)
	rows := s.visible("one")
	require.Len(t, rows[1][0], value.MaxString/2)
	require.Equal(t, "<nil>", rows[2][0])
}

func TestComputedValueTooLongIsFilteredInAnyMode(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.load("city", "1\t616263646566\t1\n", "columns: k,t,d,s=unhex(t)")
	require.Equal(t, "Fail", r.Status)
	require.Contains(t, s.reasons(r), "is too long")
}

func TestAnyBytesTravelAsHex(t *testing.T) {
	t.Parallel()
	table := city()
	table.Columns = append(table.Columns, Column{Name: "b", Type: Type{Name: "VARBINARY"}, Nullable: true})
	table.Columns[1].Type.Length = 300
	s := serve(t, table)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	body := fmt.Sprintf("1,%x,1,%X\n2,,2,\n3,\\N,\\N,\\N\n", all, all)
	r := s.load("city", body, "columns: `k`, t1, d, t2, `s`=unhex(`t1`), b=to_binary(t2, 'hex')", "column_separator: ,", "strict_mode: true")
	require.Equal(t, "Success", r.Status, r.Message)
	require.Equal(t, [][]string{{"1", string(all), "1.00", string(all)}, {"2", "", "2.00", ""}, {"3", "<nil>", "<nil>", "<nil>"}}, s.visible("city"))
}

func TestVarbinaryTriesBase64First(t *testing.T) {
	t.Parallel()
	s := serve(t, one(Type{Name: "VARBINARY"}))
	s.load("one", "YWJj\nno-base64!\n")
	require.Equal(t, [][]string{{"abc"}, {"no-base64!"}}, s.visible("one"))
}

func TestJSONScalarsBecomeStrings(t *testing.T) {
	t.Parallel()
	s := serve(t, one(Type{Name: "JSON"}))
	s.load("one", "1\nnull\n{\"b\":1,\"a\":[1.50,true]}\n\"x\"\n", "strict_mode: true")
	require.Equal(t, [][]string{{`"1"`}, {`"null"`}, {`{"a": [1.5, true], "b": 1}`}, {`"x"`}}, s.visible("one"))
	require.Equal(t, "Fail", s.load("one", "{\"a\":}\n", "strict_mode: true").Status)
	require.Equal(t, "Success", s.load("one", "{\"a\":}\n", "strict_mode: true", "columns: t,c=parse_json(t)").Status, "an expression that fails is NULL in strict mode too")
	s.load("one", "31\n6e756c6c\n", "columns: t,c=json_query(parse_json(concat('[',unhex(t),']')),'$[0]')")
	require.Equal(t, [][]string{{"<nil>"}, {"1"}, {"null"}}, s.visible("one")[4:])
}

func TestDefaultsFillMissingColumns(t *testing.T) {
	t.Parallel()
	table := city()
	table.Columns[2].HasDefault, table.Columns[2].Default = true, "7.50"
	s := serve(t, table)
	require.Equal(t, "Success", s.load("city", "1\n", "columns: k").Status)
	require.Equal(t, [][]string{{"1", "<nil>", "7.50"}}, s.visible("city"))
	r := s.load("city", "1\n", "columns: s")
	require.Equal(t, "Column has no default value. column: k", r.Message)
}

func TestColumnsHeaderMistakesAreTold(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	for header, message := range map[string]string{
		"k,k,s":                       "Duplicate column: k",
		"k,s=unhex(k),s=hex(k)":       "Duplicate column mapping: s",
		"k,x=unhex(k)":                "Mapping column is not in table. column: x",
		"k,s=unhex(nothing)":          "Column 'nothing' cannot be resolved.",
		"k,s=sleep(k)":                "No matching function with signature: sleep(varchar).",
		"k,s=unhex(k":                 "Getting syntax error",
		"k s":                         "Getting syntax error",
		"k,`s":                        "Unterminated identifier",
		"k,s='x":                      "Unterminated string literal",
		"k,s=cast(k as array<int>)":   "Invalid type cast from varchar to array<int(11)>",
		"k,s=cast(k as decimal(1,2))": "DECIMAL's precision should range",
		"k,s=bitmap_count(k)":         "No matching function with signature: bitmap_count(varchar).",
	} {
		r := s.load("city", "1\n", "columns: "+header)
		require.Equal(t, "Fail", r.Status, header)
		require.Contains(t, r.Message, message, header)
	}
}

func TestFieldsMayBeRenamedIgnoredAndCast(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.load("city", "7;ignored;x;2.345\n", "column_separator: ;", "columns: n, dummy, s, v, k=n, d=cast(v as decimal(4,1))", "strict_mode: true")
	require.Equal(t, "Success", r.Status, r.Message)
	require.Equal(t, [][]string{{"7", "x", "2.30"}}, s.visible("city"))
	require.Equal(t, "Fail", s.load("city", "x\ta\n", "columns: n, s, k=n", "strict_mode: true").Status, "a renamed field keeps the checks of strict mode")
}

func TestPartitionsHeaders(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	s.partitions = func(row [][]byte) string { return "p" + string(row[0]) }
	r := s.load("city", "1\ta\t1\n2\tb\t2\n", "partitions: p1")
	require.Equal(t, "Fail", r.Status)
	require.EqualValues(t, 1, r.NumberFilteredRows)
	require.Contains(t, s.reasons(r), "The row is out of partition ranges. Please add a new partition.. Row: 2, b, 2.00")
	require.Equal(t, "Success", s.load("city", "1\ta\t1\n2\tb\t2\n", "temporary_partitions: p1, p2").Status)
	r = s.load("city", "1\ta\t1\n", "partitions: p1", "temporary_partitions: p2")
	require.Equal(t, "Can not specify both partitions and temporary partitions", r.Message)
}

func TestUnknownHeadersAreIgnored(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	require.Equal(t, "Success", s.load("city", "1\ta\t1\n", "strictmode: true", "max-filter-ratio: 1", "foo: bar").Status)
}

func TestHeadersThatWouldChangeTheRowsAreRefusedInsteadOfIgnored(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	for _, h := range []string{"where: k > 1", "partial_update: true", "format: json", "format: parquet", "compression: snappy", "strict_mode: yes", "timeout: soon",
		"skip_header: -1", `column_separator: \x0`, "trim_space: 1"} {
		require.Equal(t, "Fail", s.load("city", "1\ta\t1\n", h).Status, h)
	}
	require.Empty(t, s.visible("city"))
}

func TestDelimitersInHexAndEscapedForm(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	require.Equal(t, "Success", s.load("city", "1\x01a\x011\x022\x01b\x012\x02", `column_separator: \x01`, `row_delimiter: 0x02`).Status)
	require.Equal(t, "Success", s.load("city", "3||c||3\r\n4||d||4", `column_separator: ||`, `row_delimiter: \x0D0a`).Status)
	require.Equal(t, "Success", s.load("city", "5\td\t5\n", `column_separator: \t`, `row_delimiter: \n`).Status)
	require.Len(t, s.visible("city"), 5)
}

func TestCompressedBodies(t *testing.T) {
	t.Parallel()
	plain := []byte("k\n1\ta\t1\n")
	var gz, zs, lz bytes.Buffer
	g := gzip.NewWriter(&gz)
	z, err := zstd.NewWriter(&zs)
	require.NoError(t, err)
	for _, w := range []io.WriteCloser{g, z, lz4.NewWriter(&lz)} {
		_, err := w.Write(plain)
		require.NoError(t, err)
		require.NoError(t, w.Close())
	}
	s := serve(t, city())
	for _, c := range []struct{ header, body string }{{"format: gzip", gz.String()}, {"compression: gzip", gz.String()}, {"Content-Encoding: zstd", zs.String()},
		{"format: lz4", lz.String()}, {"compression: LZ4_FRAME", lz.String()}} {
		r := s.load("city", c.body, c.header, "skip_header: 1")
		require.Equal(t, "Success", r.Status, c.header+r.Message)
		require.EqualValues(t, 1, r.NumberLoadedRows)
	}
	require.Equal(t, "Fail", s.load("city", "no gzip", "format: gzip").Status)
}

func TestSkipHeaderBeyondTheEndFails(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.load("city", "1\ta\t1\n", "skip_header: 2")
	require.Equal(t, "The parameter 'skip_header' is set to 2, but there are only 1 rows in the csv file", r.Message)
}

func TestChunkedBody(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.request(s.be+"/api/db/city/_stream_load", "")
	r.Body, r.ContentLength = io.NopCloser(io.MultiReader(strings.NewReader("1\ta\t"), strings.NewReader("1\n"))), -1
	_, text, _ := s.do(r)
	require.Contains(t, text, `"Status": "Success"`)
	require.Len(t, s.visible("city"), 1)
}

func TestEmptyBodySucceeds(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.load("city", "", "label: empty")
	require.Equal(t, "Success", r.Status)
	require.Zero(t, r.NumberTotalRows)
	require.Equal(t, Visible, s.labels.State("empty").State)
}

func TestErrorLogIsBoundedAndUnknownLogsAreTold(t *testing.T) {
	t.Parallel()
	s := serve(t, city())
	r := s.load("city", strings.Repeat("bad\n", 1000))
	require.EqualValues(t, 1000, r.NumberFilteredRows)
	require.Equal(t, maxErrors, strings.Count(s.reasons(r), "Error: "))
	for range keptLogs {
		s.load("city", "bad\n")
	}
	resp, err := http.Get(r.ErrorURL)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusNotFound, resp.StatusCode)
}
