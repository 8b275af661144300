# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For the tests of `relctl run`: after `load helper`, `load supervisor`, and
# `supervised` in setup. The log is JSON in the file log, messages are in err.
# shellcheck disable=SC2154 # bats and the helper set them

# A repository with app.py in it, a range of ports that is free, nothing run.
supervised() {
	private
	repository "$HOME/shop"
	mkdir bin
	cp "$BATS_TEST_DIRNAME/app.py" bin/app
	chmod +x bin/app
	unset supervisor
	# What the tests count in the table of processes: nobody else's.
	marker=1$RANDOM$RANDOM$RANDOM
	base=$(free_ports 8 100)
}

# The processes of a test that failed must not be in the way of others.
teardown() {
	[ -z "${supervisor-}" ] || kill -KILL "$supervisor" 2>/dev/null || true
	chmod -R u+w "$BATS_TEST_TMPDIR" 2>/dev/null || true
}

# script NAME LINE…: an executable of the app's, for sh.
script() {
	local file=bin/$1

	shift
	printf '%s\n' '#!/bin/sh' "$@" >"$file"
	chmod +x "$file"
}

# procfile LINE…: a commit with this Procfile, released.
procfile() {
	printf '%s\n' "$@" >Procfile
	git add -A
	commit "Procfile"
	build
	relctl -q release
}

# start ARG…: relctl run ARG… in the background; $supervisor is its pid.
start() {
	: >log
	: >err
	"$RELCTL" run --port "$base" "$@" >log 2>err 3>&- &
	supervisor=$!
}

# lines N PATTERN [FILE]: wait until N lines of the log match (grep -E).
lines() {
	local n

	for ((n = 0; n < 1500; n++)); do
		[ "$(grep -cE -e "$2" "${3-log}")" -lt "$1" ] || return 0
		[ -z "${supervisor-}" ] || kill -0 "$supervisor" 2>/dev/null || break
		sleep 0.02
	done
	[ "$(grep -cE -e "$2" "${3-log}")" -lt "$1" ] || return 0
	printf 'not %s lines with %s in:\n' "$1" "$2"
	tail -n 15 "${3-log}" err | cut -c 1-300
	return 1
}

# says N TEXT: the same for N messages that are exactly TEXT.
says() {
	lines "$1" "\"message\":\"$2\""
}

# over: wait for its end; $code.
# shellcheck disable=SC2034 # the tests read it
over() {
	code=0
	wait "$supervisor" || code=$?
	unset supervisor
}

# stop [SIGNAL]: and wait for its end.
stop() {
	kill -s "${1-TERM}" "$supervisor"
	over
}

# logged FILTER: of the records in the log.
logged() {
	jq -r "$1" log
}

# events ACTION FIELD…: of the supervisor's own records, one line each.
events() {
	logged "select(.[\"event.action\"] == \"$1\") | [$2] | join(\" \")"
}

# Instance and seconds since the epoch, for events.
# shellcheck disable=SC2034 # the tests read it
who='.["service.instance.id"]'
# shellcheck disable=SC2034 # the tests read it
when='(.["@timestamp"] | sub("\\..*"; "Z") | fromdate) +
	(.["@timestamp"][20:23] | tonumber / 1000) | tostring'

# alive: how many processes have the marker as an argument.
alive() {
	# Not grep itself: its argument is another one.
	grep -lzE -e "^$marker\$" /proc/[0-9]*/cmdline 2>/dev/null | wc -l
}

# all_gone MS: none of them, after that many milliseconds at the latest.
all_gone() {
	local until=$(($(date +%s%3N) + $1))

	while [ "$(alive)" != 0 ]; do
		[ "$(date +%s%3N)" -lt "$until" ] || {
			echo "$(alive) processes are left"
			return 1
		}
	done
}

# levels: those that work here, the best first.
levels() {
	local level

	for level in ns landlock none; do
		! relctl -q exec --isolation "$level" true 2>/dev/null ||
			echo "$level"
	done
}

# sanitized: relctl has been built so that its memory says nothing.
sanitized() {
	nm "$RELCTL" 2>/dev/null | grep -q __asan_init
}
