#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

# One store for all: two artifacts, one with a large file, and three releases.
setup_file() {
	# shellcheck disable=SC2034 # private reads it
	local BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR

	private
	shop
	releases 2
	head -c 200000 /dev/urandom >large
	another two
	relctl -q release >/dev/null
	relctl -q exec true
	relctl -q pin v1 >/dev/null
}

setup() {
	private
	mkdir -p "$XDG_DATA_HOME" "$XDG_CONFIG_HOME"
	cp -a "$BATS_FILE_TMPDIR/home/data/relctl" "$XDG_DATA_HOME"
	cp -a "$BATS_FILE_TMPDIR/home/config/relctl" "$XDG_CONFIG_HOME"
	cd "$RELCTL_STORE" || return
}

# flip FILE OFFSET: one bit of this byte; -1 is the last one.
flip() {
	local mode byte at=$2

	mode=$(stat -c %a "$1")
	[ "$at" != -1 ] || at=$(($(stat -c %s "$1") - 1))
	chmod u+w "$1"
	byte=$(od -An -tu1 -j "$at" -N 1 "$1")
	# shellcheck disable=SC2059 # the format is the byte
	printf "\\x$(printf %02x $((byte ^ 4)))" |
		dd of="$1" bs=1 seek="$at" conv=notrunc status=none
	chmod "$mode" "$1"
}

# found PART…: verify --all ends with 6 and names all of this as damaged.
found() {
	try verify --all
	if [ "$status" != 6 ] || [ "$output" != "" ]; then
		echo "not found: $*: $status $output $stderr"
		return 1
	fi
	[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ] || return 1
	for part; do
		has "$(grep -e '^damaged: ' -e '^error: ' <<<"$stderr")" \
			"$part" || return 1
	done
}

# damage FILE PART…: a flipped byte at the start, the middle and the end of
# FILE is found, and PART is named.
damage() {
	local file=$1 size at

	shift
	size=$(stat -c %s "$file")
	for at in 0 $((size / 2)) -1; do
		flip "$file" "$at"
		found "$@" || {
			echo "byte $at of $file"
			return 1
		}
		flip "$file" "$at"
	done
}

@test "a store that is whole: what was looked at" {
	try verify --all
	expect 0 "ok: 11 events, 3 releases, 2 artifacts, 2 trees" ""
	try verify
	expect 0 "ok: 11 events, 1 release, 1 artifact, 1 tree" ""
	try verify shop@v1
	expect 0 "ok: 11 events, 1 release, 1 artifact, 1 tree" ""
	try verify --all --json
	expect 0 "$output" ""
	[ "$(jq -c 'del(.head)' <<<"$output")" = '{"artifacts":2,"chunks":4,'\
'"configs_opened":true,"events":11,"ok":true,"problems":[],"releases":3,'\
'"schema":"relctl.verify/1","trees":2}' ]
	erase trees/*
	try verify
	expect 0 "ok: 11 events, 1 release, 1 artifact, 0 trees" ""
}

@test "a flipped byte in a chunk" {
	for file in chunks/*/*.zst; do
		damage "$file" "'$file'"
	done
}

@test "a flipped byte in an artifact's record" {
	for file in artifacts/*; do
		damage "$file" "'$file'"
	done
}

@test "a flipped byte in a release's record" {
	for file in releases/*; do
		damage "$file" "'$file'"
	done
	flip "$file" 100
	found "shop@v"
}

@test "a flipped byte in a sealed config, with the key and without" {
	for file in configs/????????????????*.cms; do
		[ "$file" != configs/fingerprint.cms ] || continue
		damage "$file" "'$file'" "shop@v"
	done
	rm "$RELCTL_KEY_FILE"
	damage "$file" "'$file'"
	try verify --all
	expect 0 "ok: 11 events, 3 releases, 2 artifacts, 2 trees" \
		"without the key sealed configs were compared with their names\
 only"
}

@test "a flipped byte in configs/fingerprint.cms" {
	damage configs/fingerprint.cms "'configs/fingerprint.cms'"
}

@test "a flipped byte in format" {
	damage format "/format'"
}

@test "a flipped byte in reserve" {
	damage reserve "reserve"
}

@test "a flipped byte in a tree's index" {
	for file in trees/*.index; do
		damage "$file" "'$file'"
	done
}

@test "a changed file in a tree: content" {
	tree=$(relctl -q exec --isolation=none pwd)
	for file in large page bin/web; do
		damage "$tree/$file" "'$file'" "tree $(basename "$tree" |
			cut -c1-12)"
	done
}

@test "a changed tree: mode, size, type, target, more, less" {
	tree=$(relctl -q exec --isolation=none pwd)
	saved=$HOME/saved
	cp -a "$tree" "$saved"
	change() { # WHAT PATH COMMAND…
		find "$tree" -type d -exec chmod u+w {} +
		"${@:3}"
		find "$tree" -type d -exec chmod 555 {} +
		found "'$2'"
		has "$stderr" "$1"
		find "$tree" -type d -exec chmod u+w {} +
		rm -rf "$tree"
		cp -a "$saved" "$tree"
	}
	change mode page chmod 555 "$tree/page"
	change mode bin/web chmod 444 "$tree/bin/web"
	change page page sh -c 'chmod u+w "$1" && truncate -s 5 "$1" &&
		chmod 444 "$1"' sh "$tree/page"
	change page page ln -sf Procfile "$tree/page"
	change extra extra touch "$tree/extra"
	change more bin/more touch "$tree/bin/more"
	change page page rm "$tree/page"
	change bin bin rm -r "$tree/bin"
}

@test "files that are gone, or have another's bytes" {
	one=(chunks/*/*.zst)
	mv "${one[0]}" "$HOME/away"
	found "$(basename "${one[0]}" .zst | cut -c1-12)"
	cp "${one[1]}" "${one[0]}"
	found "'${one[0]}'"
	mv -f "$HOME/away" "${one[0]}"
	one=(releases/*)
	mv "${one[0]}" "$HOME/away"
	found "shop@v"
	mv "$HOME/away" "${one[0]}"
	one=(artifacts/*)
	mv "${one[0]}" "$HOME/away"
	found "$(basename "${one[0]}" | cut -c1-12)"
	mv "$HOME/away" "${one[0]}"
	mv configs/fingerprint.cms "$HOME/away"
	found fingerprint.cms
	mv "$HOME/away" configs/fingerprint.cms
	echo x >chunks/README
	found README
	rm chunks/README
	try verify --all
	expect 0 "$output" ""
}

# ---- the ledger ----

# sql STATEMENT…: as somebody who can write the file and knows the triggers;
# they are there again afterwards, word by word.
sql() {
	local triggers

	triggers=$(sqlite3 ledger.db "SELECT sql || ';' FROM sqlite_schema
		WHERE type = 'trigger' AND tbl_name = 'event'")
	sqlite3 ledger.db "DROP TRIGGER event_is_never_updated;
		DROP TRIGGER event_is_never_deleted;
		DROP TRIGGER event_is_only_appended; $*; $triggers"
}

@test "the ledger refuses to be changed by who does not take care" {
	for statement in "UPDATE event SET body = '{}'" "DELETE FROM event" \
		"INSERT OR REPLACE INTO event
			SELECT seq, 0, app, kind, body, prev, hash FROM event" \
		"INSERT INTO event SELECT 99, time, app, kind, body, prev, hash
			FROM event LIMIT 1"; do
		run sqlite3 ledger.db "$statement"
		[ "$status" != 0 ]
		has "$output" "events are"
	done
	try verify
	expect 0 "$output" ""
}

@test "an edited event is found, whatever was edited" {
	for edit in "time = time + 1" "app = 'shop2'" "kind = 'note'" \
		"body = replace(body, 'One', 'Two')" \
		"prev = replace(prev, substr(prev, 1, 1), 'g')" \
		"hash = '$(printf %064d 0)'" "body = body || ' '"; do
		cp ledger.db "$HOME/ledger.db"
		sql "UPDATE event SET $edit WHERE seq = 2"
		found "event"
		mv "$HOME/ledger.db" ledger.db
	done
}

@test "a deleted, inserted, swapped or renumbered event is found" {
	for change in "DELETE FROM event WHERE seq = 5" \
		"DELETE FROM event WHERE seq = 1" \
		"UPDATE event SET seq = seq + 100 WHERE seq >= 6;
			INSERT INTO event SELECT 6, time, app, kind, body,
			prev, hash FROM event WHERE seq = 5;
			UPDATE event SET seq = seq - 99 WHERE seq >= 100" \
		"UPDATE event SET seq = 100 WHERE seq = 4;
			UPDATE event SET seq = 4 WHERE seq = 5;
			UPDATE event SET seq = 5 WHERE seq = 100" \
		"UPDATE event SET seq = 12 WHERE seq = 11" \
		"INSERT INTO event SELECT 12, time, app, kind, body, prev, hash
			FROM event WHERE seq = 11"; do
		cp ledger.db "$HOME/ledger.db"
		sql "$change"
		try verify
		[ "$status" = 6 ] || (echo "$change: $output $stderr" && false)
		[ "$output" = "" ]
		has "$stderr" "event"
		mv "$HOME/ledger.db" ledger.db
	done
}

@test "a cut tail is seen with --expect-head, and there alone" {
	try verify --json
	head=$(jq -r .head <<<"$output")
	try verify -v
	expect 0 "$output" "head of the ledger: $head"
	try verify --expect-head "$head"
	expect 0 "$output" ""
	relctl -q unpin v1
	later=$(relctl verify --json | jq -r .head)
	try verify --expect-head "$head"
	expect 0 "$output" ""
	sql "DELETE FROM event WHERE seq > 11"
	found "event 12 is missing: the ledger was cut off"
	# Whoever cuts can mend the index too.
	sqlite3 ledger.db "UPDATE derived SET events = 11;
		UPDATE release SET pinned = 1 WHERE number = 1"
	try verify
	expect 0 "$output" ""
	try verify --expect-head "$later"
	[ "$status" = 6 ]
	[ "$output" = "" ]
	has "$stderr" "${later:0:12}"
	try verify --expect-head 123
	expect 2 "" "error: --expect-head takes 64 hex digits"
}

@test "a changed row of the index is found" {
	for change in "UPDATE release SET ever_active = 0 WHERE number = 1" \
		"UPDATE release SET pinned = 1" \
		"UPDATE activation SET beneath = 0" \
		"DELETE FROM build WHERE seq = 2" "INSERT INTO app VALUES ('x')"; do
		cp ledger.db "$HOME/ledger.db"
		sqlite3 ledger.db "$change"
		found "index"
		mv "$HOME/ledger.db" ledger.db
	done
}

@test "changed triggers and tables are found" {
	for change in "DROP TRIGGER event_is_never_updated" \
		"CREATE TRIGGER more AFTER INSERT ON event BEGIN SELECT 1; END" \
		"CREATE TABLE more (a)" "CREATE VIEW more AS SELECT 1" \
		"DROP INDEX build_by_tree"; do
		cp ledger.db "$HOME/ledger.db"
		sqlite3 ledger.db "$change"
		try verify
		[ "$status" = 6 ] || (echo "$change: $output $stderr" && false)
		[ "$output" = "" ]
		mv "$HOME/ledger.db" ledger.db
	done
}

# What SQLite has no use for is out of scope: unused space in its pages, which
# is zeros, and most of its own 100 bytes at the start.
@test "a flipped byte in the file of the ledger" {
	places=$(python3 -c '
import random
random.seed(1)
data = open("ledger.db", "rb").read()
used = [i for i, byte in enumerate(data) if byte and i >= 100]
print(*([0, 16, 71] + random.sample(used, 50)))')
	for at in $places; do
		cp ledger.db "$HOME/ledger.db"
		flip ledger.db "$at"
		try verify
		[ "$status" = 6 ] || (echo "$at: $status $output $stderr" && false)
		[ "$output" = "" ]
		[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
		mv "$HOME/ledger.db" ledger.db
	done
}

@test "the hash chain is what the documentation says" {
	run python3 - <<-'PY'
	import hashlib, sqlite3
	prev = "0" * 64
	rows = sqlite3.connect("ledger.db").execute(
	    "SELECT seq, time, app, kind, body, prev, hash FROM event ORDER BY seq")
	for n, (*fields, hash) in enumerate(rows, 1):
	    assert fields[0] == n and fields[-1] == prev
	    h = hashlib.sha256(b"relctl event 1\0")
	    for field in fields:
	        data = str(field).encode()
	        h.update(len(data).to_bytes(4, "big") + data)
	    prev = h.hexdigest()
	    assert hash == prev
	print(n, prev)
	PY
	[ "$status" = 0 ]
	[ "$output" = "11 $(relctl verify --json | jq -r .head)" ]
}

@test "problems as JSON: exit 6, one document" {
	file=$(printf '%s\n' releases/* | head -n 1)
	flip "$file" 3
	try verify --all --json
	expect 6 "$output" ""
	[ "$(jq -c '[.schema,.ok]' <<<"$output")" = '["relctl.verify/1",false]' ]
	has "$(jq -r '.problems[]' <<<"$output")" "'$file'"
}

@test "verify of one release looks at what it names, and no further" {
	first=$(jq -r .artifact <<<"$(relctl show v1 --json)")
	flip "artifacts/${first#sha256:}.json.zst" 9
	try verify v3
	expect 0 "$output" ""
	try verify v1
	[ "$status" = 6 ]
	has "$stderr" "${first#sha256:}"
	try verify v1 --all
	expect 2 "" "error: give a RELEASE or --all, not both"
	try verify v9
	expect 5 "" "$stderr"
}

@test "verify needs no right to write" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	unshare -m mount --bind "$HOME" "$HOME" || skip "mount is not allowed"
	run --separate-stderr unshare -m sh -c '
		mount --bind "$RELCTL_STORE" "$RELCTL_STORE" &&
		mount -o remount,bind,ro "$RELCTL_STORE" &&
		"$RELCTL" verify --all'
	expect 0 "ok: 11 events, 3 releases, 2 artifacts, 2 trees" ""
}
