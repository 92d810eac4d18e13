#!/usr/bin/env bash
# Installs the Debian packages that tests need and the machine lacks.
set -euo pipefail

missing=()
[[ -e /usr/share/unicode/UnicodeData.txt ]] || missing+=(unicode-data)
command -v zstd >/dev/null || missing+=(zstd)
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
DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}"
