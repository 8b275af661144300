#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154 # status and stderr are set by run
# Who may write, who may read, and whose a repository is.

load helper

setup() {
	private
	app_repo repo
	chmod 700 "$HOME"
}

# A store with a release in it, in a directory of its own.
one_release() {
	mkdir -p data config
	strict relctl -C repo build
	strict relctl -C repo -a shop release --set A=1
}

# denied WHAT HINT WORD…: exit 4 (exec has 125 for all of relctl's failures),
# nothing printed, that line as the hint.
denied() {
	local what=$1 hint=$2 wanted=4

	shift 2
	try "$@"
	case " $* " in
	*" exec "*) wanted=125 ;;
	esac
	is "the status of $*" "$status" "$wanted" && is "its output" "$output" "" &&
		is "errors" "$(grep -c ^error: <<<"$stderr")" 1 &&
		has "$stderr" "$what" && has "$stderr" "hint: $hint"
}

# Reads, writes and runs: none of them.
all_denied() {
	for words in "releases" "-C repo build" "-a shop rollback" "exec web" \
		"verify --all" "gc" "config set B=1"; do
		# shellcheck disable=SC2086 # words
		denied "$1" "$2" $words || return
	done
}

@test "a store that group or others may write" {
	one_release
	for mode in 0770 0707 0777 0720 0702; do
		chmod "$mode" "$RELCTL_STORE"
		all_denied "'$RELCTL_STORE' may be written by others (mode $mode)" \
			"chmod go-w '$RELCTL_STORE'"
	done
	chmod go-w "$RELCTL_STORE"
	intact
}

@test "a thing in the store that group or others may write" {
	one_release
	for name in chunks artifacts releases configs trees tmp apps format lock \
		ledger.db ledger.db-journal reserve; do
		chmod g+w "$RELCTL_STORE/$name"
		denied "'$RELCTL_STORE/$name' may be written by others" \
			"chmod go-w '$RELCTL_STORE/$name'" releases
		chmod g-w,o+w "$RELCTL_STORE/$name"
		denied "'$RELCTL_STORE/$name' may be written by others" \
			"chmod go-w '$RELCTL_STORE/$name'" -a shop rollback
		chmod o-w "$RELCTL_STORE/$name"
	done
	intact
}

@test "a store in a directory that everybody may write" {
	one_release
	chmod 0777 data
	all_denied "the directory that '$RELCTL_STORE' is in may be written" \
		"chmod o-w '$RELCTL_STORE/..'"
	# As in /tmp, nobody else can put another one there.
	chmod 1777 data
	intact
	chmod 0755 data
	intact
}

@test "a new store is not made where everybody may put another one" {
	mkdir data
	chmod 0777 data
	denied "may be written by everybody" "chmod o-w" -C repo build
	is "keys" "$(find config 2>/dev/null)" ""
	chmod 0755 data
	strict relctl -C repo build
}

@test "a key that others may read" {
	one_release
	for mode in 0640 0604 0660 0644 0610; do
		chmod "$mode" "$RELCTL_KEY_FILE"
		denied "key '$RELCTL_KEY_FILE' is open to others (mode $mode)" \
			"chmod 600 '$RELCTL_KEY_FILE'" -a shop exec web
		denied "key '$RELCTL_KEY_FILE' is open to others (mode $mode)" \
			"chmod 600 '$RELCTL_KEY_FILE'" -a shop config set B=1
	done
	# The list needs no key.
	try releases
	is "the status" "$status" 0
	chmod 0400 "$RELCTL_KEY_FILE"
	try -a shop exec web
	expect 0 web "$stderr"
}

teardown() {
	[ -z "${open-}" ] || rm -rf "$open"
}

# as_nobody CMD…: as user 65534, with nothing of root's.
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups \
		--inh-caps=-all --bounding-set=-all -- "$@"
}

# A home that others can reach, a directory of theirs, a repository in it.
need_root() {
	[ "$(id -u)" = 0 ] || skip "only root can be somebody else"
	as_nobody "$RELCTL" --version >/dev/null 2>&1 ||
		skip "others can't reach $RELCTL"
	open=$(mktemp -d)
	chmod 711 "$open"
	BATS_TEST_TMPDIR=$open private
	chmod 755 "$HOME"
	as_nobody test -r "$HOME" || skip "others can't reach $open"
	app_repo repo
	mkdir theirs
	chown 65534:65534 theirs
	as_nobody cp -a repo theirs/repo
}

# Theirs, with a store of their own.
nobody() {
	as_nobody env HOME="$HOME/theirs" RELCTL_STORE="$HOME/theirs/store" \
		RELCTL_KEY_FILE="$HOME/theirs/key" "$RELCTL" "$@"
}

@test "a repository of another user, found by walking up" {
	need_root
	cd theirs/repo/lib
	whose="/theirs/repo/.git' belongs to another user (65534)"
	line="if you trust it, name it: relctl -C '$HOME/theirs/repo' …"
	denied "$whose" "$line" build
	is "a store" "$(find "$XDG_DATA_HOME" 2>/dev/null)" ""
	# The line that the hint gives.
	try -C "$HOME/theirs/repo" build
	is "the status" "$status" 0
	denied "$whose" "$line" release
	denied "$whose" "$line" -a shop release
	denied "$whose" "$line" -a shop release HEAD
	try -C "$HOME/theirs/repo" -a shop release HEAD
	expect 0 v1 "$stderr"
	# sudo: the user's own.
	rm -rf "$XDG_DATA_HOME" "$XDG_CONFIG_HOME"
	SUDO_UID=65534 try build
	is "the status" "$status" 0
	SUDO_UID=1234 try build
	is "the status" "$status" 4
}

@test "root's repository is read by everybody, one's own too" {
	need_root
	chmod -R a+rX repo
	cd repo/lib
	run --separate-stderr nobody build
	is "the status" "$status" 0
	cd ../../theirs/repo/lib
	run --separate-stderr nobody build
	is "the status" "$status" 0
	# With SUDO_UID set by anybody, root's is root's.
	SUDO_UID=1 run --separate-stderr nobody build
	is "the status" "$status" 0
}

@test "a repository of a third user" {
	need_root
	cp -a theirs/repo third
	chown -R 1234:1234 third
	cd third
	run --separate-stderr nobody build
	is "the status" "$status" 4
	is "the output" "$output" ""
	has "$stderr" "-C '$HOME/third'"
	run --separate-stderr nobody -C . build
	is "the status" "$status" 0
}

@test "another user's store and key" {
	need_root
	one_release
	chmod 755 data config data/relctl config/relctl
	chmod 644 data/relctl/ledger.db
	run --separate-stderr as_nobody env HOME="$HOME/theirs" \
		RELCTL_STORE="$RELCTL_STORE" RELCTL_KEY_FILE="$RELCTL_KEY_FILE" \
		"$RELCTL" -a shop exec web
	[ "$status" != 0 ]
	is "the output" "$output" ""
	# Root is not to run what somebody else keeps.
	run --separate-stderr nobody -C theirs/repo build
	is "the status" "$status" 0
	RELCTL_STORE=$HOME/theirs/store try releases
	is "the status" "$status" 4
	has "$stderr" "belongs to user 65534, not to you"
	RELCTL_KEY_FILE=$HOME/theirs/key try -a shop config set B=1
	is "the status" "$status" 4
	has "$stderr" "belongs to user 65534, not to you"
}

@test "the whole way as another user, who is not root" {
	need_root
	run --separate-stderr nobody -C theirs/repo build HEAD~1
	is "the status" "$status" 0
	run --separate-stderr nobody -C theirs/repo release HEAD~1 --set A=1
	expect 0 v1 "$stderr"
	run --separate-stderr nobody -C theirs/repo build
	run --separate-stderr nobody -C theirs/repo release
	expect 0 v2 "$stderr"
	run --separate-stderr nobody rollback
	expect 0 v3 "$stderr"
	run --separate-stderr nobody exec web
	expect 0 web "$stderr"
	run --separate-stderr nobody gc --keep 0
	is "the status" "$status" 0
	run --separate-stderr nobody verify --all
	is "the status" "$status" 0
	is "files of others" "$(find theirs/store ! -user 65534)" ""
	# Root may look, since root may read all; the store is not root's.
	RELCTL_STORE=$HOME/theirs/store try releases
	is "the status" "$status" 4
}

# modes: of everything in the store, and of the key.
modes() {
	(cd "$HOME" && find data config -printf '%m %y %p\n') |
		sed -E 's/[0-9a-f]{16,64}/X/g' | sort | uniq -c
}

@test "the umask changes no mode" {
	export RELCTL_KEY_FILE=$HOME/config/relctl/deep/key
	export RELCTL_STORE=$HOME/data/deep/relctl
	for mask in 000 022 077; do
		wipe data config
		umask "$mask"
		strict relctl -C repo build HEAD~1
		strict relctl -C repo -a shop release HEAD~1 --set A=1
		strict relctl -C repo build
		strict relctl -C repo -a shop release
		strict relctl -a shop rollback
		umask 022
		modes >"modes.$mask"
	done
	diff modes.000 modes.077
	diff modes.022 modes.077
	# For others there is nothing in the store.
	is "the store" "$(stat -c %a "$RELCTL_STORE")" 700
	is "the key" "$(stat -c %a "$RELCTL_KEY_FILE")" 600
	is "writable for others" \
		"$(find data config ! -type l -perm /022)" ""
	is "readable for others outside of what is 0700" \
		"$(find "$RELCTL_STORE" -mindepth 1 -maxdepth 1 -type d \
			-perm /077)" ""
}

@test "an app does not see relctl's umask, nor its locks" {
	one_release
	umask 027
	try -a shop exec sh -c umask
	is "the umask" "$output" 0027
	try -a shop exec sh -c 'ls /proc/self/fd | wc -l'
	is "its files" "$output" 4
}
