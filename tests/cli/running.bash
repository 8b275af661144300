# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of an app that really runs: `load helper` and `load running`, then
# `setup() { private; serving; }`. It sets teardown.

# serving: a repository $HOME/shop with a small server, released: one web and
# one worker, each of which is up as soon as it listens on its PORT.
serving() {
	repository "$HOME/shop"
	cat >serve.py <<-'END'
	import os, socket
	s = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
	while True:
	    s.accept()[0].close()
	END
	supervisor='' port=''
	procfile 'web: exec python3 -SE serve.py' \
		'worker: exec python3 -SE serve.py'
}

teardown() {
	if [ "$supervisor" ]; then
		kill -KILL "$supervisor" 2>/dev/null || true
		wait "$supervisor" || true
	fi
	chmod -R u+w "$BATS_TEST_TMPDIR" 2>/dev/null || true
}

# procfile LINE…: a commit with this Procfile, released.
procfile() {
	printf '%s\n' "$@" >Procfile
	commit "Procfile"
	build
	relctl -q release
}

# begin ARG…: relctl run in the background, as $supervisor, with ports of its
# own from $port on. A second time it gets the same.
begin() {
	: "${port:=$(free_ports 4 4)}"
	"$RELCTL" run --log=json --port "$port" "$@" >"$HOME/log" \
		2>"$HOME/err" </dev/null 3>&- &
	supervisor=$!
	eventually relctl ps --json
}

# The same, and all is up.
begin_well() {
	begin "$@"
	eventually relctl status
}

# instances FILTER: by jq, of what ps --json prints.
instances() {
	relctl ps --json | jq -r "$1"
}

# is FILTER TEXT: that is TEXT.
is() {
	[ "$(instances "$1")" = "$2" ]
}

pid_of() {
	instances ".instances[] | select(.name == \"$1\").pid"
}
