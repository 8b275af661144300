#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# One commit is one ID, whatever the clone, the configuration and the user are.
# Every test builds every fixture in another way, into a store of its own, and
# compares with ids.txt.
# shellcheck disable=SC2030,SC2031,SC2154
# Each test has an environment of its own; $work, $fixtures, $here: helper.bash.

load helper

setup_file() {
	make_fixtures
}

teardown_file() {
	remove_fixtures
}

setup() {
	private
	git_apart
	HOME=$work/home-$BATS_TEST_NUMBER
	export RELCTL_STORE=$HOME/store RELCTL_KEY_FILE=$HOME/key
	mkdir -p "$HOME"
	cd "$HOME" || return
}

teardown() {
	cd "$work" || return
	chmod -R u+w "$HOME"
	rm -rf "$HOME"
}

# same VARIATION: called with the name of each fixture, it makes a clone or an
# environment, and ends with `id ARG…`. What was built before is not built.
same() {
	local name

	for name in $(names); do
		(
			cd "$HOME"
			"$1" "$name"
		) >got.one 2>err.one || {
			echo "$name: exit $?"
			cat err.one
			return 1
		}
		echo "$name $(cat got.one)"
	done >got || {
		cat got
		return 1
	}
	diff -u "$here/ids.txt" got
}

# Built anew: what was built before says so, and that is no answer here.
id() {
	"${run_as[@]}" "${program:-$RELCTL}" build "$@" 2>said || {
		cat said >&2
		return 1
	}
	case $(<said) in
	*"built before"*) echo "known" ;;
	esac
}

run_as=()

clone() {
	git clone -q "$@" >&2
}

@test "the fixtures are the same bytes as ever" {
	local name

	for name in $(names); do
		echo "$name $(git -C "$fixtures/$name" rev-parse HEAD)"
	done >got
	diff -u "$here/commits.txt" got
}

@test "there are as many IDs as fixtures, all different" {
	diff <(cut -d' ' -f1 "$here/ids.txt") <(names)
	[ "$(cut -d' ' -f2 "$here/ids.txt" | sort -u | wc -l)" = "$(names | wc -l)" ]
	[ "$(names | wc -l)" -ge 12 ]
}

plain() {
	id -C "$fixtures/$1"
}

@test "named with -C" {
	same plain
}

@test "a second implementation gives the same IDs, sizes and cuts" {
	local name

	same plain
	for name in $(names); do
		echo "$name $(python3 "$here/compare.py" artifact \
			"$fixtures/$name" HEAD "$RELCTL_STORE")"
	done >second
	diff -u "$here/ids.txt" second
}

bare() {
	clone --bare "$fixtures/$1" "$1.git"
	id -C "$1.git"
}

@test "a bare clone" {
	same bare
}

mirror() {
	clone --mirror --no-local "$fixtures/$1" "$1.git"
	id -C "$1.git" main
}

@test "a mirror, a branch by its name" {
	same mirror
}

shallow() {
	clone --no-checkout --depth 1 "file://$fixtures/$1" "$1"
	[ "$(git -C "$1" rev-list --count HEAD)" = 1 ]
	id -C "$1"
}

@test "a shallow clone" {
	same shallow
}

partial() {
	clone --filter=blob:none "file://$fixtures/$1" "$1"
	[ "$(git -C "$1" config remote.origin.promisor)" = true ]
	id -C "$1"
}

@test "a partial clone whose objects were fetched" {
	same partial
}

sparse() {
	clone --no-checkout "$fixtures/$1" "$1"
	git -C "$1" sparse-checkout set --no-cone /nosuch >&2
	git -C "$1" checkout -q main >&2
	[ "$(ls -A "$1")" = .git ]
	id -C "$1"
}

@test "a sparse checkout of nothing" {
	same sparse
}

worktree() {
	clone --no-checkout "$fixtures/$1" "$1"
	git -C "$1" worktree add -q -b other "../$1.linked" >&2
	echo changed >"$1.linked/changed"
	git -C "$1.linked" add -A
	for f in "$1.linked"/*; do
		[ ! -f "$f" ] || [ -h "$f" ] || echo dirty >>"$f"
	done
	[ -n "$(git -C "$1.linked" status --porcelain)" ]
	id -C "$1.linked"
}

@test "a linked work tree with uncommitted changes" {
	same worktree
}

converting() {
	clone "$fixtures/$1" "$1" -c core.autocrlf=true -c core.eol=crlf \
		-c core.symlinks=false -c core.filemode=false \
		-c core.precomposeunicode=true -c core.ignorecase=true
	id -C "$1"
}

@test "core.autocrlf, eol, symlinks, filemode, ignorecase set otherwise" {
	same converting
}

smudging() {
	clone "$fixtures/$1" "$1"
	printf '#!/bin/sh\ntouch "%s"\ntr a-z A-Z\n' "$HOME/executed" >filter
	chmod +x filter
	for kind in clean smudge process; do
		git -C "$1" config "filter.shout.$kind" "$HOME/filter"
	done
	git -C "$1" config filter.shout.required true
	git -C "$1" config core.fsmonitor "$HOME/filter"
	git -C "$1" config diff.x.textconv "$HOME/filter"
	for hook in post-checkout pre-commit reference-transaction; do
		cp filter "$1/.git/hooks/$hook"
	done
	id -C "$1"
}

@test "a filter, a file system monitor and hooks, none of them executed" {
	same smudging
	[ ! -e executed ]
	# It would have been, by git.
	git -C attributes config --unset filter.shout.process
	rm attributes/x.f
	git -C attributes checkout -q x.f
	[ "$(cat attributes/x.f)" = QUIET ]
	[ -e executed ]
}

attributed() {
	clone --no-checkout "$fixtures/$1" "$1"
	echo '* text eol=crlf ident filter=shout export-subst' \
		'working-tree-encoding=UTF-16 export-ignore' \
		>"$1/.git/info/attributes"
	git -C "$1" config filter.shout.smudge 'tr a-z A-Z'
	git -C "$1" config core.attributesFile "$PWD/$1/.git/info/attributes"
	id -C "$1"
}

@test ".git/info/attributes and core.attributesFile in the way" {
	same attributed
}

replaced() {
	local commit tree blob

	clone --no-checkout "$fixtures/$1" "$1"
	blob=$(echo other | git -C "$1" hash-object -w --stdin)
	tree=$(printf '100644 blob %s\tother\n' "$blob" | git -C "$1" mktree)
	commit=$(git -C "$1" commit-tree -m other "$tree")
	git -C "$1" replace HEAD "$commit"
	[ "$(git -C "$1" ls-tree --name-only HEAD)" = other ]
	for path in hello.txt a README all Procfile; do
		git -C "$1" --no-replace-objects rev-parse -q --verify \
			"HEAD:$path" >/dev/null || continue
		git -C "$1" replace "$(git -C "$1" --no-replace-objects \
			rev-parse "HEAD:$path")" "$blob"
	done
	id -C "$1"
}

@test "refs/replace in the way" {
	same replaced
}

grafted() {
	clone --no-checkout "$fixtures/$1" "$1"
	git -C "$1" rev-parse HEAD >"$1/.git/info/grafts"
	id -C "$1"
}

@test "info/grafts in the way" {
	same grafted
}

packed() {
	clone --no-checkout --no-local "$fixtures/$1" "$1"
	git -C "$1" config pack.writeReverseIndex true
	git -C "$1" repack -q -a -d -b -f >&2
	git -C "$1" multi-pack-index write >&2
	git -C "$1" commit-graph write --reachable >&2
	git -C "$1" pack-refs --all
	[ -z "$(find "$1/.git/objects/??" -type f 2>/dev/null)" ]
	id -C "$1"
}

@test "everything packed, with bitmap, multi-pack index and commit graph" {
	same packed
}

loose() {
	git init -q -b main "$1"
	git -C "$fixtures/$1" rev-list --objects --all | cut -d' ' -f1 |
		git -C "$fixtures/$1" pack-objects -q --stdout >pack
	git -C "$1" unpack-objects -q <pack
	git -C "$1" update-ref HEAD "$(git -C "$fixtures/$1" rev-parse HEAD)"
	[ -z "$(find "$1/.git/objects/pack" -type f)" ]
	id -C "$1"
}

@test "every object loose" {
	same loose
}

recompressed() {
	git init -q -b main "$1"
	git -C "$1" config core.compression 0
	git -C "$1" config core.looseCompression 9
	git -C "$1" fetch -q "$fixtures/$1" main >&2
	git -C "$1" update-ref refs/heads/main FETCH_HEAD
	git -C "$1" repack -q -a -d -f --window=50 --depth=250 >&2
	id -C "$1" FETCH_HEAD
}

@test "other compression, long chains of deltas, FETCH_HEAD" {
	same recompressed
}

shared() {
	clone --no-checkout --shared "$fixtures/$1" "$1"
	[ -s "$1/.git/objects/info/alternates" ]
	[ -z "$(find "$1/.git/objects" -type f -path '*/??/*')" ]
	id -C "$1"
}

@test "objects of another repository (alternates)" {
	same shared
}

detached() {
	clone "$fixtures/$1" "$1"
	git -C "$1" checkout -q --detach
	git -C "$1" branch -q -D main
	id -C "$1" "$(git -C "$1" rev-parse --short HEAD)"
}

@test "a detached HEAD, a commit by the first digits of its name" {
	same detached
}

rewritten() {
	clone "$fixtures/$1" "$1"
	GIT_COMMITTER_DATE='2000000000 +0545' git -C "$1" commit -q \
		--allow-empty --amend --author='B <b@example.com>' \
		--date='1000000000 -1200' -m 'other words' >&2
	git -C "$1" tag -a -m 'a tag' release >&2
	[ "$(git -C "$1" rev-parse HEAD)" != \
		"$(git -C "$fixtures/$1" rev-parse HEAD)" ]
	id -C "$1" release
}

@test "another commit of the same tree, by an annotated tag" {
	same rewritten
}

otherwhere() {
	TZ=Pacific/Kiritimati id -C "$fixtures/$1"
}

@test "another time zone" {
	same otherwhere
}

in_c() {
	LC_ALL=C id -C "$fixtures/$1"
}

no_locale() {
	run_as=(env -u LC_ALL -u LC_CTYPE -u LANG)
	id -C "$fixtures/$1"
}

no_such_locale() {
	LC_ALL=xx_YY.ISO-8859-1 id -C "$fixtures/$1"
}

@test "LC_ALL=C" {
	same in_c
}

@test "no locale at all" {
	same no_locale
}

@test "a locale that is not there" {
	same no_such_locale
}

open_mask() {
	umask 000
	id -C "$fixtures/$1"
}

closed_mask() {
	umask 077
	id -C "$fixtures/$1"
}

@test "umask 000" {
	same open_mask
	[ -z "$(find "$RELCTL_STORE" ! -type l -perm /022)" ]
}

@test "umask 077" {
	same closed_mask
}

as_other() {
	run_as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	program=$work/bin/relctl
	id -C "$fixtures/$1"
}

@test "another user" {
	[ "$(id_of_user)" = 0 ] || skip "only root can be another user"
	mkdir -p "$work/bin" "$work/other"
	cp "$RELCTL" "$(dirname "$RELCTL")/relctl-git" "$work/bin"
	chown 65534:65534 "$work/other"
	export RELCTL_STORE=$work/other/store RELCTL_KEY_FILE=$work/other/key
	export HOME=$work/other
	cd "$HOME" || return
	same as_other
	[ "$(stat -c %u "$RELCTL_STORE")" = 65534 ]
}

id_of_user() {
	command id -u
}

around() {
	cp -a "$fixtures/$1" "$1"
	mkdir -p "$1/in/side"
	cd "$1/in/side" || return
	id
}

@test "found by walking up from a directory inside" {
	same around
}

relative() {
	cp -a "$fixtures/$1" "$1"
	cd "$1" || return
	id -C "../$1/"
}

@test "a relative path with a slash at the end" {
	same relative
}

dot_git() {
	cd "$fixtures/.." || return
	id -C "$fixtures/$1/.git"
}

@test "the .git directory itself, from elsewhere" {
	same dot_git
}

linked() {
	ln -s "$fixtures/$1" "link to $1"
	id -C "link to $1"
}

@test "through a symlink with blanks in its name" {
	same linked
}

misled() {
	export GIT_DIR=$HOME/decoy/.git GIT_WORK_TREE=$HOME/decoy
	export GIT_OBJECT_DIRECTORY=$HOME/decoy/.git/objects
	export GIT_INDEX_FILE=$HOME/decoy/.git/index GIT_NAMESPACE=x
	export GIT_ALTERNATE_OBJECT_DIRECTORIES=/nonexistent
	export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=core.bare
	export GIT_CONFIG_VALUE_0=maybe GIT_CEILING_DIRECTORIES=/
	export SOURCE_DATE_EPOCH=1 GIT_REPLACE_REF_BASE=refs/heads
	id -C "$fixtures/$1"
}

@test "GIT_DIR, GIT_WORK_TREE and other variables of git" {
	git init -q decoy
	echo decoy >decoy/decoy
	git -C decoy add -A
	git -C decoy commit -q -m decoy
	same misled
}

misconfigured() {
	export GIT_CONFIG_SYSTEM=$HOME/.gitconfig
	id -C "$fixtures/$1"
}

@test "a configuration of the user that is wrong" {
	mkdir -p .config/git
	echo '* filter=shout eol=crlf' >.config/git/attributes
	printf '[core]\n\tautocrlf = true\n\tabbrev = nonsense\n[broken\n' \
		>.gitconfig
	cp .gitconfig .config/git/config
	unset GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM
	run -128 git -C "$fixtures/one" status
	same misconfigured
}

imported() {
	local file=$work/$1.tar.zst

	[ -e "$file" ] || {
		RELCTL_STORE=$HOME/first RELCTL_KEY_FILE=$HOME/first.key \
			"$RELCTL" -q build -C "$fixtures/$1"
		RELCTL_STORE=$HOME/first RELCTL_KEY_FILE=$HOME/first.key \
			"$RELCTL" -q export "$(golden "$1")" -o "$file"
	} >&2
	"$RELCTL" -q import "$file"
}

@test "imported from another store" {
	same imported
}
