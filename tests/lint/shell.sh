#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shell.sh ROOT - shellcheck has nothing to say.
set -eu
cd "$1"

skip() {
	echo "$1"
	exit 77
}

command -v shellcheck >/dev/null || skip "shellcheck is not installed"
git rev-parse --git-dir >/dev/null 2>&1 ||
	skip "git does not read this checkout"
git ls-files -z -co --exclude-standard -- '*.sh' '*.bash' '*.bats' .ci/run |
	xargs -0 -r shellcheck
