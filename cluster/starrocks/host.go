package starrocks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/snapshot"
)

var _ cluster.Host = (*Cluster)(nil)

// Properties that one run mode has and the other does not know (fe:OlapTable.getUniqueProperties,
// fe:LakeTable.getUniqueProperties, fe:PropertyAnalyzer): a CREATE TABLE with one is refused for unknown properties.
var (
	nothingOnly = []string{"storage_medium", "storage_cooldown_time", "storage_cooldown_ttl", "replicated_storage", "write_quorum"}
	sharedOnly  = []string{"storage_volume", "datacache.enable", "datacache.partition_duration", "enable_async_write_back",
		"persistent_index_type", "cloud_native_fast_schema_evolution_v2", "file_bundling", "compaction_strategy", "lake_compaction_max_parallel"}
)

const storageVolume = "storage_volume"

// place is what a cluster has for new tables.
type place struct {
	shared  bool // run mode shared_data
	alive   int  // backends that take replicas
	volumes []string
	version string
}

// fits changes the properties of a table to those that a cluster takes, and tells what becomes different.
func (d *definition) fits(p place, replicas int) (list []property, notes []string) {
	was, given := d.shared(), false
	for _, x := range d.properties {
		key := strings.ToLower(x.key)
		switch {
		case key == replicationNum && replicas > 0:
			x.value, given = strconv.Itoa(replicas), true
		case key == replicationNum && was && !p.shared: // a shared-data table has no replicas of its own
			n := min(3, max(1, p.alive))
			notes = append(notes, fmt.Sprintf("it comes from shared storage and gets %d replicas", n))
			x.value = strconv.Itoa(n)
		case !p.shared && slices.Contains(sharedOnly, key):
			notes = append(notes, fmt.Sprintf("property %s = %s means nothing in a shared-nothing cluster and is left out", x.key, x.value))
			continue
		case p.shared && slices.Contains(nothingOnly, key):
			notes = append(notes, fmt.Sprintf("property %s = %s means nothing in a shared-data cluster and is left out", x.key, x.value))
			continue
		case p.shared && key == storageVolume && !slices.Contains(p.volumes, x.value):
			notes = append(notes, fmt.Sprintf("there is no storage volume %s: the default one is used", x.value))
			continue
		}
		list = append(list, x)
	}
	if replicas > 0 && !given {
		list = slices.Insert(list, 0, property{replicationNum, strconv.Itoa(replicas)})
	}
	return list, notes
}

// shared tells whether the table is one of a shared-data cluster.
func (d *definition) shared() bool {
	return slices.ContainsFunc(d.properties, func(p property) bool { return slices.Contains(sharedOnly, strings.ToLower(p.key)) })
}

// bound tells whether the table has properties that depend on the cluster.
func (d *definition) bound() bool {
	return slices.ContainsFunc(d.properties, func(p property) bool {
		return slices.Contains(sharedOnly, strings.ToLower(p.key)) || slices.Contains(nothingOnly, strings.ToLower(p.key))
	})
}

// Fit looks at the run mode, the nodes that are alive, and the version. It needs OPERATE ON SYSTEM.
func (c *Cluster) Fit(ctx context.Context, tables []snapshot.Table, o cluster.TableOptions) ([]string, error) {
	p, err := c.place(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at what %s can hold: %w", c.config.Name, err)
	}
	var notes []string
	var refusals []error
	for _, t := range tables {
		d, err := parseDefinition(t.DDL)
		if err == nil {
			err = d.check(p, o.ReplicationNum)
		}
		if err != nil {
			refusals = append(refusals, &cluster.TableError{Table: t.Name, Err: err})
			continue
		}
		_, changes := d.fits(p, o.ReplicationNum)
		if d.counts() && p.older(3, 5) { // ALTER TABLE … AUTO_INCREMENT (StarRocks PR 62767)
			changes = append(changes, "version "+p.version+" cannot move its AUTO_INCREMENT counter: new rows could get ids that are taken")
		}
		for _, n := range changes {
			notes = append(notes, "table "+t.Name+": "+n)
		}
	}
	return notes, errors.Join(refusals...)
}

// check refuses what the cluster cannot hold.
func (d *definition) check(p place, replicas int) error {
	if need, _ := strconv.Atoi(d.value(replicationNum)); !p.shared && (replicas > 0 || !d.shared()) {
		if replicas > 0 {
			need = replicas
		}
		if need > p.alive { // fe:PropertyAnalyzer.checkReplicationNum
			return fmt.Errorf("%d replicas need as many backends, and %d are alive: restore with \"replication_num\" = \"%d\", or bring backends up: %w",
				need, p.alive, max(1, p.alive), cluster.ErrUnsupported)
		}
	}
	if !p.shared && d.distributed == "" && d.model != "DUPLICATE" { // range distribution (fe:AstToStringBuilder.getDdlStmt)
		return fmt.Errorf("a %s KEY table without DISTRIBUTED BY needs a shared-data cluster: %w", d.model, cluster.ErrUnsupported)
	}
	for _, f := range features {
		switch {
		case !f.used(d):
		case p.older(f.major, f.minor):
			return fmt.Errorf("%s needs version %d.%d, and this is %s: %w", f.name, f.major, f.minor, p.version, cluster.ErrUnsupported)
		case p.shared && (f.never || f.sharedMajor > 0 && p.older(f.sharedMajor, f.sharedMinor)):
			return fmt.Errorf("%s cannot be in this shared-data cluster of version %s: %w", f.name, p.version, cluster.ErrUnsupported)
		}
	}
	return nil
}

func (d *definition) value(key string) string {
	p, _ := d.property(key)
	return p.value
}

// counts tells whether a column is AUTO_INCREMENT.
func (d *definition) counts() bool {
	return slices.ContainsFunc(d.columns, func(c columnDefinition) bool { return c.automatic })
}

func (d *definition) indexed(kind string) bool { return slices.Contains(d.indexes, kind) }

// feature is something that a DDL text may have and an older cluster does not know.
type feature struct {
	name                     string
	major, minor             int  // first version that has it
	sharedMajor, sharedMinor int  // in a shared-data cluster; 0: the same
	never                    bool // not in a shared-data cluster at all
	used                     func(d *definition) bool
}

var features = []feature{
	{name: "DECIMAL256", major: 4, used: func(d *definition) bool { // docs/en/…/data-types/numeric/DECIMAL.md
		return slices.ContainsFunc(d.columns, func(c columnDefinition) bool { return c.typ.wide() })
	}},
	{name: "a full-text index", major: 3, minor: 3, sharedMajor: 4, sharedMinor: 1, used: func(d *definition) bool { return d.indexed("GIN") }}, // docs/en/…/indexes/inverted_index.md
	{name: "a built-in full-text index", major: 4, minor: 1, used: func(d *definition) bool { return d.indexed("GIN built-in") }},
	{name: "a full-text index of a Primary Key table", major: 4, used: func(d *definition) bool { return d.model == "PRIMARY" && d.indexed("GIN") }},
	{name: "a vector index", major: 3, minor: 4, never: true, used: func(d *definition) bool { return d.indexed("VECTOR") }}, // docs/en/…/indexes/vector_index.md
	{name: "an N-gram bloom filter index", major: 3, minor: 3, used: func(d *definition) bool { return d.indexed("NGRAMBF") }},
	{name: "ORDER BY of a table without primary key", major: 3, minor: 3, used: func(d *definition) bool { return d.sorted && d.model != "PRIMARY" }},
	{name: "hybrid row-column storage", major: 3, minor: 2, used: func(d *definition) bool { return d.value("storage_type") == "column_with_row" }}, // docs/en/…/hybrid_table.md
	{name: "partitioning by several expressions", major: 3, minor: 4, used: (*definition).mixed},                                                    // docs/en/…/expression_partitioning.md
}

// mixed tells whether the table is partitioned by several expressions, or by columns without parentheses around them.
func (d *definition) mixed() bool {
	depth := 0
	for _, c := range d.partitionBy {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				return true
			}
		}
	}
	return false
}

// wide tells whether the type, or one inside it, has more digits than DECIMAL128.
func (t *dataType) wide() bool {
	is := snapshot.Type{}
	return kinds[t.name] == snapshot.Decimal && decimalType(&is, t) == nil && is.Precision > convertible ||
		slices.ContainsFunc(t.types, (*dataType).wide)
}

var versionForm = regexp.MustCompile(`(?:^|[^0-9])(\d+)\.(\d+)\.\d+`)

// older tells whether the cluster is known to be older than a version: builds of no release name none.
func (p place) older(major, minor int) bool {
	match := versionForm.FindStringSubmatch(p.version)
	if match == nil {
		return false
	}
	x, _ := strconv.Atoi(match[1])
	y, _ := strconv.Atoi(match[2])
	return x < major || x == major && y < minor
}

// place asks for all at once.
func (c *Cluster) place(ctx context.Context) (p place, err error) {
	if p.shared, err = c.sharedData(ctx); err != nil {
		return p, err
	}
	if p.version, err = c.scalar(ctx, "SELECT current_version()"); err != nil {
		return p, err
	}
	rows, err := c.query(ctx, "SHOW BACKENDS")
	if err != nil {
		return p, err
	}
	for _, r := range rows {
		if r["alive"] == "true" && r["systemdecommissioned"] != "true" && r["clusterdecommissioned"] != "true" {
			p.alive++
		}
	}
	if !p.shared {
		return p, nil
	}
	rows, err = c.query(ctx, "SHOW STORAGE VOLUMES")
	for _, r := range rows {
		p.volumes = append(p.volumes, r["storage volume"])
	}
	return p, err
}

// sharedData tells the run mode, which a cluster keeps for life (fe:Config.run_mode).
func (c *Cluster) sharedData(ctx context.Context) (bool, error) {
	c.mu.Lock()
	mode := c.mode
	c.mu.Unlock()
	if mode == "" {
		rows, err := c.query(ctx, "ADMIN SHOW FRONTEND CONFIG LIKE 'run_mode'")
		if errors.Is(err, cluster.ErrDenied) {
			return false, fmt.Errorf("%w (%s)", err, c.grant("OPERATE ON SYSTEM"))
		}
		if err != nil {
			return false, err
		}
		mode = "shared_nothing" // of versions that have no other
		for _, r := range rows {
			mode = r["value"]
		}
		c.mu.Lock()
		c.mode = mode
		c.mu.Unlock()
	}
	return mode == "shared_data", nil
}
