#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ps, status, restart, stop
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helpers set them

load helper
load running

setup() {
	private
	serving
}

@test "where nothing runs all but scale end with 5" {
	for c in ps status stop restart 'restart web'; do
		# shellcheck disable=SC2086 # words
		try $c
		expect 5 "" "error: the app 'shop' is not running here
hint: relctl -a shop run"
		# shellcheck disable=SC2086 # words
		try $c --json
		expect 5 "$output" ""
		[ "$(jq -c '[.schema, .error.code, .error.exit]' \
			<<<"$output")" = '["relctl.error/1","not_found",5]' ]
	done
	try -a nosuch ps
	expect 5 "" "$stderr"
	has "$stderr" "no app 'nosuch'"
}

@test "ps: every instance, and nothing else" {
	begin_well -m web=2,worker=1
	try ps --json
	expect 0 "$output" ""
	[ "$(jq -c '[.schema, .app, .release, .pid, .pinned, .stopping,
		.switching, .formation]' <<<"$output")" = "[\"relctl.ps/1\",\
\"shop\",1,$supervisor,false,false,false,{\"web\":2,\"worker\":1}]" ]
	[ "$(jq -c '.instances[] | [.name, .type, .release, .port, .state,
		.status, .restarts, .sick]' <<<"$output")" = "\
[\"web.1\",\"web\",1,$port,\"up\",null,0,null]
[\"web.2\",\"web\",1,$((port + 1)),\"up\",null,0,null]
[\"worker.1\",\"worker\",1,$((port + 100)),\"up\",null,0,null]" ]
	jq -e '.instances[] | .memory > 1000000 and
		(.since | test("^20[0-9]{2}-[0-9-]{5}T[0-9:]{8}Z$"))' \
		<<<"$output"
	for name in web.1 web.2 worker.1; do
		tr '\0' ' ' <"/proc/$(pid_of "$name")/cmdline" |
			grep -qx 'python3 -SE serve.py '
	done
	[ "$(instances '[.instances[].pid] | unique | length')" = 3 ]
	try ps
	expect 0 "$output" ""
	[ "$(sed -E 's/ +/ /g; s/ $//; s/ [0-9.]+ MB / MB /' \
		<<<"$output")" = "\
NAME PID RELEASE SINCE STATE RESTARTS MEMORY PORT
web.1 $(pid_of web.1) v1 just now up 0 MB $port
web.2 $(pid_of web.2) v1 just now up 0 MB $((port + 1))
worker.1 $(pid_of worker.1) v1 just now up 0 MB $((port + 100))" ]
}

@test "ps: no wider than the terminal, and NAME can be typed" {
	procfile "background: exec python3 -SE serve.py"
	begin_well
	terminal bash -c 'stty cols 69; "$RELCTL" ps'
	[ "$status" = 0 ]
	[ "${#lines[@]}" = 2 ]
	for line in "${lines[@]}"; do
		[ "${#line}" -le 69 ] || (echo "$line" && false)
	done
	has "${lines[1]}" "background.1 "
	has "${lines[1]}" " $port"
}

@test "one that ended by itself is back, and counted" {
	begin_well -m web=1
	was=$(pid_of web.1)
	kill -KILL "$was"
	eventually is '.instances[] | "\(.state) \(.restarts)"' 'up 1'
	[ "$(pid_of web.1)" != "$was" ]
	relctl status
}

@test "status: ok, or one line for each thing that is not" {
	procfile 'web: exec python3 -SE serve.py' 'bad: exit 3' 'job: true'
	echo '{"relctl": {"job": {"restart": "never"}}}' >app.json
	commit "A job"
	build
	relctl -q release
	begin -m web=1,bad=1,job=1
	well='.instances[] | select(.name != "bad.1") | .state'
	eventually is "$well" $'up\nended'
	eventually is '.instances[] | select(.name == "bad.1").state' waiting
	try status
	expect 8 "bad.1 is waiting (status 3)" ""
	try status --json
	expect 8 "$output" ""
	[ "$(jq -c . <<<"$output")" = '{"app":"shop","current":3,"ok":false,'\
'"problems":["bad.1 is waiting (status 3)"],"release":3,'\
'"schema":"relctl.status/1"}' ]
	try ps
	has "$(sed -E 's/ +/ /g' <<<"$output")" "job.1 v3 just now ended (0) 0"
	relctl -q scale bad=0
	eventually relctl status
	try status
	expect 0 ok ""
	try status --json
	expect 0 "$output" ""
	[ "$(jq -c '[.ok, .problems]' <<<"$output")" = '[true,[]]' ]
}

@test "status: another release than the current one" {
	relctl -q config set N=2
	begin_well -r v2
	relctl -q config set N=3
	try status
	expect 8 "v2 runs, started with -r, but v3 is current" ""
	is '[.release, .pinned] | tostring' '[2,true]'
}

@test "what was wrong before it was up is no problem any more" {
	# It is up after three seconds: nothing ever accepts on its port.
	procfile 'clock: exec sleep 1000'
	begin
	eventually is '.instances[0].state' up
	is '.instances[0].sick' null
	try status
	expect 0 ok ""
}

@test "restart: one instance, a type, all" {
	begin_well -m web=2,worker=1
	one=$(pid_of web.1) two=$(pid_of web.2) worker=$(pid_of worker.1)
	try restart web.2
	expect 0 "" "shop is restarting web.2"
	eventually is '[.instances[] | "\(.state) \(.restarts)"] | join(",")' \
		"up 0,up 1,up 0"
	[ "$(pid_of web.1) $(pid_of worker.1)" = "$one $worker" ]
	[ "$(pid_of web.2)" != "$two" ]
	[ ! -e "/proc/$two" ]
	try restart web --json
	expect 0 "$output" "shop is restarting web.1, web.2"
	[ "$(jq -c . <<<"$output")" = '{"app":"shop","instances":["web.1",'\
'"web.2"],"schema":"relctl.restart/1"}' ]
	eventually is '[.instances[] | "\(.state) \(.restarts)"] | join(",")' \
		"up 1,up 2,up 0"
	try restart
	expect 0 "" "shop is restarting web.1, web.2, worker.1"
	eventually is '[.instances[] | "\(.state) \(.restarts)"] | join(",")' \
		"up 2,up 3,up 1"
	try restart web.3
	expect 5 "" "error: no type or instance 'web.3' runs
hint: relctl ps lists what runs"
	try restart web worker
	expect 2 "" "$stderr"
}

@test "restart does not call back what is on its way out" {
	procfile 'web: trap "" TERM; exec python3 -SE serve.py'
	begin_well -m web=2 --grace 2
	relctl -q scale web=1
	eventually is '.instances[1].state' stopping
	try restart web.2
	expect 5 "" "$stderr"
	try status
	expect 8 "web.2 is stopping" ""
	try restart web
	expect 0 "" "shop is restarting web.1"
	eventually is '[.instances[] | "\(.name) \(.restarts)"] | join(",")' \
		"web.1 1"
}

@test "stop: when it returns everything has ended" {
	begin_well -m web=2
	pids=$(instances '.instances[].pid')
	try stop
	expect 0 "" "shop v1 has stopped"
	[ ! -e "/proc/$supervisor/exe" ]
	for pid in $pids; do
		[ ! -e "/proc/$pid" ]
	done
	try ps
	expect 5 "" "$stderr"
	# The same ports, at once.
	begin_well -m web=2
	try stop --json
	expect 0 "$output" "shop v1 has stopped"
	[ "$(jq -c . <<<"$output")" = \
		'{"app":"shop","release":1,"schema":"relctl.stop/1"}' ]
	wait "$supervisor"
}

@test "stop says what it waits for; several may wait" {
	procfile 'web: exec python3 -SE serve.py' \
		'worker: trap "" TERM; exec python3 -SE serve.py'
	begin_well --grace worker=3
	"$RELCTL" stop >first.out 2>first.err 3>&- &
	first=$!
	eventually is .stopping true
	try ps
	expect 0 "$output" "shop is stopping"
	try scale web=3
	expect 7 "" "error: the app is stopping
hint: relctl ps shows how far it is"
	try scale
	expect 0 "web=1 worker=1" ""
	try restart
	expect 7 "" "$stderr"
	try status
	expect 8 "it is stopping
worker.1 is stopping" ""
	try -q stop
	expect 0 "" ""
	wait "$first"
	[ "$(cat first.err)" = "notice: waiting for worker.1 to end
shop v2 has stopped" ]
	[ ! -s first.out ]
	wait "$supervisor"
}

@test "a supervisor that was killed is not running" {
	begin_well
	pid=$(pid_of web.1)
	kill -KILL "$supervisor"
	wait "$supervisor" || true
	for c in ps status stop restart; do
		try "$c"
		expect 5 "" "error: the app 'shop' is not running here
hint: relctl -a shop run"
	done
	try scale
	expect 0 "web=1 worker=1" ""
}

@test "what is being stopped for another release is shown too" {
	procfile 'web: trap "" TERM; exec python3 -SE serve.py'
	begin_well --grace 3 --front "web=127.0.0.1:$(($(free_ports 4 4) + 3))"
	relctl -q config set N=1 >/dev/null 3>&- &
	change=$!
	eventually is '[.instances[] | "v\(.release) \(.state)"] | sort |
		join(",")' "v2 stopping,v3 up"
	try ps
	expect 0 "$output" "shop is being switched to another release"
	try restart
	expect 7 "" "error: another release is being switched to
hint: relctl ps shows how far it is"
	try scale --wait 0 web=2
	expect 7 "" "$stderr"
	# It waits for its turn.
	try scale web=2
	expect 0 "web=2" ""
	wait "$change"
	eventually is '[.instances[] | "v\(.release) \(.state)"] | sort |
		join(",")' "v3 up,v3 up"
	relctl status
}
