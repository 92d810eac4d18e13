package hdfs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/hdfs"
	"starkeep/tests/server/hadoop"
	"starkeep/tests/server/machine"
)

func TestWrongInputSaysWhatToDo(t *testing.T) {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	nobody := machine.FreeAddress(t)
	s.Put(t, me, root+"/file", nil)

	for name, c := range map[string]struct {
		authority, root string
		create          bool
		properties      map[string]string
		kind            error
		text            string // with NODE and ROOT
	}{
		"dead name node": {nobody, root, true, nil, storage.ErrUnavailable,
			"open hdfs://" + nobody + "ROOT: store unavailable: dial tcp " + nobody + ": connect: connection refused"},
		"unknown host": {"no-such-host.invalid", root, true, nil, storage.ErrConfig,
			"open hdfs://no-such-host.invalidROOT: wrong configuration: the host no-such-host.invalid is not found: correct the location, or set dfs.nameservices, dfs.ha.namenodes.<service> and dfs.namenode.rpc-address.<service>.<node>"},
		"missing folder": {"", root + "/none", false, nil, storage.ErrNoRoot,
			"open hdfs://NODEROOT/none: storage location does not exist: create it, or correct the location"},
		"file for a folder": {"", root + "/file", true, nil, storage.ErrNoRoot,
			"open hdfs://NODEROOT/file: storage location does not exist: it is a file, not a folder"},
		"folder below a file": {"", root + "/file/folder", true, nil, storage.ErrNoRoot,
			"open hdfs://NODEROOT/file/folder: storage location does not exist: a folder above it is a file"},
		"other user": {"", root, true, map[string]string{"username": "stranger"}, storage.ErrDenied,
			`open hdfs://NODEROOT: access denied: Permission denied: user=stranger, access=READ_EXECUTE, inode="ROOT":keeper:test:drwx------; grant the user stranger READ and EXECUTE on ROOT and its folders, and WRITE on the one above to make it (hdfs dfs -chown, or -setfacl)`},
		"folder that may not be made": {"", "/forbidden", true, nil, storage.ErrDenied,
			`open hdfs://NODE/forbidden: access denied: Permission denied: user=keeper, access=WRITE, inode="/":` + s.Superuser + `:supergroup:drwxr-xr-x; grant the user keeper READ and EXECUTE on /forbidden and its folders, and WRITE on the one above to make it (hdfs dfs -chown, or -setfacl)`},
		"unknown property": {"", root, true, map[string]string{"user_name": me}, storage.ErrConfig,
			"open hdfs://NODEROOT: wrong configuration: hdfs does not know the property user_name (did you mean username?)"},
		"two users": {"", root, true, map[string]string{"username": me, "hadoop.username": "other"}, storage.ErrConfig,
			"open hdfs://NODEROOT: wrong configuration: username and hadoop.username are the same setting and differ; keep one of them"},
		"other file system": {"", root, true, map[string]string{"fs.defaultFS": "hdfs://elsewhere:8020"}, storage.ErrConfig,
			"open hdfs://NODEROOT: wrong configuration: fs.defaultFS names another file system than the location"},
		"service without nodes": {"cluster1", root, true, map[string]string{"dfs.nameservices": "cluster1"}, storage.ErrConfig,
			"open hdfs://cluster1ROOT: wrong configuration: the name service cluster1 has no nodes: set dfs.ha.namenodes.cluster1 and their dfs.namenode.rpc-address"},
		"node without address": {"cluster1", root, true, map[string]string{"dfs.nameservices": "cluster1", "dfs.ha.namenodes.cluster1": "nn1"}, storage.ErrConfig,
			"open hdfs://cluster1ROOT: wrong configuration: the name node nn1 of cluster1 has no address: set dfs.namenode.rpc-address.cluster1.nn1"},
		"block size": {"", root, true, map[string]string{"dfs.blocksize": "1000"}, storage.ErrConfig,
			"open hdfs://NODEROOT: wrong configuration: dfs.blocksize must be a number of bytes that 512 divides, such as 128m"},
		"Kerberos without keytab": {"", root, true, map[string]string{"hadoop.security.authentication": "kerberos", "kerberos_principal": me}, storage.ErrConfig,
			"open hdfs://NODEROOT: wrong configuration: Kerberos needs kerberos_principal and kerberos_keytab"},
		"two keytabs": {"", root, true, map[string]string{"hadoop.security.authentication": "kerberos", "kerberos_principal": me, "kerberos_keytab": "/k", "kerberos_keytab_content": "c2VjcmV0"}, storage.ErrConfig,
			"open hdfs://NODEROOT: wrong configuration: kerberos_keytab and kerberos_keytab_content exclude each other"},
		"resources": {"", root, true, map[string]string{"hadoop.config.resources": "hdfs-site.xml"}, storage.ErrConfig,
			"open hdfs://NODEROOT: wrong configuration: hadoop.config.resources is not read: name the folder of these files in HADOOP_CONF_DIR of the workers"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.authority == "" {
				c.authority = s.NameNodes[0]
			}
			if c.properties == nil {
				c.properties = map[string]string{"username": me, "password": "secret"}
			}
			_, err := hdfs.Open(t.Context(), c.authority, c.root, c.create, c.properties, hdfs.Options{})
			require.ErrorIs(t, err, c.kind)
			require.EqualError(t, err, strings.NewReplacer("NODE", s.NameNodes[0], "ROOT", root).Replace(c.text))
		})
	}
}

func TestFullQuotaSaysSo(t *testing.T) {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	b := closing(t, s, root, "dfs.blocksize", "1m")
	put(t, b, "k", "x")
	s.Admin(t, "-setSpaceQuota", "2m", root)
	large := storage.BytesBody(make([]byte, 3<<20))
	err := b.Put(t.Context(), "large", large, storage.PutOptions{})
	require.ErrorIs(t, err, storage.ErrNoSpace)
	require.Contains(t, err.Error(), "/large: no space left: The DiskSpace quota of "+root+" is exceeded: quota = 2097152 B")
	require.Contains(t, err.Error(), "; raise the space quota (hdfs dfsadmin -setSpaceQuota), or drop snapshots")
	require.Equal(t, []string{"k"}, keys(t, b, ""))
	require.Empty(t, leftovers(t, s.Client(t, s.Superuser), root))

	s.Admin(t, "-clrSpaceQuota", root)
	s.Admin(t, "-setQuota", "4", root) // root, work folder and two more
	put(t, b, "l", "x")
	require.ErrorIs(t, b.Put(t.Context(), "d/m", storage.BytesBody(nil), storage.PutOptions{}), storage.ErrNoSpace)
}

func TestWithoutDataNodesNothingIsFullOrAbsent(t *testing.T) {
	s := hadoop.Start(t, hadoop.Options{})
	b := closing(t, s, s.Folder(t, me))
	put(t, b, "k", "x")
	s.KillDataNode(t, 0)
	err := b.Put(t.Context(), "l", storage.BytesBody([]byte("y")), storage.PutOptions{})
	require.ErrorIs(t, err, storage.ErrUnavailable)
	_, err = b.Get(t.Context(), "k", storage.Range{})
	require.ErrorIs(t, err, storage.ErrUnavailable)
	require.NotErrorIs(t, err, storage.ErrNotExist)
}

func TestSafeModeRefusesWritesInPassing(t *testing.T) {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	b := closing(t, s, root)
	put(t, b, "k", "x")
	s.Admin(t, "-safemode", "enter")
	defer s.Admin(t, "-safemode", "leave")
	require.Equal(t, []string{"k"}, keys(t, b, ""), "it can be read")
	for name, err := range map[string]error{
		"put":    b.Put(t.Context(), "l", storage.BytesBody(nil), storage.PutOptions{}),
		"delete": b.Delete(t.Context(), "k"),
	} {
		require.ErrorIs(t, err, storage.ErrUnavailable, name)
		require.Contains(t, err.Error(), "Name node is in safe mode", name)
		require.NotContains(t, err.Error(), "\n", name)
	}
}

func TestOneUsersObjectsAreNotAnothers(t *testing.T) {
	s := hadoop.Shared(t)
	root := s.Folder(t, me)
	put(t, closing(t, s, root), "d/k", "x")
	admin := s.Client(t, s.Superuser)
	require.NoError(t, admin.Chmod(root, 0o755)) // the stranger may look in, and change nothing
	require.NoError(t, admin.Chmod(root+"/d", 0o755))
	b, err := hdfs.Open(t.Context(), s.NameNodes[0], root, false, map[string]string{"username": "stranger"}, hdfs.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	_, err = b.Stat(t.Context(), "d/k")
	require.NoError(t, err)
	_, err = b.Get(t.Context(), "d/k", storage.Range{})
	require.ErrorIs(t, err, storage.ErrDenied)
	require.ErrorIs(t, b.Put(t.Context(), "d/l", storage.BytesBody(nil), storage.PutOptions{}), storage.ErrDenied)
	require.ErrorIs(t, b.Delete(t.Context(), "d/k"), storage.ErrDenied)
}
