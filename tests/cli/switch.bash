# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154 # bats and the helper set them
# For the switch*.bats files: apps that really run, and load on them.

setup() {
	private
	supervisor=
	loading=
}

teardown() {
	local pid

	for pid in $loading $supervisor; do
		kill -KILL "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	chmod -R u+w "$BATS_TEST_TMPDIR" 2>/dev/null || true
}

# program NAME PACKAGE: it is there, as a package has it: what is installed in
# a home is not in the sandbox's view.
program() {
	[ -x "/usr/bin/$1" ] || skip "Debian's package '$2' is not installed"
}

# procfile LINE…: a commit with this Procfile, built.
procfile() {
	printf '%s\n' "$@" >Procfile
	commit "Procfile"
	build
}

# A shop whose web answers "v1 web.1 TEXT"; MODE says what is wrong with it.
python_shop() {
	repository "$HOME/shop"
	cat >serve.py <<-'END'
	import os, signal, socket, sys, time
	e = os.environ

	def slowly(*_):
	    time.sleep(1)
	    os._exit(0)

	mode = e.get("MODE")
	if mode == "exit" or mode == "need" and not os.path.exists(e["FLAG"]):
	    for n in range(1, 31):
	        print("line", n, flush=True)
	    sys.exit(3)
	if mode == "slow":
	    time.sleep(2)
	while mode == "deaf":
	    signal.signal(signal.SIGTERM, slowly)
	    time.sleep(1)
	s = socket.create_server(("127.0.0.1", int(e["PORT"])), backlog=100)
	print("listening", flush=True)
	while True:
	    c = s.accept()[0]
	    head = more = c.recv(4096)
	    while more and not head.endswith(b"\r\n\r\n"):
	        more = c.recv(4096)
	        head += more
	    status = 500 if b"/up" in head and mode == "sick" else 200
	    body = " ".join((e["RELCTL_RELEASE"], e["PS"], e.get("TEXT", "-")))
	    c.sendall(f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\n"
	              f"Connection: close\r\n\r\n{body}".encode())
	    c.close()
	    if mode == "crash":
	        sys.exit(4)
	END
	procfile 'web: exec python3 -SE serve.py' \
		'worker: exec python3 -SE -c "import time; time.sleep(1e6)"'
}

# begin ARG…: relctl run in the background; $port is the base of its ports, and
# AT in an argument is $at, the address for --front and --listen.
begin() {
	port=$(free_ports 5 20 599)
	at=$((port + 599))
	"$RELCTL" run --log=json --port "$port" "${@//AT/127.0.0.1:$at}" \
		>"$HOME/log" 2>"$HOME/err" </dev/null 3>&- &
	supervisor=$!
	eventually relctl -q status
}

# end: TERM, and its exit status is 0.
end() {
	kill -TERM "$supervisor"
	eventually is_over
	wait "$supervisor"
	supervisor=
}

is_over() {
	! grep -q '^State:[[:space:]]*[^XZ]' "/proc/$supervisor/status"
}

# ask [PORT]: the body.
ask() {
	local reply

	exec 4<>"/dev/tcp/127.0.0.1/${1:-$at}" || return
	printf 'GET / HTTP/1.1\r\nHost: l\r\nConnection: close\r\n\r\n' >&4
	reply=$(timeout 10 cat <&4)
	exec 4>&-
	tail -n 1 <<<"$reply"
}

# answers RELEASE [PORT]
answers() {
	has "$(ask "${2-}") " "$1 "
}

# load ARG…: begins, and is under way.
load() {
	rm -f "$HOME/count"
	python3 "$BATS_TEST_DIRNAME/load.py" "$@" --count "$HOME/count" \
		"$at" >"$HOME/load" 3>&- &
	loading=$!
	await "$HOME/count"
}

# loaded N: there were N requests.
loaded() {
	[ "$(cat "$HOME/count")" -ge "$1" ]
}

# unload: ends the load, and shows what it was; not one request has failed.
unload() {
	kill -TERM "$loading"
	wait "$loading"
	loading=
	echo "# $(jq -c . "$HOME/load")" >&3
	[ "$(jq .failed "$HOME/load")" = 0 ]
}

# log ACTION: messages of the supervisor.
log() {
	jq -r --arg a "$1" 'select(."event.action" == $a).message' "$HOME/log"
}

# ps_row NAME: what ps says of it.
ps_row() {
	relctl -q ps --json | jq -c --arg n "$1" '.instances[] |
		select(.name == $n) | [.release, .state]'
}
