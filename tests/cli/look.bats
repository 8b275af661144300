#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# releases, show, diff, apps, artifacts
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	export RELCTL_ACTOR=ada
	shop
	first=$short first_id=$id
}

# squeezed: $output with single blanks, none at the ends of lines.
squeezed() {
	sed 's/  */ /g; s/ $//' <<<"$output"
}

@test "releases: newest first, with what changed, by whom, and its state" {
	releases 2
	another two
	relctl -q release -m 'two pages'
	relctl -q rollback
	RELCTL_ACTOR=bob relctl -q release --no-activate --set B=1 --unset TOKEN
	relctl -q pin v1
	erase "$RELCTL_STORE/trees/${id#sha256:}"*
	try releases
	[ "$status" = 0 ]
	[ "$stderr" = "" ]
	[ "$(squeezed)" = "REL CHANGE BY WHEN STATE RESTORE
v5 release $short, config +B -TOKEN bob just now not active store
v4 rollback to v2 ada just now active local
v3 release $short: two pages ada just now was active store
v2 config ~N ada just now was active local
v1 release $first, config +N +PAGES +TOKEN ada just now was active, pinned\
 local" ] || { squeezed && false; }
}

@test "releases: --limit, --all, fifteen without" {
	relctl -q release >/dev/null
	for n in {2..17}; do
		relctl -q release --force --no-activate >/dev/null
	done
	try releases
	[ "$(awk 'NR > 1 { printf "%s ", $1 }' <<<"$output")" = \
		"v17 v16 v15 v14 v13 v12 v11 v10 v9 v8 v7 v6 v5 v4 v3 " ]
	[ "$stderr" = "15 of 17 releases; --all shows the rest" ]
	try releases --limit 2
	[ "$(awk '{ printf "%s ", $1 }' <<<"$output")" = "REL v17 v16 " ]
	[ "$stderr" = "2 of 17 releases; --all shows the rest" ]
	try releases --all
	[ "${#lines[@]}" = 18 ]
	[ "$stderr" = "" ]
	try releases --limit 0
	expect 2 "" "error: --limit takes 1 or more"
	try releases --limit -3
	expect 2 "" "error: option '--limit' takes a whole number, not '-3'
usage: relctl releases [OPTIONS]
hint: 'relctl help releases' shows more"
	try -q releases --json --limit 3
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.app,.current,[.releases[].release]]' \
		<<<"$output")" = '["relctl.releases/1","shop",1,[17,16,15]]' ]
}

@test "releases: every field as JSON" {
	releases 1
	relctl -q config set N=2 -m note
	relctl -q rollback
	try releases --json
	[ "$(jq -c '.releases[0] | del(.content, .time)' <<<"$output")" = \
		"$(jq -nc --arg id "$id" --arg commit "$commit" '{
		app: "shop", artifact: $id, by: "ada", commit: $commit,
		config: {"+": [], "-": [], "~": ["N"]}, current: true,
		ever_active: true, failed: false, message: null, of: 1,
		of_app: null, pinned: false, reason: "rollback", release: 3,
		restore: "local"}')" ]
	[ "$(jq '.releases | .[0].content == .[2].content' <<<"$output")" = \
		true ]
	[ "$(jq -r '.releases[1] | .message + " " + .reason' <<<"$output")" = \
		"note config" ]
	jq -e '.releases[].time |
		test("^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-9:]{8}Z$")' \
		<<<"$output"
}

@test "releases: who did it, from the environment" {
	unset RELCTL_ACTOR
	relctl -q release >/dev/null
	SUDO_USER=eve relctl -q release --force
	export GITHUB_ACTIONS=true GITHUB_ACTOR=octo GITHUB_RUN_ID=7
	export GITHUB_SERVER_URL=https://git.example.com GITHUB_REPOSITORY=o/r
	relctl -q release --force
	RELCTL_ACTOR=ada relctl -q release --force
	try releases --json
	[ "$(jq -r '[.releases[].by] | .[0:3] | join(" ")' <<<"$output")" = \
		"ada octo eve" ]
	[[ $(jq -r '.releases[3].by' <<<"$output") == "$(id -un)@"* ]]
	run sqlite3 "$RELCTL_STORE/ledger.db" "SELECT body FROM event
		WHERE kind = 'release' ORDER BY seq DESC LIMIT 2"
	[ "$(jq -r .by_url <<<"$output" | sort -u)" = \
		https://git.example.com/o/r/actions/runs/7 ]
}

@test "a list is no wider than the terminal, and has no control bytes" {
	releases 1
	relctl -q config set N=2 -m "$(printf 'x%.0s' {1..200})"$'\e[31mred\a'
	terminal bash -c 'stty cols 80; "$RELCTL" releases; "$RELCTL" artifacts'
	[ "$status" = 0 ]
	for line in "${lines[@]}"; do
		[ "${#line}" -le 80 ] || (echo "$line" && false)
	done
	try releases
	has "$output" 'xxx\033[31mred\007'
}

@test "show: everything about a release, names without values" {
	releases 1
	try show
	[ "$status" = 0 ]
	[ "$stderr" = "" ]
	[ "$(sed '/^made/s/20[0-9TZ:-]*/TIME/
		s/^\(content  \|config   3 variables, \)[0-9a-f]*$/\1HEX/' \
		<<<"$output")" = "shop v1  active
change   release $short, config +N +PAGES +TOKEN
made     TIME by ada
commit   ${commit:0:12}  One page
from     https://git.example.com/shop.git
artifact $id
         5 entries, 5.6 kB of tar
restore  local
content  HEX
config   3 variables, HEX
  N
  PAGES
  TOKEN
processes
  web: bin/web
  worker: bin/worker" ]
	for line in "${lines[@]}"; do
		[ "${#line}" -le 80 ] || (echo "$line" && false)
	done
	shown=$output
	for word in v1 shop shop@v1 current; do
		try show "$word"
		expect 0 "$shown" ""
	done
}

@test "show --json" {
	releases 1
	try show --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.app,.release,.current,.config,.processes,
		.entries,.restore]' <<<"$output")" = \
		'["relctl.show/1","shop",1,true,["N","PAGES","TOKEN"],'\
'[["web","bin/web"],["worker","bin/worker"]],5,"local"]' ]
	[[ $(jq -r .fingerprint <<<"$output") =~ ^[0-9a-f]{64}$ ]]
}

@test "show --reveal: on a terminal, and there alone" {
	releases 1
	try show --reveal
	expect 3 "" "error: values are shown on a terminal only"
	try show --reveal --json
	expect 3 "$output" ""
	[ "$(jq -r .error.code <<<"$output")" = refused ]
	terminal "$RELCTL" show --reveal
	[ "$status" = 0 ]
	has "$output" "  PAGES=a
  TOKEN=abc
"
	terminal "$RELCTL" show --reveal --json
	[ "$status" = 3 ]
	[[ $output != *abc* ]]
	terminal "$RELCTL" show
	[[ $output != *abc* ]]
}

@test "diff: exit 0 and nothing on stdout but the head where nothing differs" {
	releases 2
	relctl -q rollback
	try diff v1 v3
	expect 0 "shop v1 → shop v3" "no difference"
	try diff v3
	expect 0 "shop v3 → shop v3" "no difference"
	try diff v1 v3 --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.different,.files,.config,.processes]' \
		<<<"$output")" = '["relctl.diff/1",false,[],[],[]]' ]
}

@test "diff: exit 1, commits, files, config names and processes" {
	releases 1
	echo new >zzz
	printf '#!/bin/sh\n' >bin/worker
	chmod -x bin/web
	git rm -q page
	ln -s bin "link name"
	commit "Two"
	two=$short
	printf 'web: bin/web 2\nclock: bin/clock\n' >Procfile
	commit "Three"
	build
	relctl -q release --set N=3 --set NEW=1 --unset TOKEN
	try diff v1 v2
	expect 1 "shop v1 → shop v2
commits  $first → $short
  + $short  Three
  + $two  Two
files
  ~ Procfile
  ~ bin/web
  ~ bin/worker
  + link\\040name
  - page
  + zzz
config
  ~ N
  + NEW
  - TOKEN
processes
  - worker: bin/worker
  ~ web: bin/web 2
  + clock: bin/clock" ""
	try diff v1 v2 --json
	expect 1 "$output" ""
	[ "$(jq -c '[.different,.config]' <<<"$output")" = \
		'[true,[["~","N"],["+","NEW"],["-","TOKEN"]]]' ]
	[ "$(jq -c .commits <<<"$output")" = \
		"[[\"+\",\"$commit\",\"Three\"],[\"+\",\"$(git rev-parse \
			HEAD~)\",\"Two\"]]" ]
	try diff v1
	[ "$status" = 1 ]
	[ "$(head -n 4 <<<"$output")" = "shop v2 → shop v1
commits  $short → $first
  - $short  Three
  - $two  Two" ]
	cd /
	try diff shop@v1 shop@v2
	[ "$status" = 1 ]
	[ "$(sed -n 2,3p <<<"$output")" = "commits  $first → $short
files" ]
	[ "$stderr" = "the repository is not at hand for the commits between" ]
}

@test "diff: with one word against the current release; two apps" {
	releases 2
	try diff v1
	expect 1 "shop v2 → shop v1
config
  ~ N" ""
	relctl -q -a other release --set N=2 --set TOKEN=abc --set PAGES=a
	try diff shop other
	expect 0 "shop v2 → other v1" "no difference"
	try -a shop diff v1 v9
	expect 5 "" "error: app 'shop' has no release v9
hint: the newest is v2; relctl -a shop releases --all"
}

@test "diff sees every changed file of a large tree, and no other" {
	mkdir -p deep/er
	for n in {1..300}; do echo "$n" >"deep/er/$n"; done
	head -c 700000 /dev/zero | tr '\0' x >large
	commit "Many"
	build
	relctl -q release
	echo changed | tee deep/er/7 deep/er/77 >>large
	commit "A few"
	build
	relctl -q release
	try diff v1 v2
	expect 1 "shop v1 → shop v2
commits  $(git rev-parse --short=7 HEAD~) → $short
  + $short  A few
files
  ~ deep/er/7
  ~ deep/er/77
  ~ large" ""
}

@test "apps: the current release of each" {
	try apps
	expect 0 "" ""
	releases 1
	relctl -q -a zoo release --no-activate
	try apps
	[ "$status" = 0 ]
	[ "$(squeezed)" = "APP CURRENT SINCE COMMIT
shop v1 just now $short
zoo none" ]
	try apps --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema, (.apps[] | [.app, .current])]' <<<"$output")" = \
		'["relctl.apps/1",["shop",1],["zoo",null]]' ]
}

@test "artifacts: newest first, where they are" {
	another two
	relctl -q release
	try artifacts
	[ "$status" = 0 ]
	[ "$(squeezed)" = "ARTIFACT COMMIT SIZE BUILT RESTORE SUBJECT
${id:0:19} $short 5.6 kB just now local Page two
${first_id:0:19} $first 5.6 kB just now store One page" ]
	rm "$RELCTL_STORE/artifacts/${first_id#sha256:}.json.zst"
	try artifacts --json
	expect 0 "$output" ""
	[ "$(jq -c '[.artifacts[] | [.artifact,.stored,.unpacked,.subject]]' \
		<<<"$output")" = "[[\"$id\",true,true,\"Page two\"],\
[\"$first_id\",false,false,\"One page\"]]" ]
	[ "$(jq -r '.artifacts[0] | .origin + " " + .by' <<<"$output")" = \
		"https://git.example.com/shop.git ada" ]
}

@test "without a store every look says which, and makes none" {
	rm -rf "$RELCTL_STORE"
	for c in releases show 'diff v1' apps artifacts config verify key \
		'export v1' gc 'pin v1' rollback release; do
		# shellcheck disable=SC2086 # words
		try $c
		[ "$status" = 5 ] || (echo "$c: $status" && false)
		[ "$output" = "" ]
		has "$stderr" "'$RELCTL_STORE'"
		[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
		[ ! -e "$RELCTL_STORE" ]
	done
	SUDO_USER=ada try apps
	expect 5 "" "$stderr"
	has "$stderr" "without sudo"
	has "$stderr" "'ada'"
}
