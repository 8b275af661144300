#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # status, output, stderr: of bats
# A build takes over from an earlier artifact what did not change. Nothing but
# the time may tell: the ID, the chunks, the record and what is said about the
# tree are those of a build from nothing.

load helper

setup() {
	private
	grown=$HOME/grown
	export RELCTL_STORE=$grown RELCTL_KEY_FILE=$grown.key
	repo=$HOME/repo
}

# build_in STORE ARG…: the ID; what is said, but for the store's beginning, goes
# to STORE.said.
build_in() {
	local said=$1.said

	RELCTL_STORE=$1 RELCTL_KEY_FILE=$1.key relctl -C "$repo" build \
		--allow-external-symlinks "${@:2}" 2>"$said" || return
	sed -i '/^new store /d; /^its key is /d' "$said"
}

grow() {
	build_in "$grown" "$@"
}

# A store of its own, where nothing can be taken over.
from_nothing() {
	erase "$HOME/new" "$HOME/new.key" 2>/dev/null || true
	build_in "$HOME/new" "$@"
}

record() {
	zstd -qdc "$1/artifacts/${2#sha256:}.json.zst"
}

# same COMMIT: it grows to what it is from nothing.
same() {
	local id

	id=$(grow "$1")
	[ "${#id}" = 71 ]
	[ "$id" = "$(from_nothing "$1")" ]
	[ "$(record "$grown" "$id")" = "$(record "$HOME/new" "$id")" ]
	# "47 kB new" and the like is of the store, not of the tree.
	diff <(grep -v ' new' "$grown.said") <(grep -v ' new' "$HOME/new.said")
}

@test "a history with changes of every kind" {
	python3 "$BATS_TEST_DIRNAME/drift.py" "$repo" 1 25
	for commit in $(git -C "$repo" rev-list --reverse HEAD); do
		same "$commit"
	done
	relctl -q verify --all
}

@test "back and forth between far apart commits" {
	python3 "$BATS_TEST_DIRNAME/drift.py" "$repo" 2 16
	for n in 15 0 8 3 14; do
		same "HEAD~$n"
	done
}

# Three files in directories of their own, one of them changed by HEAD.
small_change() {
	git -c init.defaultBranch=main init -q "$repo"
	mkdir "$repo"/{a,b,c}
	seq 40000 >"$repo/a/f"
	seq 50000 90000 >"$repo/b/f"
	seq 70000 110000 >"$repo/c/f"
	commit one
	echo more >>"$repo/b/f"
	commit two
}

commit() {
	git -C "$repo" add -A
	git -C "$repo" -c user.name=A -c user.email=a@example.com \
		commit -q -m "$1"
}

@test "the same tree again opens no chunk" {
	small_change
	grow HEAD
	if ! strace -qq true 2>/dev/null; then
		skip "strace may not trace here"
	fi
	ASAN_OPTIONS=detect_leaks=0 \
		strace -f -qq -e trace=openat -e signal=none -o "$HOME/trace" \
		"$RELCTL" -q -C "$repo" build --allow-external-symlinks
	grep -q 'json\.zst"' "$HOME/trace"
	[ "$(grep -v 'json\.zst"' "$HOME/trace" | grep -c '\.zst"')" = 0 ]
}

@test "what did not change is not read: it may even be missing" {
	small_change
	grow HEAD~1
	id=$(from_nothing HEAD)
	blob=$(git -C "$repo" rev-parse HEAD:c/f)
	rm -f "$repo/.git/objects/${blob:0:2}/${blob:2}"
	try -C "$repo" build --check HEAD
	[ "$status" = 5 ]
	[ "$(grow HEAD)" = "$id" ]
}

@test "the earlier artifact's chunk is missing" {
	small_change
	grow HEAD~1
	rm "$(find "$grown/chunks" -name '*.zst' | sort | head -n 1)"
	same HEAD
	relctl -q verify --all
}

@test "… is damaged" {
	small_change
	grow HEAD~1
	for chunk in $(find "$grown/chunks" -name '*.zst' | sort); do
		chmod u+w "$chunk"
		printf 'X' | dd of="$chunk" bs=1 seek=20 conv=notrunc status=none
	done
	same HEAD
	grow HEAD~1
	relctl -q verify --all
}

@test "… its record is gone, damaged, another's" {
	small_change
	first=$(grow HEAD~1)
	record=$grown/artifacts/${first#sha256:}.json.zst
	cp "$record" "$HOME/record"
	rm "$record"
	same HEAD
	chmod u+w "$grown/artifacts/"*
	echo nonsense >"$record"
	echo two >"$repo/c/two"
	commit three
	same HEAD
	# A record that lies about where its chunks begin is not the one that
	# the ledger knows.
	chmod u+w "$grown/artifacts/"*
	zstd -qdc "$HOME/record" | sed 's|"a/"|"b/"|' | zstd -qf -o "$record"
	for other in "$grown/artifacts/"*; do
		[ "$other" = "$record" ] || rm "$other"
	done
	echo three >"$repo/c/three"
	commit four
	same HEAD
}

@test "… was built with other options" {
	small_change
	ln -s /etc/passwd "$repo/link"
	commit three
	grow HEAD
	try -C "$repo" build HEAD
	[ "$status" = 2 ]
	has "$stderr" "link"
	git -C "$repo" rm -q --cached link
	rm "$repo/link"
	commit four
	id=$(relctl -q -C "$repo" build HEAD)
	[ "$id" = "$(from_nothing HEAD)" ]
}

@test "what is wrong with the commit is said as ever" {
	small_change
	grow HEAD~1
	ln -s ../../x "$repo/b/out"
	commit three
	try -C "$repo" build HEAD
	[ "$status" = 2 ]
	has "$stderr" "b/out"
	[ -z "$output" ]
}

@test "an import has written the record anew" {
	small_change
	ln -s /etc/passwd "$repo/c/link"
	commit three
	relctl -q export "$(grow HEAD)" >"$HOME/tar"
	relctl -q import --allow-external-symlinks "$HOME/tar"
	git -C "$repo" -c user.name=A -c user.email=a@example.com \
		commit -q --allow-empty -m four
	grow HEAD
	echo and more >>"$repo/b/f"
	commit five
	same HEAD
}

@test "a directory beside a name that goes on above ASCII" {
	git -c init.defaultBranch=main init -q "$repo"
	mkdir "$repo/lib"
	for f in a lib/x libé z; do
		seq 30000 >"$repo/$f"
	done
	commit one
	grow HEAD
	echo more >>"$repo/lib/x"
	commit two
	same HEAD
}

@test "a chunk that the disk cannot give any more is made again" {
	small_change
	grow HEAD
	chunk=$(find "$grown/chunks" -name '*.zst' -size +4k | head -n 1)
	inode=$(stat -c %i "$chunk")
	no_read() {
		ASAN_OPTIONS=detect_leaks=0 \
			strace -f -qq -o "$HOME/trace" -P "$chunk" -e trace=read \
			-e inject=read:error=EIO "$RELCTL" "$@"
	}
	if ! strace -qq true 2>/dev/null; then
		skip "strace may not trace here"
	fi
	run no_read verify --all
	[ "$status" != 0 ]
	grep -q INJECTED "$HOME/trace"
	no_read -q -C "$repo" build --allow-external-symlinks
	[ "$(stat -c %i "$chunk")" != "$inode" ]
	relctl -q verify --all
}

@test "… or keeps the next build from nothing" {
	small_change
	grow HEAD~1
	if ! strace -qq true 2>/dev/null; then
		skip "strace may not trace here"
	fi
	chunk=$(find "$grown/chunks" -name '*.zst' -size +4k | head -n 1)
	id=$(ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$HOME/trace" \
		-P "$chunk" -e trace=read -e inject=read:error=EIO \
		"$RELCTL" -q -C "$repo" build --allow-external-symlinks)
	grep -q INJECTED "$HOME/trace"
	[ "$id" = "$(from_nothing HEAD)" ]
	relctl -q verify --all
}

# Git has a submodule where a file of its name would be.
@test "a submodule beside names that come before its slash" {
	sha=$(printf '1%.0s' {1..40})
	git -c init.defaultBranch=main init -q "$repo"
	mkdir "$repo/libz"
	seq 40000 | tee "$repo/lib-x" "$repo/lib.c" >"$repo/libz/f"
	git -C "$repo" add -A
	for path in lib lib-q; do
		git -C "$repo" update-index --add --cacheinfo "160000,$sha,$path"
	done
	git -C "$repo" -c user.name=A -c user.email=a@example.com commit -qm one
	id=$(grow --submodules=empty HEAD)
	relctl -q export "$id" -o "$HOME/one.tar"
	[ "$(tar -tf "$HOME/one.tar" | tr '\n' ' ')" = \
		"lib-q/ lib-x lib.c lib/ libz/ libz/f " ]
	[ "$(relctl -q import "$HOME/one.tar")" = "$id" ]
	echo more >>"$repo/lib.c"
	git -C "$repo" -c user.name=A -c user.email=a@example.com \
		commit -qm two lib.c
	[ "$(grow --submodules=empty HEAD)" = \
		"$(from_nothing --submodules=empty HEAD)" ]
	git -C "$repo" rm -q --cached lib
	git -C "$repo" -c user.name=A -c user.email=a@example.com commit -qm three
	[ "$(grow --submodules=empty HEAD)" = \
		"$(from_nothing --submodules=empty HEAD)" ]
}

@test "build --check takes nothing over" {
	small_change
	id=$(grow HEAD~1)
	id=$(grow HEAD)
	find "$grown/chunks" -name '*.zst' -delete
	[ "$(relctl -q -C "$repo" build --check --allow-external-symlinks)" = \
		"$id" ]
}
