#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every error: one line, its exit status, the store as it was, the same as JSON.
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
}

# fails STATUS CODE ARG…: in the documented form, as text and as JSON, and
# without a trace in the store.
fails() {
	local want=$1 code=$2 before text message='' hint='' errors=0 hints=0
	local line last='' on

	shift 2
	before=$(snapshot 2>/dev/null) || true
	try "$@"
	text=$stderr
	while IFS= read -r line; do
		case $line in
		"error: "*) message=${line#error: } errors=$((errors + 1)) ;;
		"hint: "*) hint=${line#hint: } hints=$((hints + 1)) ;;
		esac
		last=$line
	done <<<"$text"
	[ "$status" = "$want" ] || wrong "status $status" "$@"
	[ "$output" = "" ] || wrong "stdout: $output" "$@"
	[ "$errors" = 1 ] || wrong "not one error" "$@"
	[ "$hints" = 0 ] || { [ "$hints" = 1 ] && [[ $last = hint:* ]]; } ||
		wrong "not one hint at the end" "$@"
	# It begins with a small letter, a name in '…' or FILE:LINE.
	[[ $message =~ ^([a-z\'-]|[A-Za-z.]+:[0-9]+:[0-9]+:) ]] ||
		wrong "a capital" "$@"
	[[ $message != *. ]] || wrong "a full stop" "$@"
	[[ $text != *[$'\x01'-$'\x08'$'\x0b'-$'\x1f']* ]] ||
		wrong "control bytes" "$@"
	run --separate-stderr relctl --json "$@"
	on=$output
	# Where stdout is the app's, stderr has it.
	[[ $want != 125 && " $* " != *" run "* ]] || on=$stderr
	[ "$status" = "$want" ] || wrong "JSON: status $status" "$@"
	[ "$(jq -r '.schema, .error.code, .error.exit, .error.message,
		.error.hint // ""' <<<"$on")" = "relctl.error/1
$code
$want
$message${hint:+
$hint}" ] || wrong "JSON: $on" "$@"
	[ "$(snapshot 2>/dev/null)" = "$before" ] ||
		wrong "the store has changed" "$@"
}

wrong() {
	printf '%s\nof: relctl %s\nstderr:\n%s\n' "$1" "${*:2}" "$stderr"
	return 1
}

@test "1: what the machine refuses" {
	shop
	relctl -q release >/dev/null
	mkdir dir
	fails 1 failed release -e dir
	fails 1 failed export v1 -o nowhere/a.tar
	fails 1 failed import dir
}

@test "2: usage" {
	shop
	relctl -q release >/dev/null
	fails 2 usage relase
	fails 2 usage --nosuch
	fails 2 usage release --nosuch
	fails 2 usage release -x
	fails 2 usage release -e
	fails 2 usage release a b
	fails 2 usage releases --limit x
	fails 2 usage releases --limit 0
	fails 2 usage --color blue releases
	fails 2 usage -a Shop releases
	fails 2 usage --wait soon releases
	fails 2 usage activate
	fails 2 usage config set
	fails 2 usage config unset
	fails 2 usage config v1 v2
	fails 2 usage config -e x
	fails 2 usage diff
	fails 2 usage diff a b c
	fails 2 usage promote shop
	fails 2 usage promote shop shop
	fails 2 usage promote shop v1
	fails 2 usage export v1 -o a.zip
	fails 2 usage export sha256:12
	fails 2 usage verify v1 --all
	fails 2 usage verify --expect-head x
	fails 2 usage completion tcsh
	fails 2 usage build a b
	fails 2 usage build --lfs=never
	fails 2 usage import
	fails 2 usage run -m web
	fails 2 usage run -m web=101
	fails 2 usage run --port 0
	fails 2 usage run --grace web=long
	fails 2 usage run --grace web=0x10
	fails 2 usage run --grace ' 5'
	fails 2 usage run --grace ''
	fails 2 usage run --stop-signal KILL
	fails 2 usage run --restart=web=sometimes
	fails 2 usage run --start-timeout=-1
	fails 2 usage run --listen web
	fails 2 usage run --front web=localhost:8080
	fails 2 usage run --front web=:8080 --listen web=:8081
	fails 2 usage run --log xml
	fails 2 usage run --isolation most
	fails 2 usage run --memory lots
	fails 2 usage run --memory 1K
	fails 2 usage run --cpus 0
	fails 2 usage run --pids 0
	fails 2 usage run --bind /
}

@test "2: input that is not valid" {
	shop
	relctl -q release >/dev/null
	printf 'A=1 2\nB="\n' >bad.env
	fails 2 invalid release -e bad.env
	fails 2 invalid config set -e bad.env
	fails 2 invalid release --set 1A=x
	fails 2 invalid release --unset A
	fails 2 invalid config unset A
	relctl -q config set B=1 >/dev/null
	fails 2 invalid rollback --keep A
	echo x >a.tar
	fails 2 invalid import a.tar
	RELCTL_APP=Shop fails 2 invalid releases
	echo 'web bin/web' >Procfile
	commit "A bad Procfile"
	fails 2 invalid build
	printf 'web: bin/web\n' >Procfile
	echo '{"env": [}' >app.json
	commit "A bad app.json"
	fails 2 invalid build
	rm app.json
	ln -s /etc/passwd link
	commit "A link out of the tree"
	fails 2 invalid build
}

@test "3: refused" {
	shop
	relctl -q release >/dev/null
	fails 3 refused rollback
	fails 3 refused show --reveal
	fails 3 refused promote shop other
	relctl -q config set A=1 >/dev/null
	fails 3 refused activate v1
	echo '{"env": {"NEEDED": "what it is for"}}' >app.json
	commit "Declare"
	build
	fails 3 refused release
	repository "$HOME/other"
	commit "Another repository"
	build
	fails 3 refused -a shop release
}

@test "4: not allowed" {
	shop
	relctl -q release >/dev/null
	relctl -q config set A=1 >/dev/null
	chmod 644 "$RELCTL_KEY_FILE"
	fails 4 denied config set A=2
	rm "$RELCTL_KEY_FILE"
	fails 4 denied config set A=2
	fails 4 denied rollback
	fails 4 denied release
	fails 4 denied diff v1
	chmod 777 "$RELCTL_STORE"
	fails 4 denied releases
	fails 4 denied build
}

@test "5: not found" {
	for c in releases show 'diff v1' apps artifacts config verify key gc \
		'pin v1' rollback release 'config set A=1' 'activate v1' \
		'promote a b' 'export v1'; do
		# shellcheck disable=SC2086 # words
		fails 5 not_found $c
	done
	fails 5 not_found import nosuch.tar
	fails 5 not_found build
	[ ! -e "$RELCTL_STORE" ]
	shop
	fails 5 not_found releases
	fails 5 not_found rollback
	relctl -q release >/dev/null
	fails 5 not_found show v9
	fails 5 not_found show nosuch
	fails 5 not_found show nosuch@v1
	fails 5 not_found rollback v9
	fails 5 not_found activate v9
	fails 5 not_found diff v1 v9
	fails 5 not_found pin v9
	fails 5 not_found -a nosuch releases
	fails 5 not_found -a nosuch config set A=1
	fails 5 not_found release nosuch
	fails 5 not_found release -e nosuch.env
	fails 5 not_found export sha256:0000000
	fails 5 not_found build nosuch
	fails 5 not_found -C nosuch build
	fails 5 not_found run nosuch
	fails 5 not_found run release
	fails 5 not_found run -r v9
	fails 5 not_found run -m nosuch=1
	fails 5 not_found run --grace nosuch=1
	fails 5 not_found run --bind nosuch
	commit "Not built"
	fails 5 not_found release
	fails 5 not_found export HEAD
}

@test "6: integrity" {
	shop
	relctl -q release >/dev/null
	relctl -q config set A=1 >/dev/null
	for file in "$RELCTL_STORE"/configs/????????????????*.cms; do
		chmod u+w "$file"
		echo x >>"$file"
	done
	fails 6 integrity config set A=2
	fails 6 integrity rollback
	fails 6 integrity diff v1
	rm "$RELCTL_STORE"/chunks/*/*
	fails 6 integrity export v1
	fails 6 integrity export v1 -o "$HOME/a.tar"
	[ ! -e "$HOME/a.tar" ]
	echo x >"$RELCTL_STORE/ledger.db"
	fails 6 integrity releases
}

@test "7: busy, when --wait ends" {
	shop
	relctl -q release >/dev/null
	relctl -q config set B=1 >/dev/null
	echo more >new
	commit "To build"
	# As gc holds it.
	exec 8<"$RELCTL_STORE/lock"
	flock -x 8
	for c in build 'config set A=1' rollback gc 'release v1 --force'; do
		# shellcheck disable=SC2086 # words
		fails 7 busy --wait 0 $c
	done
	try --wait 0 releases
	expect 0 "$output" ""
	try --wait 0 -q exec true
	expect 0 "" ""
	flock -u 8
	# As another release of the same app holds it.
	exec 9<"$RELCTL_STORE/apps/shop.lock"
	flock -x 9
	fails 7 busy --wait 0 config set A=1
	fails 7 busy --wait 0 rollback
	try --wait 0 -q -a other release shop@v1
	expect 0 v1 ""
	# With time to wait it goes on as soon as it can.
	(
		sleep 0.2
		flock -u 9
	) 8<&- &
	try -q -a shop config set A=1
	expect 0 v3 ""
}

@test "125: all of run's and exec's own" {
	fails 125 not_found exec true
	fails 125 not_found run --once
	shop
	fails 125 not_found exec true
	relctl -q release --no-activate >/dev/null
	fails 125 refused exec true
	relctl -q release >/dev/null
	fails 125 usage exec
	fails 125 usage exec --nosuch
	fails 125 not_found exec -r v9 true
	fails 125 not_found run --once nosuch
	fails 125 usage run --once a b
	for o in --formation=web=1 --port=8080 --listen=web=8080 \
		--front=web=8080 --grace=1 --stop-signal=INT --restart=never \
		--start-timeout=1 --log=raw --log-overflow=drop; do
		fails 125 usage run --once $o
	done
	chmod 644 "$RELCTL_KEY_FILE"
	fails 125 denied exec true
}

@test "control bytes in what is named are escaped" {
	shop
	try show $'a\e[31mb\nc'
	[ "$status" = 5 ]
	[ "$(head -n 1 <<<"$stderr")" = "error: no release 'a\\033[31mb\\012c'" ]
	try release -e $'x\ry'
	[ "$(head -n 1 <<<"$stderr")" = "error: no file 'x\\015y'" ]
}

@test "an env file's errors: all lines, a caret, nothing of a value" {
	shop
	printf 'A=1\nTOKEN=abc#def\nB=x y\nno name\n' >../prod.env
	try release -e ../prod.env
	expect 2 "" "error: config is not valid: ../prod.env:2:10: '#' in a bare\
 value
  2 | TOKEN=***
               ^
../prod.env:3:4: a space in a bare value
../prod.env:4:3: no '=' after a name
hint: put the value in single quotes: TOKEN='…'"
	try release -e ../prod.env --json
	[ "$(jq -c '.error | [.file,.line,.column,.code]' <<<"$output")" = \
		'["../prod.env",2,10,"invalid"]' ]
}

@test "-q leaves the error, colours only where they are asked for" {
	shop
	try -q show v9
	[ "$status" = 5 ]
	has "$stderr" "error: "
	try --color always rollback
	red=$'\e[1;31m' cyan=$'\e[1;36m' off=$'\e[0m'
	[ "$stderr" = "${red}error:$off no app in the store '$RELCTL_STORE' yet
${cyan}hint:$off relctl release makes the first" ]
	FORCE_COLOR=1 NO_COLOR=1 try rollback
	[[ $stderr != *$'\e'* ]]
}
