#!/usr/bin/env bash
# Builds the MinIO server, the S3 store that tests run against, as .tools/bin/minio. Starkeep never links it: it is AGPL.
set -euo pipefail

version=$1
cd "$(dirname "$0")/.."
bin=$PWD/.tools/bin
mkdir -p "$bin"

# MinIO built by `go install` calls itself DEVELOPMENT.GOGET, so the version that Go recorded in the binary is asked for.
if [[ -x $bin/minio ]] && go version -m "$bin/minio" | grep -qE "^\s+mod\s+github.com/minio/minio\s+$version(\s|$)"; then
	exit 0
fi
echo "building the MinIO server $version: the first build takes about 6 minutes"
GOBIN=$bin go install "github.com/minio/minio@$version"
