package starrocks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

// Examine looks at the cluster from where it runs. When no front end answers there is nothing more to learn, and advice
// about privileges would only mislead.
func (c *Cluster) Examine(ctx context.Context) []cluster.Check {
	var checks []cluster.Check
	answers := false
	for _, address := range c.config.Frontends {
		check := c.examineFrontend(ctx, address)
		answers = answers || check.OK
		checks = append(checks, check)
	}
	if !answers {
		return checks
	}
	return append(checks, c.examineVersion(ctx), c.examineLeader(ctx), c.examineMode(ctx), c.examineBackends(ctx),
		c.examineLoad(ctx), c.examinePrivileges(ctx))
}

func passed(name, detail string) cluster.Check {
	return cluster.Check{Name: name, OK: true, Detail: detail}
}

func failed(name string, err error, advice string) cluster.Check {
	return cluster.Check{Name: name, Detail: err.Error(), Advice: advice}
}

func (c *Cluster) examineFrontend(ctx context.Context, address string) cluster.Check {
	name := "front end " + address
	s, err := c.open(ctx, address)
	switch {
	case errors.Is(err, cluster.ErrDenied):
		return failed(name, err, "check user and password")
	case err != nil:
		return failed(name, err, "check the address (query_port, 9030 by default), and that it can be reached from here")
	}
	_ = s.Close()
	return passed(name, "answers")
}

func (c *Cluster) examineVersion(ctx context.Context) cluster.Check {
	version, err := c.scalar(ctx, "SELECT current_version()")
	if err != nil {
		return failed("version", err, "is it StarRocks that answers there?")
	}
	if strings.HasPrefix(version, "2.") || strings.HasPrefix(version, "3.0") {
		return cluster.Check{Name: "version", Detail: version, Advice: "StarRocks 3.1 or newer is needed: information_schema.partitions_meta tells the versions of partitions"}
	}
	return passed("version", version)
}

func (c *Cluster) examineLeader(ctx context.Context) cluster.Check {
	list, err := c.frontends(ctx)
	if err != nil {
		return failed("leader", err, c.grant("OPERATE ON SYSTEM"))
	}
	for _, n := range list {
		if n.role != "LEADER" {
			continue
		}
		detail := fmt.Sprintf("%s, cluster %s", net.JoinHostPort(n.hosts[0], n.sqlPort), n.cluster)
		if len(c.config.Frontends) == 1 {
			return passed("leader", detail)
		}
		for _, h := range n.hosts {
			if slices.Contains(c.config.Frontends, c.mapped(net.JoinHostPort(h, n.sqlPort))) {
				return passed("leader", detail)
			}
		}
		return cluster.Check{Name: "leader", Detail: detail, Advice: "none of the configured front ends is the leader: add it, or map its address"}
	}
	return cluster.Check{Name: "leader", Detail: "no front end is LEADER", Advice: "wait for the election to end, or look at the front ends' logs"}
}

func (c *Cluster) examineMode(ctx context.Context) cluster.Check {
	rows, err := c.query(ctx, "ADMIN SHOW FRONTEND CONFIG LIKE 'run_mode'")
	if err != nil {
		return failed("run mode", err, c.grant("OPERATE ON SYSTEM"))
	}
	if len(rows) == 0 {
		return passed("run mode", "shared_nothing (no such setting)")
	}
	return passed("run mode", rows[0]["value"])
}

func (c *Cluster) examineBackends(ctx context.Context) cluster.Check {
	var dead []string
	alive := 0
	for _, statement := range []string{"SHOW BACKENDS", "SHOW COMPUTE NODES"} {
		rows, err := c.query(ctx, statement)
		if err != nil {
			return failed("backends", err, c.grant("OPERATE ON SYSTEM"))
		}
		for _, n := range nodes(rows) {
			if n.alive {
				alive++
			} else {
				dead = append(dead, n.hosts[0])
			}
		}
	}
	detail := fmt.Sprintf("%d alive", alive)
	switch {
	case len(dead) > 0:
		return cluster.Check{Name: "backends", Detail: detail + ", not alive: " + strings.Join(dead, ", "), Advice: "start them, or drop them from the cluster: tablets on them may be unreadable"}
	case alive == 0:
		return cluster.Check{Name: "backends", Detail: detail, Advice: "nothing can be read or loaded without backends"}
	}
	return passed("backends", detail)
}

// absent is a database name that nobody has: a load into it must reach a backend and come back with an error.
const absent = "starkeep_no_such_database"

// examineLoad sends a load that must fail for want of a database: an answer in the form of a load's proves that the
// redirect leads to somebody who answers from here.
func (c *Cluster) examineLoad(ctx context.Context) cluster.Check {
	column := snapshot.Column{Name: "c", Type: snapshot.Type{Kind: snapshot.Int32}}
	b := snapshot.NewBatch(1)
	b.Columns[0].Append([]byte("1"))
	e := newEncoder(&singleBatch{b}, []field{{column: column}})
	a, err := c.send(ctx, cluster.LoadRequest{Database: absent, Table: absent, Label: absent}, "c", e)
	const advice = "every backend's http_port (8040) must be reachable from here by the name that SHOW BACKENDS gives; else map it in the configuration"
	switch {
	case errors.Is(err, cluster.ErrDenied):
		return failed("stream load", err, c.grant("INSERT ON ALL TABLES IN ALL DATABASES"))
	case err != nil:
		return failed("stream load", err, advice)
	case a.Status == "Success":
		return cluster.Check{Name: "stream load", Detail: "a load into " + absent + " succeeded", Advice: "drop that database"}
	}
	return passed("stream load", "a backend answers")
}

// singleBatch yields one batch.
type singleBatch struct{ batch *snapshot.Batch }

func (s *singleBatch) Next(b *snapshot.Batch) error {
	b.Reset()
	if s.batch == nil {
		return io.EOF
	}
	for i := range s.batch.Columns {
		for j := range s.batch.Rows() {
			if s.batch.Columns[i].Null[j] {
				b.Columns[i].AppendNull()
			} else {
				b.Columns[i].Append(s.batch.Columns[i].Value(j))
			}
		}
	}
	s.batch = nil
	return nil
}

func (s *singleBatch) Close() error { return nil }

func (c *Cluster) examinePrivileges(ctx context.Context) cluster.Check {
	list, err := c.grants(ctx)
	if err != nil {
		return failed("privileges", err, "check that SHOW GRANTS is allowed")
	}
	if !list.cover(need{action: "OPERATE", object: "SYSTEM"}) {
		return cluster.Check{Name: "privileges", Detail: "OPERATE on the system is missing", Advice: c.grant("OPERATE ON SYSTEM")}
	}
	return passed("privileges", "OPERATE on the system; those on tables are checked by each job")
}
