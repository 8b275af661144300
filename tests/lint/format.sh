#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# format.sh ROOT - C files are as clang-format writes them; else their names.
set -eu
cd "$1"

skip() {
	echo "$1"
	exit 77
}

command -v clang-format >/dev/null || skip "clang-format is not installed"
git rev-parse --git-dir >/dev/null 2>&1 ||
	skip "git does not read this checkout"
findings=$(
	git ls-files -z -co --exclude-standard -- '*.c' '*.h' |
		xargs -0 -r clang-format --dry-run 2>&1 |
		sed -n 's/^\([^ :]*\):.*\[-Wclang-format-violations\]$/\1/p' |
		sort -u
)
[ -z "$findings" ] || {
	echo "clang-format -i these:"
	echo "$findings"
	exit 1
}
