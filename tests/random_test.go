package tests

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const randomTables = 200 // of one database

// rounds calls round with a name and the seed of the first of randomTables tables. The seed is from STARKEEP_SEED, to repeat what
// failed, and otherwise from the clock. It goes on with the next seeds for the time STARKEEP_SOAK; without it one round is
// enough.
func rounds(t testing.TB, round func(name string, seed uint64)) {
	t.Helper()
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any number will do
	if text := os.Getenv("STARKEEP_SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err)
	}
	var soak time.Duration
	if text := os.Getenv("STARKEEP_SOAK"); text != "" {
		var err error
		soak, err = time.ParseDuration(text)
		require.NoError(t, err)
	}
	for n, until := 0, time.Now().Add(soak); n == 0 || time.Now().Before(until); n++ {
		t.Logf("STARKEEP_SEED=%d", seed)
		round(fmt.Sprintf("random%d", n), seed)
		seed += randomTables
	}
}
