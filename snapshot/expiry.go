package snapshot

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ttlForm is a number and a unit, as BACKUP takes them (fe:backup/SnapshotTtl, 4.2).
var ttlForm = regexp.MustCompile(`(?i)^ *\+?([0-9]{1,18}) +(SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR)S? *$`)

// lastYear that a manifest can state: times in JSON have four digits of it.
const lastYear = 9999

// Expiry returns when a snapshot that is kept for ttl, such as "7 DAY", from a moment on is no longer kept. Days and longer
// units go by the calendar in UTC: a month ends on the same day of the next one, or on its last.
func Expiry(ttl string, from time.Time) (time.Time, error) {
	m := ttlForm.FindStringSubmatch(ttl)
	if m == nil {
		return time.Time{}, fmt.Errorf("read ttl %.40q: use a number and a unit, such as 7 DAY", ttl)
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // the form has digits that fit
	end, ok := later(from.UTC(), n, strings.ToUpper(m[2]))
	if n == 0 || !ok || end.Year() > lastYear {
		return time.Time{}, fmt.Errorf("read ttl %.40q: it has to be longer than nothing, and to end before the year %d is over", ttl, lastYear)
	}
	return end, nil
}

func later(from time.Time, n int64, unit string) (time.Time, bool) {
	clock := map[string]time.Duration{"SECOND": time.Second, "MINUTE": time.Minute, "HOUR": time.Hour}
	if d := clock[unit]; d != 0 {
		const longest = 290 * 365 * 24 * time.Hour // of a Duration, about
		return from.Add(time.Duration(n) * d), n <= int64(longest/d)
	}
	days := map[string]int64{"DAY": 1, "WEEK": 7}
	if d := days[unit]; d != 0 {
		return from.AddDate(0, 0, int(n*d)), n <= lastYear*366/d
	}
	months := map[string]int64{"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit]
	if n > lastYear*12/months {
		return from, false
	}
	end := from.AddDate(0, int(n*months), 0)
	if end.Day() != from.Day() { // the month has no such day, and the date ran over into the next one
		end = end.AddDate(0, 0, -end.Day())
	}
	return end, true
}
