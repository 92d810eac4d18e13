package catalog

import (
	"maps"
	"slices"

	"starkeep/sandbox/dialect"
)

// replacePartitions puts temporary partitions in the place of partitions (fe:catalog/OlapTable.replaceTempPartitions,
// fe:server/LocalMetastore.replaceTempPartition for the texts).
func (t *table) replacePartitions(r dialect.ReplacePartition) error {
	var out, in []*partition
	for _, name := range r.Names {
		p := t.partition(name, false)
		if p == nil {
			return ddl("Partition[%s] does not exist", name)
		}
		out = append(out, p)
	}
	for _, name := range r.Temporary {
		p := t.partition(name, true)
		if p == nil {
			return ddl("Temp partition[%s] does not exist", name)
		}
		in = append(in, p)
	}
	rest := slices.DeleteFunc(slices.Clone(t.partitions), func(p *partition) bool { return slices.Contains(out, p) })
	if err := t.checkReplacement(r.Strict, out, in, rest); err != nil {
		return err
	}
	keepNames := len(in) == len(out) && !r.UseTemporaryName
	for i, p := range in {
		placed := *p
		if keepNames {
			placed.name = out[i].name
		}
		rest = append(rest, &placed)
	}
	if types, err := partitionTypes(t.def); err != nil {
		return err
	} else if out[0].lower != nil {
		slices.SortStableFunc(rest, func(a, b *partition) int { return compareBounds(types, a.lower, b.lower) })
	}
	t.partitions = rest
	t.temporary = slices.DeleteFunc(slices.Clone(t.temporary), func(p *partition) bool { return slices.Contains(in, p) })
	return nil
}

func (t *table) checkReplacement(strict bool, out, in, rest []*partition) error {
	types, err := partitionTypes(t.def)
	if err != nil {
		return err
	}
	if out[0].lower == nil {
		return checkReplacedValues(strict, out, in, rest)
	}
	if strict {
		return checkSameRanges(types, out, in)
	}
	for _, p := range in {
		for _, o := range rest {
			if compareBounds(types, p.lower, o.upper) < 0 && compareBounds(types, o.lower, p.upper) < 0 {
				return ddl("Range: %s conflicts with existing range", rangeText(types, p.lower, p.upper))
			}
		}
	}
	return nil
}

// checkSameRanges compares what two lists of ranges cover: neighbours are joined first.
func checkSameRanges(types []dialect.Type, a, b []*partition) error {
	x, y := union(types, a), union(types, b)
	for i := range min(len(x), len(y)) {
		for side := range 2 {
			if compareBounds(types, x[i][side], y[i][side]) != 0 {
				return ddl("2 range lists are not strictly matched. %s vs. %s", keyText(types, x[i][side]), keyText(types, y[i][side]))
			}
		}
	}
	if len(x) != len(y) {
		return ddl("2 range lists are not strictly matched. %d vs. %d ranges", len(x), len(y))
	}
	return nil
}

func union(types []dialect.Type, list []*partition) (ranges [][2][]dialect.Value) {
	sorted := slices.SortedFunc(slices.Values(list), func(a, b *partition) int { return compareBounds(types, a.lower, b.lower) })
	for _, p := range sorted {
		if n := len(ranges); n > 0 && compareBounds(types, ranges[n-1][1], p.lower) == 0 {
			ranges[n-1][1] = p.upper
			continue
		}
		ranges = append(ranges, [2][]dialect.Value{p.lower, p.upper})
	}
	return ranges
}

func checkReplacedValues(strict bool, out, in, rest []*partition) error {
	if strict && !maps.Equal(valueSet(out), valueSet(in)) {
		return ddl("2 list partitions are not strictly matched, %v vs %v", slices.Sorted(maps.Keys(valueSet(out))), slices.Sorted(maps.Keys(valueSet(in))))
	}
	others := valueSet(rest)
	for v := range valueSet(in) {
		if others[v] {
			return ddl("Range: %s conflicts with existing range", v)
		}
	}
	return nil
}

func valueSet(list []*partition) map[string]bool {
	set := map[string]bool{}
	for _, p := range list {
		for _, tuple := range p.values {
			set[listText([][]dialect.Value{tuple})] = true
		}
	}
	return set
}
