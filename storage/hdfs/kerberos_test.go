package hdfs_test

import (
	"encoding/base64"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"starkeep/storage"
	"starkeep/storage/hdfs"
	"starkeep/tests/server/hadoop"
)

func TestKerberosIsSpokenAndRequired(t *testing.T) {
	s := hadoop.Start(t, hadoop.Options{Kerberos: true, Site: map[string]string{"dfs.permissions.enabled": "false"}})
	t.Setenv("KRB5_CONFIG", s.Krb5Conf())
	try := func(properties map[string]string) (storage.Bucket, error) {
		return hdfs.Open(t.Context(), s.NameNodes[0], "/backups", true, properties, hdfs.Options{})
	}
	content, err := os.ReadFile(s.Keytab())
	require.NoError(t, err)
	for name, properties := range map[string]map[string]string{
		"StarRocks": {"hadoop.security.authentication": "kerberos", "kerberos_principal": hadoop.Principal, "kerberos_keytab": s.Keytab()},
		"content":   {"hadoop.security.authentication": "kerberos", "kerberos_principal": hadoop.Principal, "kerberos_keytab_content": base64.StdEncoding.EncodeToString(content)},
		"Doris": {"hdfs.authentication.type": "kerberos", "hdfs.authentication.kerberos.principal": hadoop.Principal,
			"hdfs.authentication.kerberos.keytab": s.Keytab(), "dfs.data.transfer.protection": "authentication"},
	} {
		b, err := try(properties)
		require.NoError(t, err, name)
		put(t, b, "k", name)
		body, err := b.Get(t.Context(), "k", storage.Range{})
		require.NoError(t, err, name)
		require.Equal(t, name, all(t, body))
		require.NoError(t, b.Close())
	}

	// A server that says no closes at once: who is still writing then hears of a broken pipe. storage/retry repeats that.
	require.Eventually(t, func() bool {
		_, err = try(map[string]string{"username": me})
		return !errors.Is(err, storage.ErrUnavailable)
	}, time.Minute, 10*time.Millisecond)
	require.ErrorIs(t, err, storage.ErrConfig)
	require.ErrorContains(t, err, "set hadoop.security.authentication = kerberos, with kerberos_principal and kerberos_keytab")

	_, err = try(map[string]string{"hadoop.security.authentication": "kerberos", "kerberos_principal": "nobody@" + hadoop.Realm, "kerberos_keytab": s.Keytab()})
	require.ErrorIs(t, err, storage.ErrDenied)
	require.ErrorContains(t, err, "correct kerberos_principal and kerberos_keytab")

	_, err = try(map[string]string{"hadoop.security.authentication": "kerberos", "kerberos_principal": hadoop.Principal, "kerberos_keytab": s.Keytab(), "dfs.namenode.kerberos.principal": "hdfs/_HOST@" + hadoop.Realm})
	require.ErrorIs(t, err, storage.ErrConfig)
	require.ErrorContains(t, err, "set dfs.namenode.kerberos.principal")
}
