#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2030,SC2031 # set by scene and run
# Law 6 of docs/design.md: bytes → name → directory → ledger, as the kernel sees
# it. order.awk reads the calls of one run of each command.

load helper
load scenes

setup() {
	private
	command -v strace >/dev/null || skip "no strace"
	app_repo repo
	# With symbolic links resolved, as strace shows it.
	store=$(readlink -f .)/data/relctl
}

# order FILE: what order.awk says of it.
order() {
	awk -v store="$store" -f "$BATS_TEST_DIRNAME/order.awk" "$1"
}

# ordered SCENE SEEN: it is right, and at least that much was seen of it.
ordered() {
	scene "$1"
	restore
	strace -f -qq -y -s 0 -o paths.out -e trace="$calls" -- \
		"$RELCTL" "${command[@]}" >paths.said 2>paths.err
	run order paths.out
	echo "$output"
	[ "$status" = 0 ] && [ "$output" = "$2" ]
}

@test "build into a new store" {
	# fingerprint, format, 3 chunks, record; schema, key, build
	ordered build_new "6 names, 3 commits, 0 removed"
}

@test "build into a store that has builds" {
	ordered build "3 names, 1 commits, 0 removed"
}

@test "import" {
	ordered import "3 names, 1 commits, 0 removed"
}

@test "the first release" {
	# config, record; the release with its activation
	ordered first_release "2 names, 1 commits, 0 removed"
}

@test "a later release" {
	ordered release "2 names, 1 commits, 0 removed"
}

@test "rollback" {
	ordered rollback "0 names, 1 commits, 0 removed"
}

@test "a release whose command runs before it is current" {
	ordered hooked "2 names, 2 commits, 0 removed"
}

@test "rollback to a release that has to be unpacked" {
	ordered rollback_to "0 names, 1 commits, 0 removed"
}

@test "gc" {
	ordered gc "0 names, 1 commits, 4 removed"
}

# without CALL SCENE: the same run, had it not made these calls, is wrong.
without() {
	scene "$2"
	restore
	strace -f -qq -y -s 0 -o paths.out -e trace="$calls" -- \
		"$RELCTL" "${command[@]}" >paths.said 2>paths.err
	order paths.out
	grep -v " $1(" paths.out >less.out
	run order less.out
	[ "$status" = 1 ]
	has "$output" "$3"
}

@test "what is looked at here can be wrong" {
	without syncfs build "a name comes before its bytes"
	without fsync build "the ledger is written before"
	without fsync first_release "a name comes before its bytes"
	without fdatasync rollback "the result comes before the commit"
	without fsync gc "a chunk goes before the record that needs it"
	without syncfs gc "a tree is marked as synced before it is"
}
