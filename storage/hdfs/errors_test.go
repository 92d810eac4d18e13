package hdfs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/hdfs"
)

// refusal is what a name node answers.
type refusal struct{ class, message string }

func (r refusal) Error() string     { return r.message }
func (r refusal) Method() string    { return "addBlock" }
func (r refusal) Desc() string      { return "ERROR_APPLICATION" }
func (r refusal) Exception() string { return r.class }
func (r refusal) Message() string   { return r.message }

// The words are those of BlockManager.chooseTarget4NewBlock; the path in front of them has as many characters as its user likes.
func TestFullDataNodesAreToldFromDeadOnesBehindALongPath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/r/k", "/" + strings.Repeat("long/", 60) + "k"} {
		refused := func(nodes string) error {
			return hdfs.Fail(refusal{"java.io.IOException", "File " + path + " could only be written to 0 of the 1 minReplication nodes. " + nodes +
				" in this operation.\n\tat org.apache.hadoop.hdfs.server.blockmanagement.BlockManager"})
		}
		full := refused("There are 1 datanode(s) running and no node(s) are excluded")
		require.ErrorIs(t, full, storage.ErrNoSpace)
		require.ErrorContains(t, full, "free space on the data nodes")
		require.NotContains(t, full.Error(), "\n")
		require.Less(t, len(full.Error()), 500)
		require.ErrorIs(t, refused("There are 0 datanode(s) running and no node(s) are excluded"), storage.ErrUnavailable)
		require.ErrorIs(t, refused("There are 1 datanode(s) running and 1 node(s) are excluded"), storage.ErrUnavailable)
	}
}
