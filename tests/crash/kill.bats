#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kill -9 at any moment: what is left is whole, and the same command, given
# again, ends with the same result.
# shellcheck disable=SC2034,SC2154 # variables of scenes.bash
#
# Each test records the system calls of a command. Then it kills the command at
# its first openat, its second, …, each time on a fresh copy of the store.
# RELCTL_CRASH_POINTS is how many points a test tries (0: all there are).

load helper
load scenes

setup() {
	private
	command -v strace >/dev/null || skip "no strace"
	app_repo repo
	most=${RELCTL_CRASH_POINTS:-40}
	[ "$most" -gt 0 ] || most=1000000
}

# strike CALL K: once.
strike() {
	local killed=0

	restore
	inject "$1" "signal=SIGKILL:when=$2" "$RELCTL" "${command[@]}" \
		>killed.out 2>killed.err || killed=$?
	is "the status" "$killed" 137 || return
	said=$(cat killed.out)
	whole && settled && intact && swept && same_files
}

# sweep SCENE: kill its command at its points.
sweep() {
	local list all point

	scene "$1"
	all=$(points trace.out 1000000 | wc -l)
	mapfile -t list < <(points trace.out "$most")
	[ "${#list[@]}" -gt 30 ]
	for point in "${list[@]}"; do
		# shellcheck disable=SC2086 # two words
		if ! strike $point >strike.out 2>&1; then
			echo "killed at $point: relctl ${command[*]}"
			cat strike.out
			return 1
		fi
	done
	note "$BATS_TEST_DESCRIPTION: $all points, ${#list[@]} tried"
}

@test "build into a new store, with its key" {
	sweep build_new
}

@test "build into a store that has builds" {
	sweep build
}

@test "import" {
	sweep import
}

@test "the first release" {
	sweep first_release
	[ "$wanted" = v1 ]
}

@test "a later release" {
	sweep release
	[ "$wanted" = v2 ]
}

@test "a release whose command runs before it is current" {
	sweep hooked
	[ "$wanted" = v2 ]
	[ -e between ] # stopped where it has its number, and is not current
}

@test "config set" {
	sweep config
	[ "$wanted" = v3 ]
}

@test "rollback" {
	sweep rollback
	[ "$wanted" = v3 ] && [ "$wanted_current" = "$target" ]
}

@test "rollback to a release that has to be unpacked" {
	sweep rollback_to
	[ "$wanted" = v3 ] && [ "$wanted_current" = "$target" ]
}

@test "gc" {
	sweep gc
	[ "$(wc -l <<<"$wanted_files")" -lt "$(find saved -type f | wc -l)" ]
	[ "$(find "$RELCTL_STORE/artifacts" -type f | wc -l)" = 1 ]
}
