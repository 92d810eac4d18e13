package starrocks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"starkeep/cluster"
	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// rangeValues turns the text of a range into the clause that creates it. The text is what
// fe:PartitionsProcDir.findRangeOrListValues prints, a Guava Range of fe:PartitionKey.toString:
//
//	[types: [DATE]; keys: [2020-03-25]; ‥types: [DATE]; keys: [2020-03-26]; )
//
// The two ends are parted by U+2025 in older versions of Guava and by two dots in newer ones. Keys are printed without
// quotes and joined by comma and space; MAXVALUE stands for itself, and the lowest value of a type for no lower bound.
func rangeValues(text string) (string, error) {
	bad := fmt.Errorf("read partition range %q: %w", text, cluster.ErrUnsupported)
	body, ok := strings.CutPrefix(text, "[types: [")
	if !ok {
		return "", bad
	}
	if body, ok = strings.CutSuffix(body, "]; )"); !ok {
		return "", bad
	}
	low, high, ok := strings.Cut(body, "]; ‥types: [")
	if !ok {
		low, high, ok = strings.Cut(body, "]; ..types: [")
	}
	if !ok {
		return "", bad
	}
	var ends [2]string
	for i, end := range []string{low, high} {
		types, keys, ok := strings.Cut(end, "]; keys: [")
		if !ok {
			return "", bad
		}
		values := strings.Split(keys, ", ")
		if len(values) != len(strings.Split(types, ", ")) {
			return "", bad // a text key with a comma in it: there is no telling the keys apart
		}
		for j, v := range values {
			if v != "MAXVALUE" {
				values[j] = wire.DoubleQuoted(v)
			}
		}
		ends[i] = "(" + strings.Join(values, ", ") + ")"
	}
	return "VALUES [" + ends[0] + ", " + ends[1] + ")", nil
}

// listValues turns the text of list values, JSON of one list per value (fe:ListPartitionInfo.getValuesFormat), into the
// clause that creates them. NULL is printed there like the text "NULL" (fe:NullLiteral.getStringValue), in the DDL too: in
// a column that may be NULL it is taken for NULL. Where that is wrong, rows with the text find no partition, and the load
// of a restore fails instead of losing them.
func listValues(text string, nullable []bool) (string, error) {
	bad := fmt.Errorf("read partition values %q: %w", text, cluster.ErrUnsupported)
	var items [][]string
	if err := json.Unmarshal([]byte(text), &items); err != nil || len(items) == 0 {
		return "", bad
	}
	clauses := make([]string, len(items))
	for i, item := range items {
		if len(item) == 0 || len(item) != len(items[0]) {
			return "", bad
		}
		values := make([]string, len(item))
		for j, v := range item {
			values[j] = wire.DoubleQuoted(v)
			if v == "NULL" && (j >= len(nullable) || nullable[j]) {
				values[j] = "NULL"
			}
		}
		clauses[i] = strings.Join(values, ", ")
		if len(item) > 1 {
			clauses[i] = "(" + clauses[i] + ")"
		}
	}
	return "VALUES IN (" + strings.Join(clauses, ", ") + ")", nil
}

// ownProperties begins the properties of a partition behind its values. It cannot stand within a value, where quotes are escaped.
const ownProperties = ` ("` + replicationNum + `" = `

// withoutProperties returns the partitions as those of another cluster: their own numbers of replicas and media are left out.
func withoutProperties(partitions []snapshot.Partition) []snapshot.Partition {
	out := slices.Clone(partitions)
	for i := range out {
		out[i].Values, _, _ = strings.Cut(out[i].Values, ownProperties)
	}
	return out
}

// partitionList prints the list of partitions of a CREATE TABLE.
func partitionList(partitions []snapshot.Partition) (string, error) {
	lines := make([]string, len(partitions))
	for i, p := range partitions {
		name, err := identifier(p.Name)
		if err != nil {
			return "", err
		}
		lines[i] = "PARTITION " + name + " " + p.Values
	}
	return "(" + strings.Join(lines, ",\n") + ")", nil
}

// nameList prints names in back quotes, parted by commas.
func nameList(names []string) (string, error) {
	quoted := make([]string, len(names))
	for i, n := range names {
		q, err := identifier(n)
		if err != nil {
			return "", err
		}
		quoted[i] = q
	}
	return strings.Join(quoted, ", "), nil
}
