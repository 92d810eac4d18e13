package demo

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Target is the sandbox (or a real cluster that is meant for trying) to work on.
type Target struct {
	SQL      string // host:port of the MySQL protocol
	HTTP     string // host:port of the frontend's HTTP side
	User     string
	Password string
}

// open connects; one connection keeps the session's settings.
func (t Target) open(ctx context.Context) (*sql.DB, error) {
	c := mysql.NewConfig()
	c.Net, c.Addr, c.User, c.Passwd = "tcp", t.SQL, t.User, t.Password
	c.Timeout, c.AllowNativePasswords, c.InterpolateParams = 10*time.Second, true, true
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("configure connection to %s: %w", t.SQL, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect to %s: %w", t.SQL, err), db.Close())
	}
	return db, nil
}

// Load creates the databases and loads them by Stream Load. Databases of these names that exist already are an error, and
// are left as they are, unless replace allows to drop them: an address may turn out to be somebody else's server. Each
// statement, and each load as a comment, is told to say before it runs.
func Load(ctx context.Context, t Target, s Sizes, replace bool, say func(sql string)) error {
	db, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	run := func(statement string) error {
		say(statement)
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("run %.60q: %w", statement, err)
		}
		return nil
	}
	for _, name := range Databases {
		if replace {
			if err := run("DROP DATABASE IF EXISTS " + name + " FORCE"); err != nil {
				return err
			}
		}
		if err := run("CREATE DATABASE " + name); err != nil {
			return err
		}
	}
	s = s.withDefaults()
	for _, table := range tables {
		if err := run(table.ddl); err != nil {
			return err
		}
		say(fmt.Sprintf("-- PUT /api/%s/%s/_stream_load (%d rows)", table.database, table.name, table.rows(s)))
		if err := t.load(ctx, table, s); err != nil {
			return fmt.Errorf("load %s.%s: %w", table.database, table.name, err)
		}
	}
	return nil
}

// body generates the rows of a table on the fly.
func (t table) body(s Sizes) io.Reader {
	seed := random(s.Seed)
	for _, b := range []byte(t.name) {
		seed = random(uint64(seed) + uint64(b))
		seed.next()
	}
	return &generator{table: t, sizes: s, random: seed, rows: t.rows(s)}
}

type generator struct {
	table  table
	sizes  Sizes
	random random
	rows   int
	row    int
	w      writer
	sent   int
}

// Read implements io.Reader.
func (g *generator) Read(p []byte) (int, error) {
	if g.sent == len(g.w.buf) {
		g.w.buf, g.sent = g.w.buf[:0], 0
		for g.row < g.rows && len(g.w.buf) < 64<<10 {
			g.table.write(&g.w, &g.random, g.sizes, g.row)
			g.row++
		}
		if len(g.w.buf) == 0 {
			return 0, io.EOF
		}
	}
	n := copy(p, g.w.buf[g.sent:])
	g.sent += n
	return n, nil
}

// load sends one table: first to the frontend, whose redirect is followed with the password sent again.
func (t Target) load(ctx context.Context, table table, s Sizes) error {
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails
	label := fmt.Sprintf("demo_%s_%s", table.name, hex.EncodeToString(id[:]))
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{ExpectContinueTimeout: 10 * time.Second, DisableKeepAlives: true},
	}
	address := fmt.Sprintf("http://%s/api/%s/%s/_stream_load", t.HTTP, table.database, table.name)
	for range 3 {
		r, err := http.NewRequestWithContext(ctx, http.MethodPut, address, table.body(s))
		if err != nil {
			return err
		}
		r.SetBasicAuth(t.User, t.Password)
		r.Header.Set("Expect", "100-continue")
		for name, value := range map[string]string{"label": label, "strict_mode": "true", "max_filter_ratio": "0", "enclose": `"`} {
			r.Header.Set(name, value)
		}
		resp, err := client.Do(r)
		if err != nil {
			return fmt.Errorf("send rows: %w", err)
		}
		text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		if resp.StatusCode == http.StatusTemporaryRedirect {
			address = resp.Header.Get("Location")
			continue
		}
		return judge(resp.StatusCode, text, table.rows(s))
	}
	return errors.New("redirected too often")
}

// judge reads the answer of a load: HTTP 200 says nothing.
func judge(status int, text []byte, rows int) error {
	var answer struct {
		Status, Message, ErrorURL string
		NumberLoadedRows          int
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("answer %d is no JSON: %.100q", status, text)
	}
	if answer.Status != "Success" || answer.NumberLoadedRows != rows {
		return fmt.Errorf("%s: %s, %d of %d rows (see %s)", answer.Status, answer.Message, answer.NumberLoadedRows, rows, strings.TrimSpace(answer.ErrorURL))
	}
	return nil
}
