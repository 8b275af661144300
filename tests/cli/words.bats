#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What RELEASE, ARTIFACT and APP stand for.
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
	releases 1
	first=$id first_commit=$commit
	another two
}

# artifact WORD: what the word is taken for, without the talk.
artifact() {
	try export "$1" -o "$HOME/word.tar"
}

# word WORD ID: it stands for this artifact, and there is nothing to say.
word() {
	artifact "$1"
	expect 0 "$2" "" || (echo "for $1" && false)
}

@test "an artifact: a digest of 7 digits or more" {
	word "$first" "$first"
	word "${first:0:14}" "$first"
	word "${id:0:30}" "$id"
	for bad in sha256: sha256:123456 "${first}0" sha256:ABCDEF0 \
		sha256:xyzxyzx "sha256:${first:7:9} "; do
		artifact "$bad"
		expect 2 "" "error: '$bad' is not sha256: and 7 to 64 hex digits"
	done
	artifact sha256:0000000
	expect 5 "" "error: no artifact 'sha256:0000000'"
}

@test "an artifact: a release stands for its own" {
	for w in v1 shop shop@v1 current; do
		word "$w" "$first"
	done
}

@test "an artifact: a commit by any name that git knows" {
	git tag tagged "$first_commit"
	git tag -a -m 'A tag' annotated "$first_commit"
	git branch topic/one "$first_commit"
	for w in "$first_commit" "${first_commit:0:7}" HEAD~ HEAD^ main~1 \
		tagged annotated topic/one refs/heads/topic/one 'main@{1}'; do
		word "$w" "$first"
	done
	word HEAD "$id"
	word main "$id"
	artifact HEAD:page
	[ "$status" = 5 ]
	artifact HEAD~9
	expect 5 "" "error: no artifact 'HEAD~9'
hint: an artifact is sha256:…, a release or a commit; 'relctl artifacts'\
 lists them"
}

@test "an artifact: without the repository the ledger knows its commits" {
	cd /
	for w in "$first_commit" "${first_commit:0:12}" "${first_commit:0:4}"; do
		word "$w" "$first"
	done
	for w in HEAD main "${first_commit:0:3}" "${first_commit:0:39}g"; do
		artifact "$w"
		expect 5 "" "error: no artifact '$w'
hint: an artifact is sha256:…, a release or a commit; 'relctl artifacts'\
 lists them"
	done
	try -C "$HOME/shop" export HEAD -o "$HOME/word.tar"
	expect 0 "$id" ""
}

@test "a commit that was not built" {
	commit "Three"
	artifact HEAD
	expect 5 "" "error: commit 'HEAD' was not built here
hint: relctl build HEAD"
	artifact "$commit"
	expect 5 "" "error: commit '$commit' was not built here
hint: relctl build $commit"
}

@test "a commit with two builds: the newest, and a notice" {
	oid=$(printf 'the file itself' | sha256sum | cut -d' ' -f1)
	mkdir -p ".git/lfs/objects/${oid:0:2}/${oid:2:2}"
	printf 'the file itself' \
		>".git/lfs/objects/${oid:0:2}/${oid:2:2}/$oid"
	printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\n%s\n' \
		"$oid" "size 15" >big
	commit "LFS"
	one=$(relctl -q build --lfs=pointer)
	word HEAD "$one"
	two=$(relctl -q build --lfs=local)
	[ "$one" != "$two" ]
	artifact HEAD
	expect 0 "$two" "notice: commit $short has other builds too; this is the\
 newest, ${two:0:19}"
	cd /
	artifact "$short"
	expect 0 "$two" "$stderr"
	has "$stderr" "notice: commit $short has other builds too"
	word "$one" "$one"
}

@test "a branch or tag with the name of a release is an error" {
	git tag v1
	artifact v1
	expect 2 "" "error: 'v1' is a release and a commit
hint: write shop@v1 for the release, or the commit's digits"
	word shop@v1 "$first"
	word tags/v1 "$id"
	git branch shop
	artifact shop
	expect 2 "" "error: 'shop' is a release and a commit
hint: write shop@v1 for the release, or the commit's digits"
	git branch current
	artifact current
	expect 2 "" "$stderr"
	# Where both are the same artifact there is nothing to choose.
	git tag -f v1 "$first_commit" >/dev/null
	word v1 "$first"
	# Outside the repository there is only the release.
	git tag -f v1 HEAD >/dev/null
	cd /
	word v1 "$first"
}

@test "a commit that has the name of a release, and was not built" {
	commit "Three"
	git tag v1
	artifact v1
	expect 2 "" "error: 'v1' is a release and a commit
hint: write shop@v1 for the release, or the commit's digits"
	git tag v7
	artifact v7
	expect 5 "" "error: commit 'v7' was not built here
hint: relctl build v7"
}

@test "commands that take a release do not look at commits" {
	git tag v7
	git tag v1
	try show v1
	expect 0 "$output" ""
	try show v7
	expect 5 "" "error: app 'shop' has no release v7
hint: the newest is v1; relctl -a shop releases --all"
	for w in HEAD main "$commit" "$id" v V1 1 v01 v1x @v1 shop@ shop@1 \
		shop@current Shop@v1 v1@shop ''; do
		try show "$w"
		expect 5 "" "error: no release '$w'
hint: a release is v12, APP@v12, APP (its current one) or current"
	done
}

@test "the error for an unknown release lists the nearest ones" {
	for n in 2 3 4; do relctl -q config set N="$n" >/dev/null; done
	try show v9
	expect 5 "" "error: app 'shop' has no release v9
hint: the newest is v4; relctl -a shop releases --all"
	try show v99999999999999999999
	expect 5 "" "$stderr"
	try show shop@v0
	expect 5 "" "error: no release 'shop@v0'
hint: a release is v12, APP@v12, APP (its current one) or current"
	try rollback v7 --json
	expect 5 "$output" ""
	[ "$(jq -r .error.hint <<<"$output")" = \
		"the newest is v4; relctl -a shop releases --all" ]
}

@test "an app that is not there: which store was looked at, and what it has" {
	for c in releases show config rollback verify; do
		try -a nosuch "$c"
		expect 5 "" "error: no app 'nosuch' in the store '$RELCTL_STORE'
  shop
hint: relctl apps lists them"
	done
	try show nosuch@v1
	expect 5 "" "error: no app 'nosuch' in the store '$RELCTL_STORE'"
	SUDO_USER=ada try -a nosuch releases
	expect 5 "" "error: no app 'nosuch' in the store '$RELCTL_STORE'
  shop
hint: this is root's store: without sudo relctl looks in the one of 'ada'"
}

@test "the app: -a, RELCTL_APP, the repository's, the only one" {
	relctl -q -a other release --set A=1
	RELCTL_APP=other try config
	expect 0 A ""
	RELCTL_APP=other try config -a shop
	expect 0 "N
PAGES
TOKEN" ""
	RELCTL_APP=other try config shop
	expect 0 "N
PAGES
TOKEN" ""
	try config
	expect 2 "" "error: several apps come from this repository
  other
  shop
hint: name one with -a APP"
	repository "$HOME/blog"
	echo x >x
	commit "Blog"
	build
	relctl -q -a blog release --set BLOG=1
	try config
	expect 0 BLOG ""
	cd /
	try config
	expect 2 "" "error: several apps are in the store, and none comes from\
 the repository around
  blog
  other
  shop
hint: name one with -a APP"
	try -C "$HOME/blog" config
	expect 0 BLOG ""
}
