#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shell.sh ROOT - shellcheck has nothing to say.
set -eu
cd "$1"
command -v shellcheck >/dev/null || exit 77
git rev-parse --git-dir >/dev/null 2>&1 || exit 77
git ls-files -z -co --exclude-standard -- '*.sh' '*.bash' '*.bats' |
	xargs -0 -r shellcheck
