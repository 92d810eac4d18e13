package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"starkeep/sandbox/demo"
)

// start runs serve on free ports and returns its ready line.
func start(t *testing.T) ready {
	t.Helper()
	t.Setenv("SANDBOX_PASSWORD", "pass word")
	ctx, stop := context.WithCancel(context.Background())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		cmd := newCommand()
		cmd.SetArgs([]string{"serve", "--sql", "127.0.0.1:0", "--http", "127.0.0.1:0", "--backend-http", "127.0.0.1:0", "--admin", "127.0.0.1:0"})
		cmd.SetOut(in)
		err := cmd.ExecuteContext(ctx)
		in.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	var r ready
	require.NoError(t, json.NewDecoder(out).Decode(&r))
	require.True(t, r.Ready)
	return r
}

func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := newCommand()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}

func proofs(t *testing.T, sql string) map[string]demo.TableProof {
	t.Helper()
	text, err := run(t, "proof", "--sql", sql, "--output", "json")
	require.NoError(t, err)
	var list []demo.TableProof
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	byName := map[string]demo.TableProof{}
	for _, p := range list {
		require.Len(t, p.Checksum, 16)
		byName[p.Table] = p
	}
	return byName
}

func TestDamageShowsInTheProofAndLoadingAgainRepairsIt(t *testing.T) {
	r := start(t)
	load := []string{"load", "--sql", r.SQL, "--http", r.HTTP, "--lineorders", "20000", "--members", "800"}
	said, err := run(t, load...)
	require.NoError(t, err)
	require.Contains(t, said, "CREATE DATABASE ssb;")

	before := proofs(t, r.SQL)
	require.Len(t, before, 7)
	require.EqualValues(t, 20_000, before["ssb.lineorder"].Rows)
	require.EqualValues(t, 800, before["sr_hub.sr_member"].Rows)
	require.Equal(t, before, proofs(t, r.SQL), "a proof does not depend on the moment")

	_, err = run(t, "damage", "--sql", r.SQL)
	require.NoError(t, err)
	after := proofs(t, r.SQL)
	require.NotContains(t, after, "ssb.part")
	require.EqualValues(t, 0, after["ssb.customer"].Rows)
	require.EqualValues(t, 350, after["ssb.supplier"].Rows)
	require.EqualValues(t, 4000, after["sr_hub.sr_pmc"].Rows)
	for _, name := range []string{"ssb.lineorder", "sr_hub.sr_member", "sr_hub.sr_pmc", "ssb.supplier"} {
		require.NotEqual(t, before[name], after[name], name)
	}
	require.Equal(t, before["ssb.dates"], after["ssb.dates"])

	_, err = run(t, load...)
	require.Error(t, err, "databases that exist are not dropped unasked")
	require.Equal(t, after, proofs(t, r.SQL))

	_, err = run(t, append(load, "--replace")...)
	require.NoError(t, err)
	require.Equal(t, before, proofs(t, r.SQL))
}

func TestProofAsTableNamesEveryTable(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, printProofs(&out, "table", []demo.TableProof{{Table: "ssb.part", Rows: 3, Checksum: "00000000000000ff"}}))
	require.Contains(t, out.String(), "ssb.part")
	require.Contains(t, out.String(), "00000000000000ff")
}

func TestMistakesOfTheCommandLineAreTold(t *testing.T) {
	for _, args := range [][]string{{"proof", "--output", "xml"}, {"load", "extra"}, {"serve", "--sql", "no address"}, {"proof", "--sql", "127.0.0.1:1"}} {
		_, err := run(t, args...)
		require.Error(t, err, args)
	}
}
