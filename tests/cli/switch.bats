#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031 # each test is a process of its own
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them
# One release in the place of another while it runs: what fails, what is in the
# way, what is cut off. Under load: switch_load.bats.

load helper
load switch

# v1 runs, behind --front.
shop_runs() {
	python_shop
	relctl -q release --set TEXT=one
	begin -m web=1 --front web=AT "$@"
}

# stays_v1: v1 is what runs and what is current, and all is well.
stays_v1() {
	answers v1
	[ "$(current)" = v1 ]
	try status
	expect 0 ok ""
}

state_of() {
	relctl -q releases --json --all |
		jq -r --argjson n "${1#v}" '.releases[] |
			select(.release == $n) | [.current, .failed] | @csv'
}

@test "a release that ends: exit 8, its last lines, and the old one serves" {
	shop_runs
	load
	try config set MODE=exit
	[ "$status" = 8 ]
	[ "$output" = "" ]
	has "$stderr" "error: v2 did not get ready: web.1 ended with status 3
  | line 11
  | line 12"
	has "$stderr" "  | line 30"
	[ "$(grep -c '^  | line' <<<"$stderr")" = 20 ]
	has "$stderr" "shop: v1 stays current"
	unload
	[ "$(jq -c '.by | keys' "$HOME/load")" = '["v1"]' ]
	stays_v1
	[ "$(state_of v2)" = false,true ]
	try releases
	has "$output" "failed"
}

@test "the log as text tells instances of one name apart" {
	shop_runs --log text
	relctl -q config set TEXT=two
	grep -q "web.1    | started with pid [0-9]*$" "$HOME/log"
	grep -q "web.1    | started with pid [0-9]* (v2)$" "$HOME/log"
	eventually grep -q "web.1    | sending SIGTERM (v1)$" "$HOME/log"
}

@test "the same release again when what was wrong is mended" {
	mkdir "$HOME/flags"
	python_shop
	relctl -q release --set TEXT=one --set FLAG="$HOME/flags/there"
	begin -m web=1 --front web=AT --bind "$HOME/flags"
	try -q config set MODE=need
	[ "$status" = 8 ]
	touch "$HOME/flags/there"
	try -q config set MODE=need
	expect 0 v2 ""
	answers v2
	[ "$(state_of v2)" = true,false ]
}

@test "one that never accepts: exit 8 after the start timeout" {
	shop_runs --start-timeout web=0.5
	try config set MODE=deaf
	[ "$status" = 8 ]
	has "$stderr" "error: v2 did not get ready: web.1"
	stays_v1
}

@test "one whose startup check fails" {
	python_shop
	cat >app.json <<-'END'
	{"healthchecks": {"web": [{"type": "startup", "path": "/up",
		"attempts": 2, "wait": 0}]}}
	END
	commit "A health check"
	build
	relctl -q release
	begin -m web=1 --front web=AT
	try config set MODE=sick
	[ "$status" = 8 ]
	has "$stderr" "error: v2 did not get ready: web.1: "
	has "$stderr" "  | listening"
	stays_v1
}

@test "READY=1 of an app whose check has not passed is not enough" {
	program gunicorn gunicorn
	repository "$HOME/shop"
	cat >app.py <<-'END'
	import os
	if "BROKEN" in os.environ:
	    raise RuntimeError("cannot be loaded")

	def app(environ, start_response):
	    body = os.environ["RELCTL_RELEASE"].encode()
	    start_response("200 OK", [("Content-Length", str(len(body)))])
	    return [body]
	END
	echo '{"healthchecks": {"web": [{"path": "/", "wait": 0}]}}' >app.json
	procfile 'web: exec gunicorn app:app'
	relctl -q release
	begin --front web=AT
	try config set BROKEN=1
	[ "$status" = 8 ]
	has "$stderr" "RuntimeError: cannot be loaded"
	stays_v1
}

@test "in place: who holds its own port goes first, and comes back" {
	python_shop
	relctl -q release --set TEXT=one
	begin -m web=1,worker=1
	answers v1 "$port"
	worker=$(relctl -q ps --json | jq '.instances[] |
		select(.name == "worker.1").pid')
	try -q config set TEXT=two
	expect 0 v2 ""
	answers v2 "$port"
	[ "$(ask "$port")" = "v2 web.1 two" ]
	# The worker was replaced without a gap: it holds no port.
	[ ! -e "/proc/$worker" ]
	try -q config set MODE=exit
	[ "$status" = 8 ]
	eventually answers v2 "$port"
	eventually relctl -q status
	[ "$(current)" = v2 ]
	[ "$(ps_row web.1)" = '[2,"up"]' ]
	[ "$(ps_row worker.1)" = '[2,"up"]' ]
}

@test "types come and go, and the formation is kept" {
	shop_runs
	relctl -q scale web=2 worker=3 >/dev/null
	eventually relctl -q status
	procfile 'web: exec python3 -SE serve.py' 'clock: exec sleep 1000000'
	try -q release
	expect 0 v2 ""
	try -q scale
	expect 0 "web=2 clock=1" ""
	try status
	expect 0 ok ""
	try -q rollback
	expect 0 v3 ""
	try -q scale
	expect 0 "web=2 worker=3" ""
	try status
	expect 0 ok ""
	[ "$(relctl -q ps --json | jq '.instances | length')" = 5 ]
}

@test "a new type gets the port of an old one: in place, and behind --front" {
	python_shop
	relctl -q release --set TEXT=one
	begin -m web=1
	procfile 'clock: exec sleep 1000000' 'web: exec python3 -SE serve.py'
	try -q release
	expect 0 v2 ""
	answers v2 "$((port + 100))"
	[ "$(ps_row clock.1)" = '[2,"up"]' ]
	end
	relctl -q rollback >/dev/null
	begin -m web=1 --front web=AT
	load
	try -q rollback v2
	expect 0 v4 ""
	unload
	answers v4
	[ "$(ps_row clock.1)" = '[4,"up"]' ]
}

@test "PORT of the config moves with its release" {
	python_shop
	relctl -q release
	port=$(free_ports 5 20 599)
	relctl -q config set PORT="$port"
	"$RELCTL" run web --log=json >"$HOME/log" 2>"$HOME/err" </dev/null \
		3>&- &
	supervisor=$!
	eventually relctl -q status
	answers v2 "$port"
	try -q config set PORT=$((port + 7))
	expect 0 v3 ""
	answers v3 $((port + 7))
}

@test "a port that somebody else holds is no sign of life" {
	shop_runs
	python3 -c 'import socket, sys, time
all = [socket.create_server(("127.0.0.1", int(p))) for p in sys.argv[1:]]
time.sleep(1000)' $((port + 1)) $((port + 100)) 3>&- &
	loading=$!
	eventually ask_nothing $((port + 100))
	# Behind --front there are others.
	try -q config set TEXT=two
	expect 0 v2 ""
	answers v2
	[ "$(relctl -q ps --json | jq .instances[0].port)" = $((port + 2)) ]
	procfile 'web: exec python3 -SE serve.py' 'api: exec python3 -SE serve.py'
	try release
	[ "$status" = 8 ]
	has "$stderr" "api.1: port $((port + 100)) is taken by"
	answers v2
	[ "$(current)" = v2 ]
}

ask_nothing() {
	: <>"/dev/tcp/127.0.0.1/$1"
}

@test "release: runs before, and what it says is on stderr" {
	python_shop
	echo 'release: echo "hook $RELCTL_ACTION $RELCTL_FROM-$RELCTL_TO"
exit "${HOOK:-0}"' | tr '\n' ';' >>Procfile
	echo >>Procfile
	commit "A hook"
	build
	try release --set TEXT=one
	[ "$status" = 0 ]
	[ "$output" = v1 ]
	has "$stderr" "hook release -v1"
	begin -m web=1 --front web=AT
	try config set TEXT=two
	[ "$status" = 0 ]
	[ "$output" = v2 ]
	has "$stderr" "hook config v1-v2"
	# Before the switch.
	hook=$(grep -n '^hook' <<<"$stderr")
	moved=$(grep -n 'v2 serves' <<<"$stderr")
	[ "${hook%%:*}" -lt "${moved%%:*}" ]
	load
	try config set HOOK=3
	[ "$status" = 9 ]
	[ "$output" = "" ]
	has "$stderr" "hook config v2-v3"
	has "$stderr" "error: the release command of v3 ended with status 3"
	[ "$(state_of v3)" = false,true ]
	answers v2
	try rollback
	[ "$status" = 0 ]
	[[ $stderr != *"hook rollback"* ]]
	try rollback v2 --run-release-hook
	[ "$status" = 0 ]
	has "$stderr" "hook rollback v4-v5"
	unload
	try -q -a next release "${id:0:19}" --set TEXT=next
	[ "$status" = 0 ]
	try promote next shop --force
	[ "$status" = 0 ]
	has "$stderr" "hook promote v5-v6"
	relctl -q -a shop release --no-activate --set TEXT=later
	answers v6
	try -a shop activate v7
	[ "$status" = 0 ]
	has "$stderr" "hook activate v6-v7"
	answers v7
}

@test "killed while its release command runs: that one is gone, and again" {
	python_shop
	echo 'release: echo hook; while [ -e "$HOLD" ]; do sleep 0.05; done' \
		>>Procfile
	commit "A hook"
	build
	relctl -q release --set HOLD=/none
	begin -m web=1 --front web=AT
	"$RELCTL" config set HOLD=/app >"$HOME/out" 2>&1 3>&- &
	victim=$!
	eventually grep -q "^hook" "$HOME/out"
	kill -KILL "$victim"
	wait "$victim" || true
	stays_v1
	[ "$(state_of v2)" = false,false ]
	try -q config set TEXT=two
	[ "$status" = 0 ]
	answers "$output"
}

@test "run waits for who changes the release, and not for ever" {
	python_shop
	echo 'release: echo hook; while [ -e "$HOLD" ]; do sleep 0.05; done' \
		>>Procfile
	commit "A hook"
	build
	relctl -q release --set HOLD=/none
	"$RELCTL" config set HOLD=/app >"$HOME/out" 2>&1 3>&- &
	victim=$!
	loading=$victim
	eventually grep -q "^hook" "$HOME/out"
	begin -m web=1 --front web=AT --wait 1
	has "$(cat "$HOME/err")" "another command changes the app's release"
	stays_v1
	kill -KILL "$victim"
	wait "$victim" || true
	# Of the lock nothing is left in the supervisor.
	try -q --wait 0 config set TEXT=two
	[ "$status" = 0 ]
	answers "$output"
}

@test "an app that gunicorn cannot load does not take over" {
	program gunicorn gunicorn
	repository "$HOME/shop"
	cat >wsgi.py <<-'END'
	import os
	if os.environ.get("MODE") == "broken":
	    raise RuntimeError("not today")
	def app(environ, start):
	    text = " ".join((os.environ["RELCTL_RELEASE"], os.environ["PS"]))
	    start("200 OK", [("Content-Length", str(len(text)))])
	    return [text.encode()]
	END
	procfile "web: gunicorn wsgi:app"
	relctl -q release
	begin --listen web=AT
	try config set MODE=broken
	[ "$status" = 8 ]
	has "$stderr" "error: v2 did not get ready: web.1 ended with status 3"
	stays_v1
	[ "$(state_of v2)" = false,true ]
}

@test "--watch: a crash loop is rolled back once, by itself" {
	shop_runs
	( while sleep 0.1; do ask || true; done ) >/dev/null 2>&1 3>&- &
	loading=$!
	try config set MODE=crash --watch 20
	kill "$loading"
	[ "$status" = 8 ]
	[ "$output" = "" ]
	has "$stderr" "error: v2 was rolled back by itself: web.1 ends again"
	[ "$(current)" = v3 ]
	[ "$(state_of v2)" = false,true ]
	answers v3
	[ "$(ask)" = "v3 web.1 one" ]
	try releases
	has "$output" "by itself (v2: web.1 ends again and again)"
}

@test "--watch: one that ends for good is rolled back at its first end" {
	python_shop
	relctl -q release --set TEXT=one
	begin -m web=1,worker=1 --front web=AT --restart web=never
	"$RELCTL" config set TEXT=two --watch 600 >"$HOME/out" 2>&1 3>&- &
	loading=$!
	eventually grep -q "^watching" "$HOME/out"
	kill -KILL "$(relctl -q ps --json | jq '.instances[] |
		select(.name == "web.1").pid')"
	status=0
	wait "$loading" || status=$?
	loading=
	[ "$status" = 8 ]
	has "$(cat "$HOME/out")" "v2 was rolled back by itself: web.1 ended with"
	answers v3
}

@test "--watch: a stop that was asked for says nothing about the release" {
	shop_runs
	"$RELCTL" config set TEXT=two --watch 600 >"$HOME/out" 2>&1 3>&- &
	loading=$!
	eventually grep -q "^watching" "$HOME/out"
	relctl -q stop
	supervisor=
	status=0
	wait "$loading" || status=$?
	loading=
	[ "$status" = 1 ]
	has "$(cat "$HOME/out")" \
		"error: the app was stopped while it was watched"
	[ "$(current)" = v2 ]
	[ "$(state_of v2)" = true,false ]
}

@test "--watch: a liveness check that fails, and one that does not" {
	python_shop
	cat >app.json <<-'END'
	{"healthchecks": {"web": [{"type": "liveness", "path": "/up",
		"attempts": 1, "wait": 1}]}}
	END
	commit "A health check"
	build
	relctl -q release
	begin -m web=1 --front web=AT
	try config set MODE=sick --watch 20
	[ "$status" = 8 ]
	has "$stderr" "error: v2 was rolled back by itself: web.1: "
	[ "$(current)" = v3 ]
	eventually relctl -q status
	try config set TEXT=well --watch 2
	expect 0 v4 "$stderr"
	has "$stderr" "watching it for 2 s"
	try status
	expect 0 ok ""
}

@test "while one watches another one may change, and scaling down is no end" {
	shop_runs
	"$RELCTL" -q config set TEXT=two --watch 1000 >"$HOME/out" 2>&1 3>&- &
	loading=$!
	eventually answers v2
	[ "$(current)" = v2 ] || eventually is_current v2
	relctl -q scale web=3 >/dev/null
	eventually relctl -q status
	relctl -q scale web=1 >/dev/null
	eventually ps_has 1
	try -q --wait 5 rollback
	expect 0 v3 ""
	# It can be left, and what it watched stays.
	kill -0 "$loading"
	kill -TERM "$loading"
	status=0
	wait "$loading" || status=$?
	loading=
	[ "$status" = 143 ]
	answers v3
	try status
	expect 0 ok ""
}

is_current() {
	[ "$(current)" = "$1" ]
}

ps_has() {
	[ "$(relctl -q ps --json | jq '.instances | length')" = "$1" ]
}

@test "killed before the new one is ready: all as it was, and again" {
	shop_runs
	load
	"$RELCTL" -q config set MODE=deaf 3>&- &
	victim=$!
	eventually is_switching
	try status
	[ "$status" = 8 ]
	has "$output" "it is being switched to another release"
	kill -KILL "$victim"
	wait "$victim" || true
	eventually relctl -q status
	stays_v1
	[ "$(state_of v2)" = false,false ]
	[ "$(log switch-failed)" = "v2 does not get ready: the command that asked\
 for it is gone; v1 stays" ]
	# At once after another one was killed: it waits for the way back.
	"$RELCTL" -q config set MODE=deaf 3>&- &
	victim=$!
	eventually is_switching
	kill -KILL "$victim"
	wait "$victim" || true
	try -q config set TEXT=two
	[ "$status" = 0 ]
	answers "$output"
	unload
}

is_switching() {
	[ "$(relctl -q ps --json | jq .switching)" = true ]
}

# v2 has moved, and v1 lasts for as long as $HOME/flags/hold is there.
moved_and_killed() {
	repository "$HOME/shop"
	mkdir "$HOME/flags"
	cat >serve.py <<-'END'
	import os, signal, socket, sys, threading, time
	e = os.environ

	def stop(*_):
	    while os.path.exists(e["HOLD"]):
	        time.sleep(0.02)
	    os._exit(0)

	signal.signal(signal.SIGTERM, stop)
	s = socket.create_server(("127.0.0.1", int(e["PORT"])), backlog=100)
	while True:
	    c = s.accept()[0]
	    head = more = c.recv(4096)
	    while more and not head.endswith(b"\r\n\r\n"):
	        more = c.recv(4096)
	        head += more
	    body = e["RELCTL_RELEASE"]
	    c.sendall(f"HTTP/1.1 200 -\r\nContent-Length: {len(body)}\r\n"
	              f"Connection: close\r\n\r\n{body}".encode())
	    c.close()
	END
	procfile 'web: exec python3 -SE serve.py'
	touch "$HOME/flags/hold"
	relctl -q release --set HOLD="$HOME/flags/hold"
	begin --front web=AT --bind "$HOME/flags"
	"$RELCTL" config set TEXT=two >"$HOME/out" 2>&1 3>&- &
	victim=$!
	eventually grep -q "v2 serves" "$HOME/out"
	# Neither TERM nor a hang-up leaves it half done.
	kill -TERM "$victim"
	kill -HUP "$victim"
	kill -0 "$victim"
	kill -KILL "$victim"
	wait "$victim" || true
	answers v2
	[ "$(current)" = v1 ]
}

@test "killed after the move: status says so, the same command heals it" {
	moved_and_killed
	try status
	[ "$status" = 8 ]
	has "$output" "v2 runs, but v1 is current"
	"$RELCTL" -q config set TEXT=two >"$HOME/out" 3>&- &
	again=$!
	try -q ps
	has "$output" stopping
	rm "$HOME/flags/hold"
	wait "$again"
	[ "$(cat "$HOME/out")" = v2 ]
	[ "$(current)" = v2 ]
	try status
	expect 0 ok ""
}

@test "killed after the move: what is current can be had back" {
	moved_and_killed
	rm "$HOME/flags/hold"
	try -q release
	expect 0 v1 ""
	answers v1
	try status
	expect 0 ok ""
}

@test "two commands at once: one after the other" {
	shop_runs
	load
	"$RELCTL" -q config set A=1 >"$HOME/out" 3>&- &
	first=$!
	try -q config set B=1
	wait "$first"
	[ "$status" = 0 ]
	[ "$(printf '%s\n' "$output" "$(cat "$HOME/out")" | sort | paste -sd ' ')" \
		= "v2 v3" ]
	answers v3
	[ "$(relctl -q exec sh -c 'echo "$A$B"')" = 11 ]
	unload
}

@test "what was started with -r is not switched" {
	shop_runs -r v1
	try config set TEXT=two
	[ "$status" = 0 ]
	[ "$output" = v2 ]
	has "$stderr" "notice: what runs here was started with -r: it is not switched"
	answers v1
	try status
	expect 8 "v1 runs, started with -r, but v2 is current" ""
}

@test "SIGTERM to the supervisor while a release gets ready, and in place" {
	shop_runs
	"$RELCTL" config set MODE=deaf >"$HOME/out" 2>&1 3>&- &
	switching=$!
	eventually is_switching
	end
	status=0
	wait "$switching" || status=$?
	[ "$status" = 8 ]
	has "$(cat "$HOME/out")" "error: v2 did not get ready: relctl is stopping"
	[ "$(current)" = v1 ]

	begin -m web=1
	"$RELCTL" config set MODE=deaf >"$HOME/out" 2>&1 3>&- &
	switching=$!
	eventually is_away
	end
	status=0
	wait "$switching" || status=$?
	[ "$status" = 8 ]
	[ "$(current)" = v1 ]
}

# The new one is there, in the place of the one before.
is_away() {
	[ "$(relctl -q ps --json | jq -c '[.instances[] | select(.type == "web") |
		[.release, .state]] | sort')" = '[[1,"ended"],[2,"starting"]]' ]
}

@test "from a release in its back-off, in place and behind --front" {
	python_shop
	relctl -q release --set MODE=exit
	for how in "" "--front web=AT"; do
		port=$(free_ports 5 20 599)
		at=$((port + 599))
		# shellcheck disable=SC2086 # no word, or two
		"$RELCTL" run web --log=json --port "$port" ${how//AT/127.0.0.1:$at} \
			>"$HOME/log" 2>"$HOME/err" </dev/null 3>&- &
		supervisor=$!
		[ "$how" ] || at=$port
		eventually is_waiting
		try -q config set MODE=well
		[ "$status" = 0 ]
		answers "$output"
		try status
		expect 0 ok ""
		end
		relctl -q config set MODE=exit
	done
}

@test "one in its back-off does not come back into the way of the new one" {
	mkdir "$HOME/flags"
	python_shop
	relctl -q release --set MODE=need --set FLAG="$HOME/flags/there"
	port=$(free_ports 5 20 599)
	"$RELCTL" run web --log=json --port "$port" --bind "$HOME/flags" \
		>"$HOME/log" 2>"$HOME/err" </dev/null 3>&- &
	supervisor=$!
	eventually is_waiting
	# It would be well in a second, when the new one is not yet.
	touch "$HOME/flags/there"
	try -q config set MODE=slow
	expect 0 v2 ""
	answers v2 "$port"
	[ "$(ps_row web.1)" = '[2,"up"]' ]
	[ "$(relctl -q ps --json | jq .instances[0].restarts)" = 0 ]
}

is_waiting() {
	[ "$(relctl -q ps --json | jq -r '.instances[0].state')" = waiting ]
}

@test "a rollback of what runs with 0 bytes free" {
	[ "$(id -u)" = 0 ] || skip "only root can mount a small file system"
	mkdir disk
	mount -t tmpfs -o size=4m,mode=700 tmpfs disk 2>/dev/null ||
		skip "no file system can be mounted here"
	export RELCTL_STORE=$HOME/disk/store
	shop_runs
	relctl -q config set TEXT=two
	load
	dd if=/dev/zero of="$HOME/disk/filler" bs=4k 2>/dev/null || true
	[ "$(stat -f -c %f "$HOME/disk")" = 0 ]
	try -q rollback
	[ "$status" = 0 ]
	answers "$output"
	[ "$(ask)" = "v3 web.1 one" ]
	unload
	try status
	expect 0 ok ""
	end
	umount -l "$HOME/disk"
}

@test "values of the config show up nowhere" {
	secret=Kq7-very-secret
	shop_runs
	{
		relctl -v config set TOKEN="$secret" MODE=exit || true
		printf %s "$secret" | relctl -v config set TOKEN
		relctl -v config set TEXT=two
		relctl ps --json
		relctl status --json
	} >"$HOME/out" 2>&1
	[ "$(relctl -q exec printenv TOKEN)" = "$secret" ]
	# The processes of the app alone have it.
	children=$(cat "/proc/$supervisor/task/$supervisor/children")
	for pid in "$supervisor" $children; do
		tr '\0' '\n' <"/proc/$pid/cmdline" >>"$HOME/out"
		! grep -qs "$secret" "/proc/$pid/environ" ||
			grep -q ^RELCTL_RELEASE= <(tr '\0' '\n' <"/proc/$pid/environ")
	done
	end
	run grep -rl "$secret" "$HOME/out" "$HOME/log" "$HOME/err" "$RELCTL_STORE"
	[ "$output" = "" ]
}
