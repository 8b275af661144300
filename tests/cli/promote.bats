#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
	relctl -q -a staging release --set N=staging
	relctl -q -a shop release --set N=live
	first=$short
	another two
	relctl -q -a staging release
}

@test "promote takes the code of one app and the config of the other" {
	try promote staging shop
	expect 0 v2 "shop: v1 → v2 (the code of staging@v2)
  code    $first → $short  Page two
  config  (unchanged)
undo: relctl -a shop rollback v1"
	[ "$(relctl -q -a shop exec printenv N)" = live ]
	[ "$(relctl -q -a shop exec cat page)" = two ]
	[ "$(current -a staging)" = v2 ]
	try promote staging shop
	expect 0 v2 "shop: unchanged, v2"
	try releases -a shop --json
	[ "$(jq -c '.releases[0] | [.reason,.of_app,.of]' <<<"$output")" = \
		'["promote","staging",2]' ]
	try -q -a shop rollback
	expect 0 v3 ""
	[ "$(relctl -q -a shop exec cat page)" = one ]
}

@test "-n and --json" {
	before=$(snapshot)
	try promote staging shop -n
	expect 0 "shop: v1 → v2 (the code of staging@v2)
  code    $first → $short  Page two
  config  (unchanged)" ""
	try -q promote staging shop -n --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.app,.dry_run,.of]' <<<"$output")" = \
		'["relctl.promote/1","shop",true,2]' ]
	[ "$(snapshot)" = "$before" ]
}

@test "an app without a config: refused with the line to type" {
	try promote staging live
	expect 3 "" "error: app 'live' has no config yet
hint: give it one with its first release: relctl -a live release ${id:0:19}\
 -e FILE"
	echo N=1 >../live.env
	try -q -a live release "${id:0:19}" -e ../live.env
	expect 0 v1 ""
	try -q promote staging live
	expect 0 v1 ""
}

@test "a variable that the new code requires is asked of the target's config" {
	echo '{"env": {"MAIL_URL": "where mail goes"}}' >app.json
	commit "Mail"
	build
	relctl -q -a staging release --set MAIL_URL=x
	try promote staging shop
	expect 3 "" "$stderr"
	has "$stderr" MAIL_URL
	[ "$(current -a shop)" = v1 ]
}

@test "names that are none, the same twice" {
	try promote staging staging
	expect 2 "" "error: 'staging' cannot be promoted to itself"
	try promote nosuch shop
	expect 5 "" "$stderr"
	has "$stderr" "error: "
	has "$stderr" "'nosuch'"
	try promote staging Shop
	expect 2 "" "$stderr"
	has "$stderr" "'Shop' can't be the name of an app"
	try promote staging
	expect 2 "" "error: 'promote' needs 2 arguments
usage: relctl promote [OPTIONS] FROM TO
hint: 'relctl help promote' shows more"
}
