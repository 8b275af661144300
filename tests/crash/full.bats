#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154 # status and stderr are set by run
# A full disk, one without inodes, one that is read-only: a clear error, nothing
# lost, and what needs no room works.

load helper

setup() {
	private
	[ "$(id -u)" = 0 ] || skip "only root can mount a small file system"
	app_repo repo
	mkdir disk
	mount -t tmpfs -o size=4m,nr_inodes=2000,mode=700 tmpfs disk 2>/dev/null ||
		skip "no file system can be mounted here"
	export RELCTL_STORE=$HOME/disk/store
}

teardown() {
	! mountpoint -q "$HOME/disk" || umount "$HOME/disk"
}

# fill [PAGES]: leave that many pages of 4 KiB free, none without a number.
fill() {
	dd if=/dev/zero of=disk/filler bs=4k 2>/dev/null || true
	is "free blocks" "$(stat -f -c %f disk)" 0
	truncate -s "-$((4096 * ${1:-0}))" disk/filler
	is "free blocks" "$(stat -f -c %f disk)" "${1:-0}"
}

no_inodes() {
	mkdir disk/fill
	(cd disk/fill && seq 3000 | xargs touch 2>/dev/null) || true
	is "free inodes" "$(stat -f -c %d disk)" 0
}

# refused WORD…: for want of room; the error says so.
refused() {
	try "$@"
	is "the status" "$status" 1 && is "the output" "$output" "" &&
		is "errors" "$(grep -c ^error: <<<"$stderr")" 1 &&
		grep -qE '^error: .*(No space left on device|the disk is full)' \
			<<<"$stderr"
}

# Two releases of two artifacts, both unpacked, and a third that was not built.
two_releases() {
	for c in HEAD~2 HEAD~1; do
		strict relctl -C repo build "$c"
		strict relctl -C repo -a shop release "$c"
	done
}

# with_room MOST SEEN WORD…: the command with 0 to MOST pages free. With too
# little it fails and changes nothing that matters; then there is room, and it
# prints SEEN.
with_room() {
	local most=$1 seen=$2 pages ok=0 failed=0

	shift 2
	cp -a disk/store saved
	for ((pages = 0; pages <= most; pages++)); do
		wipe disk/store
		cp -a saved disk/store
		fill "$pages" || return
		try "$@"
		if [ "$status" = 0 ]; then
			ok=$((ok + 1))
		else
			failed=$((failed + 1))
			wipe disk/store
			cp -a saved disk/store
			refused "$@" || {
				echo "$pages pages: $stderr"
				return 1
			}
			intact || return
			rm disk/filler
			try "$@"
		fi
		rm -f disk/filler
		is "the status" "$status" 0 && is "the output" "$output" "$seen" &&
			intact || return
	done
	note "$BATS_TEST_DESCRIPTION: $failed refused, $ok done"
	[ "$ok" -gt 0 ] && [ "$failed" -gt 0 ]
}

@test "build with any room between none and enough" {
	two_releases
	id=$(relctl -C repo build 2>/dev/null)
	wipe disk/store config
	two_releases
	with_room 40 "$id" -C repo build
}

@test "release with any room between none and enough" {
	two_releases
	id=$(relctl -C repo build 2>/dev/null)
	with_room 60 v3 -a shop release "$id" --set A=1
}

@test "the first command of all on a full disk" {
	fill
	refused -C repo build
	try verify --all
	is "the status" "$status" 5
	rm disk/filler
	strict relctl -C repo build
	intact
}

@test "10 rollbacks in a row with 0 bytes free" {
	two_releases
	fill
	for k in 1 2 3 4 5; do
		try -a shop rollback v1
		expect 0 "v$((2 * k + 1))" "$stderr"
		try -a shop rollback v2
		expect 0 "v$((2 * k + 2))" "$stderr"
		intact
	done
	try -a shop exec web
	expect 0 web "$stderr"
	# Somebody else takes what is left of the reserve.
	mv disk/filler disk/other
	fill
	refused -C repo build
	refused -a shop rollback v1
	intact
	# With room again it comes back.
	rm disk/filler disk/other
	strict relctl -a shop rollback v1
	is "reserve" "$(stat -c %s disk/store/reserve)" 262144
	strict relctl -C repo build
	intact
}

@test "exec with 0 bytes free, not even a reserve" {
	two_releases
	rm disk/store/reserve
	fill
	try -a shop exec web
	is "the status" "$status" 0
	is "the output" "$output" web
	has "$stderr" "notice: not recorded in the ledger: the disk is full"
	refused -a shop config set A=1
	refused -a shop rollback
	intact
	rm disk/filler
	try -a shop rollback
	expect 0 v3 "$stderr"
	intact
}

@test "a disk that was made read-only" {
	two_releases
	mount -o remount,ro disk
	try -a shop exec web
	is "the status" "$status" 0
	is "the output" "$output" web
	has "$stderr" "notice: not recorded in the ledger: "
	has "$stderr" "Read-only file system"
	for words in releases artifacts apps show config "export shop --mtree" \
		"gc -n" "verify --all" doctor key "run --once"; do
		# shellcheck disable=SC2086 # words
		try -a shop $words
		is "the status of $words" "$status" 0
	done
	for words in "-C repo build" "-a shop rollback" "-a shop config set A=1" \
		"gc"; do
		# shellcheck disable=SC2086 # words
		try $words
		is "the status of $words" "$status" 1
		is "the output" "$output" ""
		is "errors" "$(grep -c ^error: <<<"$stderr")" 1
		has "$stderr" "Read-only file system"
	done
	mount -o remount,rw disk
	intact
	try -a shop rollback
	expect 0 v3 "$stderr"
}

@test "a disk without inodes" {
	two_releases
	no_inodes
	refused -C repo build
	refused -a shop config set A=1
	intact
	for k in 1 2 3 4 5; do
		try -a shop rollback v1
		expect 0 "v$((2 * k + 1))" "$stderr"
		try -a shop rollback v2
		expect 0 "v$((2 * k + 2))" "$stderr"
	done
	try -a shop exec web
	expect 0 web "$stderr"
	intact
	wipe disk/fill
	strict relctl -C repo build
	strict relctl -a shop config set A=1
	intact
}
