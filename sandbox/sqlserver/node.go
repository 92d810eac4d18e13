package sqlserver

import (
	"maps"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
	"starkeep/sandbox/streamload"
)

func (x *session) showNodes(what string, callback mysql.ResultSpoolFn) error {
	if err := x.system("OPERATE", "NODE"); err != nil {
		return err
	}
	n := x.server.node
	now, started := time.Now(), x.server.started
	switch what {
	case "FRONTENDS":
		host, sqlPort := split(x.server.Addr())
		_, httpPort := split(n.HTTP())
		return rows(callback, []string{"Id", "Name", "IP", "EditLogPort", "HttpPort", "QueryPort", "RpcPort", "Role", "ClusterId", "Join", "Alive",
			"ReplayedJournalId", "LastHeartbeat", "IsHelper", "ErrMsg", "StartTime", "Version"}, [][]any{{1, host + "_9010", host, 9010, httpPort, sqlPort,
			9020, "LEADER", n.ClusterID, true, true, 1, now, true, "", started, n.Version}})
	case "BACKENDS":
		host, httpPort := split(n.Backend())
		var cells [][]any
		if !x.server.catalog.SharedData() {
			cells = [][]any{{catalog.BackendID, host, 9050, 9060, httpPort, 8060, started, now, true, false, false, x.tabletCount(),
				"0.000B", "100.000GB", "100.000GB", "0.00 %", "0.00 %", "", n.Version, `{"lastSuccessReportTabletsTime":"N/A"}`, "100.000GB", "0.00 %",
				catalog.Cores, "4.000GB", 0, "0.00 %", "0.0 %", "N/A", "", "OK"}}
		}
		return rows(callback, []string{"BackendId", "IP", "HeartbeatPort", "BePort", "HttpPort", "BrpcPort", "LastStartTime", "LastHeartbeat", "Alive",
			"SystemDecommissioned", "ClusterDecommissioned", "TabletNum", "DataUsedCapacity", "AvailCapacity", "TotalCapacity", "UsedPct", "MaxDiskUsedPct",
			"ErrMsg", "Version", "Status", "DataTotalCapacity", "DataUsedPct", "CpuCores", "MemLimit", "NumRunningQueries", "MemUsedPct", "CpuUsedPct",
			"DataCacheMetrics", "Location", "StatusCode"}, cells)
	}
	return x.showComputeNodes(started, now, callback)
}

func split(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, ""
	}
	return host, port
}

func (x *session) showProcesses(callback mysql.ResultSpoolFn) error {
	x.server.mu.Lock()
	var cells [][]any
	for id, other := range x.server.sessions {
		cells = append(cells, []any{int64(id), other.conn.User, other.conn.RemoteAddr().String(), other.database, "Query"})
	}
	x.server.mu.Unlock()
	return rows(callback, []string{"Id", "User", "Host", "Db", "Command"}, cells)
}

// configuration is the part of the frontend's configuration that clients look at.
func (x *session) configuration() [][]any {
	return [][]any{
		{"label_keep_max_num", "[]", formatInt(int64(x.server.catalog.LabelKeepNum())), "int", true, ""},
		{"label_keep_max_second", "[]", strconv.Itoa(int(streamload.DefaultLabelKeepAge.Seconds())), "int", true, ""},
		{"enable_udf", "[]", strconv.FormatBool(x.server.node.EnableUDF), "boolean", false, ""},
		{"run_mode", "[]", x.runMode(), "String", false, ""},
	}
}

// setConfig knows no configuration that can be changed (fe:common/ConfigBase).
func (x *session) setConfig(s *dialect.SetConfig) error {
	if err := x.system("OPERATE"); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
		return &catalog.Error{Code: 5102, State: "F0000", Text: "Config '" + key + "' does not exist or is not mutable"}
	}
	return nil
}

func (x *session) showConfig(s *dialect.ShowConfig, callback mysql.ResultSpoolFn) error {
	if err := x.system("OPERATE"); err != nil {
		return err
	}
	var cells [][]any
	for _, row := range x.configuration() {
		if like(s.Like, row[0].(string)) {
			cells = append(cells, row)
		}
	}
	return rows(callback, []string{"Key", "AliasNames", "Value", "Type", "IsMutable", "Comment"}, cells)
}
