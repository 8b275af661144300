# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For every file here: `load helper`, then `setup_file() { make_fixtures; }` and
# `setup() { private; git_apart; }`.

load ../cli/helper
# shellcheck disable=SC2034 # for the tests
here=$BATS_TEST_DIRNAME
export PYTHONDONTWRITEBYTECODE=1

# $work and $fixtures: directories that every user may read. In memory where
# there is room: a store syncs its file system, and what waits there is not ours.
make_fixtures() {
	if ! make_work /dev/shm; then
		make_work /tmp
	fi
	chmod 755 "$work"
	mkdir "$work/fx"
	"$BATS_TEST_DIRNAME/fixtures.sh" "$work/fx" 2>/dev/null
	export work fixtures=$work/fx
}

# make_work DIR: $work below it, if there is room and programs may run there.
make_work() {
	[ -w "$1" ] &&
		[ "$(df --output=avail "$1" | tail -n 1)" -gt 500000 ] &&
		work=$(mktemp -d "$1/relctl-golden.XXXXXX") || return
	printf '#!/bin/sh\n' >"$work/probe"
	chmod 755 "$work/probe"
	"$work/probe" 2>/dev/null || {
		rm -rf "$work"
		return 1
	}
}

remove_fixtures() {
	chmod -R u+w "$work"
	rm -rf "$work"
}

# git without the machine's and the user's configuration, as somebody.
git_apart() {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
	unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY
}

names() {
	(cd "$fixtures" && printf '%s\n' *)
}

# golden NAME: the ID that is written down.
golden() {
	sed -n "s/^$1 //p" "$here/ids.txt"
}

# files_of DIR: every file below it with its digest, to be compared.
files_of() {
	(cd "$1" && find . -printf '%p %y %m %l\n' | sort &&
		find . -type f -print0 | sort -z | xargs -0r sha256sum)
}
