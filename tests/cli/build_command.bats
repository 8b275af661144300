#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154,SC2030,SC2031 # bats and the helper set them
# The `build:` line of a Procfile: what it finds, what it may do, what becomes
# of what it makes.

load helper

setup() {
	private
	repository "$HOME/shop"
	printf 'build: sh make.sh\nweb: cat made\n' >Procfile
}

# makes LINE…: a commit whose build command is these lines of a shell.
makes() {
	printf '%s\n' "$@" >make.sh
	commit "Makes something"
}

# isolated LEVEL: the test goes on if builds can have it here.
isolated() {
	makes 'true'
	try -q build --isolation="$1"
	[ "$status" = 0 ] || skip "no '$1' here: $stderr"
	rm -rf "$RELCTL_STORE" "$RELCTL_KEY_FILE"
}

# left: what is in the store's tmp/.
left() {
	ls -A "$RELCTL_STORE/tmp"
}

# builds: the build events of the ledger.
builds() {
	sqlite3 "$RELCTL_STORE/ledger.db" \
		"select count(*) from event where kind = 'build'"
}

# store: a commit without a command makes it, with a release.
store() {
	cp Procfile "$HOME/Procfile"
	sed -i /build/d Procfile
	commit "No command"
	build
	relctl -q release >/dev/null
	cp "$HOME/Procfile" Procfile
}

@test "the artifact is the tree after the command; it is released and runs" {
	mkdir -p src/deep
	echo two >src/deep/page
	echo gone >gone
	makes 'mkdir -p out/empty && cp src/deep/page out/page && rm gone' \
		'printf "#!/bin/sh\necho run\n" >out/run && chmod 700 out/run' \
		'ln -s page out/link && ln out/page out/hard && umask >made'
	build
	relctl export "$id" | zstd -dc | tar tvf - |
		awk '{ print $1, $6 $7 $8 }' >"$HOME/list"
	diff - "$HOME/list" <<-'END'
		-rw-r--r-- Procfile
		-rw-r--r-- made
		-rw-r--r-- make.sh
		drwxr-xr-x out/
		drwxr-xr-x out/empty/
		-rw-r--r-- out/hard
		lrwxrwxrwx out/link->page
		-rw-r--r-- out/page
		-rwxr-xr-x out/run
		drwxr-xr-x src/
		drwxr-xr-x src/deep/
		-rw-r--r-- src/deep/page
	END
	relctl -q release
	try -q run --once web
	expect 0 "0022" ""
	try -q exec out/run
	expect 0 run ""
	try -q exec sh -c 'cat out/link; touch out/page'
	[ "$status" != 0 ]
	has "$output" two
	relctl -q verify
	[ -z "$(left)" ]
}

@test "its environment is these variables and no others; stdin is empty" {
	isolated ns
	makes 'env | sort >made; cat >stdin; pwd >cwd'
	TOKEN=secret relctl -q build >/dev/null
	relctl -q release --set NAME=value
	try -q run --once web
	expect 0 "HOME=/app
LANG=C.UTF-8
PATH=/app/bin:/usr/local/bin:/usr/bin:/bin
PWD=/app
RELCTL_COMMIT=$commit
SOURCE_DATE_EPOCH=1704164645" ""
	[ "$(relctl -q exec cat stdin cwd)" = /app ]
}

@test "everything has the commit's time when the command begins" {
	mkdir -p a/b
	ln -s b a/link
	touch a/b/file
	makes 'find . -not -newermt @1704164645 -not -path . | wc -l >made' \
		'find . -newermt @1704164644 -not -path ./made | wc -l >>made'
	build
	relctl -q release
	# Procfile, make.sh, a, b, link and file; the top was touched by made.
	[ "$(relctl -q run --once web | head -n 1)" = 6 ]
}

@test "its output is streamed to stderr, however much it is" {
	makes 'echo out; echo err >&2' 'head -c 3000000 /dev/zero | tr "\0" x' \
		'echo; echo done'
	relctl build >"$HOME/id" 2>"$HOME/err"
	[ "$(wc -l <"$HOME/id")" = 1 ]
	[ "$(grep -c '^out$\|^err$\|^done$' "$HOME/err")" = 3 ]
	[ "$(grep -c '^xxx' "$HOME/err")" = 1 ]
	[ "$(wc -c <"$HOME/err")" -gt 3000000 ]
}

@test "a tree of many directories, and a large file" {
	makes 'for p in a b c d e f; do for q in 1 2 3 4 5 6 7 8 9; do' \
		'd=node_modules/$p$q/node_modules/$q/lib; mkdir -p $d' \
		'echo "$p$q" >$d/index.js; ln -s ../lib/index.js $d/main.js' \
		'done; done; head -c 5000000 /dev/zero >large; mkdir a.b a a-b' \
		'touch a/x a-b/x a.b/x'
	build
	relctl export "$id" | zstd -dc >"$HOME/tar"
	[ "sha256:$(sha256sum <"$HOME/tar" | cut -d ' ' -f 1)" = "$id" ]
	[ "$(tar tf "$HOME/tar" | grep -c 'index.js$')" = 54 ]
	relctl import - <"$HOME/tar" --store "$HOME/other" -q >"$HOME/again"
	[ "$(cat "$HOME/again")" = "$id" ]
}

@test "the same commit has the same ID in another store" {
	makes 'echo "$SOURCE_DATE_EPOCH $RELCTL_COMMIT $HOME" >made' \
		'for n in 9 1 5; do echo $n >n$n; done; mkdir z; touch z/a'
	build
	(umask 077 && RELCTL_STORE=$HOME/other relctl -q build >"$HOME/id")
	[ "$(cat "$HOME/id")" = "$id" ]
}

@test "what was built is not run again, but for another commit or option" {
	isolated ns
	makes 'echo ran' 'cat /proc/sys/kernel/random/uuid >made'
	try build
	[ "$status" = 0 ]
	has "$stderr" "ran"
	first=$output
	try build
	expect 0 "$first" "commit $short was built before: its build command is\
 not run again"
	try build --isolation=ns
	expect 0 "$first" "$stderr"
	try build --network
	[ "$status" = 0 ]
	[ "$output" != "$first" ]
	has "$stderr" "'ns', with the network"
	other=$output
	try build
	expect 0 "$first" "$stderr"
	try build --network
	expect 0 "$other" "$stderr"
	# The same tree: SOURCE_DATE_EPOCH and RELCTL_COMMIT are others.
	commit "Nothing"
	try -q build
	[ "$status" = 0 ]
	[ "$output" != "$first" ]
	[ "$(sqlite3 "$RELCTL_STORE/ledger.db" \
		"select json_extract(body, '\$.options.build') from event
		where kind = 'build' order by seq" | tail -n 3)" = \
		'{"isolation":"ns","network":false}
{"isolation":"ns","network":true}
{"isolation":"ns","network":false}' ]
}

@test "--json says what the command had" {
	isolated ns
	makes 'echo talk'
	try --json build
	[ "$status" = 0 ]
	[ "$(jq -c .build <<<"$output")" = '{"isolation":"ns","network":false}' ]
	sed -i /build/d Procfile
	commit "No command"
	try --json build
	[ "$(jq -c .build <<<"$output")" = null ]
}

@test "without a build line an artifact is what it was" {
	printf 'web: cat made\n' >Procfile
	touch made
	makes 'exit 1'
	build
	[ "$id" = "sha256:$(relctl export "$id" | zstd -dc | sha256sum |
		cut -d ' ' -f 1)" ]
	[ "$(sqlite3 "$RELCTL_STORE/ledger.db" "select json_extract(body,
		'\$.options') from event where kind = 'build'")" = '{}' ]
}

@test "its failure is exit 9, and nothing is kept" {
	store
	before=$(builds)
	makes 'echo half >half; exit 3'
	try build
	expect 9 "" "error: the build command ended with status 3
hint: it had no network: --network allows it"
	try build --network
	expect 9 "" "error: the build command ended with status 3"
	makes 'kill -SEGV $$'
	try build
	has "$stderr" "error: the build command ended with status 139"
	echo 'build: no-such-program' >Procfile
	commit "No such program"
	try build
	expect 9 "" "error: the build command: command 'no-such-program' not found"
	try --json build
	[ "$status" = 9 ]
	[ "$(jq -r .error.code <<<"$output")" = command_failed ]
	[ -z "$(left)" ]
	[ "$(builds)" = "$before" ]
	relctl -q verify
}

@test "what an artifact cannot have is an error with its path" {
	local -A faults=(
		['mkdir -p a/b; mkfifo a/b/pipe']="path 'a/b/pipe': a FIFO,"
		['touch su; chmod 4755 su']="path 'su': a setuid, setgid or"
		['mkdir d; chmod 2755 d']="path 'd': a setuid, setgid or sticky"
		['mkdir d; chmod 1777 d']="path 'd': a setuid, setgid or sticky"
		['mkdir -p a/.git']="path 'a/.git': a name that is '.git'"
		['ln -s /etc/passwd out']="path 'out': a symlink that leaves"
		['mkdir a; ln -s ../../x a/out']="path 'a/out': a symlink that"
		["touch 'a	b'"]="path 'a\\011b': a name with a control byte"
		['truncate -s 3G sparse']="path 'sparse': a file of more than 2"
		['echo junk >Procfile']="Procfile:1:"
		['python3 -c "import socket as s;
s.socket(s.AF_UNIX).bind(\"sock\")"']="path 'sock': a socket, which an"
	)

	for line in "${!faults[@]}"; do
		makes "$line"
		try build
		echo "$line: $status $stderr"
		[ "$status" = 2 ]
		[ "$output" = "" ]
		has "$stderr" "${faults[$line]}"
		[ -z "$(left)" ]
	done
	makes 'ln -s /etc/passwd out; mkdir a; ln -s ../../x a/out'
	try build --allow-external-symlinks
	[ "$status" = 0 ]
	has "$stderr" "notice: 2 exceptions allowed and recorded"
}

@test "a tree too deep is refused, and can be taken away" {
	makes 'python3 -c "
import os
for n in range(3000):
    os.mkdir(\"d\"); os.chdir(\"d\")
open(\"file\", \"w\")
"'
	try build
	[ "$status" = 2 ]
	has "$stderr" "deeper than 256 directories"
	[ -z "$(left)" ]
	makes 'true'
	relctl -q build
}

@test "what its owner may not read or enter gets in all the same" {
	makes 'mkdir shut; echo one >shut/file; chmod 0 shut/file shut' \
		'echo two >file; chmod 0 file; chmod 500 .'
	build
	[ "$(relctl export "$id" | zstd -dc | tar xOf - shut/file file)" = "two
one" ]
	[ "$(relctl export "$id" | zstd -dc | tar tvf - shut | cut -c 1-10 |
		sort -u | tr '\n' ' ')" = "-rw-r--r-- drwxr-xr-x " ]
	[ -z "$(left)" ]
}

@test "it has no network unless it is allowed" {
	isolated ns
	makes 'tail -n +3 /proc/net/dev | cut -d : -f 1 | tr -d " " |
		sort >made'
	build
	relctl -q release
	[ "$(relctl -q run --once web)" = lo ]
	id=$(relctl -q build --network)
	relctl -q release "$id"
	[ "$(relctl -q run --once web)" = \
		"$(tail -n +3 /proc/net/dev | cut -d : -f 1 | tr -d ' ' |
			sort)" ]
}

@test "landlock takes the network away, too" {
	isolated landlock
	makes 'python3 - <<END
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.socket(family, kind)
            print("reached")
        except OSError as e:
            print(e.errno)
socket.socketpair()
print("unix")
END'
	try build --isolation=landlock
	[ "$status" = 0 ]
	[ "$(grep -c '^97$' <<<"$stderr")" = 4 ]
	has "$stderr" unix
	has "$stderr" "'landlock', without a network"
}

@test "the store, the key, the home and the rest are out of reach" {
	echo secret >"$HOME/private"
	store
	for level in ns landlock; do
		makes "for f in '$HOME/private' '$RELCTL_KEY_FILE' \\" \
			"'$RELCTL_STORE/ledger.db' '$PWD/make.sh'; do" \
			'cat "$f" 2>/dev/null && echo "read $f"; done' \
			"for d in '$HOME' '$RELCTL_STORE' '$RELCTL_STORE/tmp' \\" \
			'/usr /etc /var /; do' \
			'(echo x >"$d/escaped") 2>/dev/null && echo "wrote $d"' \
			'done; true'
		try build --isolation=$level
		if [ "$status" = 3 ]; then
			has "$stderr" "isolation '$level' cannot be had here"
			continue
		fi
		echo "$stderr"
		[ "$status" = 0 ]
		has "$stderr" "ran in isolation '$level'"
		[[ $stderr != *"read "* ]]
		[[ $stderr != *"wrote "* ]]
		[[ $stderr != *"secret"* ]]
	done
	[ ! -e "$HOME/escaped" ]
}

@test "processes that it leaves behind are dead before anything is read" {
	makes 'echo now >made' \
		'setsid sh -c "while :; do date +%N >>made; done" &' \
		'(trap "" TERM HUP; while :; do echo late >late$RANDOM; done) &' \
		'while [ "$(wc -l <made)" -lt 3 ]; do :; done'
	build
	relctl export "$id" | zstd -dc >"$HOME/tar"
	[ "sha256:$(sha256sum <"$HOME/tar" | cut -d ' ' -f 1)" = "$id" ]
	[ -z "$(left)" ]
}

@test "--check: it agrees with itself, or the first difference is shown" {
	makes 'echo "$SOURCE_DATE_EPOCH" >made'
	try build --check
	[ "$status" = 0 ]
	has "$stderr" "commit $short built again from nothing: the same artifact"
	checked=$output
	[ "$(builds)" = 0 ]
	build
	[ "$id" = "$checked" ]

	for case in \
		"cat /proc/sys/kernel/random/uuid >b|'b': its content, from byte" \
		'mktemp -d ./b.XXXXXX >/dev/null|a directory of the first build' \
		"ln -s \$(mktemp -u x.XXXXXX) b|'b': a link to 'x." \
		"head -c \$(date +%N | tail -c 5) /dev/urandom >b|'b': "; do
		makes "${case%|*}; echo same >a; echo same >c"
		try build --check
		echo "$stderr"
		[ "$status" = 1 ]
		[ "$output" = "" ]
		has "$stderr" "built twice, commit ${commit:0:12} gives two"
		case $case in
		mktemp*) has "$stderr" "build alone" ;;
		*) has "$stderr" "${case##*|}" ;;
		esac
	done
	[ "$(builds)" = 1 ]
	[ -z "$(left)" ]
}

@test "--check also compares with the build that was recorded" {
	mkdir "$HOME/bin"
	printf 'one\n' >"$HOME/bin/of-this-machine"
	makes "cat '$HOME/bin/of-this-machine' >made"
	id=$(relctl -q build --isolation=none --network)
	printf 'two\n' >"$HOME/bin/of-this-machine"
	try -q build --isolation=none --network --check
	[ "$status" = 1 ]
	[ "$output" = "" ]
	has "$stderr" "built again from nothing, commit ${commit:0:12} gives sha256:"
	has "$stderr" "not ${id:0:19}"
}

@test "a signal kills it, and nothing is left" {
	makes 'echo began >&2; setsid sleep 1000 & sleep 1000'
	for signal in INT TERM HUP; do
		# In the background a shell has INT ignored.
		env --default-signal "$RELCTL" build >"$HOME/out" \
			2>"$HOME/began" &
		pid=$!
		await_word began "$HOME/began"
		kill -$signal $pid
		code=0
		wait $pid || code=$?
		[ "$code" = $((128 + $(kill -l $signal))) ]
		[ ! -s "$HOME/out" ]
		[ -z "$(left)" ]
	done
}

# await_word WORD FILE: until it is in there; at most 10 s.
await_word() {
	local n

	for ((n = 0; n < 1000; n++)); do
		! grep -q "$1" "$2" 2>/dev/null || return 0
		sleep 0.01
	done
	return 1
}

@test "kill -9 in the middle: the command dies with it, gc sweeps" {
	store
	sleeper=4242.$$
	makes "mkdir -p a/b; chmod 0 a; echo began >&2; sleep $sleeper"
	"$RELCTL" build >/dev/null 2>"$HOME/began" &
	pid=$!
	await_word began "$HOME/began"
	kill -KILL $pid
	wait $pid || true
	for ((n = 0; n < 500; n++)); do
		pgrep -f "sleep $sleeper" >/dev/null || break
		sleep 0.01
	done
	[ -z "$(pgrep -f "sleep $sleeper")" ]
	[ -n "$(left)" ]
	relctl -q verify
	relctl -q gc
	[ -z "$(left)" ]
	relctl -q verify
}

@test "isolation none is never taken by itself, and is recorded" {
	makes 'echo "$HOME" >made'
	try build --isolation=none --network
	[ "$status" = 0 ]
	has "$stderr" "ran in isolation 'none', with the network"
	try build --isolation=some
	expect 2 "" "$stderr"
	has "$stderr" "'--isolation' takes auto|ns|landlock|none"
	# What was built without isolation is not taken for more.
	try build
	[ "$status" = 0 ]
	has "$stderr" "ran in isolation '"
	[[ $stderr != *"'none'"* ]]
}

@test "an artifact that a command made is imported as any other" {
	makes 'echo made >made'
	build
	relctl -q export "$id" -o "$HOME/a.tar.zst"
	try -q --store "$HOME/other" import "$HOME/a.tar.zst"
	expect 0 "$id" ""
	relctl -q --store "$HOME/other" -a shop release "$id"
	try -q --store "$HOME/other" -a shop run --once web
	expect 0 made ""
}

@test "an app.json that is not valid is told before the command runs" {
	echo '{"relctl":{"web":{"grace":5}}}' >app.json
	makes 'echo it ran >&2'
	try -q build
	expect 2 "" "error: app.json: 'relctl.web.grace' is not a key that is known
hint: the keys there are stop_signal, grace_s, restart, start_timeout_s"
}
