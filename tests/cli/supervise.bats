#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# relctl run: what is started, on which ports, how it is stopped.
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helpers set them

load helper
load supervisor

setup() {
	supervised
}

# appjson TEXT: of the next commit.
appjson() {
	printf '%s\n' "$1" >app.json
}

@test "ports: the formula, the plan, peers, and PS of each" {
	script show 'echo "is $PS $PORT $RELCTL_PORT_WEB $RELCTL_PORT_MY_JOB"' \
		'exec sleep 1000'
	procfile 'release: true' 'web: bin/show' 'my-job: bin/show'
	start -m web=2,my-job=1
	lines 3 '"is '
	stop
	[ "$code" = 0 ]
	w=$((base + 100)) j=$((base + 200))
	[ "$(logged .message | grep '^is ' | sort)" = \
		"is my-job.1 $j $w $j
is web.1 $w $w $j
is web.2 $((w + 1)) $w $j" ]
	has "$(tr -s ' ' <err)" " web ×2 ports $w to $((w + 1))"
	has "$(tr -s ' ' <err)" " my-job ×1 port $j"
}

@test "ports: the config's PORT, or 5000, where --port is not given" {
	procfile 'web: true'
	relctl -q config set PORT="$base"
	"$RELCTL" run --restart never >log 2>err
	has "$(tr -s ' ' <err)" " web ×1 port $base"
	relctl -q config unset PORT
	"$RELCTL" run --restart never >log 2>err || true
	has "$(tr -s ' ' <err)" " web ×1 port 5000"
}

@test "a port that is taken: who holds it, and nothing is started" {
	procfile 'web: sleep 1000'
	python3 -c '
import socket, sys, time
with socket.create_server(("", int(sys.argv[1]))):
    print("up", flush=True)
    time.sleep(100)' $((base + 1)) >holder 3>&- &
	holder=$!
	await holder
	try -q run -p "$base" -m web=2
	expect 7 "" "error: web.2: port $((base + 1)) is taken by 'python3'\
 (pid $holder)"
	# Nothing has run, and nothing says so.
	try run -p "$base" -m web=2
	[[ "$stderr" != *×* ]]
	[ "$(sqlite3 "$RELCTL_STORE/ledger.db" \
		"select count(*) from event where kind = 'run'")" = 0 ]
	kill $holder
	try -q run -p 65500 -m web=50
	[ "$status" = 125 ] || [ "$status" = 2 ]
	has "$stderr" "error: no port is left for web.37: base 65500 is too high"
}

@test "which types, and how many: -m, all=, TYPE, app.json, one of each" {
	appjson '{"formation":{"web":{"quantity":2},"idle":{"quantity":0}}}'
	procfile 'release: true' 'web: sleep 1000' 'job: sleep 1000' \
		'idle: sleep 1000'

	# formation WORDS…: what runs then.
	formation() {
		start "$@"
		lines 1 process-started
		stop
		events process-started "$who" | sort | tr '\n' ' '
	}
	[ "$(formation)" = "job.1 web.1 web.2 " ]
	[ "$(formation -m job=2)" = "job.1 job.2 " ]
	[ "$(formation -m all=1)" = "idle.1 job.1 web.1 " ]
	[ "$(formation -m all=1,web=0)" = "idle.1 job.1 " ]
	[ "$(formation job idle)" = "idle.1 job.1 " ]
	# What scale said is the app's: another release does not change it.
	relctl -q scale job=2
	relctl -q config set A=1
	[ "$(formation)" = "job.1 job.2 web.1 web.2 " ]
	[ "$(formation -m web=1)" = "web.1 " ]
	try run nothing
	has "$stderr" "no process type 'nothing'
hint: its process types: web, job, idle; a command is for 'relctl exec'"
	try run release
	has "$stderr" "no process type 'release'"
	try run -m release=1
	[ "$status" != 0 ]
}

@test "-r: another release than the current one" {
	script show 'echo "is $RELCTL_RELEASE $N"' 'exec sleep 1000'
	procfile 'web: bin/show'
	relctl -q config set N=1
	relctl -q config set N=2
	start -r v2
	lines 1 '"is v2 1"'
	stop
	[ "$code" = 0 ]
	[ "$(logged '.["service.version"]' | sort -u)" = v2 ]
}

@test "restart: always with back-off, on-failure, never" {
	procfile 'always: true' 'failing: exit 4' 'fine: true' 'once: exit 5' \
		'stays: sleep 1000'
	start --restart failing=on-failure --restart fine=on-failure \
		--restart once=never
	lines 3 '"exited with code 4"'
	stop
	[ "$code" = 0 ]
	[ "$(events process-exited "$who" | grep -c fine)" = 1 ]
	[ "$(events process-exited "$who" | grep -c once)" = 1 ]
	for type in always failing; do
		mapfile -t starts < <(events process-started "$who,$when" |
			sed -n "s/^$type.1 //p")
		mapfile -t ends < <(events process-exited "$who,$when" |
			sed -n "s/^$type.1 //p")
		[ "$(bc <<<"${starts[1]} - ${ends[0]} >= 0.99")" = 1 ]
		[ "$(bc <<<"${starts[1]} - ${ends[0]} < 1.5")" = 1 ]
		[ "$(bc <<<"${starts[2]} - ${ends[1]} >= 1.99")" = 1 ]
		[ "$(bc <<<"${starts[2]} - ${ends[1]} < 2.5")" = 1 ]
	done
}

@test "given up after ten ends; the status is the first one's that was not 0" {
	: "${RELCTL_HASTEN:?a library of the build}"
	procfile 'web: exit 6' 'good: true'
	export RELCTL_HASTE=200
	LD_PRELOAD=$RELCTL_HASTEN ASAN_OPTIONS=verify_asan_link_order=0 \
		start --restart good=never
	over
	[ "$code" = 6 ]
	[ "$(events process-exited "$who" | grep -c web)" = 10 ]
	[ "$(events process-given-up .message)" = \
		"given up: it ended 10 times within 10 minutes" ]
}

@test "the status: of who ended for good, 0 after a stop" {
	procfile 'a: true' 'b: exit 7'
	start --restart never
	over
	[ "$code" = 7 ]
	start --restart never a
	over
	[ "$code" = 0 ]
	# Who failed and then did not has done what it was to do.
	script second "[ -e '$HOME/state/been' ] && exit 0" \
		": >'$HOME/state/been'" 'exit 9'
	procfile 'c: sh bin/second'
	mkdir -p "$HOME/state"
	start --restart on-failure --bind-rw "$HOME/state"
	over
	[ "$code" = 0 ]
	[ "$(events process-exited .message)" = "exited with code 9
exited with code 0" ]
}

@test "a command that is not there is said, and ends with 127" {
	procfile 'web: bin/none' 'bad: ./Procfile'
	start --restart never web
	over
	[ "$code" = 127 ]
	[ "$(events process-failed .message)" = "command 'bin/none' not found" ]
	start --restart never bad
	over
	[ "$code" = 126 ]
}

@test "TERM, INT and HUP stop; USR1 and USR2 go through" {
	procfile 'web: bin/app signals'
	for signal in TERM INT HUP; do
		start
		says 1 up
		kill -USR1 "$supervisor"
		says 1 "got SIGUSR1"
		kill -USR2 "$supervisor"
		says 1 "got SIGUSR2"
		stop "$signal"
		[ "$code" = 0 ]
		[ "$(events stopping .message)" = "SIG$signal received, stopping" ]
		# The instance gets its own stop signal, whichever came.
		[ "$(logged .message | grep -c '^got SIGTERM$')" = 1 ]
		[ "$(events process-exited .message)" = "exited with code 3" ]
	done
}

@test "a second signal kills at once" {
	script deaf "trap '' TERM INT HUP" 'echo up' "exec sleep $marker"
	procfile 'web: bin/deaf'
	start -m web=3
	says 3 up
	kill -TERM "$supervisor"
	lines 3 process-stopping
	since=$(date +%s%3N)
	stop INT
	[ "$code" = 0 ]
	[ $(($(date +%s%3N) - since)) -lt 2000 ]
	[ "$(events process-exited .message | sort -u)" = "terminated by SIGKILL" ]
	all_gone 0
}

@test "a signal to the process and to its group is one" {
	procfile "web: sh -c 'trap \"sleep 0.3; echo bye; exit\" TERM; echo up;\
 while :; do sleep 0.1; done'"
	# timeout(1) signals its child, and then the group that both are in.
	run timeout --preserve-status -s TERM 1 "$RELCTL" -q run -p "$base" \
		--log text
	[ "$status" = 0 ]
	has "$output" " | bye"
	[[ $output != *killing* ]]
}

@test "stop_signal and grace_s of app.json, --stop-signal and --grace" {
	appjson '{"relctl":{"web":{"stop_signal":"QUIT","grace_s":1}}}'
	script deaf "trap '' TERM QUIT" 'echo up' 'exec sleep 1000'
	procfile 'web: bin/app signals' 'deaf: bin/deaf'
	start --grace deaf=0.3 --stop-signal deaf=QUIT
	says 2 up
	stop
	[ "$code" = 0 ]
	[ "$(logged .message | grep -c '^got SIGQUIT$')" = 1 ]
	[ "$(events process-killed "$who")" = deaf.1 ]
	begun=$(events process-stopping "$who,$when" | sed -n 's/^deaf.1 //p')
	ended=$(events process-exited "$who,$when" | sed -n 's/^deaf.1 //p')
	[ "$(bc <<<"$ended - $begun >= 0.3 && $ended - $begun < 0.8")" = 1 ]

	start --stop-signal INT --grace 0.1
	says 2 up
	stop
	[ "$(logged .message | grep -c '^got SIGINT$')" = 1 ]
	appjson '{"relctl":{"web":{"gracce_s":1}}}'
	commit "A slip"
	try build
	[ "$status" != 0 ]
	has "$stderr" "app.json: 'relctl.web.gracce_s' is not a key that is known"
}

# 50 at once; how long each took is in the log.
stop_fifty() {
	local worst

	start --isolation "$1" -m web=50 --grace 0.5
	says 50 up
	[ "$(alive)" = 100 ]
	stop
	[ "$code" = 0 ]
	all_gone 0
	[ "$(events process-killed "$who" | wc -l)" = 50 ]
	worst=$(join <(events process-stopping "$who,$when" | sort) \
		<(events process-exited "$who,$when" | sort) |
		awk '{ d = $3 - $2; if (d > m) m = d } END { print NR, m }')
	echo "# $1: instances, slowest: $worst s" >&3
	[ "${worst% *}" = 50 ]
	[ "$(bc <<<"${worst#* } >= 0.5")" = 1 ]
	sanitized || [ "$(bc <<<"${worst#* } < 0.7")" = 1 ]
}

@test "who ignores TERM is gone after grace, with all it left: 50 of 50" {
	script deaf "trap '' TERM INT HUP" \
		"(setsid setsid sleep $marker </dev/null &)" \
		'until grep -qszE "^'"$marker"'\$" /proc/[0-9]*/cmdline' \
		'do :; done' 'echo up' "exec sleep $marker"
	procfile 'web: bin/deaf'
	for level in $(levels); do
		stop_fifty "$level"
	done
}

@test "in a pipeline the server has its grace, though the shell has ended" {
	script slow 'trap "sleep 0.3; echo done >&2; exit 0" TERM' 'echo up' \
		'while :; do sleep 0.01; done'
	procfile 'web: bin/slow | cat; true' "deaf: (trap '' TERM; echo up;\
 exec sleep $marker) | cat; true"
	start --grace web=10 --grace deaf=0.5
	says 2 up
	stop
	[ "$code" = 0 ]
	[ "$(logged .message | grep -c '^done$')" = 1 ]
	[ "$(events process-killed "$who")" = deaf.1 ]
	all_gone 0
}

@test "all exit codes are told truly" {
	script code 'exit $((${PS#*.} - 1 + $1))'
	procfile 'a: bin/code 0' 'b: bin/code 100' 'c: bin/code 200'
	start --restart never -m a=100,b=100,c=56
	over
	[ "$(events process-exited '.["process.exit_code"],.message' |
		sort -n)" = "$(for n in {0..255}; do
			echo "$n exited with code $n"
		done)" ]
}

@test "all signals are told truly" {
	script end 'kill -"$(echo "$1" | cut -d, -f"${PS#*.}")" $$' \
		'echo "still there"'
	# All but those that a process does not end by.
	numbers=$(for n in {1..64}; do
		case $n in
		17 | 18 | 19 | 20 | 21 | 22 | 23 | 28 | 32 | 33) ;;
		*) echo "$n" ;;
		esac
	done)
	procfile "web: bin/end $(tr '\n' , <<<"$numbers")"
	start --restart never -m "web=$(wc -l <<<"$numbers")"
	over
	[ "$(events process-exited '.["process.exit_code"]' | sort -n)" = \
		"$(for n in $numbers; do echo $((128 + n)); done)" ]
	events process-exited .message >told
	grep -qx 'terminated by SIGHUP' told
	grep -qx 'terminated by SIGSEGV' told
	[ "$(grep -c '^terminated by SIG' told)" = "$(wc -l <told)" ]
}

# N instances, each with a daemon of its own; then the same ports at once.
kill_supervisor() {
	start --isolation "$1" -m "web=$2"
	says "$2" up
	[ "$(alive)" = $((2 * $2)) ]
	kill -KILL "$supervisor"
	{ wait "$supervisor" || true; } 2>/dev/null
	# No pause: this one comes while they are still dying.
	start --isolation "$1" -m "web=$2"
	says "$2" up
	[ "$(alive)" = $((2 * $2)) ]
	[ "$(events process-started "$who" | wc -l)" = "$2" ]
	kill -KILL "$supervisor"
	{ wait "$supervisor" || true; } 2>/dev/null
	unset supervisor
	all_gone 1000
}

@test "SIGKILL of the supervisor: nothing is left, the ports are free" {
	cat >bin/holds <<-'END'
		#!/usr/bin/python3 -IS
		import os, signal, socket, sys
		signal.signal(signal.SIGTERM, signal.SIG_IGN)
		s = socket.create_server(("", int(os.environ["PORT"])))
		s.set_inheritable(True)
		# Whoever has this one has the port.
		if os.fork() == 0:
		    os.setsid()
		    os.execvp("sleep", ["sleep", sys.argv[1]])
		print("up", flush=True)
		os.execvp("sleep", ["sleep", sys.argv[1]])
	END
	chmod +x bin/holds
	procfile "web: bin/holds $marker"
	n=50
	for level in $(levels); do
		kill_supervisor "$level" $n
		n=10
	done
}

@test "SIGKILL of who watches over an instance takes it along" {
	procfile "web: sleep $marker"
	for level in $(levels); do
		start --isolation "$level"
		lines 1 process-started
		pid=$(events process-started '.["process.pid"]')
		kill -KILL "$(awk '/^PPid/ { print $2 }' "/proc/$pid/status")"
		says 1 "terminated by SIGKILL"
		all_gone 1000
		stop
		[ "$code" = 0 ]
	done
}

@test "as pid 1 it takes what others have left" {
	procfile 'web: sleep 1000'
	unshare=(unshare -fp --mount-proc)
	[ "$(id -u)" = 0 ] || unshare=(unshare -rfp --mount-proc)
	"${unshare[@]}" true 2>/dev/null || skip "no pid namespace here"
	"${unshare[@]}" sh -c '(sleep 0.2 & sleep 0.3 &); exec "$@"' sh \
		"$RELCTL" -q run --port "$base" >log 2>err 3>&- &
	supervisor=$!
	lines 1 process-started
	init=$(<"/proc/$supervisor/task/$supervisor/children")
	init=${init% }
	[ "$(readlink -f "$RELCTL")" = "$(readlink "/proc/$init/exe")" ]
	# Its keeper is the only child in the end.
	for ((n = 0; n < 500; n++)); do
		read -ra children <"/proc/$init/task/$init/children" || true
		[ "${#children[@]}" != 1 ] || break
		sleep 0.01
	done
	[ "${#children[@]}" = 1 ]
	kill -TERM "$init"
	over
	[ "$code" = 0 ]
	[ "$(events process-exited .message)" = "terminated by SIGTERM" ]
}

@test "systemd is told READY=1 when all are up, and STOPPING=1" {
	procfile 'web: bin/app late' 'job: sleep 1000'
	: >told
	python3 "$BATS_TEST_DIRNAME/notified.py" told \
		"$RELCTL" run --port "$base" >log 2>err 3>&- &
	supervisor=$!
	# job is up after 3 s, web when it says so.
	says 1 up
	lines 1 'started with pid.*job.1'
	pid=$(events process-started "$who,.[\"process.pid\"]" |
		sed -n 's/^web.1 //p')
	[ ! -s told ]
	kill -USR1 "$pid"
	says 1 "tells @"
	lines 1 '^READY=1$' told
	begun=$(events process-started "$who,$when" | sed -n 's/^job.1 //p')
	[ "$(bc <<<"$(stat -c %.3Y told) - $begun >= 2.9")" = 1 ]
	kill -TERM "$supervisor"
	over
	[ "$code" = 0 ]
	[ "$(cat told)" = "READY=1
STOPPING=1" ]
}

@test "--listen passes the socket as systemd does" {
	procfile 'web: bin/app listener' 'job: sleep 1000'
	start --listen "web=127.0.0.1:$((base + 700))" -m web=2,job=1
	lines 2 'True \[\]'
	[ "$(logged .message | grep True | sort -u)" = \
		"1 web $((base + 700)) True []" ]
	python3 - $((base + 700)) >answers <<-'END'
		import socket, sys
		for _ in range(20):
		    with socket.create_connection(("127.0.0.1",
		                                   int(sys.argv[1]))) as s:
		        s.sendall(b"x")
		        print(s.recv(100).decode())
	END
	[ "$(grep -cE '^web\.[12]$' answers)" = 20 ]
	stop
	[ "$code" = 0 ]
}

@test "health checks: path, command, listening and uptime make it ready" {
	appjson '{"healthchecks":{
		"path":[{"path":"/up","attempts":5,"wait":0}],
		"command":[{"command":["sh","-c","echo $PS >&2; test -d /proc"]}],
		"port":[{"listening":true}],
		"uptime":[{"uptime":1}]}}'
	procfile 'path: bin/app web /up=503,503,204' 'command: sleep 1000' \
		'port: bin/app web' 'uptime: sleep 1000'
	: >told
	python3 "$BATS_TEST_DIRNAME/notified.py" told \
		"$RELCTL" run --port "$base" >log 2>err 3>&- &
	supervisor=$!
	lines 1 '^READY=1$' told
	kill -TERM "$supervisor"
	over
	[ "$code" = 0 ]
	[ "$(logged .message | grep '^/up')" = "/up 503
/up 503
/up 204" ]
	[ "$(logged 'select(.["event.action"] == "check-failed")')" = "" ]
}

@test "health checks: who fails at the start, or later, is started again" {
	appjson '{"healthchecks":{
		"start":[{"path":"/up","attempts":2,"wait":0}],
		"live":[{"type":"liveness","path":"/live","attempts":2,
			"wait":1}],
		"command":[{"command":["false"],"attempts":1}],
		"steady":[{"type":"liveness","uptime":1}]}}'
	procfile 'start: bin/app web /up=500' \
		'live: bin/app web /live=200,500' 'command: sleep 1000' \
		'steady: sleep 1000'
	start --start-timeout 20
	lines 2 'started with pid.*"live.1"'
	stop
	[ "$code" = 0 ]
	events check-failed "$who,.message" | sort -u >failed
	[ "$(cat failed)" = "command.1 startup check failed 1 times: the command\
 ended with status 1
live.1 liveness check failed 2 times: GET /live: 500
start.1 startup check failed 2 times: GET /up: 500" ]
	# That it did not get ready in time would be another matter.
	[ "$(events start-timeout "$who")" = "" ]
	[ "$(events process-started "$who" | grep -c '^steady')" = 1 ]
}

@test "who does not get ready in time is started again" {
	appjson '{"healthchecks":{"web":[{"path":"/up"}]}}'
	procfile 'web: sleep 1000'
	start --start-timeout 0.3
	lines 2 process-started
	stop
	[ "$code" = 0 ]
	has "$(events start-timeout .message | head -n 1)" "not ready after 0.3 s"
}

@test "an isolation that cannot be had is refused, nothing less is taken" {
	procfile 'web: true'
	unshare -U true 2>/dev/null || skip "no namespaces here"
	run unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces &&
		exec "$@" >log 2>err' sh "$RELCTL" -q run --isolation ns -p "$base"
	[ -e err ] || skip "namespaces cannot be forbidden here"
	[ "$status" = 3 ]
	has "$(cat err)" "error: isolation 'ns' cannot be had here: "
	[ "$(events process-started "$who")" = "" ]
}

@test "a hundred of one type" {
	procfile 'web: sleep 1000'
	ulimit -Sn 256
	start -m web=100 --grace 1
	lines 100 process-started
	# They get the limit that relctl had.
	pid=$(events process-started '.["process.pid"]' | tail -n 1)
	[ "$(awk '/open files/ { print $4 }' "/proc/$pid/limits")" = 256 ]
	stop
	[ "$code" = 0 ]
	[ "$(events process-exited .message | sort | uniq -c | tr -s ' ')" = \
		" 100 terminated by SIGTERM" ]
}
