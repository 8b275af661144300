#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
}

@test "the first release names a new app after the repository" {
	printf 'B=2\nA=1\n' >../prod.env
	try release -e ../prod.env
	expect 0 v1 "new app 'shop'
shop: v1 (the first release)
  code    $short  One page
  config  +A +B
  types   +web +worker"
	[ "$(value A)$(value B)" = 12 ]
	try apps --json
	[ "$(jq -r '.apps[].app' <<<"$output")" = shop ]
}

@test "a directory's name becomes an app's name" {
	for name in Shop_2 'My (old) Shop' 2shop shop.git; do
		rm -rf "$RELCTL_STORE"
		repository "$HOME/$name"
		git remote remove origin
		commit "Empty"
		build
		try release
		echo "$stderr" | sed -n "1s/new app //p" >>../../names
	done
	[ "$(tr '\n' ' ' <../../names)" = "'shop-2' 'my-old-shop' 'shop' 'shop' " ]
}

@test "a directory whose name is none wants -a" {
	repository "$HOME/123"
	commit "Empty"
	rm -rf "$RELCTL_STORE"
	build
	try release
	expect 2 "" "error: the new app needs a name
hint: name it with -a APP"
	try release -a shop
	expect 0 v1 "new app 'shop'
shop: v1 (the first release)
  code    $short  Empty
  config  (none)"
}

@test "in a store that has apps a new one needs -a" {
	releases 1
	repository "$HOME/blog"
	echo 'web: bin/blog' >Procfile
	commit "A blog"
	build
	try release
	expect 3 "" "error: the artifact is built from\
 'https://git.example.com/blog.git', the app 'shop' from\
 'https://git.example.com/shop.git'
hint: name another app with -a, or use --force"
	[ "$(current -a shop)" = v1 ]
	try release -a blog
	expect 0 v1 "new app 'blog'
blog: v1 (the first release)
  code    $short  A blog
  config  (none)
  types   +web"
	# With two, each repository has its own.
	try release
	expect 0 v1 "blog: unchanged, v1"
	cd "$HOME/shop" || return
	try release
	expect 0 v1 "shop: unchanged, v1"
	cd "$HOME" || return
	try release "$id"
	expect 2 "" "error: several apps are in the store, and none comes from\
 the repository around
  blog
  shop
hint: name one with -a APP"
	export RELCTL_APP=blog
	try release "$id"
	expect 0 v1 "blog: unchanged, v1"
}

@test "another repository's artifact goes to an app by --force alone" {
	releases 1
	repository "$HOME/blog"
	commit "A blog"
	build
	try release --force
	expect 0 v2 "shop: v1 → v2
  code    $(git -C ../shop rev-parse --short=7 HEAD) → $short  A blog
  config  (unchanged)
  types   -web -worker"
}

@test "names of apps: what is one, and what is not" {
	for app in a shop2 a-b abcdefghijklmnopqrstuvwxyzabcdefghijklmn v v1x; do
		try -q release -a "$app"
		expect 0 v1 ""
	done
	for app in '' A -a 2a a_b a- v1 v012 current \
		abcdefghijklmnopqrstuvwxyzabcdefghijklmno; do
		try release "--app=$app"
		expect 2 "" "error: '$app' can't be the name of an app
hint: a-z, 0-9 and '-', at most 40, a letter first, not like 'v12'"
	done
	RELCTL_APP=Shop try release
	expect 2 "" "error: 'Shop' can't be the name of an app (RELCTL_APP)
hint: a-z, 0-9 and '-', at most 40, a letter first, not like 'v12'"
}

@test "without an artifact HEAD must have been built" {
	commit "Two"
	try release
	expect 5 "" "error: commit $short (HEAD) was not built yet
hint: relctl build"
	build
	try -q release
	expect 0 v1 ""
}

@test "outside a repository the current artifact is taken" {
	releases 1
	cd "$HOME"
	try release --set B=2
	expect 0 v2 "shop: v1 → v2
  code    $short  One page  (unchanged)
  config  +B"
	try -C "$HOME/none" release
	expect 5 "" "$stderr"
	has "$stderr" "error: "
	has "$stderr" "$HOME/none"
}

@test "env files: later ones win, and they are the whole config" {
	releases 1
	printf 'A=1\nB=1\n' >../a.env
	printf 'B=2\nC=2\n' >../b.env
	try release -e ../a.env -e ../b.env
	expect 0 v2 "shop: v1 → v2
  code    $short  One page  (unchanged)
  config  +A +B +C -N -PAGES -TOKEN"
	[ "$(value A) $(value B) $(value C)" = "1 2 2" ]
	try release -e ../b.env --env=../a.env
	[ "$(value A) $(value B) $(value C)" = "1 1 2" ]
	try release
	expect 0 v3 "shop: unchanged, v3"
}

@test "-e - reads stdin, also between other files" {
	printf 'A=file\nB=file\n' >../a.env
	run --separate-stderr relctl -q release -e ../a.env -e - <<<$'B=in\nC=in'
	expect 0 v1 ""
	[ "$(value A) $(value B) $(value C)" = "file in in" ]
	run --separate-stderr relctl release -e - <<<'A=x y'
	expect 2 "" "error: config is not valid: stdin:1:4: a space in a bare value
  1 | A=*
         ^
hint: put the value in single quotes: A='…'"
}

@test "an env file that is not there, or no file" {
	try release -e ../prod.env
	expect 5 "" "error: no file '../prod.env'"
	try release -e TOKEN=abc
	expect 5 "" "error: no file 'TOKEN'
hint: -e takes a file; --set takes NAME=VALUE"
	try release -e ..
	expect 1 "" "error: '..': $(cut -d: -f3- <<<"$stderr" | sed 's/^ //')"
	has "$stderr" "Is a directory"
}

@test "--set takes everything behind the first = literally" {
	local odd=$' a=b#"\'\\$HOME`id`\n\tü '
	try -q release --set "ODD=$odd" --set EMPTY= --set N=2
	expect 0 v1 ""
	[ "$(value ODD; echo .)" = "$odd"$'\n.' ]
	[ "$(value EMPTY; echo .)" = $'\n.' ]
	[ "$(value N)" = 2 ]
	try release --set N=3 --set N=4
	expect 2 "" "error: 'N' is given twice"
}

@test "--set beats env files, --unset beats both" {
	echo A=file >../a.env
	try -q release -e ../a.env --set A=set --set B=set --unset B
	expect 0 v1 ""
	try config
	expect 0 A ""
	[ "$(value A)" = set ]
	try release --unset B
	expect 2 "" "error: no variable 'B' to unset"
	try release --unset A=1
	expect 2 "" "error: no variable 'A' to unset"
}

@test "--set without a value reads a line of stdin for each" {
	run --separate-stderr relctl -q release --set A --set B=x --set C \
		<<<$'one\ntwo\nthree'
	expect 0 v1 ""
	[ "$(value A) $(value B) $(value C)" = "one x two" ]
	# An empty line is a value, the end of stdin is none.
	run --separate-stderr relctl -q release --set A <<<''
	expect 0 v2 ""
	[ "$(value A; echo .)" = $'\n.' ]
	run --separate-stderr relctl -q release --set A </dev/null
	expect 2 "" "error: 'A': stdin ended where a value was expected"
	run --separate-stderr relctl -q release --set A --set B <<<one
	expect 2 "" "error: 'B': stdin ended where a value was expected"
	run --separate-stderr bash -c \
		'printf "a\0b\n" | "$RELCTL" release --set A'
	expect 2 "" "error: 'A': the value on stdin holds NUL or is too long"
	[ "$(current)" = v2 ]
}

@test "on a terminal a value is asked for, and not shown" {
	terminal --type 'TOKEN (not shown): ' $'s3cret\n' \
		--type 'OTHER (not shown): ' $'m0re\n' \
		"$RELCTL" -q release --set TOKEN --set OTHER
	[ "$status" = 0 ]
	[ "$output" = "TOKEN (not shown): 
OTHER (not shown): 
v1" ]
	[ "$(value TOKEN) $(value OTHER)" = "s3cret m0re" ]
}

@test "Ctrl-C and Ctrl-D at that question leave the terminal as it was" {
	terminal --type 'TOKEN (not shown): ' $'half\x03' \
		"$RELCTL" release --set TOKEN
	[ "$status" = 130 ]
	[ "$output" = "TOKEN (not shown): " ]
	terminal --type 'TOKEN (not shown): ' $'\x04' \
		"$RELCTL" release --set TOKEN
	[ "$status" = 2 ]
	[ "$output" = "TOKEN (not shown): 
error: 'TOKEN': stdin ended where a value was expected" ]
	try releases
	expect 5 "" "error: no app in the store '$RELCTL_STORE' yet
hint: relctl release makes the first"
}

@test "a line that a terminal cuts is refused" {
	terminal --type 'TOKEN (not shown): ' \
		"$(printf '%05000d' 1)"$'\n' "$RELCTL" release --set TOKEN
	[ "$status" = 2 ]
	has "$output" "error: 'TOKEN': a terminal takes lines of less than 4095"
}

@test "names that can't be a variable's are refused, values are not shown" {
	for set in =s3cret 1A=s3cret A-B=s3cret 'A B=s3cret' PS=s3cret \
		RELCTL_X=s3cret; do
		try release --set "$set"
		expect 2 "" "$stderr"
		has "$stderr" "error: "
		[[ $stderr != *s3cret* ]]
	done
	has "$stderr" "error: 'RELCTL_X' is a name that relctl sets itself"
}

@test "-m is a note, seen in releases and show" {
	try -q release -m 'for the fair'
	expect 0 v1 ""
	try releases --json
	[ "$(jq -r '.releases[0].message' <<<"$output")" = "for the fair" ]
	try show
	has "$output" "change   release $short: for the fair"
}

@test "--no-activate leaves the current one; the same again activates it" {
	releases 1
	try release --no-activate --set B=2
	expect 0 v2 "shop: v1 → v2, not activated
  code    $short  One page  (unchanged)
  config  +B"
	[ "$(current)" = v1 ]
	try -q release --no-activate --set B=3
	expect 0 v3 ""
	# What is the newest, and was never active: no new number.
	try release --set B=3
	expect 0 v3 "shop: v1 → v3
  code    $short  One page  (unchanged)
  config  +B"
	[ "$(current)" = v3 ]
	# v2 was never active either, but it is not the newest.
	try -q release --set B=2
	expect 0 v4 ""
}

@test "a release that was rolled back from is not activated again" {
	releases 2
	try -q rollback
	expect 0 v3 ""
	try release --set N=2
	expect 0 v4 "shop: v3 → v4
  code    $short  One page  (unchanged)
  config  ~N"
}

@test "a first release without activation" {
	try release --no-activate
	expect 0 v1 "new app 'shop'
shop: v1 (the first release), not activated
  code    $short  One page
  config  (none)
  types   +web +worker"
	try exec true
	expect 125 "" "error: app 'shop' has no current release: none was activated
hint: relctl -a shop releases"
	try -q release
	expect 0 v1 ""
	[ "$(current)" = v1 ]
}

@test "the same inputs make no new release, --force does" {
	releases 1
	try release
	expect 0 v1 "shop: unchanged, v1"
	try release --set N=1
	expect 0 v1 "shop: unchanged, v1"
	try release --no-activate
	expect 0 v1 "shop: unchanged, v1"
	try release --json
	expect 0 "$output" "shop: unchanged, v1"
	[ "$(jq -c '[.schema, .unchanged, .activated, .release]' <<<"$output")" = \
		'["relctl.release/1",true,false,1]' ]
	try release --force
	expect 0 v2 "shop: v1 → v2
  code    $short  One page  (unchanged)
  config  (unchanged)"
	[ "$(current)" = v2 ]
}

@test "an empty commit has the same artifact, and is no new release" {
	releases 1
	first=$short
	commit "Nothing new"
	try build
	expect 0 "$id" "$stderr"
	try release
	expect 0 v1 "shop: unchanged, v1"
	try release --force
	expect 0 v2 "shop: v1 → v2
  code    $short  Nothing new  (unchanged)
  config  (unchanged)"
	[ "$first" != "$short" ]
}

@test "-n prints the plan on stdout and does nothing" {
	releases 1
	another two
	before=$(snapshot)
	try release -n --set B=2 --set N=9 --unset TOKEN
	expect 0 "shop: v1 → v2
  code    $(git rev-parse --short=7 HEAD~) → $short  Page two
  config  +B ~N -TOKEN" ""
	try release --dry-run --json --set B=2
	expect 0 "$output" ""
	[ "$(jq -c '[.schema,.dry_run,.app,.config,.from.release,.to.commit]' \
		<<<"$output")" = "[\"relctl.release/1\",true,\"shop\",\
{\"+\":[\"B\"],\"-\":[],\"~\":[]},1,\"$commit\"]" ]
	[ "$(snapshot)" = "$before" ]
}

@test "a change of code and process types is told" {
	releases 1
	first=$short
	printf 'web: bin/web --new\nclock: bin/worker tick\n' >Procfile
	commit "Other types"
	build
	try release
	expect 0 v2 "shop: v1 → v2
  code    $first → $short  Other types
  config  (unchanged)
  types   ~web +clock -worker"
}

@test "with --json stdout is one document, the talk stays on stderr" {
	try release --json --set A=1
	expect 0 "$output" "new app 'shop'
shop: v1 (the first release)
  code    $short  One page
  config  +A
  types   +web +worker"
	[ "$(jq -c '[.schema,.app,.new_app,.release,.activated,.from]' \
		<<<"$output")" = \
		'["relctl.release/1","shop",true,1,true,null]' ]
	[ "$(jq -r .to.artifact <<<"$output")" = "$id" ]
	[ "$(jq -c .to.processes <<<"$output")" = \
		'[["web","bin/web"],["worker","bin/worker"]]' ]
}

# app.json that wants three variables, one of them made by relctl.
declared() {
	cat >app.json <<-'JSON'
	{"env": {
	  "DATABASE_URL": {"description": "where the database is",
	    "value": "postgres://localhost/shop"},
	  "SECRET_KEY": {"generator": "secret"},
	  "LOG_LEVEL": {"required": false, "value": "info"}
	}}
	JSON
	commit "Declare variables"
	build
}

@test "a required variable without a value stops release and config unset" {
	declared
	before=$(snapshot)
	try release
	expect 3 "" "$stderr"
	has "$stderr" "DATABASE_URL"
	has "$stderr" "where the database is"
	has "$stderr" "SECRET_KEY"
	has "$stderr" "--generate"
	[[ $stderr != *LOG_LEVEL* ]]
	[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
	[ "$(grep -c '^hint: ' <<<"$stderr")" = 1 ]
	[ "$(snapshot)" = "$before" ]
	try -q release --set DATABASE_URL=x --generate
	expect 0 v1 ""
	try config unset DATABASE_URL
	expect 3 "" "$stderr"
	has "$stderr" "DATABASE_URL"
	[ "$(current)" = v1 ]
}

@test "--generate makes a secret once, and never shows it" {
	declared
	try release --set DATABASE_URL=x --generate -v
	expect 0 v1 "$stderr"
	secret=$(value SECRET_KEY)
	[[ $secret =~ ^[0-9a-f]{64}$ ]]
	[[ $stderr != *"$secret"* ]]
	try release --generate
	expect 0 v1 "shop: unchanged, v1"
	[ "$(value SECRET_KEY)" = "$secret" ]
}

@test "an artifact by its digest, a release, a commit; or none of them" {
	releases 1
	first=$id first_commit=$commit
	another two
	try -q release "$id"
	expect 0 v2 ""
	try -q release v1
	expect 0 v3 ""
	try -q release HEAD
	expect 0 v4 ""
	try -q release "${first:0:14}"
	expect 0 v5 ""
	try -q release main
	expect 0 v6 ""
	try -q release "${first_commit:0:10}"
	expect 0 v7 ""
	try release nosuch
	expect 5 "" "error: no artifact 'nosuch'
hint: an artifact is sha256:…, a release or a commit; 'relctl artifacts'\
 lists them"
}

@test "a release hook is run, recorded and shown" {
	echo 'release: bin/worker ran' >>Procfile
	commit "A hook"
	build
	try release
	expect 0 v1 "$stderr"
	has "$stderr" "v1: running the release command
ran"
	try show
	has "$output" "  release: bin/worker ran  (hook)"
}
