#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154 # scripts in quotes; what the helper sets

load helper

setup() {
	private
	shop
}

# flip FILE: one bit of its 20th byte.
flip() {
	local byte

	chmod u+w "$1"
	byte=$(od -An -tu1 -j 20 -N 1 "$1")
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$(printf %02x $((byte ^ 4)))" |
		dd of="$1" bs=1 seek=20 conv=notrunc status=none
	chmod 0444 "$1"
}

# in_record KEY: of the newest release event.
in_record() {
	python3 - "$RELCTL_STORE/ledger.db" "$1" <<-'END'
		import json, sqlite3, sys
		db = sqlite3.connect(sys.argv[1])
		row = db.execute("SELECT body FROM event WHERE kind = 'release'"
		                 " ORDER BY seq DESC LIMIT 1").fetchone()
		print(json.loads(row[0])[sys.argv[2]])
	END
}

# tree: the directory of the artifact $id.
tree() {
	echo "$RELCTL_STORE/trees/${id#sha256:}"
}

@test "every header says \"ustar\", NUL, \"00\"" {
	relctl -q export "$id" -o x.tar >/dev/null
	python3 - x.tar <<-'END' >headers
		import sys
		data = open(sys.argv[1], "rb").read()
		at = 0
		while data[at]:
		    print(data[at + 257:at + 265].hex())
		    size = int(data[at + 124:at + 135], 8)
		    at += 512 + (size + 511) // 512 * 512
	END
	[ "$(sort headers | uniq -c | tr -s ' ')" = " 5 7573746172003030" ]
}

@test "promote: an app of which nothing was ever active has no config" {
	releases 1
	relctl -q release -a other --no-activate --set Z=1
	try promote shop other
	expect 3 "" "error: app 'other' has no config yet
hint: give it one with its first release: relctl -a other release ${id:0:19} -e\
 FILE"
	try releases -a other --json
	[ "$(jq -c '[.current, (.releases | length)]' <<<"$output")" = '[null,1]' ]
}

@test "--no-activate twice: the second says that it is not active" {
	releases 1
	relctl -q release --no-activate --set N=2
	try release --no-activate --set N=2
	expect 0 v2 "shop: v1 → v2, not activated
  code    $short  One page  (unchanged)
  config  ~N"
	[ "$(current)" = v1 ]
}

@test "a range of commits is no artifact" {
	another two
	try export HEAD~1..HEAD -o x.tar
	expect 5 "" "error: no artifact 'HEAD~1..HEAD'
hint: an artifact is sha256:…, a release or a commit; 'relctl artifacts' lists\
 them"
	[ ! -e x.tar ]
}

@test "a build again repairs a damaged chunk" {
	flip "$(echo "$RELCTL_STORE"/chunks/*/*.zst)"
	try verify --all
	[ "$status" = 6 ]
	try -q build
	expect 0 "$id" ""
	try -q verify --all
	expect 0 "$output" ""
}

@test "a build again saves an old artifact from gc, for a day" {
	releases 1
	old=$id
	another two
	relctl -q release >/dev/null
	git checkout -q HEAD~1
	python3 "$BATS_TEST_DIRNAME/age.py" "$RELCTL_STORE/ledger.db" 25
	try build
	expect 0 "$old" "commit $(git rev-parse --short=7 HEAD) was built before"
	relctl -q gc --keep 0 >/dev/null
	try -q release "$old"
	expect 0 v3 ""
	# Built again a moment later, it needs no event of its own.
	events=$(relctl verify --all --json | jq .events)
	relctl -q build >/dev/null
	[ "$(relctl verify --all --json | jq .events)" = "$events" ]
}

@test "verify of a release whose artifact gc has removed" {
	releases 1
	another two
	relctl -q release >/dev/null
	python3 "$BATS_TEST_DIRNAME/age.py" "$RELCTL_STORE/ledger.db" 25
	relctl -q gc --keep 0 >/dev/null
	try verify v1
	expect 5 "" "error: gc has removed the artifact of shop@v1: there is\
 nothing to verify"
	# What nobody removed is missing.
	rm "$RELCTL_STORE/artifacts/${id#sha256:}.json.zst"
	try verify v2
	[ "$status" = 6 ]
	has "$stderr" "damaged: artifact ${id:0:19} is not in the store"
}

@test "the same inputs as a release whose config is damaged: a new release" {
	releases 1
	flip "$RELCTL_STORE/configs/$(in_record sealed).cms"
	try -q exec true
	[ "$status" = 125 ]
	printf 'N=1\nTOKEN=abc\nPAGES=a\n' >../same.env
	try release -e ../same.env
	expect 0 v2 "shop: v1 → v2
  code    $short  One page  (unchanged)
  config  (that of the current release cannot be read)"
	[ "$(value TOKEN)" = abc ]
	# It has the same content, so the undo stack is as high as before.
	try rollback
	expect 3 "" "error: there is nothing to roll back to
hint: 'relctl -a shop releases' lists what 'rollback vN' can name"
	try -q release -e ../same.env
	expect 0 v2 ""
}

@test "the same inputs as a release whose record is damaged: it is repaired" {
	releases 1
	flip "$RELCTL_STORE/releases/$(in_record digest).json"
	printf 'N=1\nTOKEN=abc\nPAGES=a\n' >../same.env
	try release -e ../same.env
	expect 0 v2 "shop: v1 → v2
  code    $short  One page  (unchanged)
  config  (that of the current release cannot be read)"
	try -q verify --all
	expect 0 "$output" ""
}

@test "a release that was never active and is damaged is not activated" {
	releases 1
	relctl -q release --no-activate --set N=2
	flip "$RELCTL_STORE/configs/$(in_record sealed).cms"
	try -q release --set N=2
	expect 0 v3 ""
	[ "$(value N)" = 2 ]
}

@test "a config that cannot be read: the ledger does not guess what changed" {
	releases 2
	flip "$RELCTL_STORE/configs/$(in_record sealed).cms"
	try rollback --json
	[ "$(jq -c '[.release, .config]' <<<"$output")" = '[3,null]' ]
	try releases --json
	[ "$(jq -c '.releases[0].config' <<<"$output")" = \
		'{"+":[],"-":[],"~":[]}' ]
	[ "$(value N)" = 1 ]
}

@test "a record that cannot be read: no process type is said to be new" {
	releases 2
	flip "$RELCTL_STORE/releases/$(in_record digest).json"
	try rollback
	expect 0 v3 "shop: v2 → v3 (v1 again)
  code    $short  One page  (unchanged)
  config  (that of the current release cannot be read)
the code is unchanged ($short)
undo: relctl -a shop rollback v2"
}

@test "a tree that was changed is kept until there is another" {
	releases 1
	old=$(tree)
	another two
	relctl -q release >/dev/null
	chmod 0640 "$old/page"
	rm -r "$RELCTL_STORE"/chunks/*
	try rollback
	[ "$status" = 6 ]
	[ "$(cat "$old/page")" = one ]
	[ -e "$old.index" ]
	[ "$(current)" = v2 ]
	[ -z "$(ls "$RELCTL_STORE/tmp")" ]
}

@test "what is unchanged gets its tree back" {
	releases 1
	for command in "release" "activate current" "rollback v1"; do
		chmod u+w "$(tree)"
		echo more >"$(tree)/more"
		# shellcheck disable=SC2086 # words
		try $command
		expect 0 v1 "notice: the unpacked tree was changed and is made\
 again: 'more' in the tree does not belong there
shop: unchanged, v1"
		[ ! -e "$(tree)/more" ]
	done
	chmod u+w "$(tree)"
	echo more >"$(tree)/more"
	try release -n
	expect 0 v1 "shop: unchanged, v1"
	[ -e "$(tree)/more" ]
}

@test "a value that stands where a file should is in no message" {
	releases 1
	long=$(printf 'x%.0s' {1..300})
	try release -e "TOKEN=$long"
	[ "$status" = 1 ]
	expect 1 "" "error: open 'TOKEN': File name too long"
}

@test "where a file belongs there is none: it is named, and nothing waits" {
	releases 1
	cd "$RELCTL_STORE"
	for file in chunks/*/*.zst artifacts/* releases/* \
		"configs/$(in_record sealed).cms" trees/*.index reserve; do
		mv "$file" ../away
		for thing in "mkfifo" "ln -s $PWD/../away" "mkdir"; do
			$thing "$file"
			run --separate-stderr timeout 20 "$RELCTL" verify --all
			[ "$status" = 6 ]
			has "$stderr" "'${file#chunks/}' is not a file" ||
				has "$stderr" "'${file##*/}' is not a file"
			[ "$thing" = mkdir ] || rm "$file"
		done
		rmdir "$file"
		mv ../away "$file"
	done
	# Opened to be written, too.
	mv reserve ../away
	mkfifo reserve
	run --separate-stderr timeout 20 "$RELCTL" -q config set N=2
	expect 0 v2 ""
}

@test "where a tree belongs there is something else: it is made again" {
	releases 1
	for thing in "touch" "ln -s /"; do
		chmod -R u+w "$(tree)"
		rm -r "$(tree)"
		$thing "$(tree)"
		try verify
		[ "$status" = 6 ]
		has "$stderr" "'${id#sha256:}' is not a directory"
		try release
		[ "$status" = 0 ]
		[ ! -L "$(tree)" ]
		[ "$(cat "$(tree)/page")" = one ]
	done
}

@test "a lost fingerprint key: rollback and exec work, a new config does not" {
	releases 2
	rm -f "$RELCTL_STORE/configs/fingerprint.cms"
	try -q rollback
	expect 0 v3 ""
	try -q exec printenv N
	expect 0 1 ""
	try -q config set N=3
	[ "$status" -eq 6 ]
	[ -z "$output" ]
	has "$stderr" "fingerprint.cms"
	has "$stderr" "rollback, run and exec work without it"
	try verify
	[ "$status" -eq 6 ]
	has "$stderr" "fingerprint.cms"
}
