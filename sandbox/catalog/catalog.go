// Package catalog is the database behind the sandbox: databases, tables, partitions, tablets with their rows, visible
// versions, load transactions, users. It lives in memory and follows StarRocks where a client can see it.
//
// A Catalog is safe for concurrent use. Rows are immutable once they are visible: a reader takes the chunks of the
// visible versions and reads them undisturbed, whatever is loaded meanwhile.
package catalog

import (
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"starkeep/sandbox/dialect"
	"starkeep/sandbox/streamload"
)

// Catalog holds all databases and users.
type Catalog struct {
	mu         sync.RWMutex
	databases  map[string]*database
	lastID     int64
	lastTxn    int64
	labelKeep  int
	alterDelay time.Duration // how long a rollup is built
	lastRollup int64
	users      map[string]*user // by account
	roles      map[string]*role
	functions  []Function // global ones
	externals  map[string]External
	groups     []Group
	changes    chan struct{}
	shared     bool // run mode shared_data
}

type database struct {
	id     int64
	name   string
	volume string // storage volume of new tables, in a shared-data cluster
	tables map[string]*table
	views  map[string]*View
	labels *streamload.Labels
	loads  []LoadInfo // youngest last, as many as labels are kept

	functions []Function
}

// table is one table. Its definition is never changed in place, but replaced.
type table struct {
	id         int64
	name       string
	def        *dialect.CreateTable
	partitions []*partition // in the order of their bounds, or of creation
	temporary  []*partition
	created    time.Time
	mv         *materialized // of a materialized view
	rollups    []*rollup     // replaced, never changed
	counter    atomic.Int64  // the last number that AUTO_INCREMENT gave
}

// defaultAlterDelay is how long a rollup is built: long enough that a client has to wait for it.
const defaultAlterDelay = 30 * time.Millisecond

// SetAlterDelay says how long rollups take that are added from now on.
func (c *Catalog) SetAlterDelay(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alterDelay = d
}

// New returns a catalog whose only user is root. Ids begin at a random base, so that two sandboxes never look like one
// cluster with the same tables and versions.
func New(rootPassword string, labelKeepNum int) *Catalog {
	if labelKeepNum <= 0 {
		labelKeepNum = streamload.DefaultLabelKeepNum
	}
	c := &Catalog{
		databases:  map[string]*database{},
		lastID:     10_000 + rand.Int64N(1<<40),
		lastTxn:    1_000 + rand.Int64N(1<<30),
		labelKeep:  labelKeepNum,
		alterDelay: defaultAlterDelay,
		externals:  map[string]External{},
		groups:     builtinGroups(),
		changes:    make(chan struct{}, 1),
	}
	c.initAccounts(rootPassword)
	return c
}

func (c *Catalog) newID() int64 {
	c.lastID++
	return c.lastID
}

// IsSystem tells whether a database is made by the server itself.
func IsSystem(database string) bool {
	switch strings.ToLower(database) {
	case "information_schema", "sys", "_statistics_":
		return true
	}
	return false
}

// Names that the server takes (fe:sql/analyzer/FeNameFormat.java).
var (
	databaseName  = regexp.MustCompile(`^[a-zA-Z][\w\-~!@#$%^&<>=+]{0,255}$|^_[a-zA-Z0-9][\w\-~!@#$%^&<>=+]{0,254}$`)
	partitionName = regexp.MustCompile(`^[a-zA-Z]\w{0,63}$|^_[a-zA-Z0-9]\w{0,62}$`)
)

func validColumn(name string) bool {
	return name != "" && len(name) <= 1024 && !strings.ContainsAny(name, "\x00=<>!*")
}

func validTable(name string) bool {
	return name != "" && len(name) <= 1024 && !strings.Contains(name, "\x00")
}

// CreateDatabase creates a database.
func (c *Catalog) CreateDatabase(name string, ifNotExists bool, properties map[string]string) error {
	if !databaseName.MatchString(name) {
		return fail(1102, "42000", "Incorrect database name '%s'", name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.databases[name]; ok || IsSystem(name) {
		if ifNotExists {
			return nil
		}
		return fail(1007, "HY000", "Can't create database '%s'; database exists", name)
	}
	volume, err := c.databaseVolume(properties)
	if err != nil {
		return err
	}
	c.databases[name] = &database{id: c.newID(), name: name, volume: volume, tables: map[string]*table{}, views: map[string]*View{},
		labels: streamload.NewLabels(c.labelKeep, 0)}
	return nil
}

// DropDatabase drops a database with its tables.
func (c *Catalog) DropDatabase(name string, ifExists bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.databases[name]
	if !ok {
		if ifExists {
			return nil
		}
		return fail(1008, "HY000", "Can't drop database '%s'; database doesn't exist", name)
	}
	delete(c.databases, name)
	for _, t := range d.tables {
		c.forgetParent(name, t.name)
		c.inactivate(t.id, "base-table dropped: "+t.name)
	}
	for _, v := range d.views {
		c.inactivate(v.ID, "base-table dropped: "+v.Name)
	}
	return nil
}

// Databases returns the names of the databases, sorted, without the system's own.
func (c *Catalog) Databases() []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Sorted(maps.Keys(c.databases))
}

// DatabaseID returns the id of a database, or an error when there is none.
func (c *Catalog) DatabaseID(name string) (int64, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, err := c.database(name)
	if err != nil {
		return 0, err
	}
	return d.id, nil
}

func (c *Catalog) database(name string) (*database, error) {
	if name == "" {
		return nil, fail(1046, "3D000", "No database selected")
	}
	d, ok := c.databases[name]
	if !ok {
		return nil, unknownDatabase(name)
	}
	return d, nil
}

func (c *Catalog) table(name dialect.ObjectName) (*database, *table, error) {
	d, err := c.database(name.Database)
	if err != nil {
		return nil, nil, err
	}
	t, ok := d.tables[name.Name]
	if !ok {
		return nil, nil, unknownTable(name.Name)
	}
	return d, t, nil
}

func tableExists(name string) error { return fail(1050, "42S01", "Table '%s' already exists", name) }

// LabelKeepNum is how many finished labels a database remembers.
func (c *Catalog) LabelKeepNum() int { return c.labelKeep }
