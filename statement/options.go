package statement

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// BackupOptions are the properties of BACKUP, typed.
//
// Native: "timeout" (seconds, at least 600), "type" (FULL or INCREMENTAL, any case; INCREMENTAL says nothing here: every
// snapshot is complete and stores only what changed), "ttl" (4.2: a number and a unit such as '7 DAY'; empty: for ever).
//
// Starkeep's own: "compression" (zstd, snappy, gzip, lz4, none), "compression_level" (1 to 22 for zstd, 1 to 9 for gzip
// and lz4), "consistency" (database: fail unless all partitions are of one moment; partition: state what was reached),
// "rounds" (1 to 100 times that partitions which moved are read again), "reuse" (false: do not use data that earlier
// snapshots stored), "users" (true: users, roles and their grants, too, password hashes included), "unsupported" (refuse:
// tables that cannot be carried exactly end the job before it begins; skip: they are left out, and named).
type BackupOptions struct {
	Timeout          time.Duration // 0: not said
	Incremental      bool
	TTL              string // empty: for ever
	Compression      string // empty: not said
	CompressionLevel int    // 0: not said
	Consistency      string // empty: not said
	Rounds           int    // 0: not said
	Reuse            bool   // true unless said otherwise
	Users            bool
	SkipUnsupported  bool
}

// RestoreOptions are the properties of RESTORE, typed: "backup_timestamp" (which one of the label's, needed only if it
// has several), "replication_num", "allow_load" (true or false, any case), "timeout" as in BackupOptions, "meta_version"
// and "starrocks_meta_version" (integers, without effect here). Starkeep's own: "users" (true: users, roles and their
// grants, too, if the snapshot holds them), "refresh" (true: materialized views are refreshed before the job ends), and
// secrets that the snapshot holds masked: "catalog.<name>.<property>", "user.<name>.password".
type RestoreOptions struct {
	Timestamp      string // empty: the label must have exactly one
	ReplicationNum int    // 0: not said
	AllowLoad      bool
	Timeout        time.Duration // 0: not said
	Users          bool
	Refresh        bool
	Secrets        map[string]string // by property; nil: none
}

// Options reads the properties. A statement from Parse has no errors there; others give an *Error.
func (s Backup) Options() (BackupOptions, error) {
	o, bad := readBackupOptions(s.Properties)
	return o, bad.at(s.Position)
}

// Options reads the properties. A statement from Parse has no errors there; others give an *Error.
func (s Restore) Options() (RestoreOptions, error) {
	o, bad := readRestoreOptions(s.Properties)
	return o, bad.at(s.Position)
}

// badProperty is what is wrong with the property at index.
type badProperty struct {
	index         int
	message, hint string
}

func (b *badProperty) at(pos Position) error {
	if b == nil {
		return nil
	}
	return b.error(pos)
}

func (b *badProperty) error(pos Position) *Error {
	return &Error{Position: pos, Kind: Semantic, Message: b.message, Hint: b.hint}
}

func readBackupOptions(list Properties) (BackupOptions, *badProperty) {
	o := BackupOptions{Reuse: true}
	levelAt := -1
	bad := readProperties(list, "backup", func(i int, key, value string) (known bool, message, hint string) {
		switch key {
		case "timeout":
			message, hint = readTimeout(&o.Timeout, value)
		case "type":
			o.Incremental = strings.EqualFold(value, "INCREMENTAL")
			if !o.Incremental && !strings.EqualFold(value, "FULL") {
				message, hint = "Invalid backup job type: "+value, "FULL or INCREMENTAL"
			}
		case "ttl":
			o.TTL = value
			message, hint = checkTTL(value)
		case "compression":
			o.Compression = value
			message, hint = oneOf(key, value, compressions)
		case "compression_level":
			levelAt = i
			message, hint = readInt(&o.CompressionLevel, key, value, 1, 22)
		case "consistency":
			o.Consistency = value
			message, hint = oneOf(key, value, []string{"database", "partition"})
		case "rounds":
			message, hint = readInt(&o.Rounds, key, value, 1, 100)
		case "reuse":
			o.Reuse = value == "true"
			message, hint = oneOf(key, value, []string{"true", "false"})
		case "users":
			o.Users = value == "true"
			message, hint = oneOf(key, value, []string{"true", "false"})
		case "unsupported":
			o.SkipUnsupported = value == "skip"
			message, hint = oneOf(key, value, []string{"refuse", "skip"})
		default:
			return false, "", ""
		}
		return true, message, hint
	})
	if bad == nil && levelAt >= 0 {
		if most := highestLevel(o.Compression); o.CompressionLevel > most {
			bad = &badProperty{levelAt, fmt.Sprintf("Invalid compression_level: %d", o.CompressionLevel), fmt.Sprintf("%s has levels up to %d", o.Compression, most)}
			if most == 0 {
				bad.hint = o.Compression + " has no levels"
			}
		}
	}
	return o, bad
}

var compressions = []string{"zstd", "snappy", "gzip", "lz4", "none"}

func highestLevel(compression string) int {
	switch compression {
	case "", "zstd":
		return 22
	case "gzip", "lz4":
		return 9
	default:
		return 0
	}
}

// timestampForm is yyyy-MM-dd-HH-mm-ss with the milliseconds that newer versions add. The timestamp is a part of a path.
var timestampForm = regexp.MustCompile(`^[0-9]{4}(-[0-9]{2}){5}(-[0-9]{3})?$`)

const timestampHint = "the form is yyyy-MM-dd-HH-mm-ss-SSS, see SHOW SNAPSHOT"

func readRestoreOptions(list Properties) (RestoreOptions, *badProperty) {
	var o RestoreOptions
	bad := readProperties(list, "restore", func(_ int, key, value string) (known bool, message, hint string) {
		switch key {
		case "timeout":
			message, hint = readTimeout(&o.Timeout, value)
		case "backup_timestamp":
			o.Timestamp = value
			if !timestampForm.MatchString(value) {
				message, hint = "Invalid backup_timestamp: "+value, timestampHint
			}
		case "allow_load":
			o.AllowLoad = strings.EqualFold(value, "true")
			if !o.AllowLoad && !strings.EqualFold(value, "false") {
				message, hint = "Invalid allow load value: "+value, "true or false"
			}
		case "replication_num":
			if message, hint = checkVersion(value); message == "" {
				message, hint = readInt(&o.ReplicationNum, key, value, 1, math.MaxInt16)
			}
		case "users":
			o.Users = value == "true"
			message, hint = oneOf(key, value, []string{"true", "false"})
		case "refresh":
			o.Refresh = value == "true"
			message, hint = oneOf(key, value, []string{"true", "false"})
		case "meta_version", "starrocks_meta_version":
			message, hint = checkVersion(value)
		default:
			if !secretForm.MatchString(key) {
				return false, "", ""
			}
			if o.Secrets == nil {
				o.Secrets = map[string]string{}
			}
			o.Secrets[key] = value
		}
		return true, message, hint
	})
	return o, bad
}

// secretForm is the keys under which a RESTORE supplies what a snapshot holds masked. Names may contain dots: which part
// is the name is known only where the snapshot is.
var secretForm = regexp.MustCompile(`(?s)^(?:catalog\..+\..+|user\..+\.password)$`)

// readProperties gives each property to read, and the first fault back. Unknown keys come last and together, as in
// fe: BackupRestoreAnalyzer.
func readProperties(list Properties, job string, read func(i int, key, value string) (known bool, message, hint string)) *badProperty {
	var unknown []string
	firstUnknown := 0
	for i, x := range list {
		known, message, hint := read(i, x.Key, x.Value)
		if message != "" {
			return &badProperty{i, message, hint}
		}
		if !known && !slices.Contains(unknown, x.Key) {
			if unknown == nil {
				firstUnknown = i
			}
			unknown = append(unknown, x.Key)
		}
	}
	if unknown == nil {
		return nil
	}
	bad := &badProperty{index: firstUnknown, message: fmt.Sprintf("Unknown %s job properties: [%s]", job, strings.Join(unknown, ", "))}
	if job == "restore" && (strings.HasPrefix(unknown[0], "catalog.") || strings.HasPrefix(unknown[0], "user.")) {
		bad.hint = "the forms are catalog.<name>.<property> and user.<name>.password"
	} else if k := nearest(unknown[0], propertyKeys[job]); k != "" {
		bad.hint = "did you mean " + k + "?"
	} else if lower := strings.ToLower(unknown[0]); lower != unknown[0] && slices.Contains(propertyKeys[job], lower) {
		bad.hint = "keys are case-sensitive: " + lower
	}
	return bad
}

// propertyKeys are offered to who mistypes one.
var propertyKeys = map[string][]string{
	"backup":  {"timeout", "type", "ttl", "compression", "compression_level", "consistency", "rounds", "reuse", "users", "unsupported"},
	"restore": {"backup_timestamp", "replication_num", "timeout", "allow_load", "meta_version", "starrocks_meta_version", "users", "refresh"},
}

const (
	minTimeout = 10 * time.Minute // fe: BackupRestoreAnalyzer.MIN_TIMEOUT_MS
	maxTimeout = 3650 * 24 * time.Hour
)

func readTimeout(to *time.Duration, value string) (message, hint string) {
	seconds, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil:
		return "Invalid timeout format: " + value, "a number of seconds"
	case seconds < int64(minTimeout/time.Second):
		return "timeout must be at least 10 min", "a number of seconds, at least 600"
	case seconds > int64(maxTimeout/time.Second):
		return "timeout must be at most 3650 days", "a number of seconds"
	}
	*to = time.Duration(seconds) * time.Second
	return "", ""
}

// checkVersion imitates fe: BackupRestoreAnalyzer.parseInt, which says "meta version" of a replication_num too.
func checkVersion(value string) (message, hint string) {
	if _, err := strconv.ParseInt(value, 10, 32); err != nil {
		return "Invalid meta version format: " + value, "an integer"
	}
	return "", ""
}

func readInt(to *int, key, value string, low, high int) (message, hint string) {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return fmt.Sprintf("Invalid %s: %s", key, value), fmt.Sprintf("an integer from %d to %d", low, high)
	}
	*to = n
	return "", ""
}

func oneOf(key, value string, allowed []string) (message, hint string) {
	if slices.Contains(allowed, value) {
		return "", ""
	}
	return fmt.Sprintf("Invalid %s: %s", key, value), strings.Join(allowed, ", ")
}

// ttlForm is a number and a unit. The units are those of intervals; the reference (4.2, fe: SnapshotTtl) shows DAY, HOUR
// and MONTH.
var ttlForm = regexp.MustCompile(`(?i)^([+-]?[0-9]+) +(SECOND|MINUTE|HOUR|DAY|WEEK|MONTH|QUARTER|YEAR)S?$`)

// longestTTL is a hundred years, about: what is to be kept longer is kept for ever.
var longestTTL = map[string]int64{"SECOND": 3e9, "MINUTE": 5e7, "HOUR": 9e5, "DAY": 36500, "WEEK": 5200, "MONTH": 1200, "QUARTER": 400, "YEAR": 100}

func checkTTL(value string) (message, hint string) {
	if value == "" {
		return "", ""
	}
	m := ttlForm.FindStringSubmatch(strings.TrimSpace(value))
	if m == nil {
		return fmt.Sprintf("Invalid ttl: '%s'. Expected a duration such as '7 DAY' or '12 HOUR', or an empty value to keep the snapshot forever", value), ""
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err == nil && n <= 0 {
		return "ttl must be a positive duration, but got: " + value, ""
	}
	if unit := strings.ToUpper(m[2]); err != nil || n > longestTTL[unit] {
		return "Invalid ttl: '" + value + "'", fmt.Sprintf("at most %d %s", longestTTL[unit], unit)
	}
	return "", ""
}
