#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
	releases 1
	relctl -q release --no-activate --set N=2
}

@test "activate makes a release current that never was" {
	try activate v2
	expect 0 v2 "shop: v1 → v2
  code    $short  One page  (unchanged)
  config  ~N
undo: relctl -a shop rollback v1"
	[ "$(current)$(value N)" = v22 ]
	# It is on the undo stack as any other.
	try -q rollback
	expect 0 v3 ""
	[ "$(value N)" = 1 ]
}

@test "-n says what would change, and changes nothing" {
	before=$(snapshot)
	try activate shop@v2 -n
	expect 0 "shop: v1 → v2
  code    $short  One page  (unchanged)
  config  ~N" ""
	try activate v2 -n --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.dry_run,.to.release]' <<<"$output")" = \
		'["relctl.activate/1",true,2]' ]
	[ "$(snapshot)" = "$before" ]
}

@test "the current release is active already" {
	try activate v1
	expect 0 v1 "shop: unchanged, v1"
	try activate current
	expect 0 v1 "shop: unchanged, v1"
}

@test "what was active before is a matter of rollback" {
	relctl -q activate v2
	try activate v1
	expect 3 "" "error: release v1 was active before
hint: relctl -a shop rollback v1"
	[ "$(current)" = v2 ]
}

@test "a release that is not there" {
	try activate v7
	expect 5 "" "error: app 'shop' has no release v7
hint: the newest is v2; relctl -a shop releases --all"
	try activate
	expect 2 "" "error: 'activate' needs an argument
usage: relctl activate [OPTIONS] RELEASE
hint: 'relctl help activate' shows more"
}

@test "an activation that fails leaves the current release" {
	another two
	relctl -q release --no-activate
	rm -r "$RELCTL_STORE/chunks"/*
	try activate v3
	expect 6 "" "$stderr"
	has "$stderr" "error: "
	[ "$(current)" = v1 ]
	[ -z "$(ls "$RELCTL_STORE/tmp")" ]
}
