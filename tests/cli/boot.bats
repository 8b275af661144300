#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154,SC2016 # status, …: of bats; id: of the helper; sh -c
# A tree is used before it is synced, and known to be whole only in the boot
# that made it. Another boot is one whose ID is in the mark.

load helper

setup() {
	private
	shop
	relctl -q release --set A=1 >/dev/null
	place=$RELCTL_STORE/trees/${id#sha256:}
	boot=$(cat /proc/sys/kernel/random/boot_id)
}

# Two that are not there, and one that nobody has ever had.
marks=("" nothing 00000000-0000-4000-8000-000000000000)

# reboot [MARK]: what was unpacked until now is of another boot; "nothing": the
# mark is lost.
reboot() {
	local mark

	for mark in "$RELCTL_STORE"/trees/*.mark; do
		rm -f "$mark"
		[ "$1" = nothing ] || printf '%s\n' "$1" >"$mark"
	done
}

# lose FILE: as a power cut leaves it, of the right size and without its bytes.
lose() {
	local size

	size=$(stat -c %s "$1")
	chmod u+w "$1"
	head -c "$size" /dev/zero >"$1"
	chmod u-w "$1"
}

mark() {
	cat "$place.mark"
}

# works: a process has its page, and nobody speaks of the tree.
works() {
	try exec cat page
	expect 0 one "$stderr" || return
	[[ $stderr != *tree* ]]
}

@test "a tree is marked with the boot that it was unpacked in" {
	[ "$(mark)" = "$boot" ]
	works
	[ "$(mark)" = "$boot" ]
}

@test "after another boot what is right is kept, and synced" {
	for mark in "${marks[@]}"; do
		reboot "$mark"
		inode=$(stat -c %i "$place")
		works
		[ "$(mark)" = synced ]
		[ "$(stat -c %i "$place")" = "$inode" ]
	done
}

@test "after another boot what is not right is made again" {
	for mark in "${marks[@]}"; do
		lose "$place/page"
		reboot "$mark"
		try exec cat page
		[ "$status" = 0 ]
		[ "$output" = one ]
		has "$stderr" "the unpacked tree was changed and is made again"
		has "$stderr" "'page' in the tree has another content"
		[ "$(mark)" = "$boot" ]
	done
	try verify
	[ "$status" = 0 ]
}

@test "an index that was cut off, or lost, is made again with its tree" {
	cp "$place.index" "$HOME/index"
	for bytes in 0 1 40 "$(($(stat -c %s "$HOME/index") - 1))"; do
		rm -f "$place.index"
		head -c "$bytes" "$HOME/index" >"$place.index"
		reboot 00000000-0000-4000-8000-000000000000
		try exec cat page
		[ "$status" = 0 ]
		[ "$output" = one ]
		cmp "$place.index" "$HOME/index"
	done
	rm -f "$place.index"
	reboot 00000000-0000-4000-8000-000000000000
	works
	cmp "$place.index" "$HOME/index"
	[ "$(mark)" = "$boot" ]
}

@test "release, activate and rollback look, too" {
	first=$place
	another two
	relctl -q release >/dev/null
	lose "$first/page"
	reboot 00000000-0000-4000-8000-000000000000
	try rollback
	[ "$status" = 0 ]
	has "$stderr" "is made again"
	[ "$(cat "$first/page")" = one ]
	[ "$(cat "$first.mark")" = "$boot" ]

	lose "$first/page"
	reboot 00000000-0000-4000-8000-000000000000
	try release "$(basename "$first" | sed s/^/sha256:/)" # unchanged
	[ "$status" = 0 ]
	[ "$(cat "$first/page")" = one ]

	second=$RELCTL_STORE/trees/${id#sha256:}
	relctl -q release "$id" --no-activate --set B=1 >/dev/null
	lose "$second/page"
	reboot 00000000-0000-4000-8000-000000000000
	try activate v4
	[ "$status" = 0 ]
	has "$stderr" "is made again"
	[ "$(cat "$second/page")" = two ]
}

@test "what a boot has lost does not spread to the next release" {
	lose "$place/bin/web"
	reboot 00000000-0000-4000-8000-000000000000
	another two
	relctl -q release >/dev/null 2>&1
	next=$RELCTL_STORE/trees/${id#sha256:}
	[ "$(git show HEAD:bin/web)" = "$(cat "$next/bin/web")" ]
	try verify
	[ "$status" = 0 ]
}

@test "gc syncs what this boot has unpacked, and nothing else" {
	first=$place
	another two
	relctl -q release >/dev/null
	echo 00000000-0000-4000-8000-000000000000 >"$HOME/other"
	cp -f "$HOME/other" "$first.mark"
	relctl gc -n >/dev/null
	[ "$(cat "$RELCTL_STORE/trees/${id#sha256:}.mark")" = "$boot" ]
	relctl gc >/dev/null
	[ "$(cat "$RELCTL_STORE/trees/${id#sha256:}.mark")" = synced ]
	cmp "$first.mark" "$HOME/other"
}

@test "a mark without a tree is nothing" {
	reboot 00000000-0000-4000-8000-000000000000
	chmod -R u+w "$place"
	rm -r "$place" "$place.index"
	try verify --all
	[ "$status" = 0 ]
	relctl -q release >/dev/null
	[ "$(mark)" = "$boot" ]
}

@test "where nothing can be marked it is compared each time" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	unshare -m mount --bind "$HOME" "$HOME" || skip "mount is not allowed"
	reboot 00000000-0000-4000-8000-000000000000
	read_only='mount --bind "$RELCTL_STORE" "$RELCTL_STORE" &&
		mount -o remount,bind,ro "$RELCTL_STORE" &&
		"$RELCTL" exec cat page'
	run --separate-stderr unshare -m sh -c "$read_only"
	expect 0 one "$stderr"
	[ "$(mark)" = 00000000-0000-4000-8000-000000000000 ]
	lose "$place/page"
	run --separate-stderr unshare -m sh -c "$read_only"
	[ "$status" = 125 ]
	[ "$output" = "" ]
	has "$stderr" "Read-only file system"
}
