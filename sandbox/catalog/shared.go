package catalog

import (
	"maps"
	"slices"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
)

// BuiltinVolume is the storage volume that a shared-data cluster has from the beginning.
const BuiltinVolume = "builtin_storage_volume"

// ShareData makes the cluster one of run mode shared_data. It is called before there is anything in it.
func (c *Catalog) ShareData() { c.shared = true }

// SharedData tells whether the cluster is of run mode shared_data.
func (c *Catalog) SharedData() bool { return c.shared }

// Properties that only one of the run modes has. In the other one they are left over, and CREATE TABLE fails
// (fe:server/OlapTableFactory: Unknown properties), but for those that are dropped in silence.
var (
	sharedOnly  = []string{"datacache.enable", "datacache.partition_duration", "enable_async_write_back", "cloud_native_fast_schema_evolution_v2", "file_bundling"}
	nothingOnly = []string{"storage_medium", "storage_cooldown_time", "storage_cooldown_ttl", "replicated_storage", "fast_schema_evolution"} // fe:common/util/PropertyAnalyzer.analyzeDataProperty
)

// modeProperties brings the properties of a new table to those of the run mode.
func (c *Catalog) modeProperties(d *database, def *dialect.CreateTable) error {
	p := def.Properties
	if !c.shared {
		delete(p, "storage_volume") // taken out, whatever it is (fe:server/OlapTableFactory)
		var unknown []string
		for _, key := range sharedOnly {
			if v, ok := p[key]; ok {
				unknown = append(unknown, key+"="+v)
			}
		}
		if unknown != nil {
			return ddl("Unknown properties: {%s}", strings.Join(unknown, ", "))
		}
		return nil
	}
	maps.DeleteFunc(p, func(key, _ string) bool { return slices.Contains(nothingOnly, key) })
	if _, ok := p["version_info"]; ok {
		return ddl(`Does not support the table property "version_info" in share data mode, please remove it from the statement`)
	}
	switch v := p["storage_volume"]; v {
	case "":
		p["storage_volume"] = d.volume
	case BuiltinVolume:
	case "local":
		return ddl(`Cannot create table without persistent volume in current run mode "shared_data"`)
	default:
		return ddl("Storage volume %s not exists", v)
	}
	if strings.EqualFold(p["enable_async_write_back"], "true") { // fe:common/util/PropertyAnalyzer.analyzeDataCacheInfo
		return ddl("enable_async_write_back is disabled since version 3.1.4")
	}
	defaults := map[string]string{"datacache.enable": "true", "enable_async_write_back": "false", "cloud_native_fast_schema_evolution_v2": "true"}
	if def.Model == dialect.Primary {
		defaults["enable_persistent_index"], defaults["persistent_index_type"] = "true", "CLOUD_NATIVE"
	}
	for key, value := range defaults {
		if p[key] == "" {
			p[key] = value
		}
	}
	return nil
}

// databaseVolume checks the storage volume of a new database (fe:server/LocalMetastore.createDb).
func (c *Catalog) databaseVolume(properties map[string]string) (string, error) {
	volume, given := properties["storage_volume"]
	switch {
	case !c.shared && given:
		return "", ddl("Storage volume can be set only in shared-data deployment")
	case c.shared && given && volume != BuiltinVolume:
		return "", ddl("Storage volume %s not exists", volume)
	case c.shared:
		return BuiltinVolume, nil
	}
	return "", nil
}

// Volume returns the storage volume of a database; empty in a shared-nothing cluster.
func (c *Catalog) Volume(database string) string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if d, ok := c.databases[database]; ok {
		return d.volume
	}
	return ""
}

// DefaultComment is the comment that a table of a shared-data cluster has when it was given none
// (fe:lake/LakeTable.getComment, LakeMaterializedView.getComment).
func (c *Catalog) defaultComment(t *table) string {
	switch {
	case t.def.Comment != "" || !c.shared:
		return t.def.Comment
	case t.mv != nil:
		return "MATERIALIZED_VIEW"
	}
	return "OLAP"
}

// Compact rewrites the data files of a table as a cluster does by itself from time to time. In a shared-data cluster
// that moves the visible versions, but not the data versions; in a shared-nothing one nothing that a client sees.
func (c *Catalog) Compact(name dialect.ObjectName) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, t, err := c.table(name)
	if err != nil || !c.shared {
		return err
	}
	for _, p := range slices.Concat(t.partitions, t.temporary) {
		for _, ph := range p.physical {
			if ph.version > firstVersion {
				ph.version++
				ph.compactions++
				ph.moved = time.Now()
			}
		}
	}
	return nil
}
