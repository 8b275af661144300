#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# scale
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helpers set them

load helper
load running

setup() {
	private
	serving
}

# The formation that is recorded; how often one was.
stored() {
	sqlite3 "$RELCTL_STORE/ledger.db" "SELECT body FROM event
		WHERE kind = 'scale' ORDER BY seq DESC LIMIT 1" |
		jq -c .formation
}

scaled() {
	sqlite3 "$RELCTL_STORE/ledger.db" \
		"SELECT count(*) FROM event WHERE kind = 'scale'"
}

@test "scale: without a supervisor it is for the next run" {
	try scale
	expect 0 "web=1 worker=1" ""
	[ "$(scaled)" = 0 ]
	later="shop does not run here: this is for its next run"
	try scale web=3 worker-1 web-1
	expect 0 "web=2 worker=0" "$later"
	[ "$(stored)" = '{"web":2,"worker":0}' ]
	try scale
	expect 0 "web=2 worker=0" ""
	try scale web=2
	expect 0 "web=2 worker=0" "$later"
	[ "$(scaled)" = 1 ]
	begin_well
	is '[.instances[].name] | join(" ")' "web.1 web.2"
	try scale --json
	expect 0 "$output" ""
	[ "$(jq -c . <<<"$output")" = '{"app":"shop","formation":{"web":2,'\
'"worker":0},"running":true,"schema":"relctl.scale/1"}' ]
}

@test "scale: words that are wrong change nothing" {
	try scale nosuch=1
	expect 5 "" "error: the release has no process type 'nosuch'
hint: its process types: web, worker"
	try scale worker=2 web=x
	[ "$status" = 2 ]
	[ "$output" = "" ]
	try scale web=100 web+1
	expect 2 "" "error: more than 100 instances of 'web'
hint: each type has 100 ports"
	[ "$(scaled)" = 0 ]
	try scale
	expect 0 "web=1 worker=1" ""
}

@test "scale: up and down while it runs, and for the next run" {
	begin_well
	kept=$(pid_of web.1)
	try scale web+2
	expect 0 "web=3 worker=1" ""
	eventually relctl status
	is '[.instances[].name] | join(" ")' "web.1 web.2 web.3 worker.1"
	is '[.instances[].port] | tostring' \
		"[$port,$((port + 1)),$((port + 2)),$((port + 100))]"
	gone=$(pid_of web.2)
	try scale web=1 worker=0
	expect 0 "web=1 worker=0" ""
	eventually is '[.instances[].name] | join(" ")' web.1
	[ "$(pid_of web.1)" = "$kept" ]
	[ ! -e "/proc/$gone" ]
	try scale worker-1
	expect 0 "web=1 worker=0" ""
	[ "$(scaled)" = 2 ]
	relctl -q scale web=0
	eventually is '.instances | length' 0
	try ps
	expect 0 "" "shop runs, scaled to nothing"
	try status
	expect 0 ok ""
	relctl -q stop
	try scale
	expect 0 "web=0 worker=0" ""
}

@test "scale leaves what is not named, also after run -m" {
	relctl -q scale web=2
	begin_well -m worker=2
	try scale
	expect 0 "web=0 worker=2" ""
	try scale worker+1
	expect 0 "web=0 worker=3" ""
	[ "$(stored)" = '{"web":2,"worker":3}' ]
	eventually is '[.instances[].name] | join(" ")' \
		"worker.1 worker.2 worker.3"
	relctl -q stop
	try scale
	expect 0 "web=2 worker=3" ""
}

@test "a formation outlives releases and rollbacks" {
	relctl -q scale worker=3
	procfile 'web: exec python3 -SE serve.py'
	relctl -q scale web=2
	try scale
	expect 0 "web=2" ""
	relctl -q rollback
	try scale
	expect 0 "web=2 worker=3" ""
}

@test "scale: app.json counts where nobody has scaled" {
	echo '{"formation": {"web": {"quantity": 4}}}' >app.json
	commit "Quantities"
	build
	relctl -q release
	try scale
	expect 0 "web=4 worker=1" ""
	relctl -q scale worker=0
	[ "$(stored)" = '{"worker":0}' ]
	try scale
	expect 0 "web=4 worker=0" ""
}
