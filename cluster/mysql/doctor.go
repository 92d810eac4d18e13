package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"starkeep/cluster"
)

var _ cluster.Doctor = (*Cluster)(nil)

// Examine looks at the servers from where it runs. When none answers there is nothing more to learn.
func (c *Cluster) Examine(ctx context.Context) []cluster.Check {
	var checks []cluster.Check
	answers := false
	for _, address := range c.config.Servers {
		check := c.examineServer(ctx, address)
		answers = answers || check.OK
		checks = append(checks, check)
	}
	if !answers {
		return checks
	}
	checks = append(checks, c.examineVersion(ctx))
	checks = append(checks, c.examineVariables(ctx)...)
	return append(checks, c.examineZones(ctx), c.examinePrivileges(ctx))
}

func passed(name, detail string) cluster.Check {
	return cluster.Check{Name: name, OK: true, Detail: detail}
}

func failed(name string, err error, advice string) cluster.Check {
	return cluster.Check{Name: name, Detail: err.Error(), Advice: advice}
}

func (c *Cluster) examineServer(ctx context.Context, address string) cluster.Check {
	name := "server " + address
	conn, err := c.connectTo(ctx, address)
	err = explain(ctx, err)
	switch {
	case errors.Is(err, cluster.ErrDenied):
		return failed(name, err, "check user and password, and from which hosts the user may come")
	case err != nil:
		return failed(name, err, "check the address (port 3306 by default), and that it can be reached from here")
	}
	_ = conn.Close()
	return passed(name, "answers")
}

func (c *Cluster) examineVersion(ctx context.Context) cluster.Check {
	s, err := c.server(ctx)
	switch {
	case err != nil:
		return failed("version", err, "is it MySQL or MariaDB that answers there?")
	case s.maria && s.number < 100601:
		return cluster.Check{Name: "version", Detail: s.version, Advice: "MariaDB 10.6.1 or newer is needed: RENAME TABLE of several tables is atomic from there on"}
	case !s.maria && s.number < 80000:
		return cluster.Check{Name: "version", Detail: s.version, Advice: "MySQL 8.0 or newer is needed: RENAME TABLE of several tables is atomic from there on"}
	}
	return passed("version", s.version)
}

// smallPacket is the size of a packet from which most rows fit into one. Rows have to.
const smallPacket = 16 << 20

// examined are the variables that matter, what they should be, and why.
var examined = []struct {
	variable string
	good     func(string) bool
	advice   string
}{
	{"local_infile", isOn, "SET GLOBAL local_infile = ON: without it a restore inserts rows by statements, which is slower"},
	{"log_bin", isOn, "start the server with log_bin to have snapshots name a position in the binary log"},
	{"innodb_file_per_table", isOn, "with OFF the space of dropped tables is never given back"},
	{"max_allowed_packet", func(v string) bool { n, err := strconv.ParseInt(v, 10, 64); return err == nil && n >= smallPacket },
		"SET GLOBAL max_allowed_packet to 16777216 or more, as large as the largest row"},
	{lowerCase, func(string) bool { return true }, ""},
	{"sql_mode", func(string) bool { return true }, ""}, // sessions have their own
}

func isOn(v string) bool { return v == "ON" }

func (c *Cluster) examineVariables(ctx context.Context) []cluster.Check {
	var names []string
	for _, e := range examined {
		names = append(names, e.variable)
	}
	values, err := c.variables(ctx, names...)
	if err != nil {
		return []cluster.Check{failed("variables", err, "look at the server's log")}
	}
	var checks []cluster.Check
	for _, e := range examined {
		value, ok := values[e.variable]
		switch {
		case !ok: // the server has no such choice any more
			continue
		case value == "":
			value = "(empty)"
		}
		check := passed(e.variable, value)
		if !e.good(value) {
			check.OK, check.Advice = false, e.advice
		}
		checks = append(checks, check)
	}
	return checks
}

// examineZones looks for time zone tables. Sessions have an offset as time zone; only events may name a zone.
func (c *Cluster) examineZones(ctx context.Context) cluster.Check {
	at, err := c.scalar(ctx, "SELECT CONVERT_TZ('2020-01-01 00:00:00', 'UTC', 'Europe/Berlin')")
	switch {
	case err != nil:
		return failed("time zones", err, "look at the server's log")
	case at == "":
		return passed("time zones", "not loaded (mysql_tzinfo_to_sql): events that name a zone cannot be restored")
	}
	return passed("time zones", "loaded")
}

// examinePrivileges looks at what is needed on the server as a whole; PrepareBackup and PrepareRestore name the rest.
func (c *Cluster) examinePrivileges(ctx context.Context) cluster.Check {
	grants, err := c.effective(ctx)
	if err != nil {
		return failed("privileges", err, "look at SHOW GRANTS")
	}
	s, err := c.server(ctx)
	if err != nil {
		return failed("privileges", err, "look at SHOW GRANTS")
	}
	account, err := c.account(ctx)
	if err != nil {
		return failed("privileges", err, "look at SHOW GRANTS")
	}
	for _, n := range serverNeeds(s) {
		if !slices.ContainsFunc(grants, func(g grant) bool {
			return slices.ContainsFunc(n.names, func(name string) bool { return g.allows(name, "", "") })
		}) {
			p := n.privilege(account)
			return cluster.Check{Name: "privileges", Detail: "missing: " + p.Name, Advice: p.Grant}
		}
	}
	return passed("privileges", fmt.Sprintf("%s may lock all tables and read the position of the binary log", account))
}

// serverNeeds are privileges that make one moment of all tables possible, and let it be named.
func serverNeeds(s server) []need {
	position := need{names: []string{"BINLOG MONITOR", "REPLICATION CLIENT", "SUPER"}, why: "to read the position of the binary log"}
	if !s.maria {
		position.names = []string{"REPLICATION CLIENT", "SUPER"}
	}
	return []need{{names: []string{"RELOAD"}, why: "to have one moment of all tables"}, position}
}
