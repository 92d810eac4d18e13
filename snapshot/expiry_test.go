package snapshot

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimeToLiveGoesByTheCalendar(t *testing.T) {
	t.Parallel()
	from := time.Date(2024, 1, 31, 23, 59, 58, 0, time.UTC)
	for ttl, want := range map[string]string{
		"1 SECOND":   "2024-01-31 23:59:59",
		"2 minutes":  "2024-02-01 00:01:58",
		"12 HOUR":    "2024-02-01 11:59:58",
		"7 DAY":      "2024-02-07 23:59:58",
		" +2 WEEKS ": "2024-02-14 23:59:58",
		"1 MONTH":    "2024-02-29 23:59:58",
		"13 MONTH":   "2025-02-28 23:59:58",
		"1 QUARTER":  "2024-04-30 23:59:58",
		"1 YEAR":     "2025-01-31 23:59:58",
		"7900 YEAR":  "9924-01-31 23:59:58",
	} {
		end, err := Expiry(ttl, from.In(time.FixedZone("", 8*3600)))
		require.NoError(t, err, ttl)
		require.Equal(t, want, end.Format(time.DateTime), ttl)
	}
	for _, ttl := range []string{"", "7", "DAY", "-1 DAY", "0 DAY", "1.5 DAY", "7 FORTNIGHT", "8000 YEAR", "999999999999999999 DAY",
		"999999999999999999 SECOND", "999999999999999999 YEAR", "99999999999999999999 DAY"} {
		_, err := Expiry(ttl, from)
		require.Error(t, err, ttl)
	}
}
