#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `build` refuses, what it says, and what an option lets through.
# shellcheck disable=SC2154 # status, output, stderr: bats; commit: helper.bash

load helper

setup() {
	private
	repository "$HOME/repo"
}

# ---- objects that git itself does not make ----

# blob TEXT: its name; TEXT is printf's.
blob() {
	# shellcheck disable=SC2059 # escapes are wanted
	printf "$1" | git hash-object -w --stdin
}

# item MODE NAME OBJECT: an entry of a tree object; NAME is printf's %b.
item() {
	printf '%s %b\0' "$1" "$2"
	# shellcheck disable=SC2001,SC2059 # the digits are the bytes
	printf "$(sed 's/../\\x&/g' <<<"$3")"
}

# tree: the entries on stdin as a tree object, as they are.
tree() {
	git hash-object -t tree --literally -w --stdin
}

# of TREE [OPTION…]: a commit of it, built.
of() {
	local commit

	commit=$(git commit-tree -m x "$1")
	shift
	try build "$commit" "$@"
}

# refused TREE MESSAGE [HINT]: exit 2, these lines, and the store as before.
refused() {
	local store

	store=$(store_files)
	of "$1"
	expect 2 "" "error: $2${3:+
hint: $3}"
	[ "$(store_files)" = "$store" ]
}

store_files() {
	find "$RELCTL_STORE" -type f -printf '%p %s %T@\n' | sort
}

absent=1234567890123456789012345678901234567890

@test "names that no tree may have" {
	relctl build "$(git commit-tree -m x "$(tree </dev/null)")" 2>/dev/null
	x=$(blob x)
	refused "$(item 100644 .. "$x" | tree)" \
		"path '..': a name that is '.' or '..'"
	refused "$(item 100644 . "$x" | tree)" \
		"path '.': a name that is '.' or '..'"
	for name in a/b ../../x /etc/x a/ /; do
		refused "$(item 100644 "$name" "$x" | tree)" \
			"path '$name': a name with a '/' in it"
	done
	for name in .git .GIT .Git .giT; do
		refused "$(item 100644 "$name" "$x" | tree)" \
			"path '$name': a name that is '.git'"
		refused "$(item 40000 "$name" "$(item 100644 x "$x" | tree)" |
			tree)" "path '$name': a name that is '.git'"
	done
	refused "$(item 100644 "" "$x" | tree)" "path '': an empty name"
	refused "$(item 100644 'a\nb' "$x" | tree)" \
		"path 'a\\012b': a name with a control byte"
	refused "$(item 100644 '\033[31m' "$x" | tree)" \
		"path '\\033[31m': a name with a control byte"
	refused "$(item 100644 'a\0177' "$x" | tree)" \
		"path 'a\\177': a name with a control byte"
	refused "$(item 40000 d "$(item 100644 .. "$x" | tree)" | tree)" \
		"path 'd/..': a name that is '.' or '..'"
}

@test "names and paths that are too long" {
	relctl build "$(git commit-tree -m x "$(tree </dev/null)")" 2>/dev/null
	x=$(blob x)
	n255=$(printf '%0255d' 0)
	of "$(item 100644 "$n255" "$x" | tree)"
	[ "$status" = 0 ]
	refused "$(item 100644 "0$n255" "$x" | tree)" \
		"path '${n255:0:200}…': a name of more than 255 bytes"
	refused "$(item 100644 "$(printf '\\351%.0s' {1..101})" "$x" | tree)" \
		"path '$(printf '\\351%.0s' {1..50})…': over 100 bytes and not UTF-8"
	of "$(item 100644 "$(printf '\\351%.0s' {1..100})" "$x" | tree)"
	[ "$status" = 0 ]
	# 256 directories are not too many, one more is.
	t=$(item 100644 f "$x" | tree)
	for _ in {1..255}; do
		t=$(item 40000 d "$t" | tree)
	done
	of "$t"
	[ "$status" = 0 ]
	of "$(item 40000 d "$t" | tree)"
	[ "$status" = 2 ]
	has "$stderr" "deeper than 256 directories"
	# 16 x 255 and the slashes are 4,095 bytes.
	t=$(item 100644 "$n255" "$x" | tree)
	for _ in {1..15}; do
		t=$(item 40000 "$n255" "$t" | tree)
	done
	of "$t"
	[ "$status" = 0 ]
	of "$(item 40000 d "$t" | tree)"
	[ "$status" = 2 ]
	has "$stderr" "a path of more than 4,095 bytes"
}

@test "twice, and in another order" {
	relctl build "$(git commit-tree -m x "$(tree </dev/null)")" 2>/dev/null
	x=$(blob x)
	sub=$(item 100644 x "$x" | tree)
	up=$(blob x/y)
	refused "$({
		item 100644 a "$x"
		item 100644 a "$x"
	} | tree)" "path 'a': a name that is there twice"
	for first in "100644 a $x" "120000 a $up"; do
		# shellcheck disable=SC2086 # three words
		refused "$({
			item $first
			item 40000 a "$sub"
		} | tree)" "path 'a': a name that is there twice"
		# shellcheck disable=SC2086
		refused "$({
			item $first
			item 100644 a- "$x"
			item 40000 a "$sub"
		} | tree)" "path 'a': a name that is there twice"
	done
	refused "$({
		item 100644 b "$x"
		item 100644 a "$x"
	} | tree)" "path 'a': not in the order of a git tree"
	# A directory is sorted as if it ended in a slash.
	refused "$({
		item 40000 a "$sub"
		item 100644 a.b "$x"
	} | tree)" "path 'a.b': not in the order of a git tree"
	of "$({
		item 100644 a.b "$x"
		item 40000 a "$sub"
	} | tree)"
	[ "$status" = 0 ]
}

@test "modes that git does not make" {
	relctl build "$(git commit-tree -m x "$(tree </dev/null)")" 2>/dev/null
	x=$(blob x)
	for mode in 10644 100777 104755 100600 100640 160755 40755 120777 \
		140000 60000 20000; do
		refused "$(item "$mode" a "$x" | tree)" \
			"path 'a': mode $(printf %06o "0$mode"), which git does not make"
	done
	for mode in 0 040000 0100644 '' 10064x 1006444444; do
		bad=$(item "$mode" a "$x" | tree)
		refused "$bad" "tree object $bad: an entry's mode is malformed"
	done
	bad=$(printf '100644 a\0abc' | tree)
	refused "$bad" "tree object $bad: it ends within an entry"
	bad=$(printf '100644 a' | tree)
	refused "$bad" "tree object $bad: it ends within an entry"
	sub=$(item 100644 x "$x" | tree)
	refused "$(item 40000 a "$x" | tree)" \
		"tree object $x (a): it is not a tree"
	refused "$(item 100644 a "$sub" | tree)" \
		"path 'a': its object is a tree, not a blob"
}

@test "100664 is 100644, with a notice" {
	x=$(blob x)
	try build "$(git commit-tree -m x "$(item 100664 a "$x" | tree)")"
	[ "$status" = 0 ]
	id=$output
	has "$stderr" \
		"notice: 1 file has mode 100664, taken as 100644, the first: 'a'"
	try build "$(git commit-tree -m x "$(item 100644 a "$x" | tree)")"
	[ "$status" = 0 ]
	[ "$output" = "$id" ]
	[[ $stderr != *"mode 100664"* ]]
}

@test "symlinks" {
	relctl build "$(git commit-tree -m x "$(tree </dev/null)")" 2>/dev/null
	link() {
		item 120000 "${2:-l}" "$(blob "$1")" | tree
	}
	leaves="a symlink that leaves the tree"
	keeps="--allow-external-symlinks keeps it as it is"
	for target in /etc/passwd / ../x .. a/../../b ./../x; do
		refused "$(link "$target")" "path 'l': $leaves" "$keeps"
	done
	inner=$(link ../../x)
	refused "$(item 40000 d "$inner" | tree)" "path 'd/l': $leaves" "$keeps"
	of "$(item 40000 d "$(link ../x)" | tree)"
	[ "$status" = 0 ]
	refused "$(link '')" "path 'l': a symlink without a target"
	refused "$(link 'a\0b')" "path 'l': a symlink whose target holds NUL"
	refused "$(link "$(printf '%04096d' 0)")" \
		"path 'l': a symlink target of more than 4,095 bytes"
	of "$(link "$(printf '%04095d' 0)")"
	[ "$status" = 0 ]
	refused "$(link "$(printf '\\351%.0s' {1..101})")" \
		"path 'l': a symlink target over 100 bytes and not UTF-8"

	of "$(link /etc/passwd)" --allow-external-symlinks
	[ "$status" = 0 ]
	has "$stderr" "notice: 1 exception allowed and recorded"
	id=$output
	# The option has a part in what is known: without it, the error is back.
	refused "$(link /etc/passwd)" "path 'l': $leaves" "$keeps"
	of "$(link '')" --allow-external-symlinks
	[ "$status" = 2 ]
	event | jq -e '.options == {"allow-external-symlinks": true} and
		.exceptions == ["external symlink: l"]'
	relctl -q export "$id" -o ../l.tar
	[ "$(tar -tvf ../l.tar | sed 's/.* l/l/')" = "l -> /etc/passwd" ]
}

# event: the body of the newest build.
event() {
	sqlite3 "$RELCTL_STORE/ledger.db" "SELECT body FROM event
		WHERE kind = 'build' ORDER BY seq DESC LIMIT 1"
}

@test "a submodule" {
	echo x >x
	commit with
	before=$(git rev-parse 'HEAD^{tree}')
	t=$({
		item 160000 vendor "$absent"
		git cat-file tree "$before"
	} | tree)
	relctl build 2>/dev/null
	refused "$t" "path 'vendor': a submodule (commit $absent), which is not in\
 this repository" "commit its files, or build with --submodules=empty for an\
 empty directory"
	try build "$(git commit-tree -m x "$t")" --submodules=empty
	[ "$status" = 0 ]
	has "$stderr" "notice: 1 exception allowed and recorded"
	relctl -q export "$output" -o ../s.tar
	[ "$(tar -tf ../s.tar)" = "vendor/
x" ]
	event | jq -e '.options == {"submodules": "empty"} and
		.exceptions == ["submodule '"$absent"': vendor"]'
	try build --submodules=include
	[ "$status" = 2 ]
	has "$stderr" "error: --submodules takes 'empty'"
}

pointer() {
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n' \
		"$(sha256sum <"$1" | cut -d' ' -f1)" "$(stat -c %s "$1")"
}

# lfs_object FILE: where git-lfs keeps it.
lfs_object() {
	local oid

	oid=$(sha256sum <"$1" | cut -d' ' -f1)
	echo ".git/lfs/objects/${oid:0:2}/${oid:2:2}/$oid"
}

@test "git-lfs pointers" {
	seq 1 200000 >../content
	pointer ../content >model.bin
	echo x >x
	commit one
	relctl build "$(git commit-tree -m x "$(tree </dev/null)")" 2>/dev/null
	store=$(store_files)
	try build
	expect 2 "" "error: 1 file is a git-lfs pointer, not the content
  model.bin
hint: fetch them (git lfs fetch) and build with --lfs=local, or keep the\
 pointers with --lfs=pointer"
	[ "$(store_files)" = "$store" ]

	try build --lfs=pointer
	[ "$status" = 0 ]
	has "$stderr" "notice: 1 exception allowed and recorded"
	relctl -q export "$output" -o ../p.tar
	tar -xOf ../p.tar model.bin | cmp - model.bin
	event | jq -e '.options == {"lfs": "pointer"} and
		.exceptions == ["lfs pointer: model.bin"]'

	try build --lfs=local
	oid=$(sha256sum <../content | cut -d' ' -f1)
	expect 5 "" "error: lfs object $oid is not in this repository
hint: git -C '$HOME/repo' lfs fetch"
	object=$(lfs_object ../content)
	mkdir -p "$(dirname "$object")"
	head -c 1000 ../content >"$object"
	try build --lfs=local
	expect 6 "" \
		"error: lfs object $oid has not the size its pointer says"
	tr 1 2 <../content >"$object"
	try build --lfs=local
	expect 6 "" "error: lfs object $oid does not match its name"
	cp ../content "$object"
	try build --lfs=local
	[ "$status" = 0 ]
	relctl -q export "$output" -o ../l.tar
	tar -xOf ../l.tar model.bin | cmp - ../content
	event | jq -e '.options == {"lfs": "local"} and
		.exceptions == ["lfs object: model.bin"]'
	# A bare clone has no work tree, a linked one not its own objects.
	git worktree add -q ../linked
	try -C ../linked build --lfs=local --check
	expect 0 "$output" "$stderr"
	try build --lfs=other
	[ "$status" = 2 ]
	has "$stderr" "error: option '--lfs' takes pointer|local, not 'other'"
}

@test "git-lfs: the first ten of many, and what is no pointer" {
	echo content >../content
	mkdir d
	for i in {10..22}; do
		pointer ../content >"d/p$i"
	done
	commit many
	try build
	[ "$status" = 2 ]
	[ "$output" = "" ]
	has "$stderr" "error: 13 files are git-lfs pointers, not the content
  d/p10
  d/p11
  d/p12
  d/p13
  d/p14
  d/p15
  d/p16
  d/p17
  d/p18
  d/p19
  …
hint: "
	git rm -qr d
	# Of 1,024 bytes or more it is none, nor with something before it.
	{
		pointer ../content
		printf '%01000d' 0
	} >long
	{
		echo
		pointer ../content
	} >later
	echo 'version https://git-lfs.github.com/spec/v' >short
	ln -s 'version https:' l
	commit none
	try build
	[ "$status" = 0 ]
	# A pointer that is not well-formed is still one.
	for text in '' '\noid sha256:abc\nsize 3\n' '\noid md5:00\nsize 3\n'; do
		# shellcheck disable=SC2059
		printf "version https://git-lfs.github.com/spec/v1$text" >odd
		commit odd
		try build
		[ "$status" = 2 ]
		try build --lfs=local
		expect 2 "" "error: path 'odd': not a well-formed LFS pointer"
	done
	pointer ../content | sed 's/^size .*/size 99999999999999/' >odd
	commit odd
	try build --lfs=local
	[ "$status" = 2 ]
	has "$stderr" "is a file of more than 2 GiB"
}

@test "an object that is not there" {
	relctl build "$(git commit-tree -m x "$(tree </dev/null)")" 2>/dev/null
	fsck="hint: git -C '$HOME/repo' fsck lists what is missing"
	of "$(item 100644 a "$absent" | tree)"
	expect 5 "" \
		"error: object $absent (a) is not in this repository
$fsck"
	of "$(item 40000 'd\n' "$absent" | tree)"
	[ "$status" = 2 ]
	of "$(item 40000 d "$absent" | tree)"
	expect 5 "" \
		"error: object $absent (d) is not in this repository
$fsck"
	try build "$absent"
	[ "$status" = 5 ]
	[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
}

# The command of the hint, which must then help.
follow_hint() {
	local line

	line=$(sed -n 's/^hint: .*\(git -C \)/\1/p' <<<"$stderr")
	[ -n "$line" ]
	bash -c "$line" 2>/dev/null
}

@test "a partial clone: what it lacks, and how to get it" {
	mkdir d
	echo x >d/x
	echo one >page
	commit one
	git config uploadpack.allowFilter true
	git config uploadpack.allowAnySHA1InWant true
	relctl build 2>/dev/null >../id
	for filter in blob:none tree:0; do
		git clone -q --no-checkout --filter="$filter" \
			"file://$HOME/repo" "../$filter"
		try -C "../$filter" build --check
		[ "$status" = 5 ]
		[ "$output" = "" ]
		has "$stderr" "is not in this repository"
		has "$stderr" "hint: this is a partial clone: git -C "
		follow_hint
		try -C "../$filter" build --check
		expect 0 "$(cat ../id)" "$stderr"
	done
}

@test "a shallow clone: what it lacks, and how to get it" {
	echo one >page
	commit one
	echo two >page
	commit two
	git clone -q --depth 1 "file://$HOME/repo" ../shallow
	cd ../shallow
	try build
	[ "$status" = 0 ]
	try build HEAD~1
	[ "$status" = 5 ]
	[ "$output" = "" ]
	has "$stderr" "hint: this is a shallow clone: git -C "
	follow_hint
	try build HEAD~1
	[ "$status" = 0 ]
}

@test "repositories that can't be built" {
	try build
	expect 5 "" "error: the repository '$HOME/repo' has no commit yet
hint: make one with git commit"
	git init -q --object-format=sha256 ../wide
	try -C ../wide build
	expect 2 "" "error: the repository '$HOME/wide' names its objects by\
 SHA-256, relctl reads SHA-1 repositories only"
	mkdir ../none
	cd ../none
	try build
	[ "$status" = 5 ]
	[ "$output" = "" ]
	[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
	try -C . build
	[ "$status" = 5 ]
	[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
	try -C ../nosuch build
	[ "$status" = 5 ]
	[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
	[ ! -e "$RELCTL_STORE/ledger.db" ]
}

@test "names of commits" {
	echo one >page
	commit one
	git tag -a -m 'a tag' v1
	git tag tree 'HEAD^{tree}'
	git tag blob HEAD:page
	try build nosuch
	expect 5 "" "$stderr"
	has "$stderr" "error: no commit 'nosuch' in '$HOME/repo'"
	try build tree
	[ "$status" = 2 ]
	has "$stderr" "error: 'tree' is a tree, not a commit"
	try build blob
	[ "$status" = 2 ]
	has "$stderr" "error: 'blob' is a blob, not a commit"
	try build v1
	[ "$status" = 0 ]
	id=$output
	for name in HEAD main "$commit" "$short" 'v1^{commit}' refs/tags/v1; do
		try build "$name"
		expect 0 "$id" "commit $short was built before"
	done
	try build v1 v1
	[ "$status" = 2 ]
	has "$stderr" "error: unexpected argument 'v1'"
}

@test "a commit that is known, and --check" {
	echo one >page
	commit one
	try build --check
	expect 5 "" "$stderr"
	has "$stderr" "error: commit ${commit:0:12} was not built here before:\
 there is nothing to compare with"
	try build
	[ "$status" = 0 ]
	has "$stderr" "commit $short: 1 ent"
	id=$output
	store=$(store_files)
	try build
	expect 0 "$id" "commit $short was built before"
	try build --json
	[ "$(jq -r '.artifact + " " + (.known | tostring)' <<<"$output")" = \
		"$id true" ]
	[ "$(store_files)" = "$store" ]
	try build --check
	expect 0 "$id" "commit $short built again from nothing: the same artifact"
	# It reads the repository, and writes no event and no object.
	[ "$(store_files)" = "$store" ]
	rm -rf .git/objects/??
	ASAN_OPTIONS=fast_unwind_on_malloc=0 try build # see lsan.supp
	[ "$status" = 5 ]
}

@test "a chunk that is gone is made again" {
	seq 1 100000 >page
	commit one
	relctl -q build >../id
	find "$RELCTL_STORE/chunks" -type f -delete
	try build
	[ "$status" = 0 ]
	[ "$output" = "$(cat ../id)" ]
	try -q verify --all
	expect 0 "$output" ""
}

@test "uncommitted files: a notice on a terminal, never another artifact" {
	echo one >page
	commit one
	relctl -q build >../id
	echo two >page
	echo new >new
	git add new
	echo untracked >untracked
	try build
	expect 0 "$(cat ../id)" "commit $short was built before"
	terminal "$RELCTL" build
	[ "$status" = 0 ]
	has "$output" "2 uncommitted files are not in this artifact"
	has "$output" "$(cat ../id)"
	terminal "$RELCTL" build -q
	[ "$status" = 0 ]
	[[ $output != *uncommitted* ]]
	terminal "$RELCTL" build HEAD
	[[ $output != *uncommitted* ]]
	git checkout -q -f HEAD
	git rm -q --cached -f new 2>/dev/null || true
	terminal "$RELCTL" build
	[[ $output != *uncommitted* ]]
}

@test "a .env, odd names: a notice" {
	mkdir d
	echo A=1 >.env
	echo A=1 >d/.env
	echo A=1 >.env.example
	touch README readme $'caf\351' $'\377'
	commit one
	try build
	[ "$status" = 0 ]
	has "$stderr" "notice: '.env' is part of the artifact and is not read:\
 config belongs in the release (release -e FILE)"
	has "$stderr" "notice: 2 names are not UTF-8, the first: 'caf\\351'"
	has "$stderr" \
		"notice: 1 name differs from a neighbour in case alone, the first: 'readme'"
	# All bytes are there, and nothing of .env is config.
	relctl -q export "$output" -o ../a.tar
	[ "$(tar -xOf ../a.tar .env d/.env)" = "A=1
A=1" ]
	relctl -q -a shop release "$output" >/dev/null
	try -a shop config
	[[ $output != *A* ]]
}

@test ".gitattributes that ask for more: one notice with the count" {
	asks() {
		printf '%b\n' "$1" >.gitattributes
		commit "asks: $1"
		try build
		[ "$status" = 0 ]
		said=$(grep gitattributes <<<"$stderr" || true)
		[ "$said" = "$2" ] || {
			echo "$1: $said"
			return 1
		}
	}
	tail=" for a conversion or an omission: an artifact has the bytes as they\
 are committed"
	one="notice: 1 line of .gitattributes asks$tail"
	echo x >x
	asks '*.txt eol=crlf' "$one"
	asks '*.txt text eol=lf' "$one"
	asks '*.x\tident' "$one"
	asks '*.x ident' "$one"
	asks '* filter=lfs diff=lfs merge=lfs -text' "$one"
	asks '* export-subst' "$one"
	asks 'tests export-ignore' "$one"
	asks '*.x working-tree-encoding=UTF-16' "$one"
	asks '*.a eol=crlf\n# * ident\n*.b ident\n\n*.c -ident' \
		"notice: 2 lines of .gitattributes ask$tail"
	asks '* text=auto' ""
	asks '*.png binary\n*.c diff=cpp' ""
	asks '*.x -ident !filter -export-subst' ""
	asks 'ident text\nfilter=x text' ""
	asks '' ""
	mkdir d
	echo '* ident' >d/.gitattributes
	asks '* ident' "notice: 2 lines of .gitattributes ask$tail"
}

@test "nothing of the repository is executed" {
	strace true 2>/dev/null >&2 || skip "no ptrace here"
	printf '#!/bin/sh\ntouch "%s/executed"\nexec cat\n' "$HOME" >../evil
	chmod +x ../evil
	for key in core.fsmonitor core.sshCommand core.pager core.editor \
		core.askPass core.alternateRefsCommand diff.external \
		filter.x.smudge filter.x.clean filter.x.process \
		credential.helper gpg.program uploadpack.packObjectsHook \
		alias.build trailer.x.command merge.x.driver diff.x.textconv; do
		git config "$key" "$HOME/evil"
	done
	git config core.hooksPath "$HOME/hooks"
	git config include.path "$HOME/included"
	mkdir ../hooks
	for hook in post-checkout pre-commit post-index-change \
		reference-transaction fsmonitor-watchman pre-auto-gc; do
		cp ../evil "../hooks/$hook"
		cp ../evil ".git/hooks/$hook"
	done
	cp ../evil git
	cp ../evil sh
	echo '* filter=x diff=x merge=x ident' >.gitattributes
	{
		item 100644 .gitattributes "$(git hash-object -w --no-filters \
			.gitattributes)"
		item 100755 git "$(git hash-object -w --no-filters git)"
		item 100644 x "$(blob x)"
	} | tree >../tree
	git -c core.hooksPath=/dev/null update-ref refs/heads/main \
		"$(git commit-tree -m x "$(cat ../tree)")"
	rm -f ../executed
	PATH=$PWD:$PATH GIT_SSH=$HOME/evil GIT_EXTERNAL_DIFF=$HOME/evil \
		ASAN_OPTIONS=detect_leaks=0 \
		strace -f -qq -e trace=execve,execveat -o ../calls \
		"$RELCTL" build >../id 2>/dev/null
	[ ! -e ../executed ]
	[ "$(grep -c execve ../calls)" = 2 ]
	[ "$(sed 's/.*execve("\([^"]*\)".*/\1/' ../calls)" = "$RELCTL
$(dirname "$RELCTL")/relctl-git" ]
	# Nor does it talk to anybody, but for the C library to its name cache.
	ASAN_OPTIONS=detect_leaks=0 \
		strace -f -qq -e trace=network -o ../calls "$RELCTL" build --check \
		>/dev/null 2>&1
	[ "$(sed '/AF_UNIX.*SOCK_STREAM/d; /nscd\/socket/d' ../calls)" = "" ]
}

@test "a repository of another user: named it is read, found it is not" {
	[ "$(id -u)" = 0 ] || skip "only root can give a file away"
	echo one >page
	commit one
	relctl -q build >../id
	chown -R 65534 .
	try build
	[ "$status" = 4 ]
	[ "$output" = "" ]
	has "$stderr" "belongs to another user (65534)"
	has "$stderr" "hint: if you trust it, name it: relctl -C '$HOME/repo' …"
	try -C "$HOME/repo" build --check
	expect 0 "$(cat ../id)" "$stderr"
	try -C . build --check
	expect 0 "$(cat ../id)" "$stderr"
	SUDO_UID=65534 try build
	[ "$status" = 0 ]
	SUDO_UID=65533 try build
	[ "$status" = 4 ]
	# No safe.directory makes it one's own.
	printf '[safe]\n\tdirectory = *\n' >"$HOME/.gitconfig"
	GIT_CONFIG_GLOBAL=$HOME/.gitconfig try build
	[ "$status" = 4 ]
}

@test "libgit2 gets relctl-git's inflate, and no certificates" {
	libgit2=$(ldd "$(dirname "$RELCTL")/relctl-git" |
		awk '/libgit2/ { print $3 }')
	[ -f "$libgit2" ]
	LD_DEBUG=bindings LD_DEBUG_OUTPUT=$HOME/bound try build
	# instead LIBRARY SYMBOL: where libgit2 would have LIBRARY's.
	instead() {
		ldd "$libgit2" | grep -q "/$1\." || return 0
		cat "$HOME"/bound.* |
			grep "$libgit2 .* to $RELCTL .*symbol \`$2'"
	}
	instead libz inflate
	instead libmbedx509 mbedtls_x509_crt_parse_file
}

@test "an object that was cut off is an error, not a wait without end" {
	seq 1 3000 >numbers
	commit numbers
	f=.git/objects/$(git rev-parse HEAD:numbers | sed 's,^..,&/,')
	chmod u+w "$f"
	truncate -s 1000 "$f"
	run timeout 20 "$RELCTL" build
	[ "$status" = 6 ]
	[[ $output == *"(numbers): it ends too early"* ]]
}

@test "an object that is longer than its head says is an error" {
	echo one >page
	commit page
	f=.git/objects/$(git rev-parse HEAD:page | sed 's,^..,&/,')
	chmod u+w "$f"
	for size in 1 9 55; do
		python3 -c 'import sys, zlib
sys.stdout.buffer.write(zlib.compress(
    b"blob %s\0" % sys.argv[1].encode() + b"x" * 57))' "$size" >"$f"
		try build
		[ "$status" = 6 ]
		has "$stderr" "(page): it is longer than it says"
	done
}
