package sqlserver

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// showPartitions prints one row per physical partition (fe:common/proc/PartitionsProcDir). All times are UTC+8.
func (x *session) showPartitions(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	info, err := x.table(s.From)
	if err != nil {
		return err
	}
	values := "Range"
	if k := info.Def.Partition.Kind; k == dialect.List || k == dialect.ListColumns {
		values = "List"
	}
	wanted := slices.DeleteFunc(slices.Clone(info.Partitions), func(p catalog.PartitionInfo) bool {
		name := s.Where["partitionname"]
		return p.Temporary != s.Temporary || name != "" && !like(name, p.Name)
	})
	if x.server.catalog.SharedData() {
		return showLakePartitions(info, wanted, values, s.Limit, callback)
	}
	columns := []string{"PartitionId", "PartitionName", "VisibleVersion", "VisibleVersionTime", "VisibleVersionHash", "State", "PartitionKey", values,
		"DistributionKey", "Buckets", "ReplicationNum", "StorageMedium", "CooldownTime", "LastConsistencyCheckTime", "DataSize", "StorageSize",
		"IsInMemory", "RowCount", "DataVersion", "VersionEpoch", "VersionTxnType", "TabletBalanced"}
	var cells [][]any
	for _, p := range wanted {
		size := humanSize(p.Bytes())
		cells = append(cells, []any{p.ID, p.Name, p.Version, p.Moved, 0, "NORMAL", strings.Join(info.Def.Partition.Columns, ", "), p.Values,
			distributionKey(p.Hash), p.Buckets, info.Def.Properties["replication_num"], p.Medium, farFuture, nil, size, size,
			false, p.Rows(), p.Version, 0, "TXN_NORMAL", true})
	}
	return rows(callback, columns, limited(cells, s.Limit))
}

// farFuture is the cooldown time of what never cools down.
const farFuture = "9999-12-31 23:59:59"

func distributionKey(hash []string) string {
	if hash == nil {
		return "ALL KEY"
	}
	return strings.Join(hash, ", ")
}

// humanSize prints bytes as DebugUtil.getByteUint does.
func humanSize(n int64) string {
	units := []string{"B", "KB", "MB", "GB", "TB"}
	size, unit := float64(n), 0
	for ; size >= 1024 && unit < len(units)-1; unit++ {
		size /= 1024
	}
	if unit == 0 {
		return strconv.FormatInt(n, 10) + "B"
	}
	return strconv.FormatFloat(size, 'f', 1, 64) + units[unit]
}

// showTablet prints one row per replica; there is one replica.
func (x *session) showTablet(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	if s.TabletID != 0 {
		return x.showOneTablet(s.TabletID, callback)
	}
	info, err := x.table(s.From)
	if err != nil {
		return err
	}
	columns := []string{"TabletId", "ReplicaId", "BackendId", "SchemaHash", "Version", "VersionHash", "LstSuccessVersion", "LstSuccessVersionHash",
		"LstFailedVersion", "LstFailedVersionHash", "LstFailedTime", "DataSize", "RowCount", "State", "LstConsistencyCheckTime", "CheckVersion",
		"CheckVersionHash", "VersionCount", "PathHash", "MetaUrl", "CompactionStatus", "DiskRootPath", "IsConsistent", "Checksum"}
	for _, name := range s.Partition {
		if !slices.ContainsFunc(info.Partitions, func(p catalog.PartitionInfo) bool {
			return strings.EqualFold(p.Name, name) && p.Temporary == s.Temporary
		}) {
			return catalog.Analyzing("Unknown partition: %s", name)
		}
	}
	var offsets []int64 // of the tablets of each index, base first
	index, filtered := s.Where["indexname"]
	if !filtered || strings.EqualFold(index, info.Name) {
		offsets = append(offsets, 0)
	}
	for _, r := range info.Rollups {
		if !filtered || strings.EqualFold(index, r.Name) {
			offsets = append(offsets, r.Tablets)
		}
	}
	var wanted []catalog.PartitionInfo
	for _, p := range info.Partitions {
		if s.Partition != nil && (p.Temporary != s.Temporary || !slices.ContainsFunc(s.Partition, func(n string) bool { return strings.EqualFold(n, p.Name) })) {
			continue
		}
		base := p.Tablets
		p.Tablets = nil
		for _, offset := range offsets {
			for _, t := range base {
				t.ID += offset
				p.Tablets = append(p.Tablets, t)
			}
		}
		wanted = append(wanted, p)
	}
	if x.server.catalog.SharedData() {
		return showLakeTablets(wanted, s.Limit, callback)
	}
	var cells [][]any
	for _, p := range wanted {
		for _, t := range p.Tablets {
			cells = append(cells, []any{t.ID, t.ID + 1, catalog.BackendID, 0, p.Version, 0, p.Version, 0, -1, 0, nil, humanSize(t.Bytes), t.Rows, "NORMAL",
				nil, -1, -1, 1, 0, "", "", "", true, -1})
		}
	}
	return rows(callback, columns, limited(cells, s.Limit))
}

func (x *session) showOneTablet(id int64, callback mysql.ResultSpoolFn) error {
	columns := []string{"DbName", "TableName", "PartitionName", "IndexName", "DbId", "TableId", "PartitionId", "IndexId", "IsSync", "DetailCmd"}
	t, p, found := x.server.catalog.FindTablet(id)
	if !found {
		return rows(callback, columns, [][]any{{nil, nil, nil, nil, -1, -1, -1, -1, false, ""}})
	}
	databaseID, err := x.server.catalog.DatabaseID(t.Database)
	if err != nil {
		return err
	}
	detail := fmt.Sprintf("SHOW PROC '/dbs/%d/%d/partitions/%d/%d/%d';", databaseID, t.ID, p.ID, t.ID, id)
	return rows(callback, columns, [][]any{{t.Database, t.Name, p.Name, t.Name, databaseID, t.ID, p.ID, t.ID, true, detail}})
}
