#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
}

# The state of one check.
state() {
	jq -r --arg what "$1" '.checks[] | select(.what == $what).state' \
		<<<"$output"
}

@test "a directory that may not be read is no fault of the kernel" {
	local powerless=()

	# Root may read it all the same, unless it gives that up.
	[ "$(id -u)" != 0 ] ||
		powerless=(setpriv
			'--bounding-set=-dac_override,-dac_read_search')
	mkdir closed
	cd closed
	chmod 0 .
	run --separate-stderr "${powerless[@]}" "$RELCTL" doctor --json
	chmod 700 "$HOME/closed"
	[ "$status" = 0 ]
	[ "$(state openat2)" = ok ]
	[ "$(state store)" = absent ]
}

# Where user namespaces cannot be made: 0 of them are allowed in this one.
without_ns() {
	unshare --user --map-root-user true 2>/dev/null ||
		skip "no user namespaces here"
	run --separate-stderr unshare --user --map-root-user --mount sh -ec '
		echo 0 >/proc/sys/user/max_user_namespaces
		exec "$@"' sh "$@"
}

@test "isolation: what auto takes is what exec takes" {
	local auto

	shop
	releases 1
	try doctor --json
	[ "$status" = 0 ]
	auto=$(jq -r .isolation.auto <<<"$output")
	try -q exec true
	[ "$status" = 0 ]
	run events exec
	[ "$(jq -r .isolation <<<"$output")" = "$auto" ]
}

@test "isolation: a limit works, or is refused, as said" {
	local report wanted limit value

	shop
	releases 1
	try doctor --json
	report=$output
	wanted=$(jq -r '.isolation.limits | to_entries[] | "\(.key) \(.value)"' \
		<<<"$report")
	for limit in memory=1G pids=100 cpus=1; do
		value=$(sed -n "s/^${limit%=*} //p" <<<"$wanted")
		try -q exec "--$limit" true
		# Without a cgroup only ns has processes of its own to count.
		[ "$limit$value" != pids=100rlimit ] ||
			[ "$(jq -r .isolation.auto <<<"$report")" = ns ] ||
			value=null
		case $value in
		null) [ "$status" = 125 ] && has "$stderr" "needs the cgroup" ;;
		*) [ "$status" = 0 ] ;;
		esac
	done
}

@test "isolation: without namespaces it says why, and what to do" {
	without_ns "$RELCTL" doctor --json
	[ "$status" = 0 ]
	[ "$(state ns)" = absent ]
	[ "$(jq -r .isolation.auto <<<"$output")" != ns ]
	has "$(jq -r '.isolation.levels[0].why' <<<"$output")" \
		"isolation 'ns' cannot be had here"
	has "$(jq -r '.checks[] | select(.what == "ns").detail' <<<"$output")" \
		"sysctl user.max_user_namespaces="
}

@test "isolation: it starts processes, and prints nothing of theirs" {
	try doctor
	[ "$status" = 0 ]
	[ "$stderr" = "" ]
	has "$output" "isolation"
	run grep -vE '  (ok|absent|missing|none|open|STATE) ' <<<"$output"
	[ "$output" = "" ]
}
