package main

// rule says what the packages of a folder may import of this module. A pattern is a package, or with /... a package and
// all below it. A folder may always import itself and what is below it.
type rule struct {
	folder string
	may    []string
	tests  []string // _test.go files may import these too
	never  []string // packages of other modules and of the standard library, in files that are not tests
}

// undeterministic is what would make a workflow take another way when it is replayed.
var undeterministic = []string{"os/...", "net/...", "io/fs", "syscall", "math/rand/...", "crypto/rand", "database/sql/...", "sync/...",
	"go.temporal.io/sdk/client", "go.temporal.io/sdk/activity"}

// house is the table of docs/architecture.md. The most specific folder counts.
var house = []rule{
	{folder: "statement"},
	{folder: "storage", tests: []string{"sandbox/...", "tests/server/..."}},
	{folder: "snapshot", may: []string{"storage/..."}},
	{folder: "cluster", may: []string{"snapshot"}, tests: []string{"sandbox/...", "storage/...", "snapshot/...", "tests/server/...", "tests/starrocksdata"}},
	{folder: "job", may: []string{"snapshot"}, never: undeterministic},
	{folder: "job/sealed", may: []string{"job"}},
	{folder: "workflows", may: []string{"job", "snapshot"}, tests: []string{"job/sealed"}, never: undeterministic},
	{folder: "activities", may: []string{"job", "cluster/...", "storage/...", "snapshot/..."}, tests: []string{"sandbox/..."}},
	{folder: "worker", may: []string{"job/...", "workflows", "activities/...", "cluster/...", "storage/...", "snapshot/..."}, tests: []string{"sandbox/..."}},
	{folder: "starter", may: []string{"statement", "job/...", "snapshot"}, tests: []string{"workflows"}},
	{folder: "sandbox", may: []string{"statement"}},
	{folder: "tests", may: []string{"statement", "job/...", "workflows", "activities/...", "cluster/...", "storage/...", "snapshot/...", "sandbox/..."}},
	{folder: "tools"},
}
