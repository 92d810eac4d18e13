package starrocks

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"starkeep/cluster/wire"
	"starkeep/snapshot"
)

// A cluster drops old partitions by itself: by dynamic partitioning, which also adds new ones, and by a time to live
// (fe:DynamicPartitionScheduler, fe:PartitionTTLScheduler). Both rest while a table is built. They go on when it is published,
// where they would drop none of what was restored; else they stay off, and a note says how to switch them on.

// expiring are the properties by which partitions are dropped; the first of these that is set counts (fe:PartitionTTLScheduler
// getExpiredPartitionNames).
var expiring = []string{"partition_retention_condition", "partition_ttl", "partition_live_number", "partition_ttl_number"}

// grace is how much later than now partitions are judged: a restore takes time, and the cluster's clock has a zone of its own.
const grace = 24 * time.Hour

// resting returns the properties of the table that rest while it is built: the values to put back.
func (d *definition) resting() []property {
	var list []property
	if p, ok := d.property(dynamicPartition); ok && !strings.EqualFold(p.value, "false") {
		list = append(list, p)
	}
	for _, key := range expiring {
		if p, ok := d.property(key); ok && p.value != "" && p.value != "-1" {
			list = append(list, p)
		}
	}
	return list
}

// rested are the properties of the table while it is built.
func (d *definition) rested(list []property) []property {
	var out []property
	for _, p := range list {
		switch {
		case strings.EqualFold(p.key, dynamicPartition):
			out = append(out, property{p.key, "false"})
		case !slices.Contains(expiring, strings.ToLower(p.key)):
			out = append(out, p)
		}
	}
	return out
}

// awake divides the resting properties into those that can be put back when these partitions are published, and notes on the
// others.
func (d *definition) awake(partitions []snapshot.Partition, now time.Time) (back map[string]string, notes []string) {
	for _, p := range d.resting() {
		lost, known := d.eaten(p, partitions, now.Add(grace))
		if known && len(lost) == 0 {
			if back == nil {
				back = map[string]string{}
			}
			back[p.key] = p.value
			continue
		}
		why := "nobody can tell whether it would drop restored partitions"
		if known {
			why = "it would drop restored partitions: " + strings.Join(lost[:min(3, len(lost))], ", ")
			if len(lost) > 3 {
				why += fmt.Sprintf(" and %d more", len(lost)-3)
			}
		}
		notes = append(notes, fmt.Sprintf("%s = %s is switched off, since %s; ALTER TABLE … SET (%s = %s) switches it on",
			p.key, p.value, why, wire.DoubleQuoted(p.key), wire.DoubleQuoted(p.value)))
	}
	return back, notes
}

// eaten names the partitions that a property would drop, as far as that can be known.
func (d *definition) eaten(p property, partitions []snapshot.Partition, now time.Time) (names []string, known bool) {
	if len(partitions) == 0 {
		return nil, true
	}
	border := time.Time{}
	switch strings.ToLower(p.key) {
	case dynamicPartition:
		start, ok := d.property("dynamic_partition.start")
		if !ok || start.value == "-2147483648" { // the default: nothing is dropped
			return nil, true
		}
		if border, ok = d.dynamicBorder(start.value, now); !ok {
			return nil, false
		}
	case "partition_ttl":
		var ok bool
		if border, ok = earlier(p.value, now); !ok {
			return nil, false
		}
	case "partition_live_number", "partition_ttl_number":
		return beyond(p.value, partitions, now)
	default:
		return nil, false
	}
	for _, x := range partitions {
		_, upper, ok := bounds(x.Values)
		at, isTime := moment(upper)
		if !ok || upper != "" && !isTime {
			return nil, false
		}
		if upper != "" && !at.After(border) {
			names = append(names, x.Name)
		}
	}
	return names, true
}

// dynamicBorder is the begin of the oldest unit that is kept (fe:DynamicPartitionUtil.getPartitionRangeString).
func (d *definition) dynamicBorder(start string, now time.Time) (time.Time, bool) {
	n, err := strconv.Atoi(start)
	unit, ok := d.property("dynamic_partition.time_unit")
	if err != nil || !ok {
		return now, false
	}
	y, m, day := now.Date()
	switch strings.ToUpper(unit.value) {
	case "HOUR":
		return now.Truncate(time.Hour).Add(time.Duration(n) * time.Hour), true
	case "DAY":
		return time.Date(y, m, day+n, 0, 0, 0, 0, time.UTC), true
	case "WEEK":
		first := d.number("dynamic_partition.start_day_of_week", 1)
		back := (int(now.Weekday()) - first + 7) % 7
		return time.Date(y, m, day+7*n-back, 0, 0, 0, 0, time.UTC), true
	case "MONTH":
		first := d.number("dynamic_partition.start_day_of_month", 1)
		if day < first {
			n--
		}
		return time.Date(y, m+time.Month(n), first, 0, 0, 0, 0, time.UTC), true
	case "YEAR":
		return time.Date(y+n, 1, 1, 0, 0, 0, 0, time.UTC), true
	}
	return now, false
}

func (d *definition) number(key string, otherwise int) int {
	p, _ := d.property(key)
	if n, err := strconv.Atoi(p.value); err == nil {
		return n
	}
	return otherwise
}

var durationForm = regexp.MustCompile(`(?i)^\s*(\d+)\s*(hour|day|week|month|year)s?\s*$`)

// earlier is now less a time to live such as 7 DAY.
func earlier(text string, now time.Time) (time.Time, bool) {
	match := durationForm.FindStringSubmatch(text)
	if match == nil {
		return now, false
	}
	n, err := strconv.Atoi(match[1])
	switch strings.ToLower(match[2]) {
	case "hour":
		return now.Add(-time.Duration(n) * time.Hour), err == nil
	case "day":
		return now.AddDate(0, 0, -n), err == nil
	case "week":
		return now.AddDate(0, 0, -7*n), err == nil
	case "month":
		return now.AddDate(0, -n, 0), err == nil
	}
	return now.AddDate(-n, 0, 0), err == nil
}

// beyond names the oldest partitions when there are more than a number of those that have begun; of numbers all have
// (fe:PartitionTTLScheduler.buildDropPartitionClauseByTTLNumber).
func beyond(number string, partitions []snapshot.Partition, now time.Time) ([]string, bool) {
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, false
	}
	type begun struct {
		name  string
		until time.Time
	}
	var list []begun
	for _, x := range partitions {
		lower, upper, ok := bounds(x.Values)
		from, isTime := moment(lower)
		if !ok || lower != "" && !isTime {
			return nil, len(partitions) <= n
		}
		if !from.After(now) {
			until, _ := moment(upper)
			list = append(list, begun{x.Name, until})
		}
	}
	slices.SortStableFunc(list, func(a, b begun) int { return cmp.Compare(a.until.Unix(), b.until.Unix()) })
	var names []string
	for _, x := range list[:max(0, len(list)-n)] {
		names = append(names, x.name)
	}
	return names, true
}

// bounds returns the two ends of a range of one column, "" for MAXVALUE.
func bounds(values string) (lower, upper string, ok bool) {
	tokens, err := tokenize(values)
	if err != nil || !strings.HasPrefix(values, "VALUES [") {
		return "", "", false
	}
	var ends []string
	for i, t := range tokens {
		if t.sign(")") && i > 0 && tokens[i-1].sign(")") {
			break // the range ends; properties may follow
		}
		if t.kind == textToken {
			ends = append(ends, t.text)
		} else if t.is("MAXVALUE") {
			ends = append(ends, "")
		}
	}
	if len(ends) != 2 {
		return "", "", false
	}
	return ends[0], ends[1], true
}

// moment reads the bound of a partition by time: a date, a datetime, or a number such as 20240131.
func moment(text string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05", "20060102", "2006010215", "200601"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
