#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # bats and the helper set them
# Ten changes of release, and of scale, under 10,000 requests: none fails.

load helper
load switch

# web COMMAND: a shop of two commits and another app to promote from. Types of
# Python and of node answer the same.
web() {
	repository "$HOME/shop"
	cat >server.js <<-'END'
	const e = process.env
	const body = `${e.RELCTL_RELEASE} ${e.PS}\n`
	require("http").createServer((request, response) => {
		response.writeHead(200, { "Content-Length": body.length })
		response.end(body)
	}).listen(e.PORT)
	END
	cat >app.py <<-'END'
	import os
	e = os.environ
	body = f'{e["RELCTL_RELEASE"]} {e["PS"]}\n'.encode()

	def app(environ, start_response):
	    start_response("200 OK", [("Content-Length", str(len(body)))])
	    return [body]
	END
	procfile "web: exec $1"
	relctl -q -a staging release --set WHO=staging
	relctl -q -a shop release --set WHO=shop
	echo two >page
	commit "The second"
	build
	export RELCTL_APP=shop
}

# becomes N WORD…: a command that makes vN current, in a part of the requests of
# its own; from then on all answers are vN's.
becomes() {
	local n=$1

	shift
	eventually loaded $((900 * (n - 1)))
	try -q "$@"
	expect 0 "v$n" ""
	answers "v$n"
}

# ten ARG…: the changes, with load of these arguments.
ten() {
	load --least 10000 "$@"
	becomes 2 release
	becomes 3 config set A=1
	relctl -q scale web=5
	eventually answers_of web.5
	becomes 4 rollback
	relctl -q scale web=1
	becomes 5 rollback
	becomes 6 promote staging shop --force
	becomes 7 config set A=2
	relctl -q scale web=2
	becomes 8 rollback v3
	becomes 9 release --set A=3
	becomes 10 config unset A
	becomes 11 rollback
	unload
	[ "$(jq .requests "$HOME/load")" -ge 10000 ]
	# Each of the eleven has answered.
	[ "$(jq '.by | length' "$HOME/load")" = 11 ]
	[ "$(jq '.also | length' "$HOME/load")" = 5 ]
	end
	[ "$(log process-killed)" = "" ]
}

answers_of() {
	has "$(ask) " "$1 "
}

@test "node that knows PORT alone, --front" {
	program node nodejs
	web "node server.js"
	begin -m web=2 --front web=AT
	ten
}

@test "node that knows PORT alone, --front, connections that are kept" {
	program node nodejs
	web "node server.js"
	begin -m web=2 --front web=AT --grace web=0.3
	ten --keep-alive
}

@test "gunicorn, --front" {
	program gunicorn gunicorn
	web "gunicorn app:app"
	begin -m web=2 --front web=AT
	ten
}

@test "gunicorn, --listen" {
	program gunicorn gunicorn
	web "gunicorn app:app"
	begin -m web=2 --listen web=AT
	ten
}
