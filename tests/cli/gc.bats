#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154,SC2030,SC2031 # bats and the helper set them

load helper

# shops N: releases v1 to vN of as many artifacts, in ${ids[1]} and so on.
shops() {
	local n

	shop
	relctl -q release --set A=1 >/dev/null
	ids=(none "$id")
	for ((n = 2; n <= $1; n++)); do
		another "$n"
		relctl -q release >/dev/null
		ids+=("$id")
	done
}

# older HOURS: as if everything had been done so much earlier.
older() {
	python3 "$BATS_TEST_DIRNAME/age.py" "$RELCTL_STORE/ledger.db" "$1"
}

# kept: numbers of the artifacts in ${ids[@]} that are in the store.
kept() {
	local n

	for ((n = 1; n < ${#ids[@]}; n++)); do
		[ ! -e "$RELCTL_STORE/artifacts/${ids[n]#sha256:}.json.zst" ] ||
			printf '%s ' "$n"
	done
}

# why [OPTION…]: "N: reason" of each artifact that a dry run speaks of.
why() {
	local n

	relctl gc -n --json "$@" >"$HOME/plan"
	for ((n = 1; n < ${#ids[@]}; n++)); do
		jq -r --arg id "${ids[n]}" --arg n "$n" '.artifacts[] |
			select(.artifact == $id) | "\($n): \(.why)"' "$HOME/plan"
	done
}

setup() {
	private
}

@test "ten artifacts of the undo stack are kept, older ones go" {
	shops 12
	older 25
	[ "$(why)" = "1: null
2: null
3: rollback 9 of shop
4: rollback 8 of shop
5: rollback 7 of shop
6: rollback 6 of shop
7: rollback 5 of shop
8: rollback 4 of shop
9: rollback 3 of shop
10: rollback 2 of shop
11: rollback 1 of shop
12: current of shop" ]
	try gc
	[ "$status" = 0 ]
	has "$output" " freed"
	[ "$(kept)" = "3 4 5 6 7 8 9 10 11 12 " ]
	[ "$(find "$RELCTL_STORE/trees" -mindepth 1 -maxdepth 1 |
		wc -l)" = 30 ] # with their indexes and marks
	try verify --all
	expect 0 "$output" ""
	has "$output" "10 artifacts, 10 trees"
	try rollback v2
	expect 3 "" "error: release v2 cannot be restored: its files are gone
hint: the newest that can: relctl -a shop rollback v11"
	try releases --all --json
	[ "$(jq -c '[.releases[].restore] | group_by(.) |
		map([.[0], length])' <<<"$output")" = '[["gone",2],["local",10]]' ]
	for n in {1..9}; do relctl -q rollback >/dev/null; done
	try -q exec cat page
	expect 0 3 ""
	try rollback
	expect 3 "" "error: release v2 cannot be restored: its files are gone
hint: build and release its commit again"
}

@test "--keep N; the current release is kept with 0 too" {
	shops 4
	older 25
	try -q gc --keep 3
	[ "$status" = 0 ]
	[ "$(kept)" = "2 3 4 " ]
	try -q gc --keep 0
	[ "$status" = 0 ]
	[ "$(kept)" = "4 " ]
	try -q exec cat page
	expect 0 4 ""
	try gc --keep -1
	expect 2 "" "$stderr"
	try gc --keep x
	expect 2 "" "error: option '--keep' takes a whole number, not 'x'
usage: relctl gc [OPTIONS]
hint: 'relctl help gc' shows more"
}

@test "N counts artifacts, not releases: changes of config cost nothing" {
	shops 2
	for n in 2 3 4 5 6; do relctl -q config set A="$n" >/dev/null; done
	older 25
	try -q gc --keep 2
	[ "$status" = 0 ]
	[ "$(kept)" = "1 2 " ]
	try -q rollback v1
	expect 0 v8 ""
}

@test "what was rolled back from is on no stack and goes" {
	shops 3
	relctl -q rollback v1
	older 25
	try -q gc
	[ "$(kept)" = "1 " ]
}

@test "what was built in the last 24 hours is kept" {
	shops 2
	[ "$(why --keep 1)" = "1: built less than a day ago
2: current of shop" ]
	try gc --keep 1
	[ "$status" = 0 ]
	has "$output" "0 B freed"
	older 23
	try -q gc --keep 1
	[ "$(kept)" = "1 2 " ]
	older 2
	try -q gc --keep 1
	[ "$(kept)" = "2 " ]
}

@test "a pinned release is kept until it is unpinned" {
	shops 3
	try pin v1
	expect 0 v1 ""
	try pin v1
	expect 0 v1 "shop v1 is pinned already"
	try pin shop@v1 --json
	expect 0 '{"app":"shop","pinned":true,"release":1,"schema":"relctl.pin/1"}' \
		"shop v1 is pinned already"
	older 25
	[ "$(why --keep 1)" = "1: pinned: shop@v1
2: null
3: current of shop" ]
	try -q gc --keep 1
	[ "$(kept)" = "1 3 " ]
	try -q rollback v1
	expect 0 v4 ""
	relctl -q rollback v3
	try unpin v1
	expect 0 v1 ""
	try unpin v1
	expect 0 v1 "shop v1 is not pinned"
	try -q gc --keep 1
	[ "$(kept)" = "3 " ]
	try pin v9
	expect 5 "" "error: app 'shop' has no release v9
hint: the newest is v5; relctl -a shop releases --all"
}

@test "each app keeps its own; the current of none goes" {
	shops 2
	relctl -q -a other release shop@v1 >/dev/null
	another 3
	ids+=("$id") # built, never released
	older 25
	[ "$(why --keep 1)" = "1: current of other
2: current of shop
3: null" ]
	try -q gc --keep 1
	[ "$(kept)" = "1 2 " ]
}

@test "a tree that a process runs in is kept" {
	shops 2
	"$RELCTL" -q exec -r v1 sh -c 'echo up; exec sleep 60' >up 3>&- &
	await up
	older 25
	[ "$(why --keep 1)" = "1: in use
2: current of shop" ]
	try -q gc --keep 1
	[ "$(kept)" = "1 2 " ]
	[ -e "$RELCTL_STORE/trees/${ids[1]#sha256:}/page" ]
	kill $!
	wait || true
	try -q gc --keep 1
	[ "$(kept)" = "2 " ]
}

@test "-n changes nothing, and says what the bytes would be" {
	shops 3
	older 25
	before=$(snapshot)
	try gc -n --keep 1
	[ "$status" = 0 ]
	has "$output" "would be freed"
	has "$output" "current of shop"
	[ "$(snapshot)" = "$before" ]
	try gc -n --keep 1 --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.dry_run,([.artifacts[] | .kept] | sort)]' \
		<<<"$output")" = '["relctl.gc/1",true,[false,false,true]]' ]
	would=$(jq .freed_bytes <<<"$output")
	[ "$would" -gt 0 ]
	size=$(du -sb --apparent-size "$RELCTL_STORE/chunks" | cut -f1)
	try gc --keep 1 --json
	[ "$(jq -c '[.dry_run,.freed_bytes]' <<<"$output")" = "[false,$would]" ]
	[ "$(du -sb --apparent-size "$RELCTL_STORE/chunks" | cut -f1)" -lt \
		"$size" ]
}

@test "chunks that a kept artifact shares stay" {
	shop
	head -c 300000 /dev/urandom >large
	commit "A large file"
	build
	relctl -q release
	ids=(none "$id")
	another two
	relctl -q release
	ids+=("$id")
	older 25
	large=$(find "$RELCTL_STORE/chunks" -size +200k)
	[ "$(wc -l <<<"$large")" = 1 ]
	try -q gc --keep 1
	[ "$(kept)" = "2 " ]
	[ -e "$large" ]
	try verify --all
	expect 0 "$output" ""
}

@test "what gc took comes back with build" {
	shops 2
	older 25
	relctl -q gc --keep 1
	try build HEAD~
	[ "$status" = 0 ]
	[ "$output" = "${ids[1]}" ]
	try -q rollback
	expect 0 v3 ""
	try -q exec cat page
	expect 0 one ""
}

@test "rows of the ledger never go; gc is one of them" {
	shops 3
	older 25
	events() {
		relctl verify --json | jq .events
	}
	before=$(events)
	relctl -q gc --keep 1
	[ "$(events)" = $((before + 1)) ]
	# Nothing to do: nothing to record.
	relctl -q gc --keep 1
	[ "$(events)" = $((before + 1)) ]
	[ "$(relctl releases --all --json | jq '.releases | length')" = 3 ]
}

@test "leftovers of what was cut short are swept" {
	shops 1
	mkdir -p "$RELCTL_STORE/tmp/0123456789abcdef/bin"
	echo x >"$RELCTL_STORE/tmp/0123456789abcdef/bin/x"
	try -q gc
	[ "$status" = 0 ]
	[ -z "$(ls -A "$RELCTL_STORE/tmp")" ]
	try verify --all
	expect 0 "$output" ""
}

@test "a record that can't be read stops it: what it needs is not known" {
	shops 2
	older 25
	file=$RELCTL_STORE/artifacts/${ids[1]#sha256:}.json.zst
	chmod u+w "$file"
	echo x >"$file"
	before=$(snapshot)
	try gc --keep 1
	[ "$status" = 6 ]
	[ "$output" = "" ]
	has "$stderr" "${ids[1]#sha256:}"
	[ "$(snapshot)" = "$before" ]
}
