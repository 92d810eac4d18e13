package sqlserver

import (
	"maps"
	"slices"
	"strings"

	"github.com/dolthub/vitess/go/mysql"

	"starkeep/sandbox/catalog"
	"starkeep/sandbox/dialect"
)

// defaultVariables are those that clients ask for or set: of MySQL's, what drivers and tools read at connect; of
// StarRocks' own, those of docs System_variable that matter to big reads and loads.
func defaultVariables(version string) map[string]string {
	return map[string]string{
		"version": "8.0.33", "version_comment": "StarRocks version " + version, "license": "Apache License 2.0",
		"autocommit": "1", "auto_increment_increment": "1", "character_set_client": "utf8", "character_set_connection": "utf8",
		"character_set_database": "utf8", "character_set_results": "utf8", "character_set_server": "utf8", "collation_connection": "utf8_general_ci",
		"collation_database": "utf8_general_ci", "collation_server": "utf8_general_ci", "init_connect": "", "interactive_timeout": "3600",
		"language": "/starrocks/share/english/", "lower_case_table_names": "0", "max_allowed_packet": "33554432", "net_buffer_length": "16384",
		"net_read_timeout": "60", "net_write_timeout": "60", "performance_schema": "0", "query_cache_size": "1048576", "query_cache_type": "0",
		"sql_auto_is_null": "0", "sql_mode": "ONLY_FULL_GROUP_BY", "sql_safe_updates": "0", "sql_select_limit": "9223372036854775807",
		"storage_engine": "olap", "system_time_zone": "UTC", "time_zone": "Etc/UTC", "transaction_isolation": "REPEATABLE-READ",
		"transaction_read_only": "0", "tx_isolation": "REPEATABLE-READ", "tx_read_only": "0", "wait_timeout": "28800", "names": "utf8",

		"activate_all_roles_on_login": "0", "binary_encoding_format": "hex", "binary_encoding_level": "nested", "catalog": "default_catalog",
		"dynamic_overwrite": "0", "enable_insert_strict": "1", "enable_materialized_view_rewrite": "1", "enable_profile": "0", "enable_spill": "0",
		"enable_sync_materialized_view_rewrite": "1", "exec_mem_limit": "2147483648", "group_concat_max_len": "65535",
		"insert_max_filter_ratio": "0", "insert_timeout": "14400", "parallel_fragment_exec_instance_num": "1", "pipeline_dop": "0",
		"query_mem_limit": "0", "query_timeout": "300", "resource_group": "", "spill_mode": "auto",
	}
}

func unknownVariable(name string) error {
	return &catalog.Error{Code: 1193, State: "HY000", Text: "Unknown system variable '" + name + "', the most similar variables are {}"}
}

// setVariables changes variables; a user variable (@x) is taken and forgotten.
func (x *session) setVariables(s *dialect.SetVariables) error {
	for _, a := range s.Assignments {
		if _, known := x.variables[a.Name]; !known && !strings.HasPrefix(a.Name, "@") {
			return unknownVariable(a.Name)
		}
	}
	for _, a := range s.Assignments {
		v := a.Value
		switch strings.ToUpper(v) {
		case "TRUE", "ON":
			v = "1"
		case "FALSE", "OFF":
			v = "0"
		case "DEFAULT":
			v = defaultVariables(x.server.node.Version)[a.Name]
		}
		x.variables[a.Name] = v
		if a.Global {
			x.server.setGlobal(a.Name, v)
		}
	}
	return nil
}

func (s *Server) setGlobal(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.globals[name] = value
}

func (x *session) selectVariables(s *dialect.SelectVariables, callback mysql.ResultSpoolFn) error {
	var headings []string
	row := make([]any, len(s.Items))
	for i, item := range s.Items {
		v, known := x.variables[item.Name]
		if !known {
			return unknownVariable(item.Name)
		}
		headings, row[i] = append(headings, item.Heading), v
	}
	return rows(callback, headings, [][]any{row})
}

func (x *session) showVariables(s *dialect.Show, callback mysql.ResultSpoolFn) error {
	var cells [][]any
	for _, name := range slices.Sorted(maps.Keys(x.variables)) {
		wanted := s.Where["variable_name"]
		if like(s.Like, name) && (wanted == "" || like(wanted, name)) {
			cells = append(cells, []any{name, x.variables[name]})
		}
	}
	return rows(callback, []string{"Variable_name", "Value"}, cells)
}

// like matches a pattern of SQL without regard to case; an empty pattern matches all.
func like(pattern, s string) bool {
	if pattern == "" {
		return true
	}
	return likeBytes(strings.ToLower(pattern), strings.ToLower(s))
}

func likeBytes(pattern, s string) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '%':
			for i := 0; i <= len(s); i++ {
				if likeBytes(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case s == "":
			return false
		case pattern[0] == '\\' && len(pattern) > 1:
			if pattern[1] != s[0] {
				return false
			}
			pattern = pattern[1:]
		case pattern[0] != '_' && pattern[0] != s[0]:
			return false
		}
		pattern, s = pattern[1:], s[1:]
	}
	return s == ""
}
