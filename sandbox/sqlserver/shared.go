package sqlserver

import (
	"strings"
	"time"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// runMode is the FE configuration run_mode.
func (x *session) runMode() string {
	if x.server.catalog.SharedData() {
		return "shared_data"
	}
	return "shared_nothing"
}

// showLakePartitions is SHOW PARTITIONS of a shared-data cluster: other columns, and no time of the version
// (fe:common/proc/PartitionsProcDir).
func showLakePartitions(info catalog.TableInfo, wanted []catalog.PartitionInfo, values string, limit int64, callback mysql.ResultSpoolFn) error {
	columns := []string{"PartitionId", "PartitionName", "CompactVersion", "VisibleVersion", "NextVersion", "State", "PartitionKey", values, "DistributionKey",
		"Buckets", "DataSize", "StorageSize", "RowCount", "EnableDataCache", "AsyncWrite", "AvgCS", "P50CS", "MaxCS", "DataVersion", "VersionEpoch",
		"VersionTxnType", "MetaSwitchVersion"}
	var cells [][]any
	for _, p := range wanted {
		size := humanSize(p.Bytes())
		cells = append(cells, []any{p.ID, p.Name, p.CompactVersion(), p.Version, p.Version + 1, "NORMAL", strings.Join(info.Def.Partition.Columns, ", "), p.Values,
			distributionKey(p.Hash), p.Buckets, size, size, p.Rows(), info.Def.Properties["datacache.enable"], info.Def.Properties["enable_async_write_back"],
			"0.00", "0.00", "0.00", p.DataVersion, 0, "TXN_NORMAL", 0})
	}
	return rows(callback, columns, limited(cells, limit))
}

// showLakeTablets is SHOW TABLET of a shared-data cluster: a row for each tablet, without versions (fe:common/proc/LakeTabletsProcDir).
func showLakeTablets(partitions []catalog.PartitionInfo, limit int64, callback mysql.ResultSpoolFn) error {
	var cells [][]any
	for _, p := range partitions {
		for _, t := range p.Tablets {
			cells = append(cells, []any{t.ID, "[" + formatInt(catalog.BackendID) + "]", humanSize(t.Bytes), t.Rows, 0, "null"})
		}
	}
	return rows(callback, []string{"TabletId", "BackendId", "DataSize", "RowCount", "MinVersion", "Range"}, limited(cells, limit))
}

// showComputeNodes lists the node of a shared-data cluster, which has no backends (fe:common/proc/ComputeNodeProcDir).
func (x *session) showComputeNodes(started, now time.Time, callback mysql.ResultSpoolFn) error {
	columns := strings.Fields("ComputeNodeId IP HeartbeatPort BePort HttpPort BrpcPort LastStartTime LastHeartbeat Alive SystemDecommissioned " +
		"ClusterDecommissioned ErrMsg Version CpuCores MemLimit NumRunningQueries MemUsedPct CpuUsedPct DataCacheMetrics HasStoragePath StatusCode")
	if !x.server.catalog.SharedData() {
		return rows(callback, columns, nil)
	}
	host, port := split(x.server.node.Backend())
	return rows(callback, append(columns, "StarletPort", "WorkerId", "WarehouseName", "TabletNum"), [][]any{{catalog.BackendID, host, 9050, 9060, port, 8060, started, now,
		true, false, false, "", x.server.node.Version, catalog.Cores, "4.000GB", 0, "0.00 %", "0.0 %", "N/A", true, "OK", 9070, 1, "default_warehouse", x.tabletCount()}})
}

func (x *session) tabletCount() (n int) {
	for _, database := range x.server.catalog.Databases() {
		for _, t := range x.server.catalog.Tables(database) {
			for _, p := range t.Partitions {
				n += len(p.Tablets)
			}
		}
	}
	return n
}

// showVolumes lists the storage volumes on which the user has any privilege; a shared-nothing cluster has none.
func (x *session) showVolumes(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	var cells [][]any
	need := catalog.Need{Kind: "STORAGE VOLUME", Name: catalog.BuiltinVolume}
	if x.server.catalog.SharedData() && like(s.Like, catalog.BuiltinVolume) && x.server.catalog.Check(x.actor(), need) == nil {
		cells = append(cells, []any{catalog.BuiltinVolume})
	}
	return rows(callback, []string{"Storage Volume"}, cells)
}

// describeVolume masks credentials (fe:storagevolume/StorageVolume.dumpMaskedParams).
func (x *session) describeVolume(name string, callback mysql.ResultSpoolFn) error {
	if !x.server.catalog.SharedData() || name != catalog.BuiltinVolume {
		return catalog.Analyzing("Unknown storage volume: %s", name)
	}
	if err := x.server.catalog.Check(x.actor(), catalog.Need{Kind: "STORAGE VOLUME", Name: name}); err != nil {
		return err
	}
	return rows(callback, []string{"Name", "Type", "IsDefault", "Location", "Params", "Enabled", "Comment"}, [][]any{{name, "S3", true, "s3://sandbox/data",
		`{"aws.s3.access_key":"******","aws.s3.secret_key":"******","aws.s3.region":"us-east-1"}`, true, ""}})
}
