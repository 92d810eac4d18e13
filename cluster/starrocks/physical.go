package starrocks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// partitionMeta is a row of partitions_meta: one physical partition.
type partitionMeta struct {
	name      string
	values    string // text of the range or list
	temporary bool
	replicas  string
	medium    string
	physical  snapshot.PhysicalPartition
}

// partitions reads the physical partitions of all tables. One statement serves a database; StarRocks pages it inside
// (max_get_partitions_meta_result_count). It sees tables only that the user has some privilege on.
//
// In shared storage the version of the data counts: a compaction moves the visible one only (fe:LakeTableTxnLogApplier). It has
// no time. Versions before 3.3 do not tell it, nor may everybody ask for the run mode: then a compaction looks like a change.
func (c *Cluster) partitions(ctx context.Context, database string, tables []string) (map[string][]partitionMeta, error) {
	shared, err := c.sharedData(ctx)
	if err != nil && !errors.Is(err, cluster.ErrDenied) {
		return nil, fmt.Errorf("read partitions of %s: %w", database, err)
	}
	read := func(more string) ([]record, error) {
		return c.query(ctx, "SELECT TABLE_NAME, PARTITION_NAME, PARTITION_ID, VISIBLE_VERSION, VISIBLE_VERSION_TIME, PARTITION_VALUE, IS_TEMP, DATA_SIZE, ROW_COUNT, REPLICATION_NUM, STORAGE_MEDIUM"+more+
			" FROM information_schema.partitions_meta WHERE DB_NAME = "+wire.String(database)+only("TABLE_NAME", tables))
	}
	more := ""
	if shared {
		more = ", DATA_VERSION"
	}
	rows, err := read(more)
	if shared && refused(err) && strings.Contains(err.Error(), "DATA_VERSION") {
		rows, err = read("")
	}
	if err != nil {
		return nil, fmt.Errorf("read partitions of %s: %w", database, err)
	}
	m := map[string][]partitionMeta{}
	for _, r := range rows {
		if strings.HasPrefix(r["partition_name"], hiddenPartition) {
			continue
		}
		p := partitionMeta{name: r["partition_name"], values: r["partition_value"], temporary: r["is_temp"] == "1" || strings.EqualFold(r["is_temp"], "true"),
			replicas: r["replication_num"], medium: r["storage_medium"]}
		var errs [3]error
		p.physical.ID, errs[0] = strconv.ParseInt(r["partition_id"], 10, 64)
		p.physical.Version, errs[1] = strconv.ParseInt(r["visible_version"], 10, 64)
		p.physical.Rows, errs[2] = strconv.ParseInt(r["row_count"], 10, 64)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, fmt.Errorf("read partition %s of %s.%s: %w", p.name, database, r["table_name"], err)
		}
		p.physical.Time = r["visible_version_time"] // in the session's time zone, which is UTC
		p.physical.Bytes = byteSize(r["data_size"])
		if p.physical.Empty = p.physical.Version == neverLoaded; p.physical.Empty {
			p.physical.Rows, p.physical.Bytes = 0, 0
		}
		if v, err := strconv.ParseInt(r["data_version"], 10, 64); err == nil && v > 0 {
			p.physical.Version, p.physical.Time = v, ""
		}
		m[r["table_name"]] = append(m[r["table_name"]], p)
	}
	return m, nil
}

// byteSize reads DATA_SIZE: a number in newer versions, text such as 1.2KB in older ones (fe:ByteSizeValue). What it
// cannot read is 0, which planning treats as unknown.
func byteSize(text string) int64 {
	text = strings.ToUpper(strings.TrimSpace(text))
	factor := 1.0
	for i, unit := range []string{"KB", "MB", "GB", "TB", "PB"} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			text, factor = number, float64(int64(1)<<(10*(i+1)))
			break
		}
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(text, "B")), 64)
	if err != nil || n < 0 {
		return 0
	}
	return int64(n * factor)
}

// assemble joins physical partitions of one name and finds the clause that creates each; temporary ones are left out.
func assemble(d *definition, metas []partitionMeta) ([]snapshot.Partition, error) {
	var list []snapshot.Partition
	at := map[string]int{}
	for _, m := range metas {
		if m.temporary {
			continue
		}
		i, ok := at[m.name]
		if !ok {
			values, err := d.values(m)
			if err != nil {
				return nil, fmt.Errorf("partition %s: %w", m.name, err)
			}
			i = len(list)
			at[m.name] = i
			list = append(list, snapshot.Partition{Name: m.name, Values: values})
		}
		list[i].Physical = append(list[i].Physical, m.physical)
	}
	for i := range list {
		slices.SortFunc(list[i].Physical, func(a, b snapshot.PhysicalPartition) int { return int(a.ID - b.ID) })
	}
	slices.SortFunc(list, func(a, b snapshot.Partition) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (d *definition) values(m partitionMeta) (string, error) {
	if d.kind == snapshot.Unpartitioned {
		return "", nil
	}
	if strings.HasPrefix(m.values, "[types:") {
		values, err := rangeValues(m.values)
		return values + d.own(m), err
	}
	nullable := make([]bool, len(d.keys))
	for i, k := range d.keys {
		col, ok := d.column(k)
		nullable[i] = !ok || col.nullable
	}
	values, err := listValues(m.values, nullable)
	return values + d.own(m), err
}

// own prints the properties of a partition that are not those of its table. SHOW CREATE TABLE tells of the replicas only, and
// not at all for automatic partitions (fe:RangePartitionInfo.toSql, fe:ListPartitionInfo.toSql).
func (d *definition) own(m partitionMeta) string {
	table, ok := d.property(replicationNum)
	if !ok || d.shared() || m.replicas == "" || m.replicas == "0" {
		return ""
	}
	medium, ok := d.property("storage_medium")
	if moved := ok && m.medium != "" && !strings.EqualFold(medium.value, m.medium); moved {
		return ownProperties + wire.DoubleQuoted(m.replicas) + `, "storage_medium" = ` + wire.DoubleQuoted(m.medium) + ")"
	}
	if m.replicas == table.value {
		return ""
	}
	return ownProperties + wire.DoubleQuoted(m.replicas) + ")"
}
