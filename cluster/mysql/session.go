package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// sqlMode is pinned in every session, so that statements mean the same on every server: STRICT, so that no value is
// silently cut; zero and invalid dates allowed, and 0 in an AUTO_INCREMENT column kept, because the source had them. Not
// in it, for the same reason: ANSI_QUOTES, NO_BACKSLASH_ESCAPES, PAD_CHAR_TO_FULL_LENGTH, and whatever changes what SHOW
// CREATE prints.
const sqlMode = "STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION"

// settings returns the statement that every session begins with. A comment of version 80000 is read by MySQL alone, and
// one with M by MariaDB alone (MariaDB's "Comment Syntax": 50700..99999 are left to MySQL).
//
// NAMES, because a server that runs with skip_character_set_client_handshake takes no notice of the driver's. What MariaDB
// refuses or changes by default in tables that other servers, or other settings, have let through is let through again:
// rows that may grow too long (innodb_strict_mode), a TIMESTAMP that nobody updates (explicit_defaults_for_timestamp, of the
// session since 10.8), keys of a table with history (system_versioning_alter_history).
func (c *Cluster) settings() string {
	return fmt.Sprintf("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci, sql_mode = '%s', time_zone = '+00:00', foreign_key_checks = 0, sql_quote_show_create = 1, "+
		"lock_wait_timeout = %d, sql_select_limit = DEFAULT, autocommit = 1, wait_timeout = 28800"+
		"/*!80000 , information_schema_stats_expiry = 0, max_execution_time = 0, show_gipk_in_create_table_and_information_schema = 1 */"+
		"/*M! , max_statement_time = 0, innodb_strict_mode = 0, system_versioning_alter_history = 'KEEP' */"+
		"/*M!101000 , explicit_defaults_for_timestamp = 1 */", sqlMode, max(1, int(c.config.LockTimeout.Seconds())))
}

// connector opens the sessions of a cluster's pool.
type connector struct{ cluster *Cluster }

// Connect opens a session on the server that answered last, or on the next one that does.
func (k connector) Connect(ctx context.Context) (driver.Conn, error) { return k.cluster.connect(ctx) }

// Driver is asked for by database/sql alone.
func (k connector) Driver() driver.Driver { return &mysql.MySQLDriver{} }

// connect opens a session on the server that answered last, or on the next one that does.
func (c *Cluster) connect(ctx context.Context) (driver.Conn, error) {
	var errs []error
	for _, address := range c.inOrder() {
		conn, err := c.connectTo(ctx, address)
		if err == nil {
			c.prefer(address)
			return conn, nil
		}
		errs = append(errs, fmt.Errorf("connect to %s: %w", address, err))
		var refused *mysql.MySQLError
		if ctx.Err() != nil || errors.As(err, &refused) { // an answer is an answer: the others are not asked for a better one
			break
		}
	}
	return nil, errors.Join(errs...)
}

func (c *Cluster) inOrder() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]string, 0, len(c.config.Servers)+1)
	if c.preferred != "" {
		list = append(list, c.preferred)
	}
	for _, s := range c.config.Servers {
		if s != c.preferred {
			list = append(list, s)
		}
	}
	return list
}

func (c *Cluster) prefer(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.preferred = address
}

// connectTo opens a session on one server, with the settings of every session.
func (c *Cluster) connectTo(ctx context.Context, address string) (driver.Conn, error) {
	k, err := mysql.NewConnector(c.driverConfig(address))
	if err != nil {
		return nil, err
	}
	conn, err := k.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.(driver.ExecerContext).ExecContext(ctx, c.settings(), nil); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("set up session: %w", err)
	}
	return conn, nil
}

// driverConfig is what go-sql-driver connects with. Reading has no limit of time: an ALTER TABLE may take hours, and a
// server that is gone is noticed by the keep-alive of the connection.
func (c *Cluster) driverConfig(address string) *mysql.Config {
	k := mysql.NewConfig()
	k.User, k.Passwd = c.config.User, c.config.Password
	k.Net, k.Addr = "tcp", address
	k.TLS = c.config.TLS
	k.Timeout = c.config.ConnectTimeout
	k.Collation = "utf8mb4_general_ci" // known to all versions; also sets character_set_client and _results
	k.MaxAllowedPacket = 0             // ask the server
	k.Logger = &mysql.NopLogger{}      // what goes wrong is returned
	return k
}

// exec runs a statement without rows.
func (c *Cluster) exec(ctx context.Context, statement string) error {
	_, err := c.db.ExecContext(ctx, statement)
	return explain(ctx, err)
}

// record is one row of metadata by column name in lower case; NULL reads as "".
type record map[string]string

// query reads all rows of a metadata statement. Columns are known by name: their order and number differ by version.
func (c *Cluster) query(ctx context.Context, statement string) ([]record, error) {
	return queryOn(ctx, c.db, statement)
}

// querier is a pool or one session of it.
type querier interface {
	QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
}

func queryOn(ctx context.Context, q querier, statement string) ([]record, error) {
	rows, err := q.QueryContext(ctx, statement)
	if err != nil {
		return nil, explain(ctx, err)
	}
	defer func() { _ = rows.Close() }() // its error is that of Err
	columns, err := rows.Columns()
	if err != nil {
		return nil, explain(ctx, err)
	}
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	var all []record
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, explain(ctx, err)
		}
		r := make(record, len(columns))
		for i, name := range columns {
			r[strings.ToLower(name)] = values[i].String
		}
		all = append(all, r)
	}
	return all, explain(ctx, rows.Err())
}

var errNoRow = errors.New("statement gave no row")

// scalar returns the first value of the first row.
func (c *Cluster) scalar(ctx context.Context, statement string) (string, error) {
	rows, err := c.query(ctx, statement)
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		for _, v := range r {
			return v, nil
		}
	}
	return "", errNoRow
}
