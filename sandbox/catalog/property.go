package catalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"starkeep/sandbox/dialect"
)

// BackendID is the id of the only backend; a table cannot have more replicas than there are backends.
const (
	BackendID = 10001
	backends  = 1
)

// ownProperties are those of a table (fe:common/util/PropertyAnalyzer); a name that ends in a dot or underscore stands for all
// that begin with it.
var ownProperties = []string{
	"replication_num", "bloom_filter_columns", "bloom_filter_fpp", "colocate_with", "dynamic_partition.", "bucket_size", "mutable_bucket_num",
	"enable_load_profile", "enable_statistic_collect_on_first_load", "base_compaction_forbidden_time_ranges", "labels.location",
	"enable_persistent_index", "persistent_index_type", "primary_index_cache_expire_sec", "file_bundling", "compaction_strategy",
	"lake_compaction_max_parallel", "table_query_timeout", "partition_live_number", "partition_ttl", "partition_ttl_number", "compression", "unique_constraints",
	"foreign_key_constraints", "time_drift_constraint", "partition_retention_condition", "storage_medium", "storage_cooldown_time", "storage_cooldown_ttl",
	"replicated_storage", "binlog_", "write_quorum", "fast_schema_evolution", "storage_type", "flat_json.", "storage_volume", "datacache.",
	"enable_async_write_back", "cloud_native_fast_schema_evolution_v2", "in_memory", "light_schema_change", "storage_format", "version_info", "tablet_type", "mv_",
}

func ownProperty(key string) bool {
	return slices.ContainsFunc(ownProperties, func(own string) bool {
		return own == key || (strings.HasSuffix(own, ".") || strings.HasSuffix(own, "_")) && strings.HasPrefix(key, own)
	})
}

// completeProperties checks the properties of a new table, and adds those that SHOW CREATE TABLE always prints
// (fe:catalog/OlapTable.getCommonProperties, getUniqueProperties).
func completeProperties(def *dialect.CreateTable) error {
	if def.Properties == nil {
		def.Properties = map[string]string{}
	}
	defaults := map[string]string{"replication_num": strconv.Itoa(backends), "compression": "LZ4", "replicated_storage": "true", "fast_schema_evolution": "true"}
	if def.Model == dialect.Primary {
		defaults["enable_persistent_index"] = "true"
	}
	for key, text := range defaults {
		if def.Properties[key] == "" {
			def.Properties[key] = text
		}
	}
	if slices.ContainsFunc(def.Indexes, func(x dialect.Index) bool {
		return x.Kind == "GIN" && !strings.EqualFold(x.Properties["imp_lib"], "builtin")
	}) {
		def.Properties["replicated_storage"] = "false" // whatever was asked for (fe:server/OlapTableFactory)
	}
	return checkProperties(def)
}

// completeDynamic adds what a dynamic partition table is by default.
func completeDynamic(def *dialect.CreateTable) {
	if def.Partition.Kind != dialect.Unpartitioned && dynamicPartition(def.Properties) {
		for key, text := range map[string]string{"dynamic_partition.enable": "true", "dynamic_partition.start": "-2147483648", "dynamic_partition.time_zone": "Asia/Shanghai",
			"dynamic_partition.prefix": "p", "dynamic_partition.history_partition_num": "0"} {
			if def.Properties[key] == "" {
				def.Properties[key] = text
			}
		}
	}
}

func dynamicPartition(properties map[string]string) bool {
	for key := range properties {
		if strings.HasPrefix(key, "dynamic_partition.") {
			return true
		}
	}
	return false
}

// silent are properties that are taken and never printed.
var silent = []string{"in_memory", "light_schema_change", "storage_format", "version_info", "tablet_type", "bloom_filter_fpp"}

func checkProperties(def *dialect.CreateTable) error {
	completeDynamic(def)
	for _, key := range slices.Sorted(maps.Keys(def.Properties)) {
		text := def.Properties[key]
		if !ownProperty(key) {
			return ddl("Unknown properties: {%s=%s}", key, text)
		}
		switch key {
		case "replication_num":
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 {
				return Analyzing("Invalid replication number format: %s", text)
			}
			if n > backends {
				return Analyzing("Table replication num should be less than of equal to the number of available BE nodes. "+
					"You can change this default by setting the replication_num table properties. Current alive backend is [%d].", BackendID)
			}
		case "compression":
			upper := strings.ToUpper(text)
			name, _, _ := strings.Cut(upper, "(")
			if !slices.Contains([]string{"LZ4", "LZ4_FRAME", "ZSTD", "ZLIB", "SNAPPY", "NO_COMPRESSION", "GZIP"}, name) {
				return Analyzing("unknown compression type: %s", text)
			}
			def.Properties[key] = strings.Replace(upper, "LZ4_FRAME", "LZ4", 1)
		case "storage_medium":
			if def.Properties[key] = strings.ToUpper(text); text != "" && !slices.Contains([]string{"HDD", "SSD"}, def.Properties[key]) {
				return Analyzing("Invalid storage medium: %s", text)
			}
		case "bloom_filter_columns":
			if err := completeBloomFilter(def, text); err != nil {
				return err
			}
		case "dynamic_partition.enable":
			if def.Partition.Kind == dialect.Unpartitioned {
				return Analyzing("Only support dynamic partition properties on range partition table")
			}
		}
	}
	for _, key := range silent {
		delete(def.Properties, key)
	}
	return nil
}

// bloomable tells whether a type can have a bloom filter (fe-type Type.supportBloomFilter).
func bloomable(t dialect.Type) bool {
	return t.Text() || t.Temporal() || t.Integer() && t.Name != "TINYINT"
}

func completeBloomFilter(def *dialect.CreateTable, text string) error {
	var names []string
	for _, name := range strings.Split(text, ",") {
		name = strings.TrimSpace(name)
		at := columnIndex(def.Columns, name)
		switch {
		case name == "":
			continue
		case at < 0:
			return Analyzing("Bloom filter column does not exist in table. invalid column: %s", name)
		}
		switch c := def.Columns[at]; {
		case !bloomable(c.Type):
			return Analyzing("Invalid bloom filter column '%s': unsupported type %s", c.Name, c.Type)
		case !c.Key && def.Model != dialect.Primary && def.Model != dialect.Duplicate:
			return Analyzing("Bloom filter index only used in columns of DUP_KEYS/PRIMARY table or key columns of UNIQUE_KEYS/AGG_KEYS table. invalid column: %s", name)
		}
		names = append(names, def.Columns[at].Name)
	}
	if def.Properties["bloom_filter_columns"] = strings.Join(names, ", "); names == nil {
		delete(def.Properties, "bloom_filter_columns")
	}
	return nil
}

// setProperties is ALTER TABLE … SET (…), of one property, or of several of dynamic partitioning
// (fe:analyzer/AlterTableClauseAnalyzer.visitModifyTablePropertiesClause).
func (c *Catalog) setProperties(d *database, t *table, properties map[string]string) error {
	for key := range properties {
		if len(properties) > 1 && !strings.HasPrefix(key, "dynamic_partition.") {
			return Analyzing("Can only set one table property at a time")
		}
	}
	def := *t.def
	def.Properties = maps.Clone(def.Properties)
	for key, text := range properties {
		if key = strings.TrimPrefix(key, "default."); text == "" {
			delete(def.Properties, key)
			continue
		}
		def.Properties[key] = text
	}
	if err := checkProperties(&def); err != nil {
		return err
	}
	if err := d.checkColocation(t.id, &def); err != nil {
		return err
	}
	if err := c.completeConstraints(d, t.name, &def); err != nil {
		return err
	}
	t.def = &def
	return nil
}

// putProperties sets properties of a materialized view, which are others than those of a table.
func (t *table) putProperties(properties map[string]string) {
	def := *t.def
	def.Properties = maps.Clone(def.Properties)
	for key, text := range properties {
		def.Properties[key] = text
	}
	t.def = &def
}

// setCounter is ALTER TABLE … AUTO_INCREMENT = n: the next row without a value gets n (fe:server/LocalMetastore.alterTableAutoIncrement).
func (t *table) setCounter(next int64) error {
	counting := slices.ContainsFunc(t.def.Columns, func(c dialect.Column) bool { return c.AutoIncrement })
	switch current := t.counter.Load() + 1; {
	case next < 1:
		return Analyzing("AUTO_INCREMENT value must be positive")
	case !counting:
		return Analyzing("Table %s does not have AUTO_INCREMENT column", t.name)
	case next <= current && t.counter.Load() > 0:
		return ddl("New auto_increment value must be greater than current value: %d", current)
	}
	t.counter.Store(next - 1)
	return nil
}

func (t *table) addIndex(x dialect.Index) error {
	def := *t.def
	def.Indexes = append(slices.Clone(def.Indexes), x)
	if err := checkIndexes(&def); err != nil {
		return err
	}
	t.def = &def
	return nil
}

func (t *table) dropIndex(name string) error {
	def := *t.def
	def.Indexes = slices.DeleteFunc(slices.Clone(def.Indexes), func(x dialect.Index) bool { return strings.EqualFold(x.Name, name) })
	if len(def.Indexes) == len(t.def.Indexes) {
		return ddl("index %s not exist", name)
	}
	t.def = &def
	return nil
}

// checkIndexes checks secondary indexes (fe:sql/analyzer/IndexAnalyzer).
func checkIndexes(def *dialect.CreateTable) error {
	seen := map[string]bool{}
	for i, x := range def.Indexes {
		if lower := strings.ToLower(x.Name); seen[lower] {
			return Analyzing("Duplicate index name '%s'", x.Name)
		} else {
			seen[lower] = true
		}
		if len(x.Columns) != 1 {
			return Analyzing("%s index can only apply to one column", x.Kind)
		}
		at := columnIndex(def.Columns, x.Columns[0])
		if at < 0 {
			return Analyzing("%s column does not exist in table. invalid column: %s", x.Kind, x.Columns[0])
		}
		c := def.Columns[at]
		switch {
		case x.Kind == "GIN" && def.Model != dialect.Duplicate && def.Model != dialect.Primary:
			return Analyzing("The inverted index can only be build on DUPLICATE/PRIMARY_KEYS table.")
		case x.Kind == "GIN" && !c.Type.Text():
			return Analyzing("The inverted index can only be build on column with type of CHAR/STRING/VARCHAR type.")
		case x.Kind == "NGRAMBF" && !c.Type.Text():
			return Analyzing("The %s index can only be build on column with type of scalar type string", x.Kind)
		case x.Kind == "VECTOR" && c.Nullable:
			return Analyzing("The vector index can only build on non-nullable column")
		case x.Kind == "VECTOR" && (c.Type.Name != "ARRAY" || c.Type.Elements[0].Name != "FLOAT"):
			return Analyzing("The vector index can only be build on column with type of array<float>.")
		case x.Kind == "BITMAP" && (c.Type.Nested() || c.Type.Sketch() || c.Type.Name == "JSON" || c.Type.Name == "FLOAT" || c.Type.Name == "DOUBLE"):
			return Analyzing("%s is not supported in bitmap index. invalid column: %s", c.Type, c.Name)
		}
		if x.Kind == "NGRAMBF" {
			given := x.Properties
			x.Properties = map[string]string{"gram_num": "2", "bloom_filter_fpp": "0.05", "case_sensitive": "true"}
			maps.Copy(x.Properties, given)
			def.Indexes[i] = x
		}
	}
	return nil
}
