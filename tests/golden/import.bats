#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# import reads profile 1 and nothing else. evil_tars.py makes archives that
# differ from it in one way each, and some that do not.
# shellcheck disable=SC2154 # $here: helper.bash; $status: bats

load helper

setup_file() {
	tars=$BATS_FILE_TMPDIR/tars
	python3 -B "$BATS_TEST_DIRNAME/evil_tars.py" "$tars"
	export tars
}

setup() {
	private
}

# All of the store but what a failed command may touch: nothing.
store_files() {
	files_of "$RELCTL_STORE"
}

@test "archives of profile 1 are taken, whatever packed them" {
	for f in "$tars"/good/*; do
		case $f in
		*.zst) id=$(zstd -dcq "$f" | sha256sum) ;;
		*) id=$(sha256sum <"$f") ;;
		esac
		try -q import "$f"
		expect 0 "sha256:${id%% *}" ""
		try -q verify --all
		expect 0 "$output" ""
	done
	# The first commands made five of the same tree.
	[ "$(relctl artifacts --json | jq '.artifacts | length')" -ge 5 ]
}

@test "from stdin too" {
	relctl -q import "$tars/good/tree.tar.zst" >one
	relctl -q import - <"$tars/good/tree.tar" >two
	(cat "$tars/good/frames.tar.zst") | relctl -q import - >three
	cmp one two
	cmp one three
}

@test "every other archive is refused, and the store stays as it was" {
	relctl -q import "$tars/good/tree.tar"
	store_files >before
	run python3 "$here/refused.py" "$RELCTL" all "$tars/evil"
	[ "$status" = 0 ]
	[ "${output% archives}" -ge 280 ]
	store_files >after
	diff before after
	try -q verify --all
	expect 0 "$output" ""
}

@test "a refused archive makes the new store, and nothing in it" {
	refuse_first() {
		try import "$tars/evil/$1"
		[ "$status" = 2 ]
		[ -z "$output" ]
	}
	refuse_first padding-of-a-file
	[ -z "$(find "$RELCTL_STORE/chunks" -type f)" ]
	[ -z "$(ls -A "$RELCTL_STORE/artifacts")$(ls -A "$RELCTL_STORE/tmp")" ]
	store_files >before
	refuse_first end-two-archives
	refuse_first type-hard-link
	store_files >after
	diff before after
}

@test "a symlink that leaves the tree: only with the option, and recorded" {
	for f in "$tars"/evil/link-{absolute,out,out-inside,out-and-back}; do
		try import "$f"
		[ "$status" = 2 ]
		has "$stderr" "': a symlink that leaves the tree"
		has "$stderr" "hint: --allow-external-symlinks keeps it as it is"
		id=$(sha256sum <"$f")
		try -q import --allow-external-symlinks "$f"
		expect 0 "sha256:${id%% *}" ""
	done
	sqlite3 "$RELCTL_STORE/ledger.db" \
		"SELECT json_extract(body, '\$.exceptions') FROM event
		 WHERE kind = 'import' ORDER BY seq" >got
	diff - got <<-'END'
		["external symlink: l"]
		["external symlink: l"]
		["external symlink: d/l"]
		["external symlink: l"]
	END
	# What leaves by another way is no exception.
	for name in below-a-link-out link-then-directory link-empty link-nul; do
		try import --allow-external-symlinks "$tars/evil/$name"
		[ "$status" = 2 ]
	done
	try -q verify --all
	expect 0 "$output" ""
}

@test "every bit of an archive counts" {
	relctl -q import "$tars/good/empty.tar"
	run python3 "$here/refused.py" "$RELCTL" flip "$tars/good/tree.tar"
	[ "$status" = 0 ]
	try -q verify --all
	expect 0 "$output" ""
}

@test "cut off at any length it is refused" {
	relctl -q import "$tars/good/tree.tar" >/dev/null
	store_files >before
	for f in tree.tar tree.tar.zst frames.tar.zst; do
		run python3 "$here/refused.py" "$RELCTL" cut "$tars/good/$f"
		[ "$status" = 0 ]
	done
	store_files >after
	diff before after
}

@test "what is no file, or is not there" {
	try import nosuch
	expect 5 "" "error: no file 'nosuch'"
	[ ! -e "$RELCTL_STORE" ]
	try import .
	[ "$status" = 1 ]
	[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
}
