package snapshot

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A reader of an older release has to say that it is too old; one that takes a kind it does not know for nothing would
// restore a database without it.
func TestKindsThatOlderReadersDoNotKnowNeedANewerFormat(t *testing.T) {
	t.Parallel()
	for kind, format := range map[ObjectKind]int{
		View: 2, Trigger: 2, Function: 2, Procedure: 2, Event: 2, Sequence: 2, User: 2, Role: 2, Database: 2,
		MaterializedView: 3, Package: 3, Body: 3, Catalog: 3, ResourceGroup: 3, GlobalFunction: 3, "of tomorrow": 3,
	} {
		require.Equal(t, format, Manifest{Database: "d", Objects: []Object{{Kind: View}, {Kind: kind}}}.NeededFormat(), kind)
	}
	require.Equal(t, 1, Manifest{Database: "d"}.NeededFormat())
}
