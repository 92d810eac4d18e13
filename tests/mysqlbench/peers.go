package mysqlbench

import (
	"bytes"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/stretchr/testify/require"

	"starkeep/tests/server/mariadb"
)

// chunk is how many rows mydumper reads at once; without it a table has one thread, whatever -t says.
const chunk = 250_000

func (b *bench) dump() string { return filepath.Join(b.folder, "dump") }

// program runs a peer; what it says is shown when it fails.
func (b *bench) program(name string, args ...string) {
	b.Helper()
	out, err := exec.CommandContext(b.Context(), mariadb.Program(b, name), args...).CombinedOutput() //nolint:gosec // the programs are constants
	require.NoError(b, err, "%s: %s", name, out)
}

func (b *bench) login() []string {
	host, port, err := net.SplitHostPort(b.server.Address)
	require.NoError(b, err)
	return []string{"--host=" + host, "--port=" + port, "--user=" + b.server.User, "--password=" + b.server.Password}
}

func (b *bench) mydumper() int64 {
	b.Helper()
	b.program("mydumper", append(b.login(), "--database="+b.database, "--threads="+strconv.Itoa(b.threads), "--rows="+strconv.Itoa(chunk),
		"--outputdir="+b.dump())...)
	return b.size(b.dump())
}

// compress compresses each file of mydumper's by zstd -1, as many at once as there are threads, and keeps both for myloader.
func (b *bench) compress() int64 {
	b.Helper()
	b.program("sh", "-c", `find "$1" -name '*.sql' -print0 | xargs -0 -n 16 -P "$2" zstd -1 -q`, "sh", b.dump(), strconv.Itoa(b.threads))
	compressed := b.size(b.dump())
	b.program("sh", "-c", `find "$1" -name '*.zst' -delete`, "sh", b.dump())
	return compressed - b.size(b.dump())
}

// mariadbDump pipes the one stream of mariadb-dump to zstd -1.
func (b *bench) mariadbDump() int64 {
	b.Helper()
	dump := exec.CommandContext(b.Context(), mariadb.Program(b, "mariadb-dump"), append(b.login(), "--single-transaction", "--quick", b.database)...) //nolint:gosec // the programs are constants
	zstd := exec.CommandContext(b.Context(), mariadb.Program(b, "zstd"), "-1", "-q", "-c")                                                            //nolint:gosec // the programs are constants
	var size counter
	var said bytes.Buffer
	pipe, err := dump.StdoutPipe()
	require.NoError(b, err)
	zstd.Stdin, zstd.Stdout, dump.Stderr = pipe, &size, &said
	require.NoError(b, dump.Start())
	require.NoError(b, zstd.Run())
	require.NoError(b, dump.Wait(), "%s", said.String())
	return size.bytes
}

// myloader restores with the binary log on, as every other restore here writes it.
func (b *bench) myloader(into string) int64 {
	b.Helper()
	b.program("myloader", append(b.login(), "--database="+into, "--threads="+strconv.Itoa(b.threads), "--enable-binlog", "--directory="+b.dump())...)
	return b.size(b.dump())
}
