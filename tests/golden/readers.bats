#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What an artifact is to other programs, and to another store.
# shellcheck disable=SC2154 # $work, $fixtures, $here: helper.bash

load helper

setup_file() {
	make_fixtures
	export RELCTL_STORE=$work/store RELCTL_KEY_FILE=$work/key
	mkdir "$work/out"
	for name in $(cd "$work/fx" && printf '%s\n' *); do
		id=$("$RELCTL" -q build -C "$work/fx/$name")
		"$RELCTL" -q export "$id" -o "$work/out/$name.tar"
		"$RELCTL" -q export "$id" -o "$work/out/$name.tar.zst"
	done >/dev/null
}

teardown_file() {
	remove_fixtures
}

setup() {
	private
	git_apart
}

# tree_of ID: where it was unpacked.
tree_of() {
	echo "$RELCTL_STORE/trees/${1#sha256:}"
}

@test "the digest of the tar is the ID, of the .tar.zst unpacked too" {
	for name in $(names); do
		want=$(golden "$name")
		[ "sha256:$(sha256sum <"$work/out/$name.tar" | cut -d' ' -f1)" \
			= "$want" ]
		[ "sha256:$(zstd -dcq "$work/out/$name.tar.zst" | sha256sum |
			cut -d' ' -f1)" = "$want" ]
		[ "$((0x$(od -An -tx4 -N4 "$work/out/$name.tar.zst" |
			tr -d ' ')))" = "$((0xfd2fb528))" ]
	done
}

@test "GNU tar, bsdtar and Python list every fixture as git does" {
	for name in $(names); do
		run python3 "$here/readers.py" "$work/out/$name.tar" \
			"$fixtures/$name"
		[ "$status" = 0 ] || {
			echo "$name: $output"
			false
		}
		[ "$output" = "$(git -C "$fixtures/$name" ls-tree -r -t -z HEAD |
			tr -cd '\0' | wc -c) entries" ]
	done
}

@test "tar itself finds nothing to say" {
	for name in $(names); do
		for program in tar bsdtar; do
			run --separate-stderr env LC_ALL=C.UTF-8 "$program" \
				-tf "$work/out/$name.tar"
			[ "$status" = 0 ]
			# shellcheck disable=SC2154 # run sets it
			[ -z "$stderr" ]
		done
	done
}

@test "imported into another store: the same ID, the same bytes again" {
	for name in $(names); do
		for form in tar tar.zst; do
			try -q import "$work/out/$name.$form"
			expect 0 "$(golden "$name")" ""
		done
		relctl -q export "$(golden "$name")" -o again.tar >/dev/null
		cmp again.tar "$work/out/$name.tar"
		relctl -q export "$(golden "$name")" -o again.tar.zst >/dev/null
		cmp again.tar.zst "$work/out/$name.tar.zst"
	done
	try -q verify --all
	expect 0 "$output" ""
}

@test "a tree that was built and one that was imported are alike" {
	for name in $(names); do
		id=$(golden "$name")
		RELCTL_STORE=$HOME/first RELCTL_KEY_FILE=$HOME/first.key \
			"$RELCTL" -q build -C "$fixtures/$name" >/dev/null
		RELCTL_STORE=$HOME/first RELCTL_KEY_FILE=$HOME/first.key \
			"$RELCTL" -q -a shop release "$id" --force \
			--set DATABASE_URL=x --set MODE=x --set SECRET_KEY=x \
			>/dev/null
		relctl -q import "$work/out/$name.tar.zst" >/dev/null
		relctl -q -a shop release "$id" --set DATABASE_URL=x \
			--set MODE=x --set SECRET_KEY=x >/dev/null
		files_of "$(tree_of "$id")" >second.files
		files_of "$HOME/first/trees/${id#sha256:}" >first.files
		diff first.files second.files
		python3 "$here/compare.py" tree "$fixtures/$name" HEAD \
			"$(tree_of "$id")" >said
		has "$(cat said)" ", 0 differ"
	done
}

@test "extracted by tar and committed again it is the same artifact" {
	for name in $(names); do
		git init -q -b main "$name"
		tar -xpf "$work/out/$name.tar" -C "$name"
		echo '* -text -ident -filter -working-tree-encoding' \
			>"$name/.git/info/attributes"
		git -C "$name" add -A -f
		git -C "$name" commit -q --allow-empty -m again
		try -q build -C "$name"
		[ "$status" = 0 ]
		[ "$output" = "$(golden "$name")" ] || {
			echo "$name: $output"
			false
		}
	done
}

@test "--mtree lists what the tree has, bsdtar reads it" {
	local first

	for name in modes names long; do
		id=$(golden "$name")
		relctl -q import "$work/out/$name.tar" >/dev/null
		relctl -q export "$id" --mtree >"$name.mtree"
		relctl -q -a shop release "$id" >/dev/null
		first=$(head -n 1 "$name.mtree")
		[ "$first" = "#mtree" ]
		(cd "$(tree_of "$id")" && find . -printf '%y %#m %P\0' |
			LC_ALL=C sort -z | tr '\0' '\n') >have
		python3 - "$name.mtree" >listed <<-'END'
			import os, re, sys
			kinds = {b"file": b"f", b"dir": b"d", b"link": b"l"}
			rows = []
			for line in open(sys.argv[1], "rb").read().splitlines()[1:]:
			    name, *words = line.split(b" ")
			    v = dict(w.split(b"=", 1) for w in words)
			    name = re.sub(rb"\\([0-7]{3})",
			                  lambda m: bytes([int(m[1], 8)]), name)
			    rows.append(kinds[v[b"type"]] + b" " + v[b"mode"] + b" " +
			                (b"" if name == b"." else name[2:]))
			for row in sorted(rows):
			    sys.stdout.buffer.write(row + b"\n")
		END
		diff have listed
		bsdtar -tf "$name.mtree" >/dev/null
	done
}
