#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
}

@test "before the first release: exit 5 with the line to type" {
	try config set A=1
	expect 5 "" "error: no app in the store '$RELCTL_STORE' yet
hint: relctl release --set NAME=VALUE"
	try config
	expect 5 "" "error: no app in the store '$RELCTL_STORE' yet
hint: relctl release makes the first"
	relctl -q release --no-activate
	try config set A=1
	expect 5 "" "error: app 'shop' has no current release to change
hint: relctl -a shop release --set NAME=VALUE"
	try -q -a shop release --set A=1
	expect 0 v2 ""
}

@test "config lists names, never values" {
	releases 2
	try config
	expect 0 "N
PAGES
TOKEN" ""
	try config v1
	expect 0 "N
PAGES
TOKEN" ""
	try config --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.app,.release,.names]' <<<"$output")" = \
		'["relctl.config/1","shop",2,["N","PAGES","TOKEN"]]' ]
	relctl -q release -e /dev/null
	try config
	expect 0 "" ""
}

@test "it lists what is in a store on a read-only file system" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	releases 1
	unshare -m mount --bind "$HOME" "$HOME" || skip "mount is not allowed"
	run --separate-stderr unshare -m sh -c '
		mount --bind "$RELCTL_STORE" "$RELCTL_STORE" &&
		mount -o remount,bind,ro "$RELCTL_STORE" &&
		"$RELCTL" config'
	expect 0 "N
PAGES
TOKEN" ""
}

@test "set merges, and makes a release of the current artifact" {
	releases 1
	another two # built, not released
	try config set B=2 N=9
	expect 0 v2 "shop: v1 → v2
  code    $(git rev-parse --short=7 HEAD~)  One page  (unchanged)
  config  +B ~N
undo: relctl -a shop rollback v1"
	[ "$(value B) $(value N) $(value TOKEN)" = "2 9 abc" ]
	[ "$(relctl -q exec cat page)" = one ]
	try config set B=2
	expect 0 v2 "shop: unchanged, v2"
}

@test "set -e merges a file, words win over it" {
	releases 1
	printf 'B=file\nC=file\n' >../more.env
	try -q config set -e ../more.env C=word
	expect 0 v2 ""
	[ "$(value B) $(value C) $(value TOKEN)" = "file word abc" ]
	run --separate-stderr relctl -q config set -e - <<<D=in
	expect 0 v3 ""
	[ "$(value D)" = in ]
}

@test "set NAME reads the value from stdin, or asks" {
	releases 1
	run --separate-stderr relctl -q config set TOKEN <<<new
	expect 0 v2 ""
	[ "$(value TOKEN)" = new ]
	terminal --type 'TOKEN (not shown): ' $'typed\n' \
		"$RELCTL" -q config set TOKEN
	[ "$status" = 0 ]
	[ "$output" = "TOKEN (not shown): 
v3" ]
	[ "$(value TOKEN)" = typed ]
}

@test "unset takes names away" {
	releases 1
	try config unset PAGES TOKEN
	expect 0 v2 "shop: v1 → v2
  code    $short  One page  (unchanged)
  config  -PAGES -TOKEN
undo: relctl -a shop rollback v1"
	try config
	expect 0 N ""
	try config unset TOKEN
	expect 2 "" "error: no variable 'TOKEN' to unset"
	try config unset
	expect 2 "" "error: config unset needs a NAME"
}

@test "-n, --no-activate, -m and --json" {
	releases 1
	before=$(snapshot)
	try config set N=2 -n
	expect 0 "shop: v1 → v2
  code    $short  One page  (unchanged)
  config  ~N" ""
	[ "$(snapshot)" = "$before" ]
	try -q config set N=2 --no-activate -m 'for later' --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.release,.activated,.config]' <<<"$output")" = \
		'["relctl.config-change/1",2,false,{"+":[],"-":[],"~":["N"]}]' ]
	[ "$(current)" = v1 ]
	try releases --json
	[ "$(jq -c '.releases[0] | [.reason,.message]' <<<"$output")" = \
		'["config","for later"]' ]
}

@test "what it does not take" {
	releases 1
	try config set
	expect 2 "" "error: config set needs NAME=VALUE or -e FILE"
	try config -e ../x.env
	expect 2 "" "error: -e goes with 'config set'"
	try config v1 v2
	expect 2 "" "error: config takes one RELEASE, or 'set' or 'unset' first"
	try config TOKEN=s3cret
	expect 5 "" "error: no release 'TOKEN'
hint: a release is v12, APP@v12, APP (its current one) or current"
}
