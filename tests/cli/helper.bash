# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For every bats file: `load helper`, then `setup() { private; … }`.
# RELCTL is the program to test (meson sets it).

bats_require_minimum_version 1.5.0

# A home, a store, a time zone and a language of the test's own. Root's store
# would be /var/lib/relctl, so the default place is named for everybody.
private() {
	: "${RELCTL:?the program to test}"
	unset RELCTL_APP RELCTL_ACTOR RELCTL_DEBUG NO_COLOR FORCE_COLOR SUDO_USER
	unset GITHUB_ACTIONS GITLAB_CI BUILDKITE CIRCLECI BITBUCKET_BUILD_NUMBER
	export HOME=$BATS_TEST_TMPDIR/home
	export XDG_DATA_HOME=$HOME/data XDG_CONFIG_HOME=$HOME/config
	export XDG_CACHE_HOME=$HOME/cache XDG_RUNTIME_DIR=$HOME/run
	export RELCTL_STORE=$XDG_DATA_HOME/relctl
	export RELCTL_KEY_FILE=$XDG_CONFIG_HOME/relctl/key
	export TZ=UTC LC_ALL=C.UTF-8
	mkdir -p "$HOME"
	cd "$HOME" || return
}

relctl() {
	"$RELCTL" "$@"
}

# try ARG…: relctl, with $status, $output and $stderr apart.
try() {
	run --separate-stderr relctl "$@"
}

# expect STATUS STDOUT STDERR: all of the three, exactly.
# shellcheck disable=SC2154 # status, output and stderr are set by run
expect() {
	local failed=0

	if [ "$status" != "$1" ]; then
		echo "status: $status, not $1"
		failed=1
	fi
	if [ "$output" != "$2" ]; then
		printf 'stdout:\n%s\nnot:\n%s\n' "$output" "$2"
		failed=1
	fi
	if [ "$stderr" != "$3" ]; then
		printf 'stderr:\n%s\nnot:\n%s\n' "$stderr" "$3"
		failed=1
	fi
	if [ "$failed" = 1 ]; then
		printf 'stdout was:\n%s\nstderr was:\n%s\n' "$output" "$stderr"
	fi
	return "$failed"
}

# has TEXT PART: TEXT contains PART.
has() {
	case $1 in
	*"$2"*) ;;
	*)
		printf 'not found: %s\nin:\n%s\n' "$2" "$1"
		return 1
		;;
	esac
}

# The commands that help and completion show.
commands() {
	relctl help --table | sed '1d; s/ .*//'
}
