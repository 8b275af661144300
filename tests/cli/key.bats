#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# key and doctor
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
}

# key_id: of 64 hex digits, as docs/formats.md says.
key_id() {
	python3 -c 'import hashlib, sys
print(hashlib.sha256(bytes.fromhex(sys.stdin.read())).hexdigest()[:16])' \
		<"$RELCTL_KEY_FILE"
}

@test "the first command says where the store and its key are" {
	repository "$HOME/shop"
	commit "Empty"
	try build
	[ "$status" = 0 ]
	[ "$(head -n 2 <<<"$stderr")" = "new store '$RELCTL_STORE'
its key is '$RELCTL_KEY_FILE': keep a copy elsewhere, no release runs without\
 it" ]
	[ "$(stat -c %a "$RELCTL_KEY_FILE" "$RELCTL_STORE")" = "600
700" ]
	[[ $(cat "$RELCTL_KEY_FILE") =~ ^[0-9a-f]{64}$ ]]
	try build
	[[ $stderr != *"new store"* ]]
}

@test "key: where it is, and its ID" {
	shop
	wanted=$(key_id)
	try key
	expect 0 "$wanted  $RELCTL_KEY_FILE" "keep a copy elsewhere: without it\
 no release of this store runs"
	try -q key --json
	expect 0 "{\"id\":\"$wanted\",\"path\":\"$RELCTL_KEY_FILE\",\
\"schema\":\"relctl.key/1\",\"usable\":true}" ""
	[[ $output != *"$(cat "$RELCTL_KEY_FILE")"* ]]
}

@test "a missing key: exit 4, the path that was looked at, the ID wanted" {
	shop
	releases 2
	wanted=$(key_id)
	mv "$RELCTL_KEY_FILE" "$HOME/away"
	for c in release 'config set A=1' rollback 'diff v1 v2' key; do
		# shellcheck disable=SC2086 # words
		try $c
		[ "$status" = 4 ] || (echo "$c: $status" && false)
		has "$(grep '^error: ' <<<"$stderr")" "no key at\
 '$RELCTL_KEY_FILE': this store wants key $wanted"
		[ "$(grep '^hint: ' <<<"$stderr")" = "hint: put the key back\
 from its backup, or name it with RELCTL_KEY_FILE" ]
	done
	# No new key is made, and what needs none works.
	[ ! -e "$RELCTL_KEY_FILE" ]
	for c in releases show config artifacts apps verify 'export v1 --mtree' \
		'gc -n' 'pin v1'; do
		# shellcheck disable=SC2086 # words
		try -q $c
		[ "$status" = 0 ] || (echo "$c: $status $stderr" && false)
	done
	mv "$HOME/away" "$RELCTL_KEY_FILE"
	try -q rollback
	expect 0 v3 ""
}

@test "another key: exit 4, both IDs" {
	shop
	releases 1
	wanted=$(key_id)
	printf '%064d\n' 7 >"$RELCTL_KEY_FILE"
	other=$(key_id)
	try config set A=1
	[ "$status" = 4 ]
	[ "$output" = "" ]
	has "$stderr" "the key at '$RELCTL_KEY_FILE' is $other: this store wants\
 key $wanted"
	try key
	expect 4 "$wanted  $RELCTL_KEY_FILE" "error: the key at\
 '$RELCTL_KEY_FILE' is $other: this store wants key $wanted
hint: name the right one with RELCTL_KEY_FILE"
	try key --json
	[ "$status" = 4 ]
	[ "$(jq -s length <<<"$output")" = 1 ]
}

@test "a key that others may read, or that is no key" {
	shop
	releases 1
	for mode in 640 604 660; do
		chmod "$mode" "$RELCTL_KEY_FILE"
		try -q exec true
		[ "$status" = 125 ]
		try config set A=1
		[ "$status" = 4 ]
		has "$stderr" "chmod"
	done
	chmod 600 "$RELCTL_KEY_FILE"
	for text in '' abc "$(printf '%063d' 1)" "$(printf '%064dg' 1)"; do
		printf %s "$text" >"$RELCTL_KEY_FILE"
		try config set A=1
		[ "$status" != 0 ]
		[ "$output" = "" ]
		[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
		has "$stderr" "'$RELCTL_KEY_FILE'"
	done
	[ "$(current)" = v1 ]
}

@test "openssl alone opens a config: the format is a standard's" {
	command -v openssl >/dev/null || skip "openssl is not installed"
	shop
	releases 1
	sealed=$(sqlite3 "$RELCTL_STORE/ledger.db" \
		"SELECT json_extract(body, '$.sealed') FROM event
		WHERE kind = 'release'")
	run bash -c 'openssl cms -decrypt -inform DER \
		-in "$1" -secretkey "$(cat "$2")" -secretkeyid "$3" |
		tr "\0" "\n"' bash "$RELCTL_STORE/configs/$sealed.cms" \
		"$RELCTL_KEY_FILE" "$(key_id)"
	[ "$status" = 0 ]
	[ "$output" = "N=1
PAGES=a
TOKEN=abc" ]
}

@test "a store that others may write is refused" {
	shop
	releases 1
	for mode in 770 707 702; do
		chmod "$mode" "$RELCTL_STORE"
		try releases
		[ "$status" = 4 ]
		[ "$output" = "" ]
		has "$stderr" "hint: chmod go-w '$RELCTL_STORE'"
	done
	chmod 700 "$RELCTL_STORE"
	chmod 666 "$RELCTL_STORE/ledger.db"
	try releases
	[ "$status" = 4 ]
	has "$stderr" "ledger.db'"
	chmod 600 "$RELCTL_STORE/ledger.db"
	chmod 777 "$XDG_DATA_HOME"
	try releases
	[ "$status" = 4 ]
	has "$stderr" "may be written by everybody"
}

@test "doctor: without a store, and makes none" {
	try doctor
	expect 0 "$output" ""
	[[ $output =~ relctl-git\ +ok ]]
	[[ $output =~ store\ +absent ]]
	[ ! -e "$RELCTL_STORE" ]
}

@test "doctor: what is missing is exit 1 and one error" {
	shop
	try doctor
	expect 0 "$output" ""
	for what in kernel openat2 /proc relctl-git store key room; do
		[[ $output =~ (^|$'\n')$what\ +ok ]] || (echo "$what" && false)
	done
	rm "$RELCTL_KEY_FILE"
	try doctor
	expect 1 "$output" "error: something is missing"
	[[ $output =~ key\ +missing\ +no\ key\ at ]]
	try doctor --json
	expect 1 "$output" ""
	[ "$(jq -c '[.schema,.ok]' <<<"$output")" = '["relctl.doctor/1",false]' ]
	[ "$(jq -r '.checks[] | select(.what == "key").state' \
		<<<"$output")" = missing ]
	cp "$RELCTL" "$HOME/alone"
	run "$HOME/alone" doctor --json
	[ "$(jq -r '.checks[] | select(.what == "relctl-git").state' \
		<<<"$output")" = absent ]
}
