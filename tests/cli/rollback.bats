#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
	first=$short
}

# history: content by content what N was, oldest first.
history() {
	relctl releases --all --json | jq -r '.releases | reverse |
		map("v\(.release)" + (if .of then "=v\(.of)" else "" end)) |
		join(" ")'
}

@test "rollback goes to the release before, and says how to come back" {
	releases 1
	another two
	relctl -q release --set N=2 --set B=2 --unset TOKEN
	try rollback
	expect 0 v3 "shop: v2 → v3 (v1 again)
  code    $short → $first  One page
  config  -B ~N +TOKEN
undo: relctl -a shop rollback v2"
	[ "$(value N) $(value TOKEN)" = "1 abc" ]
	[ "$(relctl -q exec cat page)" = one ]
}

@test "the undo line works when it is pasted" {
	releases 2
	try rollback
	line=$(sed -n 's/^undo: //p' <<<"$stderr")
	[ "$line" = "relctl -a shop rollback v2" ]
	PATH=$(dirname "$RELCTL"):$PATH
	cd /
	run --separate-stderr sh -c "$line"
	expect 0 v4 "shop: v3 → v4 (v2 again)
  code    $first  One page  (unchanged)
  config  ~N
the code is unchanged ($first)
undo: relctl -a shop rollback v3"
	[ "$(value N)" = 2 ]
}

@test "repeated it goes further back, and never to and fro" {
	releases 4
	for want in v5:3 v6:2 v7:1; do
		try -q rollback
		expect 0 "${want%:*}" ""
		[ "$(value N)" = "${want#*:}" ]
	done
	try rollback
	expect 3 "" "error: there is nothing to roll back to
hint: 'relctl -a shop releases' lists what 'rollback vN' can name"
	[ "$(current)" = v7 ]
	[ "$(history)" = "v1 v2 v3 v4 v5=v3 v6=v2 v7=v1" ]
}

@test "what was rolled back from does not come back by itself" {
	releases 3
	relctl -q rollback
	relctl -q config set N=bad
	try -q rollback
	expect 0 v6 ""
	[ "$(value N)" = 2 ]
	try -q rollback
	expect 0 v7 ""
	[ "$(value N)" = 1 ]
}

@test "a target on the stack takes away what lies above it" {
	releases 4
	try rollback v2
	expect 0 v5 "shop: v4 → v5 (v2 again)
  code    $first  One page  (unchanged)
  config  ~N
the code is unchanged ($first)
undo: relctl -a shop rollback v4"
	try -q rollback
	expect 0 v6 ""
	[ "$(value N)" = 1 ]
	try rollback
	expect 3 "" "error: there is nothing to roll back to
hint: 'relctl -a shop releases' lists what 'rollback vN' can name"
}

@test "a target off the stack is pushed: the next rollback leaves it again" {
	releases 3
	relctl -q rollback v1
	try -q rollback v3
	expect 0 v5 ""
	[ "$(value N)" = 3 ]
	try -q rollback
	expect 0 v6 ""
	[ "$(value N)" = 1 ]
	try rollback
	expect 3 "" "error: there is nothing to roll back to
hint: 'relctl -a shop releases' lists what 'rollback vN' can name"
}

@test "what is current already stays, under any of its numbers" {
	releases 2
	before=$(snapshot)
	try rollback v2
	expect 0 v2 "shop: unchanged, v2"
	[ "$(snapshot)" = "$before" ]
	relctl -q rollback v1
	try rollback v1
	expect 0 v3 "shop: unchanged, v3"
	try rollback v3 --json
	expect 0 "$output" "shop: unchanged, v3"
	[ "$(jq -c '[.schema,.unchanged,.release]' <<<"$output")" = \
		'["relctl.rollback/1",true,3]' ]
}

@test "--keep keeps the current value of a variable" {
	releases 1
	relctl -q config set N=2 TOKEN=new PAGES=b
	try rollback --keep TOKEN --keep=PAGES
	expect 0 v3 "shop: v2 → v3 (the code of v1 again)
  code    $first  One page  (unchanged)
  config  ~N
the code is unchanged ($first)
undo: relctl -a shop rollback v2"
	[ "$(value N) $(value TOKEN) $(value PAGES)" = "1 new b" ]
	# It stands on its target: one step further is v1 itself.
	try -q rollback
	expect 0 v4 ""
	[ "$(value N) $(value TOKEN) $(value PAGES)" = "1 abc a" ]
}

@test "--keep of a name that is not there is refused" {
	releases 2
	before=$(snapshot)
	try rollback --keep TOKNE
	expect 2 "" "error: no variable 'TOKNE' in the current config to keep"
	try rollback --keep TOKEN=abc
	expect 2 "" "error: no variable 'TOKEN' in the current config to keep"
	[ "$(snapshot)" = "$before" ]
}

@test "--keep of what is the same is a plain rollback" {
	releases 2
	try rollback --keep TOKEN
	expect 0 v3 "$stderr"
	has "$stderr" "shop: v2 → v3 (v1 again)"
	try rollback
	expect 3 "" "error: there is nothing to roll back to
hint: 'relctl -a shop releases' lists what 'rollback vN' can name"
}

@test "--code goes back with the code and keeps the whole config" {
	releases 1
	another two
	relctl -q release --set N=2 --set B=2
	try rollback --code
	expect 0 v3 "shop: v2 → v3 (the code of v1 again)
  code    $short → $first  One page
  config  (unchanged)
undo: relctl -a shop rollback v2"
	[ "$(value N) $(value B) $(relctl -q exec cat page)" = "2 2 one" ]
	try -q rollback
	expect 0 v4 ""
	[ "$(value N)" = 1 ]
	try rollback
	expect 3 "" "error: there is nothing to roll back to
hint: 'relctl -a shop releases' lists what 'rollback vN' can name"
}

@test "where only the config changed, the newest other code is named" {
	releases 1
	another two
	relctl -q release
	relctl -q config set N=3
	relctl -q config set N=4
	try rollback
	expect 0 v5 "shop: v4 → v5 (v3 again)
  code    $short  Page two  (unchanged)
  config  ~N
the code is unchanged ($short); 'relctl -a shop rollback v1' is the newest\
 with other code
undo: relctl -a shop rollback v4"
}

@test "an empty stack: nothing to go back to" {
	try rollback
	expect 5 "" "error: no app in the store '$RELCTL_STORE' yet
hint: relctl release makes the first"
	relctl -q release --no-activate
	try rollback
	expect 3 "" "error: app 'shop' has nothing to roll back from"
	relctl -q release
	try rollback
	expect 3 "" "error: there is nothing to roll back to
hint: 'relctl -a shop releases' lists what 'rollback vN' can name"
	try rollback --json
	expect 3 "$output" ""
	[ "$(jq -c '[.schema,.error.code,.error.exit]' <<<"$output")" = \
		'["relctl.error/1","refused",3]' ]
}

@test "-n prints the plan on stdout and changes nothing" {
	releases 1
	another two
	relctl -q release
	relctl -q config set N=3
	before=$(snapshot)
	try rollback -n
	expect 0 "shop: v3 → v4 (v2 again)
  code    $short  Page two  (unchanged)
  config  ~N" "the code is unchanged ($short); 'relctl -a shop rollback v1'\
 is the newest with other code"
	try rollback v1 --dry-run
	expect 0 "shop: v3 → v4 (v1 again)
  code    $short → $first  One page
  config  ~N" ""
	try -q rollback -n --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.dry_run,.of,.config]' <<<"$output")" = \
		'["relctl.rollback/1",true,2,{"+":[],"-":[],"~":["N"]}]' ]
	[ "$(snapshot)" = "$before" ]
}

@test "a target whose files are gone stops it, the newest other is named" {
	releases 1
	another two
	relctl -q release
	gone=$id
	another three
	relctl -q release
	another four
	relctl -q release
	# Only v2 loses its artifact; v1, v3 and v4 keep theirs.
	erase "$RELCTL_STORE/trees/${gone#sha256:}"* \
		"$RELCTL_STORE/artifacts/${gone#sha256:}.json.zst"
	relctl -q rollback
	before=$(snapshot)
	try rollback
	expect 3 "" "error: release v2 cannot be restored: its files are gone
hint: the newest that can: relctl -a shop rollback v1"
	try rollback v2
	expect 3 "" "error: release v2 cannot be restored: its files are gone
hint: the newest that can: relctl -a shop rollback v1"
	[ "$(snapshot)" = "$before" ]
	try -q rollback v1
	expect 0 v6 ""
}

@test "when none can be restored the hint is to build again" {
	releases 1
	gone=$id
	another two
	relctl -q release
	erase "$RELCTL_STORE/trees/${gone#sha256:}"* \
		"$RELCTL_STORE/artifacts/${gone#sha256:}.json.zst"
	try rollback
	expect 3 "" "error: release v1 cannot be restored: its files are gone
hint: build and release its commit again"
	git checkout -q "$first"
	relctl -q build
	try -q rollback
	expect 0 v3 ""
}

@test "it works without a repository, an env file, git and a network" {
	echo N=file >../prod.env
	relctl -q release -e ../prod.env
	another two
	relctl -q release --set N=2
	# From the store alone: v1's tree is gone too, its chunks are not.
	erase "$RELCTL_STORE"/trees/*
	cd /
	rm -rf "$HOME/shop" "$HOME/prod.env"
	mkdir "$HOME/alone"
	cp "$RELCTL" "$HOME/alone/relctl" # and no relctl-git beside it
	alone=(env PATH=/nonexistent "$HOME/alone/relctl" -q)
	unshare -rn true 2>/dev/null &&
		alone=(unshare -rn "${alone[@]}")
	run --separate-stderr "${alone[@]}" rollback
	expect 0 v3 ""
	run --separate-stderr "${alone[@]}" exec cat page
	expect 0 one ""
	run --separate-stderr "${alone[@]}" run --once worker
	expect 0 "" ""
	run --separate-stderr "${alone[@]}" exec printenv N
	expect 0 file ""
	run --separate-stderr "${alone[@]}" rollback v2
	expect 0 v4 ""
	run --separate-stderr "${alone[@]}" verify --all
	expect 0 "$output" ""
}

@test "it opens nothing of the repository, also when that is around" {
	command -v strace >/dev/null || skip "strace is not installed"
	releases 2
	export ASAN_OPTIONS=detect_leaks=0 # which can't be under strace
	run --separate-stderr strace -f -qq -o "$HOME/trace" \
		-e trace=execve,openat,open,openat2 "$RELCTL" -q rollback
	expect 0 v3 ""
	[ "$(grep -c execve "$HOME/trace")" = 1 ]
	run ! grep -F "$HOME/shop" "$HOME/trace"
	run ! grep -F .git "$HOME/trace"
}

@test "another app's release by its full name; two apps do not mix" {
	releases 2
	relctl -q -a staging release --set N=s1
	relctl -q -a staging config set N=s2
	try rollback staging@v1
	expect 0 v3 "$stderr"
	has "$stderr" "undo: relctl -a staging rollback v2"
	[ "$(current -a staging) $(current -a shop)" = "v3 v2" ]
	try -q -a shop rollback
	expect 0 v3 ""
	try rollback
	expect 2 "" "error: several apps come from this repository
  shop
  staging
hint: name one with -a APP"
}

@test "processes of the former release are named with their pids" {
	releases 2
	for level in auto none; do
		was=$(current)
		"$RELCTL" -q exec --isolation=$level sh -c \
			'echo up; exec sleep 60' >up 3>&- &
		await up
		# Between relctl and the process is its keeper.
		pid=$(pgrep -P "$(pgrep -P $!)")
		try rollback
		kill "$pid"
		expect 0 "$output" "$stderr"
		has "$stderr" "notice: 1 process of another release still\
 runs, and nothing switches it: $pid (exec."
		has "$stderr" " of $was)"
		wait $! || true
		try -q rollback "$was"
		expect 0 "$output" ""
		: >up
	done
}
