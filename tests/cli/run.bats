#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
}

# procfile LINE…: a commit with this Procfile, released.
procfile() {
	printf '%s\n' "$@" >Procfile
	commit "Procfile"
	build
	relctl -q release
}

# tree: the path that the current release runs in.
tree() {
	echo "$RELCTL_STORE/trees/${id#sha256:}"
}

@test "the environment is exactly this" {
	# /usr/bin/env alone: a shell in between would add to it.
	sed -i 's/^web:.*/web: env/' Procfile
	commit "Show the environment"
	build
	relctl -q release --set B=2 --set A_1= --set A=$'two\nlines'
	export SECRET_OF_THE_CALLER=x TERM=xterm LANG=fr_FR.UTF-8
	for level in ns landlock none; do
		isolation $level
		home=$(tree) tmp=
		[ $level != ns ] || home=/app
		[ $level != landlock ] || tmp=$'\nTMPDIR='
		run --separate-stderr bash -c \
			'"$RELCTL" run --once --isolation="$1" web </dev/null |
			sed "s/^\(NOTIFY_SOCKET=@\)[0-9a-f]\{5\}$/\1/
			s/^\(TMPDIR=\).*/\1/"' bash $level
		expect 0 "A=two
lines
A_1=
B=2
HOME=$home
LANG=C.UTF-8
PATH=$home/bin:/usr/local/bin:/usr/bin:/bin
PORT=5000
PS=web.1
RELCTL_APP=shop
RELCTL_COMMIT=$commit
RELCTL_PORT_WEB=5000
RELCTL_PORT_WORKER=5100
RELCTL_RELEASE=v1
NOTIFY_SOCKET=@$tmp" "$dropped"
	done
}

@test "the config wins for PORT and LANG, comes after bin in PATH" {
	procfile 'web: env'
	relctl -q config set PORT=8080 LANG=de_DE.UTF-8 PATH=/opt/bin:/usr/bin \
		HOME=/elsewhere
	try -q run --once --isolation=none
	expect 0 "HOME=$(tree)
LANG=de_DE.UTF-8
PATH=$(tree)/bin:/opt/bin:/usr/bin
PORT=8080
PS=web.1
RELCTL_APP=shop
RELCTL_COMMIT=$commit
RELCTL_PORT_WEB=8080
RELCTL_RELEASE=v2
NOTIFY_SOCKET=${output##*NOTIFY_SOCKET=}" ""
}

@test "run, run --once and exec env differ in PS and PORT alone" {
	procfile 'web: env'
	relctl -q config set A=1 B="two words"
	relctl -q run --log=raw --restart=never >out.raw
	relctl -q run --once </dev/null >out.run
	relctl -q exec env </dev/null >out.exec
	# It has another name each time.
	sed -i '/^NOTIFY_SOCKET=@[0-9a-f]\{5\}$/d' out.raw out.run out.exec
	cmp out.raw out.run
	run --separate-stderr diff out.run out.exec
	[ "$status" = 1 ]
	[ "$(sed -n 's/^\([<>]\) PS=exec\.[0-9]*$/\1 PS=exec.N/p
		s/^[<>] PORT=.*/&/p; s/^< PS=.*/&/p' <<<"$output")" = \
		"< PORT=5000
< PS=web.1
> PS=exec.N" ]
	[ "$(grep -c '^[<>]' <<<"$output")" = 3 ]
}

@test "TERM is there where stdin is a terminal" {
	relctl -q release
	terminal "$RELCTL" -q run --once web
	[ "$status" = 0 ]
	has "$output" "TERM=xterm"
}

@test "web, else the only type, else it wants to know" {
	procfile 'worker: bin/worker w' 'web: bin/worker the web'
	try -q run --once
	expect 0 "the web" ""
	try -q run --once worker
	expect 0 w ""
	procfile 'clock: bin/worker tick' 'release: bin/worker hook'
	try -q run --once
	expect 0 tick ""
	procfile 'clock: bin/worker tick' 'worker: bin/worker w'
	try -q run --once
	expect 125 "" "error: which process type?
hint: its process types: clock, worker"
	try -q run --once web
	expect 125 "" "error: the release has no process type 'web'
hint: its process types: clock, worker"
	try -q run --once clock worker
	expect 125 "" "error: run --once takes one process type"
}

@test "a release without a Procfile" {
	git rm -q Procfile
	commit "None"
	build
	relctl -q release
	try -q run --once
	expect 125 "" "error: the release has no process types
hint: add a Procfile to the commit: web: bin/web"
	try -q exec echo works
	expect 0 works ""
}

@test "its exit status, or 128 and the signal's number" {
	procfile 'web: exit 7' 'killed: kill -TERM $$' 'good: true'
	try -q run --once
	expect 7 "" ""
	try -q run --once killed
	expect 143 "" ""
	try -q run --once good
	expect 0 "" ""
}

@test "126 and 127 for a command that can't be started" {
	procfile 'web: bin/none' 'data: ./page' 'odd: bin/odd'
	try_127 -q run --once
	expect 127 "" "error: command 'bin/none' not found"
	try -q run --once data
	expect 126 "" "error: cannot invoke './page': Permission denied"
	printf '#!/no/such/ruby\n' >bin/odd
	chmod +x bin/odd
	commit "An interpreter that is not there"
	build
	relctl -q release
	try_127 -q run --once odd
	expect 127 "" "error: command 'bin/odd' is there, but its interpreter\
 is not"
}

@test "output is not touched, stdin passes" {
	procfile 'web: bin/noise' 'cat: cat'
	printf '#!/bin/sh\nprintf "\\033[1mout\\377"; printf "err\\0" >&2\n' \
		>bin/noise
	chmod +x bin/noise
	commit "Noise"
	build
	relctl -q release
	relctl -q run --once >out 2>err
	[ "$(od -An -c out | tr -s ' ')" = ' 033 [ 1 m o u t 377' ]
	[ "$(od -An -c err | tr -s ' ')" = ' e r r \0' ]
	run --separate-stderr relctl -q run --once cat <<<hello
	expect 0 hello ""
}

@test "it runs in the tree, which it can't write" {
	procfile 'web: pwd' 'write: echo changed > page'
	for level in ns landlock none; do
		isolation $level
		home=$(tree) why="Permission denied"
		[ $level != ns ] || home=/app why="Read-only file system"
		try -q run --once --isolation=$level
		expect 0 "$home" ""
		try -q run --once --isolation=$level write
		[ "$status" != 0 ]
		has "$stderr" "page: $why"
		[ "$(cat "$(tree)/page")" = one ]
	done
}

@test "another release with -r: its code, config and number" {
	procfile 'web: cat page'
	relctl -q config set A=1
	another two
	relctl -q release --unset A
	erase "$RELCTL_STORE"/trees/* # of those that are not current, too
	try -q run --once -r v1
	expect 0 one ""
	try -q run --once web --release=shop@v3
	expect 0 two ""
	try -q exec -r v2 printenv RELCTL_RELEASE A
	expect 0 "v2
1" ""
	try -q run --once -r v9
	expect 125 "" "error: app 'shop' has no release v9
hint: the newest is v3; relctl -a shop releases --all"
}

@test "signals go to the process" {
	procfile 'web: bin/waits'
	printf '#!/bin/sh\ntrap "echo got it; exit 3" TERM\necho up\n%s\n' \
		'while :; do sleep 0.05; done' >bin/waits
	chmod +x bin/waits
	commit "Wait"
	build
	relctl -q release
	"$RELCTL" -q run --once >out 3>&- &
	await out
	kill -TERM $!
	code=0
	wait $! || code=$?
	[ "$code" = 3 ]
	[ "$(cat out)" = "up
got it" ]
}

@test "who dies early and lacks dependencies gets one hint" {
	procfile 'web: exit 1' 'good: true'
	echo '{}' >package.json
	commit "Node"
	build
	relctl -q release
	hint="hint: the tree has 'package.json' but no installed dependencies:\
 a 'build:' line of the Procfile can install them, if the machine does not have\
 them"
	try run --once
	expect 1 "" "${dropped:+$dropped
}$hint"
	try run --once good
	expect 0 "" "$dropped"
	mkdir node_modules
	touch node_modules/x
	commit "Dependencies"
	build
	relctl -q release
	try run --once
	expect 1 "" "$dropped"
}

@test "without the key nothing runs" {
	relctl -q release
	mv "$RELCTL_KEY_FILE" "$RELCTL_KEY_FILE.away"
	try run --once
	expect 125 "" "$stderr"
	has "$stderr" "no key at '$RELCTL_KEY_FILE'"
	try exec true
	expect 125 "" "$stderr"
	try releases
	expect 0 "$output" ""
}
