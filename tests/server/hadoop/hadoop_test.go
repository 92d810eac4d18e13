package hadoop_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/tests/server/hadoop"
)

func TestFilesSurviveKilledNodes(t *testing.T) {
	s := hadoop.Start(t, hadoop.Options{})
	folder := s.Folder(t, "somebody")
	s.Put(t, "somebody", folder+"/file", []byte("content"))
	_, err := s.Client(t, "other").ReadDir(folder)
	require.ErrorIs(t, err, os.ErrPermission)

	s.KillNameNode(t, 0)
	s.KillDataNode(t, 0)
	s.RunNameNode(t, 0)
	s.RunDataNode(t, 0)
	var data []byte
	require.Eventually(t, func() bool { // a name node knows where blocks are when the data nodes have told it again
		data, err = s.Client(t, "somebody").ReadFile(folder + "/file")
		return err == nil
	}, 2*time.Minute, 100*time.Millisecond, "read again")
	require.Equal(t, "content", string(data))
}

func TestPairChangesItsActiveNode(t *testing.T) {
	s := hadoop.Start(t, hadoop.Options{HA: true})
	folder := s.Folder(t, "somebody")
	s.KillNameNode(t, 0)
	s.Activate(t, 1)
	_, err := s.Client(t, "somebody").ReadDir(folder)
	require.NoError(t, err)
}
