// Package property reads the properties of CREATE REPOSITORY. One setting has many names (StarRocks, Doris and Hadoop each
// have their own), so a backend asks for a setting by all of them; what it did not ask for is an error, never ignored.
package property

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"starkeep/storage"
)

// Set is the properties that a user wrote. Names are compared without regard to case. The first thing wrong is kept until
// Err. Not safe for concurrent use.
type Set struct {
	values map[string]string // lower-case name -> value
	names  map[string]string // lower-case name -> name as written
	known  []string          // names asked for
	spelt  []string          // pairs: first name of a setting, and the other one under which the user wrote it
	wrong  string            // what was found wrong first
}

// Read begins to read properties.
func Read(p map[string]string) *Set {
	s := &Set{values: map[string]string{}, names: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		key := strings.ToLower(strings.TrimSpace(name))
		if other, taken := s.names[key]; taken && s.values[key] != p[name] {
			s.fail("%s and %s are the same property and differ", other, name)
		}
		s.names[key], s.values[key] = name, p[name]
	}
	return s
}

// Text returns the value of a setting by any of its names, or "". Two of its names with different values are an error: it
// would be a guess which one the user means. Values never appear in errors: any may be a secret.
func (s *Set) Text(names ...string) string {
	value, _ := s.Given(names...)
	return value
}

// Given is Text that also tells under which name the user wrote it; by is "" when the setting was not given.
func (s *Set) Given(names ...string) (value, by string) {
	for _, name := range names {
		key := strings.ToLower(name)
		s.known = append(s.known, name)
		written, ok := s.names[key]
		switch {
		case !ok:
		case by == "":
			value, by = s.values[key], written
		case s.values[key] != value:
			s.fail("%s and %s are the same setting and differ; keep one of them", by, written)
		}
		delete(s.names, key)
	}
	if by != "" && by != names[0] {
		s.spelt = append(s.spelt, names[0], by)
	}
	return value, by
}

// Spelling puts the names that the user wrote into a message that has the first name of each setting: what to correct must
// be found in the statement, and a second name for the same setting would be refused.
func (s *Set) Spelling() *strings.Replacer { return strings.NewReplacer(s.spelt...) }

// Bool returns a setting that is true or false, or def when it was not given.
func (s *Set) Bool(def bool, names ...string) bool {
	value, by := s.Given(names...)
	if by == "" {
		return def
	}
	b, err := strconv.ParseBool(strings.ToLower(strings.TrimSpace(value)))
	if err != nil {
		s.fail("%s must be true or false", by)
	}
	return b
}

// Int returns a setting that is a whole number of at least least, or def when it was not given.
func (s *Set) Int(def, least int, names ...string) int {
	value, by := s.Given(names...)
	if by == "" {
		return def
	}
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < least {
		s.fail("%s must be a whole number of at least %d", by, least)
	}
	return n
}

// Milliseconds returns a setting that is a number of milliseconds, or def when it was not given.
func (s *Set) Milliseconds(def time.Duration, names ...string) time.Duration {
	return time.Duration(s.Int(int(def/time.Millisecond), 1, names...)) * time.Millisecond
}

// OneOf returns a setting that is one of a few words, in the spelling of choices, or def when it was not given.
func (s *Set) OneOf(def string, choices []string, names ...string) string {
	value, by := s.Given(names...)
	if by == "" {
		return def
	}
	for _, c := range choices {
		if strings.EqualFold(c, strings.TrimSpace(value)) {
			return c
		}
	}
	s.fail("%s must be one of %s", by, strings.Join(choices, ", "))
	return def
}

// Prefixed takes all properties whose names begin with a prefix, e.g. dfs.; the map has the names in lower case.
func (s *Set) Prefixed(prefix string) map[string]string {
	prefix = strings.ToLower(prefix)
	taken := map[string]string{}
	for key := range s.names {
		if strings.HasPrefix(key, prefix) {
			taken[key] = s.values[key]
			delete(s.names, key)
		}
	}
	return taken
}

// Fail notes that what the user wrote does not fit together; the first failure is kept.
func (s *Set) Fail(format string, args ...any) { s.fail(format, args...) }

// Err returns the first thing that is wrong: storage.ErrConfig. Properties that nobody asked for are wrong: a mistyped
// region would otherwise be silently another region.
func (s *Set) Err(backend string) error {
	if s.wrong != "" {
		return fmt.Errorf("%w: %s", storage.ErrConfig, s.Spelling().Replace(s.wrong))
	}
	if len(s.names) == 0 {
		return nil
	}
	var names []string
	for _, name := range s.names {
		names = append(names, name+s.nearest(name))
	}
	slices.Sort(names)
	return fmt.Errorf("%w: %s does not know the property %s", storage.ErrConfig, backend, strings.Join(names, ", "))
}

func (s *Set) fail(format string, args ...any) {
	if s.wrong == "" {
		s.wrong = fmt.Sprintf(format, args...)
	}
}

// nearest suggests the known name that differs least from a mistyped one.
func (s *Set) nearest(name string) string {
	best, least := "", 1+len(name)/4
	for _, k := range s.known {
		if d := distance(strings.ToLower(name), strings.ToLower(k)); d <= least {
			best, least = k, d-1
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}

// distance is the number of insertions, deletions and replacements between a and b (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
