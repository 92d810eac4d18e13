package starrocks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/cluster"
	"starkeep/cluster/wire"
)

func TestServerErrorsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code uint16
		text string
		want error
	}{
		{5501, "Unknown database 'x'", cluster.ErrUnknownDatabase},
		{1064, "Getting analyzing error. Detail message: Unknown database 'x'.", cluster.ErrUnknownDatabase},
		{5502, "Unknown table 'x'", cluster.ErrUnknownTable},
		{1064, "Getting analyzing error. Detail message: Unknown table 'db.x'.", cluster.ErrUnknownTable},
		{1064, "Getting analyzing error. Detail message: Unknown partition 'p' in table 't'.", cluster.ErrUnknownPartition},
		{5505, "Partition 'p' doesn't exist", cluster.ErrUnknownPartition},
		{5203, "Access denied; you need (at least one of) the SELECT privilege(s) on TABLE t for this operation.", cluster.ErrDenied},
		{1064, "Access denied; you need …", cluster.ErrDenied},
		{1045, "Access denied for user 'root'", cluster.ErrDenied},
		{1050, "Table 't' already exists", cluster.ErrExists},
		{1064, "Getting analyzing error. Detail message: Table name[t] is already used", cluster.ErrExists},
	} {
		err := explain(fmt.Errorf("run: %w", &wire.ServerError{Code: c.code, Message: c.text}))
		require.ErrorIs(t, err, c.want, c.text)
		require.ErrorContains(t, err, c.text)
		require.NotErrorIs(t, err, cluster.ErrUnreachable)
	}
}

func TestMissingTabletIsNoMissingTable(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"Tablet 10086 does not exist", "unknown tablet 10086", "tablet 1 of table t does not exist", "tablet 1 of partition p does not exist",
		"metable t does not exist", "table_x is down; does not exist"} {
		err := explain(&wire.ServerError{Code: 1064, Message: text})
		for _, absent := range []error{cluster.ErrUnknownDatabase, cluster.ErrUnknownTable, cluster.ErrUnknownPartition} {
			require.NotErrorIs(t, err, absent, text)
		}
	}
	for _, text := range []string{"Table t does not exist", "table_x: table `t` is not found", "Unknown table 'tablet'"} {
		require.ErrorIs(t, explain(&wire.ServerError{Code: 1064, Message: text}), cluster.ErrUnknownTable, text)
	}
}

func TestDeadServerIsNoAbsentObject(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{io.ErrUnexpectedEOF, wire.ErrMalformed, errors.New("dial tcp: connection refused")} {
		err := explain(cause)
		require.ErrorIs(t, err, cluster.ErrUnreachable)
		require.ErrorIs(t, err, cause)
		for _, absent := range []error{cluster.ErrUnknownDatabase, cluster.ErrUnknownTable, cluster.ErrUnknownPartition} {
			require.NotErrorIs(t, err, absent)
		}
	}
}

func TestCancellationIsNotTheClustersFault(t *testing.T) {
	t.Parallel()
	require.Equal(t, context.Canceled, explain(context.Canceled))
	require.NoError(t, explain(nil))
}

func TestPasswordIsInNoText(t *testing.T) {
	t.Parallel()
	config := Config{Name: "c", Frontends: []string{"127.0.0.1:1"}, HTTP: []string{"http://127.0.0.1:1"}, User: "u", Password: "hunter2"}
	c, err := New(config)
	require.NoError(t, err)
	_, failure := c.Info(t.Context())
	require.ErrorIs(t, failure, cluster.ErrUnreachable)
	_, load := c.Load(t.Context(), cluster.LoadRequest{Database: "d", Table: "t", Label: "l", Columns: columns("int32"), Open: opener([]any{"1"})})
	require.ErrorIs(t, load, cluster.ErrUnreachable)
	for _, text := range []string{fmt.Sprint(config), fmt.Sprintf("%+v %#v", config, config), fmt.Sprintf("%v %+v %#v %s", c, c, c, c), failure.Error(), load.Error()} {
		require.NotContains(t, text, "hunter2")
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	good := Config{Name: "c", Frontends: []string{"h:9030"}, HTTP: []string{"http://h:8030"}, User: "u"}
	for _, spoil := range []func(*Config){
		func(c *Config) { c.Frontends = nil }, func(c *Config) { c.HTTP = nil }, func(c *Config) { c.User = "" },
		func(c *Config) { c.HTTP = []string{"h:8030"} }, func(c *Config) { c.HTTP = []string{"ftp://h"} },
	} {
		c := good
		spoil(&c)
		_, err := New(c)
		require.Error(t, err)
	}
}
