package snapshot

import (
	"regexp"
	"time"
)

// repositoryName is what StarRocks calls COMMON_NAME (fe:FeNameFormat).
var repositoryName = regexp.MustCompile(`^[a-zA-Z]\w{0,63}$|^_[a-zA-Z0-9]\w{0,62}$`)

// ValidRepositoryName tells whether s can be the name of a repository; it becomes a folder of the location.
func ValidRepositoryName(s string) bool { return repositoryName.MatchString(s) }

// ValidTimestamp tells whether s is a backup timestamp, as FormatTimestamp prints one.
func ValidTimestamp(s string) bool {
	if len(s) != len(TimestampLayout) || s[19] != '-' {
		return false
	}
	t, err := time.Parse(TimestampLayout, s[:19]+"."+s[20:])
	return err == nil && FormatTimestamp(t) == s
}
