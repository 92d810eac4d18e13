package catalog

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"starkeep/sandbox/dialect"
)

// SchedulePartitions does what the server does by itself every ten minutes (FE dynamic_partition_check_interval_seconds): it adds
// and drops the partitions of dynamic tables, and drops those that partition_live_number and partition_ttl do not keep.
// A restored old partition is as old as it was, so it goes at once.
func (c *Catalog) SchedulePartitions(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.databases {
		for _, t := range d.tables {
			if t.mv == nil {
				c.scheduleDynamic(t, now)
				t.expire(now)
			}
		}
	}
}

// dynamic is the schedule of a dynamic partition table, from its properties.
type dynamic struct {
	unit          string
	start, end    int
	history       int
	prefix        string
	buckets       int
	zone          *time.Location
	weekday, date int // first day of a week (1: Monday) and of a month
}

func dynamicOf(p map[string]string) (s dynamic, enabled bool) {
	property := func(name string) string { return p["dynamic_partition."+name] }
	number := func(name string, missing int) int {
		if n, err := strconv.Atoi(property(name)); err == nil {
			return n
		}
		return missing
	}
	s = dynamic{unit: strings.ToUpper(property("time_unit")), start: number("start", math.MinInt32), end: number("end", 0), history: number("history_partition_num", 0),
		prefix: cmp.Or(property("prefix"), "p"), buckets: number("buckets", 0), weekday: number("start_day_of_week", 1), date: number("start_day_of_month", 1)}
	var err error
	if s.zone, err = time.LoadLocation(property("time_zone")); err != nil {
		s.zone = time.UTC
	}
	return s, dynamicPartition(p) && strings.EqualFold(cmp.Or(property("enable"), "true"), "true") && s.unit != ""
}

// border is where the partition begins that is offset units away from the one of now, and the name of that partition
// (fe:common/util/DynamicPartitionUtil.getPartitionRangeString, getFormattedPartitionName).
func (s dynamic) border(now time.Time, offset int) (at time.Time, name string) {
	year, month, day := now.In(s.zone).Date()
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	switch s.unit {
	case "HOUR":
		at = midnight.Add(time.Duration(now.In(s.zone).Hour()+offset) * time.Hour)
		return at, at.Format("2006010215")
	case "WEEK":
		back := (int(midnight.Weekday()) - s.weekday%7 + 7) % 7
		at = midnight.AddDate(0, 0, 7*offset-back)
		year, week := at.ISOWeek()
		return at, fmt.Sprintf("%04d_%02d", year, week)
	case "MONTH":
		if day < s.date {
			offset--
		}
		at = time.Date(year, month+time.Month(offset), s.date, 0, 0, 0, 0, time.UTC)
		return at, at.Format("200601")
	case "YEAR":
		at = time.Date(year+offset, 1, 1, 0, 0, 0, 0, time.UTC)
		return at, at.Format("2006")
	}
	at = midnight.AddDate(0, 0, offset)
	return at, at.Format("20060102")
}

// scheduleDynamic adds the partitions from today to the end of the schedule, and drops those before its start
// (fe:clone/DynamicPartitionScheduler). It runs when a table is made, too (fe:catalog/OlapTable.onCreate).
func (c *Catalog) scheduleDynamic(t *table, now time.Time) {
	s, enabled := dynamicOf(t.def.Properties)
	types, err := partitionTypes(t.def)
	if !enabled || err != nil || t.def.Partition.Kind != dialect.Range || len(types) != 1 || !types[0].Temporal() || t.busy() != nil {
		return
	}
	layout := layoutOf(types[0])
	first := 0
	if s.history > 0 {
		first = max(-s.history, s.start)
	}
	for offset := first; offset <= s.end; offset++ {
		lower, name := s.border(now, offset)
		upper, _ := s.border(now, offset+1)
		// One that is there, or that overlaps with others, is left out (recordCreatePartitionFailedMsg).
		_ = c.addPartition(t, dialect.PartitionSpec{Name: s.prefix + name, Lower: []dialect.Value{{Text: lower.Format(layout)}},
			Upper: []dialect.Value{{Text: upper.Format(layout)}}}, false, nil, s.buckets)
	}
	if s.start == math.MinInt32 {
		return
	}
	border, _ := s.border(now, s.start)
	kept := []dialect.Value{{Text: border.Format(layout)}}
	t.partitions = slices.DeleteFunc(slices.Clone(t.partitions), func(p *partition) bool { return compareBounds(types, p.upper, kept) <= 0 })
}

// expire drops what the properties partition_ttl or partition_live_number do not keep (fe:clone/PartitionTTLScheduler).
func (t *table) expire(now time.Time) {
	types, err := partitionTypes(t.def)
	kind := t.def.Partition.Kind
	if err != nil || kind != dialect.Range && kind != dialect.RangeExpression || len(types) != 1 || !types[0].Temporal() {
		return
	}
	moment := func(at time.Time) []dialect.Value {
		return []dialect.Value{{Text: at.In(time.Local).Format(layoutOf(types[0]))}}
	}
	var gone []*partition
	if ttl, ok := duration(t.def.Properties["partition_ttl"], now); ok {
		for _, p := range t.partitions {
			if compareBounds(types, p.upper, moment(ttl)) <= 0 {
				gone = append(gone, p)
			}
		}
	} else if n, err := strconv.Atoi(t.def.Properties["partition_live_number"]); err == nil && n > 0 {
		var begun []*partition
		for _, p := range t.partitions {
			if compareBounds(types, p.lower, moment(now)) <= 0 {
				begun = append(begun, p)
			}
		}
		slices.SortFunc(begun, func(a, b *partition) int { return compareBounds(types, a.upper, b.upper) })
		gone = begun[:max(len(begun)-n, 0)]
	}
	t.partitions = slices.DeleteFunc(slices.Clone(t.partitions), func(p *partition) bool { return slices.Contains(gone, p) })
}

// duration reads "3 MONTH", "7 days" and returns that long before now.
func duration(text string, now time.Time) (time.Time, bool) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return now, false
	}
	n, err := strconv.Atoi(fields[0])
	if err != nil || n <= 0 {
		return now, false
	}
	switch strings.TrimSuffix(strings.ToUpper(fields[1]), "S") {
	case "HOUR":
		return now.Add(-time.Duration(n) * time.Hour), true
	case "DAY":
		return now.AddDate(0, 0, -n), true
	case "WEEK":
		return now.AddDate(0, 0, -7*n), true
	case "MONTH":
		return now.AddDate(0, -n, 0), true
	case "YEAR":
		return now.AddDate(-n, 0, 0), true
	}
	return now, false
}
