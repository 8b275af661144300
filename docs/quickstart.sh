#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quickstart.sh [REPOSITORY [COMMIT]] - builds relctl, then does its main job
# in a temporary directory, with a store and a key of its own: each command is
# shown with what came back, and the first wrong answer ends it with status 1.
# REPOSITORY is a directory or a URL. KEEP=1 keeps the temporary directory,
# ENV_FILE=FILE is the config of REPOSITORY's release.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd -P)
here=$PWD
dir=
pid=
load=

# shellcheck source=tests/packages.sh
. "$top/tests/packages.sh"

if [ -t 1 ] && [ -z "${NO_COLOR-}" ]; then
	bold=$(printf '\033[1m')
	plain=$(printf '\033[0m')
else
	bold=
	plain=
fi

cleanup() {
	status=$?
	trap - EXIT HUP INT TERM
	[ -z "$load" ] || kill -KILL "$load" || true
	stop_server || true
	if [ -n "$dir" ] && [ -n "${KEEP-}" ]; then
		echo "kept: $dir"
	elif [ -n "$dir" ]; then
		chmod -R u+w "$dir" && rm -rf "$dir"
	fi
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' HUP INT TERM

title() {
	printf '\n%s== %s%s\n' "$bold" "$*" "$plain"
}

fail() {
	echo "quickstart: $*" >&2
	exit 1
}

# show CMD…: the command line, as it would be typed.
show() {
	line='$'
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=@%+,\&-]*) line="$line '$word'" ;;
		*) line="$line $word" ;;
		esac
	done
	printf '%s%s%s\n' "$bold" "$line" "$plain"
}

# try CMD…: shows it, runs it, shows what it said; $out is its stdout.
try() {
	show "$@"
	status=0
	"$@" >"$dir/stdout" 2>"$dir/stderr" || status=$?
	fold -s -w 80 "$dir/stderr"
	fold -s -w 80 "$dir/stdout"
	out=$(cat "$dir/stdout")
	[ "$status" = 0 ] || fail "'$1' ended with status $status"
}

# want TEXT: what the last command must have printed.
want() {
	[ "$out" = "$1" ] || fail "the answer was '$out', not '$1'"
}

relctl() {
	"$bin" "$@"
}

build_relctl() {
	title "Build relctl"
	cd "$top"
	need build quickstart
	[ -e build/build.ninja ] ||
		meson setup build -Dtests=false >"$dir/log" 2>&1 || {
		cat "$dir/log"
		fail "meson could not configure build/"
	}
	echo "compiling into $top/build …"
	ninja -C build cmd/relctl cmd/relctl-git >"$dir/log" 2>&1 || {
		cat "$dir/log"
		fail "relctl does not compile"
	}
	bin=$top/build/cmd/relctl
	"$bin" --version
}

free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# fetch URL: the body of the answer; any answer of the app is one.
fetch() {
	if command -v curl >/dev/null; then
		curl -s --noproxy '*' --max-time 10 "$1"
	else
		python3 -c 'import sys, urllib.error, urllib.request as r
try:
	a = r.build_opener(r.ProxyHandler({})).open(sys.argv[1], timeout=10)
except urllib.error.HTTPError as e:
	a = e
sys.stdout.buffer.write(a.read())' "$1" 2>/dev/null
	fi
}

# show_fetch URL: the command line of a fetch.
show_fetch() {
	if command -v curl >/dev/null; then
		show curl "$1"
	else
		show python3 -c ... "$1"
	fi
}

# start_server ARG…: fails when relctl run ends, or nothing answers on $port in
# about 20 seconds.
start_server() {
	show relctl run "$@" '&'
	"$bin" run "$@" >"$dir/web.log" 2>&1 &
	pid=$!
	tries=0
	until fetch "http://127.0.0.1:$port/" >/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || return 1
		grep -q '^State:[[:space:]]*[^XZ]' "/proc/$pid/status" \
			2>/dev/null || return 1
		sleep 0.1
	done
}

# stop_server: its exit status.
stop_server() {
	[ -n "$pid" ] || return 0
	kill -TERM "$pid" 2>/dev/null || true
	server=$pid
	pid=
	wait "$server"
}

# serve TEXT: the page must be that.
serve() {
	start_server --once web || {
		cat "$dir/web.log"
		fail "the app did not answer on port $port"
	}
	show_fetch "http://127.0.0.1:$port/"
	out=$(fetch "http://127.0.0.1:$port/")
	echo "$out"
	want "$1"
	stop_server || fail "the app ended with status $?, not 0"
}

# artifact REPOSITORY COMMIT: built, exported and verified; $id is its ID,
# $short the beginning of it.
artifact() {
	try relctl -C "$1" build "$2"
	id=$out
	case $id in
	sha256:*) ;;
	*) fail "'$id' is no ID" ;;
	esac
	short=$(printf %.19s "$id")
	try relctl export "$short" -o artifact.tar
	want "$id"
	try sha256sum artifact.tar
	want "${id#sha256:}  artifact.tar"
	try relctl -C "$1" build --check "$2"
	want "$id"
	rm artifact.tar
}

# start_load: requests to $port, eight at a time, until stop_load.
start_load() {
	show python3 load.py "$port" '&'
	rm -f "$dir/count"
	python3 "$top/tests/cli/load.py" --least 10000 --count "$dir/count" \
		"$port" >"$dir/load.json" &
	load=$!
	until [ -s "$dir/count" ]; do
		kill -0 "$load" 2>/dev/null || fail "the load has ended"
		sleep 0.1
	done
}

# stop_load: says how many requests there were; none may have failed.
stop_load() {
	show kill %2
	kill -TERM "$load"
	wait "$load" || fail "the load ended with status $?"
	load=
	out=$(python3 -c 'import json, sys
print("{requests:,} requests, {failed} failed".format(**json.load(sys.stdin)))' \
		<"$dir/load.json")
	echo "$out"
	case $out in
	*" requests, 0 failed") ;;
	*) fail "requests were lost: $(cat "$dir/load.json")" ;;
	esac
}

# identity: the author of the commits made here; no setting of the user's.
identity() {
	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=quickstart GIT_AUTHOR_EMAIL=quickstart@localhost
	export GIT_COMMITTER_NAME=quickstart
	export GIT_COMMITTER_EMAIL=quickstart@localhost
}

example() {
	title "A web app: build, release, run"
	cp -R "$top/docs/example" hello
	identity
	git -c init.defaultBranch=main init -q hello
	git -C hello add .
	git -C hello commit -q -m 'Say hello'
	port=$(free_port)
	printf 'GREETING=Hello\nPORT=%s\n' "$port" >prod.env
	cd hello
	try cat Procfile ../prod.env
	try relctl build
	first=$out
	try relctl release -e ../prod.env
	want v1
	serve 'Hello from version 1, release v1'

	title "New code, the same config"
	try sed -i 's/^VERSION = 1/VERSION = 2/' server.py
	try git commit -q -a -m 'Version 2'
	try relctl build
	[ "$out" != "$first" ] || fail "other code must be another artifact"
	try relctl release
	want v2
	serve 'Hello from version 2, release v2'

	title "New config, the same code"
	try relctl config set GREETING=Welcome
	want v3
	serve 'Welcome from version 2, release v3'

	title "Back, twice: the repository and the env file are not needed"
	cd ..
	try rm -rf hello prod.env
	try relctl rollback
	want v4
	serve 'Hello from version 2, release v4'
	try relctl rollback
	want v5
	serve 'Hello from version 1, release v5'

	title "Under load: a release and a rollback without a lost request"
	port=$(free_port)
	start_server --front "web=127.0.0.1:$port" || {
		cat "$dir/web.log"
		fail "the app did not answer on port $port"
	}
	start_load
	try relctl config set GREETING=Hi
	want v6
	try relctl rollback
	want v7
	stop_load
	try relctl status
	want ok
	stop_server || fail "relctl run ended with status $?, not 0"

	title "What happened"
	try relctl releases
	try relctl verify --all
}

# a_name PATH: an app's name made of a repository's.
a_name() {
	name=$(basename "$1" .git | tr '[:upper:]' '[:lower:]' |
		tr -c 'a-z0-9\n' - | sed 's/^[^a-z]*//' | cut -c 1-40 |
		sed 's/-*$//')
	case $name in
	'' | v[0-9]*) name=app ;;
	esac
	echo "$name"
}

# has_web: the release on stdin has a process type of that name.
has_web() {
	python3 -c 'import json, sys
types = json.load(sys.stdin)["processes"]
sys.exit("web" not in [name for name, _ in types])'
}

repository() {
	title "Build and export"
	app=$(a_name "$1")
	artifact "$1" "$2"

	title "Release"
	export RELCTL_APP="$app"
	if [ -n "${ENV_FILE-}" ]; then
		try relctl release "$short" --generate -e "$ENV_FILE"
	else
		try relctl release "$short" --generate
	fi
	want v1
	try relctl show
	relctl --json show >"$dir/stdout"
	if ! has_web <"$dir/stdout"; then
		echo "There is no web type in a Procfile: nothing to run."
		return
	fi

	title "Run"
	port=$(free_port)
	try relctl config set PORT="$port"
	want v2
	if start_server --once web; then
		show_fetch "http://127.0.0.1:$port/"
		fetch "http://127.0.0.1:$port/" | fold -w 80 | sed -n 1,8p
		stop_server || true
	else
		status=0
		stop_server || status=$?
		tail -n 8 "$dir/web.log" | fold -s -w 80
		echo "It did not answer on port $port; status $status."
	fi
}

dir=$(mktemp -d "${TMPDIR:-/tmp}/relctl.XXXXXX")
dir=$(cd "$dir" && pwd -P)
unset RELCTL_APP RELCTL_DEBUG
export RELCTL_STORE="$dir/store" RELCTL_KEY_FILE="$dir/key"
export RELCTL_ACTOR="${USER:-you}"

build_relctl
cd "$dir"
if [ $# -gt 0 ]; then
	case $1 in
	*://* | *@*:*)
		try git clone -q --bare "$1" repository.git
		repo=$dir/repository.git
		;;
	*) repo=$(cd "$here" && cd "$1" && pwd -P) || exit 2 ;;
	esac
	[ -z "${ENV_FILE-}" ] || ENV_FILE=$(cd "$here" && realpath "$ENV_FILE")
	repository "$repo" "${2:-HEAD}"
else
	if [ -e "$top/.git" ]; then
		title "This project's own commit becomes an artifact"
		artifact "$top" HEAD
	fi
	example
fi
printf '\n%sAll answers were as they must be.%s\n' "$bold" "$plain"
