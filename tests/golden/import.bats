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

# refuse FILE: exit 2, one error line, nothing printed, in two seconds of CPU
# and a quarter of a gigabyte; the time on the clock is not asked, as other
# tests run beside this one.
refuse() {
	local r=0

	python3 -B "$here/limited.py" 2 256 "$RELCTL" import "$1" \
		>out 2>err || r=$?
	[ "$r" = 2 ] || {
		echo "${1##*/}: exit $r"
		return 1
	}
	[ ! -s out ] || {
		echo "${1##*/}: printed $(cat out)"
		return 1
	}
	[ "$(head -n 1 err | cut -c1-7)" = "error: " ] &&
		[ "$(grep -c '^error: ' err)" = 1 ] &&
		! grep -v '^error: \|^hint: \|^  ' err &&
		! LC_ALL=C grep -q '[[:cntrl:]]' err &&
		iconv -f UTF-8 -t UTF-8 err >/dev/null || {
		echo "${1##*/}: said $(cat -v err)"
		return 1
	}
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
	cat "$tars/good/frames.tar.zst" | relctl -q import - >three
	cmp one two
	cmp one three
}

@test "every other archive is refused, and the store stays as it was" {
	local failed=0 n=0

	relctl -q import "$tars/good/tree.tar"
	store_files >before
	for f in "$tars"/evil/*; do
		n=$((n + 1))
		refuse "$f" || failed=$((failed + 1))
	done
	[ "$n" -ge 250 ]
	store_files >after
	diff before after
	[ "$failed" = 0 ]
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
	[ "$(find "$RELCTL_STORE" -path '*/chunks/*' -type f | wc -l)" = 0 ]
	[ "$(find "$RELCTL_STORE" -path '*/artifacts/*' | wc -l)" = 0 ]
	[ "$(find "$RELCTL_STORE" -path '*/tmp/*' | wc -l)" = 0 ]
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

@test "every byte of an archive counts" {
	local size i failed=0

	relctl -q import "$tars/good/tree.tar" >/dev/null
	store_files >before
	size=$(stat -c %s "$tars/good/tree.tar")
	for ((i = 0; i < size; i += 37)); do
		python3 -B "$here/flip.py" "$tars/good/tree.tar" "$i" >flipped
		try -q import flipped
		# A byte of a name or of a content makes another artifact.
		if [ "$status" = 0 ]; then
			[ "$output" = "sha256:$(sha256sum <flipped | cut -d' ' -f1)" ]
			relctl export "$output" -o again.tar >/dev/null
			cmp flipped again.tar
		elif [ "$status" != 2 ]; then
			echo "byte $i: exit $status: $stderr"
			failed=1
		fi
	done
	[ "$failed" = 0 ]
	try -q verify --all
	expect 0 "$output" ""
}

@test "cut off at any length it is refused" {
	local size i

	relctl -q import "$tars/good/tree.tar" >/dev/null
	store_files >before
	for f in tree.tar tree.tar.zst frames.tar.zst; do
		size=$(stat -c %s "$tars/good/$f")
		for ((i = 0; i < size; i += 101)); do
			head -c "$i" "$tars/good/$f" >cut
			refuse cut
		done
		head -c "$((size - 1))" "$tars/good/$f" >cut
		refuse cut
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
