# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For every file here: `load helper`, then `setup_file() { make_fixtures; }` and
# `setup() { private; git_apart; }`.

load ../cli/helper
# shellcheck disable=SC2034 # for the tests
here=$BATS_TEST_DIRNAME
export PYTHONDONTWRITEBYTECODE=1

# $fixtures: a directory that every user may read.
make_fixtures() {
	work=$(mktemp -d /tmp/relctl-golden.XXXXXX)
	chmod 755 "$work"
	mkdir "$work/fx"
	"$BATS_TEST_DIRNAME/fixtures.sh" "$work/fx" 2>/dev/null
	export work fixtures=$work/fx
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
