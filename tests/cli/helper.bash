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
	export LSAN_OPTIONS=print_suppressions=0
	LSAN_OPTIONS+=:suppressions=${BASH_SOURCE[0]%/*}/../lsan.supp
	mkdir -p "$HOME"
	cd "$HOME" || return
}

# Trees are read-only: without this only root could remove them.
teardown() {
	chmod -R u+w "$BATS_TEST_TMPDIR" 2>/dev/null || true
}

teardown_file() {
	chmod -R u+w "$BATS_FILE_TMPDIR" 2>/dev/null || true
}

# erase PATH…: also trees, which are read-only.
erase() {
	chmod -R u+w "$@"
	rm -rf "$@"
}

relctl() {
	"$RELCTL" "$@"
}

# try ARG…: relctl, with $status, $output and $stderr apart.
try() {
	run --separate-stderr relctl "$@"
}

# The same for what ends with 127, of which bats warns otherwise.
try_127() {
	run -127 --separate-stderr relctl "$@"
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

# events KIND: their bodies, one a line, in the ledger's order. What exec has
# recorded gets there with the next command that writes.
events() {
	relctl -q pin v1 >/dev/null 2>&1
	relctl -q unpin v1 >/dev/null 2>&1
	sqlite3 "$RELCTL_STORE/ledger.db" \
		"SELECT body FROM event WHERE kind = '$1' ORDER BY seq"
}

# ---- repositories and releases ----

# repository DIR: an empty one with a remote, so that its name is the same
# everywhere; the test goes on in it. Dates and people are fixed.
repository() {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com
	export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.com
	export GIT_AUTHOR_DATE=2024-01-02T03:04:05Z
	export GIT_COMMITTER_DATE=2024-01-02T03:04:05Z
	git init -q -b main "$1"
	cd "$1" || return
	git remote add origin "https://git.example.com/$(basename "$1").git"
}

# commit SUBJECT: everything here; sets $commit and its seven digits $short.
commit() {
	git add -A
	git commit -q --allow-empty -m "$1"
	commit=$(git rev-parse HEAD)
	# shellcheck disable=SC2034 # the tests read it
	short=${commit:0:7}
}

# build: HEAD, quietly; sets $id.
build() {
	# shellcheck disable=SC2034 # the tests read it
	id=$(relctl -q build)
}

# shop: a repository $HOME/shop with one commit ($short) that is built ($id).
shop() {
	repository "$HOME/shop"
	printf 'web: bin/web\nworker: bin/worker\n' >Procfile
	mkdir bin
	printf '#!/bin/sh\nexec env\n' >bin/web
	printf '#!/bin/sh\necho "$@"\n' >bin/worker
	chmod +x bin/web bin/worker
	echo one >page
	commit "One page"
	build
}

# another TEXT: a commit that changes the page, built.
another() {
	echo "$1" >page
	commit "Page $1"
	build
}

# releases N: v1 to vN of shop, which differ in the variable N and in nothing
# else; v1 has TOKEN and PAGES too.
releases() {
	local n

	relctl -q release --set N=1 --set TOKEN=abc --set PAGES=a >/dev/null
	for ((n = 2; n <= $1; n++)); do
		relctl -q config set N="$n" >/dev/null
	done
}

# current: "v3" or what the app's current release is.
current() {
	relctl -q releases --json --all "$@" | jq -r '"v\(.current)"'
}

# value NAME [RELEASE]: what a process would see.
value() {
	relctl -q exec -r "${2:-current}" printenv "$1"
}

# snapshot: names, modes and digests of all that is in the store but locks and
# sockets.
snapshot() {
	(cd "$RELCTL_STORE" && find . \( -path ./lock -o -path ./apps -o \
		-path ./run \) -prune -o \
		-printf '%p %y %m %s\n' -type f -exec sha256sum {} + | sort)
}

# isolation LEVEL: it works here, else the test is skipped. There is a release.
isolation() {
	try -q exec --isolation="$1" true
	[ "$status" = 0 ] || skip "no '$1' here: $stderr"
}

# free_ports TYPES MOST [OFFSET]…: the base of ports that are free.
free_ports() {
	python3 "$BATS_TEST_DIRNAME/free_ports.py" "$@"
}

# eventually COMMAND…: it succeeds within 20 s. What the supervisor of a test
# has said is in err and log.
eventually() {
	local end=$((SECONDS + 20))

	until "$@"; do
		if [ "$SECONDS" -ge "$end" ]; then
			echo "this did not come: $*"
			tail -n 20 "$HOME/err" "$HOME/log"
			return 1
		fi
		sleep 0.02
	done >/dev/null 2>&1
}

# terminal [--type WAIT TEXT]… COMMAND…: on a terminal of its own; what it
# showed is $output. TEXT is typed when WAIT was shown.
terminal() {
	run python3 "$BATS_TEST_DIRNAME/terminal.py" "$@"
}

# The notice that a process of root's begins with.
dropped="notice: root: the processes run as root, with less power; --user USER\
 runs them as somebody else"
# shellcheck disable=SC2034 # the tests read it
[ "$(id -u)" = 0 ] || dropped=

# await FILE: until there is something in it; at most 10 s.
await() {
	local n

	for ((n = 0; n < 1000; n++)); do
		[ ! -s "$1" ] || return 0
		sleep 0.01
	done
	echo "nothing came into $1"
	return 1
}
