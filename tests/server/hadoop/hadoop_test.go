package hadoop_test

import (
	"os"
	"testing"

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
	data, err := s.Client(t, "somebody").ReadFile(folder + "/file")
	require.NoError(t, err)
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
