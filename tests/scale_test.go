package tests

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"starkeep/job"
	"starkeep/sandbox/fault"
)

const (
	// fixedCostLimit is what a database of thousands of anything may cost, however little it holds.
	fixedCostLimit = time.Minute
	eventsLimit    = 4000 // of the history of one run
)

// BenchmarkFixedCost is the price of a thing, not of its bytes: a thousand empty tables, a thousand tablets of ten rows
// as 100 partitions and as 1,000. It prints where the time goes and how many statements and requests the cluster gets.
// The sandbox answers most of them in far less than a millisecond, which no frontend does, so the same is measured with
// every answer delayed.
func BenchmarkFixedCost(b *testing.B) {
	for _, c := range []struct {
		name  string
		shape []string
		delay time.Duration
	}{
		{"tables=1000", emptyTables(1000), 0},
		{"tables=1000/delay=5ms", emptyTables(1000), 5 * time.Millisecond},
		{"tablets=1000/partitions=100", tablets(100, 10), 0},
		{"tablets=1000/partitions=1000", tablets(1000, 1), 0},
		{"tablets=1000/partitions=1000/delay=5ms", tablets(1000, 1), 5 * time.Millisecond},
		{"tables=200/partitions=2000/tablets=20000", wide(200, 10, 10), 0},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorld(b)
			w.createRepository()
			w.exec("CREATE DATABASE many")
			w.exec(c.shape...)
			before := w.proveAll("many")
			if c.delay > 0 {
				w.slow(fault.SQL, "", c.delay)
				w.slow(fault.HTTP, "", c.delay)
			}
			for n := 0; b.Loop(); n++ {
				backup := w.measure("many", fmt.Sprintf("BACKUP DATABASE many SNAPSHOT l%d TO repo", n))
				w.exec("DROP DATABASE many FORCE")
				restore := w.measure("many", fmt.Sprintf("RESTORE SNAPSHOT l%d FROM repo DATABASE many", n))
				printStages(b.Name(), backup, restore)
				b.ReportMetric(backup.wall.Seconds(), "backup-s")
				b.ReportMetric(restore.wall.Seconds(), "restore-s")
				require.Less(b, backup.wall, fixedCostLimit)
				require.Less(b, restore.wall, fixedCostLimit)
			}
			w.sandbox.Faults().Clear()
			require.Equal(b, before, w.proveAll("many"))
			events, memory := w.longestHistory(), w.workerPeak()
			b.ReportMetric(float64(events), "events")
			b.ReportMetric(float64(memory>>20), "worker-MiB")
			require.Less(b, events, int64(eventsLimit))
			require.Less(b, memory, int64(memoryLimit))
		})
	}
}

// emptyTables returns what makes n tables.
func emptyTables(n int) []string {
	statements := make([]string, n)
	for i := range statements {
		statements[i] = fmt.Sprintf("CREATE TABLE many.t%04d (id BIGINT NOT NULL, day DATE, name VARCHAR(40), price DECIMAL(12,2)) "+
			"DUPLICATE KEY(id) DISTRIBUTED BY HASH(id) BUCKETS 1 PROPERTIES ('replication_num' = '1')", i)
	}
	return statements
}

// tablets returns what makes one table, and its rows: ten for each tablet.
func tablets(partitions, buckets int) []string {
	var create strings.Builder
	create.WriteString("CREATE TABLE many.t (part INT NOT NULL, id INT NOT NULL, name VARCHAR(40)) DUPLICATE KEY(part, id) PARTITION BY RANGE(part) (")
	for p := range partitions {
		if p > 0 {
			create.WriteString(", ")
		}
		fmt.Fprintf(&create, "PARTITION p%04d VALUES [('%d'), ('%d'))", p, p, p+1)
	}
	fmt.Fprintf(&create, ") DISTRIBUTED BY HASH(id) BUCKETS %d PROPERTIES ('replication_num' = '1')", buckets)
	statements := []string{create.String()}
	for rows := 10 * partitions * buckets; rows > 0; rows -= 1000 {
		values := make([]string, 1000)
		for i := range values {
			id := rows - i - 1
			values[i] = fmt.Sprintf("(%d, %d, 'row %d')", id%partitions, id, id)
		}
		statements = append(statements, "INSERT INTO many.t VALUES "+strings.Join(values, ", "))
	}
	return statements
}

// wide returns what makes tables, each of them with partitions of buckets tablets and a few rows in every partition.
func wide(tables, partitions, buckets int) []string {
	var statements []string
	for t := range tables {
		var lists, rows []string
		for p := range partitions {
			lists = append(lists, fmt.Sprintf("PARTITION p%d VALUES [('%d'), ('%d'))", p, p, p+1))
			for i := range 3 {
				rows = append(rows, fmt.Sprintf("(%d, %d, 'row %d')", p, i, i))
			}
		}
		statements = append(statements,
			fmt.Sprintf("CREATE TABLE many.w%03d (part INT NOT NULL, id INT NOT NULL, name VARCHAR(40)) DUPLICATE KEY(part, id) PARTITION BY RANGE(part) (%s) "+
				"DISTRIBUTED BY HASH(id) BUCKETS %d PROPERTIES ('replication_num' = '1')", t, strings.Join(lists, ", "), buckets),
			fmt.Sprintf("INSERT INTO many.w%03d VALUES %s", t, strings.Join(rows, ", ")))
	}
	return statements
}

// longestHistory returns how many events the longest run of any workflow has.
func (w *world) longestHistory() (most int64) {
	w.t.Helper()
	var page []byte
	for {
		list, err := w.client.ListWorkflow(context.Background(), &workflowservice.ListWorkflowExecutionsRequest{PageSize: 500, NextPageToken: page})
		require.NoError(w.t, err)
		for _, e := range list.Executions {
			most = max(most, e.HistoryLength)
		}
		if page = list.NextPageToken; len(page) == 0 {
			return most
		}
	}
}

// cost is what a statement took, from the start of the client to its end, and its stages.
type cost struct {
	wall   time.Duration
	status job.Status
	stages []stage
	asked  int64 // statements and requests that the cluster got meanwhile
}

// transferStage is what the child workflows of a job do together.
const transferStage = "transfer"

type stage struct {
	name  string
	spent time.Duration
}

// measure runs a BACKUP or RESTORE through the starter, however long it takes.
func (w *world) measure(database, statement string) cost {
	w.t.Helper()
	before := w.sequence()
	begin := time.Now()
	p := w.spawn("starter", "sql", "--wait", "-e", statement)
	<-p.done
	c := cost{wall: time.Since(begin), asked: w.sequence() - before}
	require.Zero(w.t, p.cmd.ProcessState.ExitCode(), "%s\n%s", statement, p.out)
	var err error
	c.status, err = w.status(database)
	require.NoError(w.t, err)
	require.Equal(w.t, job.Finished, c.status.State)
	c.stages = w.stages(database)
	return c
}

// sequence counts what the cluster was ever asked.
func (w *world) sequence() int64 {
	log := w.sandbox.Faults().Log(0)
	return log[len(log)-1].Seq
}

// stages reads from the history of a database's last job when each activity, and the transfer by child workflows, was
// at work: from the first time that it was scheduled to the last time that it ended.
func (w *world) stages(database string) (all []stage) {
	w.t.Helper()
	begin := map[string]time.Time{}
	name := map[int64]string{} // by id of the event that scheduled it
	at := map[string]int{}
	started := func(e *historypb.HistoryEvent, what string) {
		name[e.EventId] = what
		if _, ok := at[what]; !ok {
			at[what] = len(all)
			all = append(all, stage{name: what})
			begin[what] = e.EventTime.AsTime()
		}
	}
	ended := func(e *historypb.HistoryEvent, id int64) {
		what := name[id]
		all[at[what]].spent = e.EventTime.AsTime().Sub(begin[what])
	}
	it := w.client.GetWorkflowHistory(context.Background(), job.WorkflowID("default", database), "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for it.HasNext() {
		e, err := it.Next()
		require.NoError(w.t, err)
		switch e.EventType {
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
			started(e, e.GetActivityTaskScheduledEventAttributes().ActivityType.Name)
		case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
			ended(e, e.GetActivityTaskCompletedEventAttributes().ScheduledEventId)
		case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
			started(e, transferStage)
		case enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:
			ended(e, e.GetChildWorkflowExecutionCompletedEventAttributes().InitiatedEventId)
		}
	}
	return all
}

// printStages prints where the time of a backup and of a restore went, as shares of the whole.
func printStages(title string, jobs ...cost) {
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "\n\n%s\tseconds\tshare\n", title)
	for _, c := range jobs {
		rest := c.wall
		for _, s := range c.stages {
			rest -= s.spent
			printShare(out, "  "+s.name, s.spent, c.wall)
		}
		printShare(out, "  client, and between the stages", rest, c.wall)
		printShare(out, fmt.Sprintf("%s, %d statements and requests", c.status.Kind, c.asked), c.wall, c.wall)
	}
	_ = out.Flush() // standard output
}

func printShare(out *tabwriter.Writer, what string, part, whole time.Duration) {
	fmt.Fprintf(out, "%s\t%.2f\t%.0f%%\n", what, part.Seconds(), 100*part.Seconds()/whole.Seconds())
}
