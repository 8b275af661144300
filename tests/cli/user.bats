#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them
# shellcheck disable=SC2030,SC2031 # each test is a subshell of its own
# What people met who came from other tools, and who were on call at night.

load helper

setup() {
	private
	shop
}

# procfile LINE…: committed, built and released.
procfile() {
	printf '%s\n' "$@" >Procfile
	commit "Processes"
	build
	relctl -q release
}

@test "a process has the umask that relctl was started with" {
	procfile 'web: umask; touch "$OUT/made"'
	for mask in 0022 0002 0077; do
		rm -rf "$HOME/out"
		mkdir "$HOME/out"
		relctl -q config set OUT="$HOME/out" MASK="$mask" >/dev/null
		[ "$(umask "$mask" && relctl -q exec sh -c umask)" = "$mask" ]
		[ "$(umask "$mask" && relctl -q run --once \
			--bind-rw "$HOME/out")" = "$mask" ]
		[ "$(stat -c %a "$HOME/out/made")" = \
			"$(printf %o $((0666 & ~mask)))" ]
	done
}

@test "what relctl makes is its owner's alone, whatever the umask" {
	umask 000
	relctl -q release --set A=1 >/dev/null
	relctl -q exec true
	relctl -q config set A=2 >/dev/null
	run find "$RELCTL_STORE" "$RELCTL_KEY_FILE" -name trees -prune -o \
		! -type l -perm /022 -print
	[ "$output" = "" ]
	[ "$(stat -c %a "$RELCTL_KEY_FILE" "$RELCTL_STORE/ledger.db")" = "600
600" ]
}

@test "an exported file has the mode that the umask gives it" {
	for mask in 0022 0002 0077; do
		[ "$(umask "$mask" && relctl export HEAD -o x.tar)" = "$id" ]
		[ "$(stat -c %a x.tar)" = "$(printf %o $((0666 & ~mask)))" ]
		rm x.tar
	done
}

@test "without a commit the same code is called by its artifact" {
	relctl export HEAD -o "$HOME/shop.tar.zst"
	cd /
	export RELCTL_STORE=$HOME/other RELCTL_KEY_FILE=$HOME/other.key
	relctl -q import "$HOME/shop.tar.zst"
	relctl -q -a shop release "$id" --set A=1
	relctl -q config set A=2
	try rollback
	expect 0 v3 "shop: v2 → v3 (v1 again)
  code    ${id:0:19}  (unchanged)
  config  ~A
the code is unchanged (${id:0:19})
undo: relctl -a shop rollback v2"
}

@test "which app: only those of this repository are named" {
	relctl -q release --set A=1
	relctl -q -a shop-staging release --set A=1
	repository "$HOME/blog"
	echo x >x
	commit "Blog"
	build
	relctl -q -a blog release
	cd "$HOME/shop"
	try releases
	expect 2 "" "error: several apps come from this repository
  shop
  shop-staging
hint: name one with -a APP"
}

@test "a subject that is not ASCII reads the same in any locale" {
	echo two >page
	commit "Grüße →"
	build
	for locale in C POSIX C.UTF-8 nowhere; do
		LC_ALL=$locale try artifacts
		[ "$status" = 0 ]
		has "$output" "  Grüße →"
	done
	run env -i "$RELCTL" --store "$RELCTL_STORE" artifacts
	[ "$status" = 0 ]
	has "$output" "  Grüße →"
}

@test "who is stopped early is not told of dependencies" {
	echo '{}' >package.json
	procfile 'web: kill -TERM $$' 'odd: exit 7'
	try run --once web
	expect 143 "" "$dropped"
	try run --once odd
	[ "$status" = 7 ]
	has "$stderr" "hint: the tree has 'package.json' but no installed"
}

@test "what app.json wants is a table, and the line names the app" {
	cat >app.json <<-'EOF'
		{"env": {"DATABASE_URL": {"description": "the database"},
		"KEY": {"description": "signs", "generator": "secret"},
		"PORT": {"value": "5000"}, "X": {}}}
	EOF
	commit "Wants"
	build
	try release
	expect 3 "" "error: 'DATABASE_URL' is required by app.json and has no value
  DATABASE_URL  the database
  KEY           signs
  PORT          (suggested: 5000)
  X
hint: relctl release --generate --set DATABASE_URL --set PORT --set X"
	try -a shop release --set DATABASE_URL=1 --set PORT=1 --set X=1
	expect 3 "" "error: 'KEY' is required by app.json and has no value
  KEY  signs
hint: relctl -a shop release --generate"
	eval "line=(${stderr##*hint: relctl })"
	try -q "${line[@]}" --set DATABASE_URL=1 --set PORT=1 --set X=1
	expect 0 v1 ""
}

@test "who promotes or unsets is not sent to another release" {
	relctl -q -a live release --set A=1
	echo '{"env": {"TOKEN": {}}}' >app.json
	commit "Wants a token"
	build
	relctl -q -a staging release --set TOKEN=1
	try promote staging live
	expect 3 "" "error: 'TOKEN' is required by app.json and has no value
  TOKEN
hint: give it a value: relctl -a live config set NAME"
	try -q -a live config set TOKEN=2
	expect 0 v2 ""
	try -q promote staging live
	expect 0 v3 ""
	try -a live config unset TOKEN
	expect 3 "" "error: 'TOKEN' is required by app.json and has no value
  TOKEN
hint: give it a value: relctl -a live config set NAME"
}

@test "words of other tools lead to the command" {
	while read -r word hint; do
		try "$word"
		expect 2 "" "error: there is no command '$word'
hint: did you mean '$hint'?"
	done <<-'EOF'
		deploy release
		undo rollback
		history releases
		config:set config set
		shell exec sh
		version --version
	EOF
	try logs
	expect 2 "" "error: there is no command 'logs'
hint: 'relctl help' lists the commands"
}

@test "a line for the shell as one word: how to write it" {
	relctl -q release
	try_127 exec 'echo $HOME'
	expect 127 "" "${dropped:+$dropped
}error: command 'echo \$HOME' not found
hint: CMD and its arguments are words of their own; a line for the shell:\
 relctl exec sh -c '…'"
	try_127 exec nosuch
	expect 127 "" "${dropped:+$dropped
}error: command 'nosuch' not found"
}

@test "one is one entry" {
	git rm -qrf .
	touch only
	commit "One file"
	try build
	expect 0 "$output" "commit $short: 1 entry, 1.5 kB of tar, 86 B new in\
 the store"
	relctl -q release
	try show
	has "$output" "
         1 entry, 1.5 kB of tar
"
}

@test "without the key the error begins with it, and nothing else is blamed" {
	releases 2
	mv "$RELCTL_KEY_FILE" "$HOME/away"
	key=$(relctl --json key 2>/dev/null | jq -r .id)
	why="no key at '$RELCTL_KEY_FILE': this store wants key $key
hint: put the key back from its backup, or name it with RELCTL_KEY_FILE"
	try exec true
	expect 125 "" "error: $why"
	try rollback
	expect 4 "" "error: release v1: $why"
}

@test "a lost chunk: which artifact, what mends it, and that it does" {
	relctl -q release
	another two
	relctl -q release
	first=$(relctl --json show v1 | jq -r .artifact)
	erase "$RELCTL_STORE/trees/${first#sha256:}" \
		"$RELCTL_STORE/trees/${first#sha256:}.index"
	relctl export v2 -o "$HOME/v2.tar"
	# The chunk that v2 does not need.
	rm -f "$RELCTL_STORE"/chunks/*/*
	relctl -q import "$HOME/v2.tar"
	mends="in the store
hint: 'relctl build' of its commit, or an import, mends it"
	for c in "rollback" "export v1 -o x.tar" "exec -r v1 true"; do
		# shellcheck disable=SC2086
		try $c
		[ "$output" = "" ]
		has "$stderr" "error: artifact ${first:0:19}: no chunk '"
		has "$stderr" "$mends"
		case $c in
		exec*) [ "$status" = 125 ] ;;
		*) [ "$status" = 6 ] ;;
		esac
	done
	[ ! -e x.tar ]
	[ "$(current)" = v2 ]
	try -q build HEAD~1
	expect 0 "$first" ""
	try -q rollback
	expect 0 v3 ""
	try verify
	[ "$status" = 0 ]
}

@test "a lost ledger is not said to be made by the next build" {
	relctl -q release
	mv "$RELCTL_STORE/ledger.db" "$HOME/away"
	for c in releases rollback build; do
		try "$c"
		expect 5 "" "error: no ledger '$RELCTL_STORE/ledger.db'
hint: put it back from a backup of the store"
	done
	: >"$RELCTL_STORE/ledger.db"
	try releases
	expect 5 "" "error: '$RELCTL_STORE/ledger.db': the ledger is empty
hint: put it back from a backup of the store"
	mv "$HOME/away" "$RELCTL_STORE/ledger.db"
	[ "$(current)" = v1 ]
}

@test "the release command runs before the release is current, and by hand" {
	echo 'release: echo "$RELCTL_ACTION $RELCTL_FROM $RELCTL_TO"' >>Procfile
	commit "A hook"
	build
	try -q release
	expect 0 v1 "release  v1"
	try -q config set A=1
	expect 0 v2 "config v1 v2"
	try -q rollback
	expect 0 v3 ""
	try -a shop run --once release
	expect 0 "  " "$dropped"
	echo 'release: echo no; exit 7' >Procfile
	commit "A hook that fails"
	build
	try -q release
	expect 9 "" "no
error: the release command of v4 ended with status 7"
	[ "$(current)" = v3 ]
}
