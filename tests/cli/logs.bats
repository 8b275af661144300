#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# relctl run: the output of the instances as one stream.
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helpers set them

load helper
load supervisor

setup() {
	supervised
}

# bytes FILE: as od shows them, on one line.
bytes() {
	od -An -c "$1" | tr -s ' \n' ' '
}

@test "text: foreman's look" {
	script two 'echo one' 'printf "a\tb\033[2Jc\377\n" >&2' 'exec sleep 1000'
	procfile 'web: bin/two' 'long-name: bin/two'
	start --log text
	lines 2 '\| one$'
	lines 2 '\| a	b'
	stop
	sed -E 's/^[0-9]{2}:[0-9]{2}:[0-9]{2} /TIME /; s/pid [0-9]+/pid N/' log |
		grep -E '(web|system)' >shown
	[ "$(grep -v "a	b" shown)" = "TIME web.1       | started with pid N
TIME web.1       | one
TIME system      | SIGTERM received, stopping
TIME web.1       | sending SIGTERM
TIME web.1       | terminated by SIGTERM" ]
	grep -qxF 'TIME web.1       | a	b\x1b[2Jc\xff' shown
}

@test "on a terminal it is text, with colours by type" {
	procfile 'web: echo one' 'job: echo two'
	NO_COLOR='' terminal "$RELCTL" -q run -p "$base" --restart never
	[ "$status" = 0 ]
	has "$output" "web.1  | one"
	has "$output" "job.1  | two"
}

@test "json: ECS, an object is kept, and only what is absent is added" {
	script objects \
		'echo "{\"n\":1.10,\"big\":12345678901234567890,\"msg\":\"hi\"}"' \
		'echo "{\"message\":\"m\",\"log.level\":\"warn\"} "' \
		'echo "plain \"text\""' \
		'printf "bad \377\n" >&2'
	procfile 'web: bin/objects'
	start --restart never
	over
	[ "$code" = 0 ]
	grep -v '"event.dataset"' log >app
	[ "$(wc -l <app)" = 4 ]
	grep -qF '{"n":1.10,"big":12345678901234567890,"msg":"hi",' app
	[ "$(jq -r 'select(.n) | .message' app)" = hi ]
	[ "$(jq -r 'select(.message == "m") | .["log.level"]' app)" = warn ]
	[ "$(jq -c 'select(.message == "plain \"text\"") | keys' app)" = \
		'["@timestamp","ecs.version","log.iostream","log.level","message","process.pid","service.instance.id","service.name","service.version"]' ]
	[ "$(jq -c 'select(.["log.lossy"]) | [.message, .["log.iostream"],
		.["service.name"], .["service.version"], .["service.instance.id"],
		.["log.level"]]' app)" = \
		'["bad �","stderr","shop","v1","web.1","info"]' ]
	[ "$(events process-started '.["event.dataset"],.["service.instance.id"]')" \
		= "relctl web.1" ]
	[ "$(jq -r '.["@timestamp"]' log |
		grep -cvE '^20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z$')" = 0 ]
}

@test "raw: bytes as they are, and nothing of relctl's" {
	script bytes 'printf "a\033\377\r\n\000b"'
	procfile 'web: bin/bytes'
	start --log raw --restart never
	over
	[ "$code" = 0 ]
	bytes log
	[ "$(bytes log)" = ' a 033 377 \r \n \0 b \n ' ]
}

@test "what was printed last comes before the end, with or without LF" {
	# 60 instances at once, so that ends and lines come together.
	script last 'i=0' 'while [ $i -lt 50 ]; do' \
		'echo "line $i"; i=$((i + 1)); done' 'printf "the end"'
	procfile 'web: bin/last'
	start --restart never -m web=60
	over
	[ "$code" = 0 ]
	[ "$(logged 'select(.message == "the end").message' | wc -l)" = 60 ]
	jq -r '[.["service.instance.id"], .["event.action"] // "-",
		.message] | join(" ")' log |
		awk '/^web/ { if (done[$1]) late++
			if ($2 == "process-exited") done[$1] = 1; else last[$1] = $0 }
			END { for (i in done) n++; print n, late + 0 }' >counts
	[ "$(cat counts)" = "60 0" ]
}

@test "lines over 64 KiB are split and marked" {
	script long 'head -c 150000 /dev/zero | tr "\0" x' 'echo' 'echo after'
	procfile 'web: bin/long'
	start --restart never
	over
	[ "$(jq -r 'select(.message | startswith("x")) |
		[.["event.part"], (.message | length)] | join(" ")' log)" = \
		"1 65536
2 65536
3 18928" ]
	[ "$(logged 'select(.message == "after") | .["event.part"]')" = null ]
	start --restart never --log raw
	over
	[ "$(wc -lc <log | tr -s ' ')" = " 2 150007" ]
}

@test "4 writers of 250,000 lines: none torn, lost, or out of order" {
	cat >bin/writer <<-'END'
		#!/bin/sh
		half() {
			awk -v out="$1" 'BEGIN { for (i = 1; i <= 125000; i++)
				printf "%s %d %.*s|\n", out, i, i % 60,
				"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh" }'
		}
		half stdout &
		half stderr >&2
		wait
	END
	chmod +x bin/writer
	procfile 'web: bin/writer'
	# Every line through jq, then in order, whole, and at its place.
	"$RELCTL" -q run -p "$base" -m web=4 --restart never 2>err 3>&- | jq -r '
		select(.["event.dataset"] == null) | .["service.instance.id"] +
		" " + .["log.iostream"] + " " + .message' |
		awk 'BEGIN { all = "abcdefghijklmnopqrstuvwxyz"
				all = all all "abcdefgh" }
			$3 != $2 || $4 != ++n[$1 $2] ||
			$5 != substr(all, 1, $4 % 60) "|" { bad++; if (bad < 4) print }
			END { for (s in n) print n[s]; print bad + 0, "bad" }' |
		sort | uniq -c | tr -s ' ' >counts
	[ "$(cat counts)" = " 1 0 bad
 8 125000" ]
}

# stalled ARG…: a supervisor whose reader does not read, on the fifo at fd 9.
stalled() {
	mkfifo fifo
	"$RELCTL" run -p "$base" "$@" >fifo 2>err 3>&- &
	supervisor=$!
	exec 9<fifo
}

# resting: wait until it has done nothing for half a second.
resting() {
	local before=- now n

	for ((n = 0; n < 100; n++)); do
		now=$(cut -d ' ' -f 14,15 "/proc/$supervisor/stat")
		[ "$now" != "$before" ] || return 0
		before=$now
		sleep 0.5
	done
	return 1
}

@test "a stalled reader with 100 MiB pending: nothing lost, little memory" {
	script many "yes 'a line of thirty-one characters' | head -c 104857600"
	procfile 'web: bin/many' 'job: bin/many; echo done'
	stalled --log raw --restart never -m web=1
	sleep "${RELCTL_STALL_S-2}" # that long nobody reads
	resting
	grep -E 'VmHWM' "/proc/$supervisor/status" >peak
	[ "$(wc -c <&9)" -ge 104857600 ] # wc has all of it, with an LF at most
	over
	[ "$code" = 0 ]
	sanitized || [ "$(tr -dc 0-9 <peak)" -lt 32768 ]

	# json makes more of each byte, and a hundred instances want room.
	rm fifo
	procfile 'web: yes ""'
	stalled -m web=100 --grace 1
	resting
	grep -E 'VmHWM' "/proc/$supervisor/status" >peak
	sanitized || [ "$(tr -dc 0-9 <peak)" -lt 32768 ]
	exec 9<&-
	stop
	[ "$code" = 0 ]
}

@test "while one instance floods, all others are heard" {
	script tick 'while echo tick; do sleep 0.02; done'
	procfile 'flood: yes' 'quiet: bin/tick'
	stalled --grace 1
	[ "$(timeout 20 grep -m 100 -c '"message":"tick"' <&9)" = 100 ]
	exec 9<&-
	stop
}

@test "--log-overflow=drop: what is lost is counted exactly" {
	script count 'awk "BEGIN { for (i = 0; i < 200000; i++) print i }"' \
		': >"$1"' 'exec sleep 1000'
	mkdir -p "$HOME/state"
	procfile "web: bin/count $HOME/state/written"
	stalled --log-overflow drop --bind-rw "$HOME/state"
	for ((n = 0; n < 1500; n++)); do
		[ ! -e "$HOME/state/written" ] || break
		sleep 0.02
	done
	[ -e "$HOME/state/written" ] # it has not waited for us
	cat <&9 >log &
	reader=$!
	exec 9<&-
	lines 1 lines-dropped
	stop
	wait "$reader"
	dropped=$(events lines-dropped .message |
		sed 's/ lines dropped: the output is read too slowly//' |
		paste -sd +)
	got=$(logged 'select(.["event.dataset"] == null).message' | wc -l)
	[ "$got" -lt 200000 ]
	[ $((dropped)) -gt 0 ]
	# Events may be among them, and are counted as well.
	[ $((got + dropped)) -ge 200000 ]
	[ $((got + dropped)) -le 200002 ]
	sort -cn <(logged 'select(.["event.dataset"] == null).message')
}

@test "a stop while the reader stalls does not hang for ever" {
	procfile 'web: yes'
	stalled -m web=2 --grace 0.2
	resting
	kill -TERM "$supervisor"
	since=$(date +%s)
	for ((n = 0; n < 3000; n++)); do
		kill -0 "$supervisor" 2>/dev/null || break
		sleep 0.01
	done
	over
	[ "$code" = 0 ]
	[ $(($(date +%s) - since)) -le 9 ]
	grep -qx "notice: nobody reads relctl's output: its end is lost" err
	# Told twice it does not wait.
	rm fifo
	stalled -m web=2
	resting
	kill -TERM "$supervisor"
	since=$(date +%s%3N)
	kill -INT "$supervisor"
	over
	[ $(($(date +%s%3N) - since)) -lt 2500 ]
	[ "$code" = 0 ]
}

@test "a reader that is gone, and one that never was" {
	script forever 'trap "exit 0" TERM' 'while echo on; do sleep 0.01; done'
	procfile "web: bin/forever"
	stalled -m web=1
	read -r <&9
	exec 9<&-
	lines 1 "nobody reads relctl's output any more" err
	kill -0 "$supervisor"
	stop
	[ "$code" = 0 ]
	script here "echo here >'$HOME/state/here'" 'exec sleep 1000'
	mkdir "$HOME/state"
	procfile 'web: bin/here'
	"$RELCTL" -q run -p "$base" --bind-rw "$HOME/state" >&- 2>err 3>&- &
	supervisor=$!
	await "$HOME/state/here"
	stop
	[ "$code" = 0 ]
	[ ! -s err ]
}

@test "no value of the config is ever shown" {
	script fails 'exit 3'
	printf '%s\n' '{"healthchecks":{"web":[{"command":["false"],
		"attempts":1}]}}' >app.json
	procfile 'web: sleep 1000' 'bad: bin/fails' 'none: bin/none' \
		'slip: TOKEN=hunter2-in-the-procfile /none/such'
	relctl -q config set TOKEN=hunter2-secret OTHER=hunter2-too
	start --start-timeout 5
	lines 1 check-failed
	lines 1 'not found'
	lines 1 'exited with code 3'
	stop
	cp log log.json
	start --log text
	lines 1 'exited with code 3'
	stop
	run ! grep -hE 'hunter2-(secret|too)' log log.json err
}
