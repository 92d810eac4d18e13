#!/usr/bin/env bash
# Makes the temporal command line available as .tools/bin/temporal: the one on PATH if it is recent, else built.
set -euo pipefail

version=$1
cd "$(dirname "$0")/.."
bin=$PWD/.tools/bin
mkdir -p "$bin"

# recent: update-with-start, user metadata and the SQLite pragmas that we need came with server 1.29 at the latest. The
# server's version is asked for, because a CLI that was built by `go install` calls itself 0.0.0-DEV.
recent() {
	[[ $("$1" --version 2>/dev/null) =~ Server\ ([0-9]+)\.([0-9]+) ]] &&
		((BASH_REMATCH[1] > 1 || (BASH_REMATCH[1] == 1 && BASH_REMATCH[2] >= 29)))
}

if [[ -x $bin/temporal ]] && recent "$bin/temporal"; then
	exit 0
fi
if found=$(command -v temporal) && [[ $found != "$bin/temporal" ]] && recent "$found"; then
	ln -sf "$found" "$bin/temporal"
	exit 0
fi
echo "building the temporal command line $version: the first build takes about 7 minutes and 3 GB of cache"
GOBIN=$bin go install "github.com/temporalio/cli/cmd/temporal@$version"
