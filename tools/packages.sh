#!/usr/bin/env bash
# Installs the Debian packages that tests and benchmarks need and the machine lacks.
set -euo pipefail

missing=()
need() { # program package: the package, when no such program is found
	command -v "$1" >/dev/null || [[ -x /usr/sbin/$1 ]] || missing+=("$2")
}
[[ -e /usr/share/unicode/UnicodeData.txt ]] || missing+=(unicode-data)
need zstd zstd
# The core package is the server without a service, a system user or a data directory: tests bring their own.
need mariadbd mariadb-server-core
need mariadb-dump mariadb-client
need mydumper mydumper # only to be compared with
need java openjdk-17-jre-headless
need mvn maven
((${#missing[@]})) || exit 0

if ! command -v apt-get >/dev/null; then
	echo "tests need: ${missing[*]} (Debian's names); install them with this system's package manager" >&2
	exit 1
fi
root=()
if ((EUID)); then
	command -v sudo >/dev/null || {
		echo "tests need Debian packages; as root run: apt-get install ${missing[*]}" >&2
		exit 1
	}
	root=(sudo)
fi
echo "installing ${missing[*]}"
"${root[@]}" apt-get update -q
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
