#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154 # status and stderr are set by run
# Several commands at once.

load helper

setup() {
	private
	app_repo repo
}

# wait_all PID…: until all have ended, and all well.
wait_all() {
	local pid bad=0

	for pid; do
		wait "$pid" || bad=$((bad + 1))
	done
	is "the number of failures" "$bad" 0
}

# times N CMD…: again and again, until it fails.
times() {
	local k

	for ((k = 0; k < $1; k++)); do
		"${@:2}" || return
	done
}

# release_25 K: every other process with a config of its own.
release_25() {
	local k args

	for ((k = 0; k < 25; k++)); do
		args=(--force)
		[ $(($1 % 2)) = 0 ] || args=(--set "P$1=$k")
		relctl --wait 300 -a shop release "$id" "${args[@]}" || return
	done
}

@test "8 processes with 25 releases each: 200 numbers, none left out" {
	id=$(relctl -C repo build 2>build.err)
	pids=()
	for p in 0 1 2 3 4 5 6 7; do
		release_25 "$p" >"out.$p" 2>"err.$p" 3>&- &
		pids+=($!)
	done
	wait_all "${pids[@]}" || {
		grep -h ^error: err.?
		return 1
	}
	diff <(seq -f 'v%.0f' 200) <(sort -V out.?)
	intact
	is "releases" "$(releases shop)" 200
	# Whoever set a variable last is not lost: each made its own of what was
	# current under the lock.
	try -a shop config
	[ "$status" = 0 ]
	for p in 1 3 5 7; do
		grep -q "^P$p\b" <<<"$output"
	done
}

@test "the first commands at once agree on one store and one key" {
	relctl -C repo build >wanted 2>/dev/null
	for round in 1 2 3 4 5; do
		wipe data config
		pids=()
		for p in 0 1 2 3 4 5 6 7; do
			relctl -C repo build >"out.$p" 2>"err.$p" 3>&- &
			pids+=($!)
		done
		wait_all "${pids[@]}"
		for p in 0 1 2 3 4 5 6 7; do
			diff wanted "out.$p"
		done
		is "who made the store" "$(grep -l '^new store' err.? | wc -l)" 1
		is "key files" "$(find config -type f | wc -l)" 1
		intact
		strict relctl -C repo -a shop release --set "A=$round"
		try -a shop exec printenv A
		is "exec" "$output" "$round"
	done
}

# One of each; the artifacts are old, so that gc takes what is not current.
building() {
	local commit=HEAD~$(($1 % 3))

	RELCTL_CLOCK_BACK=172800 LD_PRELOAD=$RELCTL_CLOCK \
		relctl --wait 300 -C repo build "$commit"
}

releasing() {
	local k id

	for ((k = 0; k < 20; k++)); do
		id=$(building "$k") || return
		relctl --wait 300 -a shop release "$id" --force || {
			# gc came between the two.
			is "the status of release" $? 5 || return
		}
	done
}

@test "build, release, gc, verify, export and exec at once" {
	id=$(building 0 2>/dev/null)
	strict relctl -a shop release "$id" --force
	releasing >release.out 2>release.err 3>&- &
	pids=($!)
	times 20 relctl --wait 300 gc --keep 1 >gc.out 2>gc.err 3>&- &
	pids+=($!)
	times 20 relctl --wait 300 verify --all >verify.out 2>verify.err 3>&- &
	pids+=($!)
	times 20 relctl -a shop exec web >exec.out 2>exec.err 3>&- &
	pids+=($!)
	times 20 relctl --wait 300 export shop --mtree >export.out \
		2>export.err 3>&- &
	pids+=($!)
	wait_all "${pids[@]}" || {
		tail -n 3 ./*.err
		return 1
	}
	is "exec" "$(sort -u exec.out)" web
	is "runs" "$(wc -l <exec.out)" 20
	intact
	strict relctl gc
	intact
}

# busy WORD…: not now, says the command, and changes nothing.
busy() {
	local head

	head=$(relctl --json verify --all | grep -o '"head":"[0-9a-f]*"')
	try --wait 0 "$@"
	is "the status of $1" "$status" 7 && is "its output" "$output" "" &&
		is "errors" "$(grep -c ^error: <<<"$stderr")" 1 &&
		has "$stderr" "in use by another command" &&
		is "the head" "$(relctl --json verify --all |
			grep -o '"head":"[0-9a-f]*"')" "$head"
}

# hold FILE CMD…: run CMD while somebody else has FILE locked.
hold() {
	local held=$1 pid ended=0

	shift
	# It says when it has the lock, and ends with its input.
	[ -p ready ] || mkfifo ready
	exec 7> >(exec flock -x "$held" sh -c 'echo held >ready; cat' 3>&-)
	pid=$!
	read -r _ <ready
	"$@" || ended=$?
	exec 7>&-
	wait "$pid"
	return "$ended"
}

all_busy() {
	for words in "-C repo build" "-C repo build HEAD~1" "-C repo build HEAD~2" \
		"import app.tar" \
		"-a shop release $id --set B=1" "-a shop rollback" \
		"-a shop config set B=1" "-a shop config unset A" \
		"-a shop activate v3" "promote shop two" "-a shop pin v1" "gc" \
		"export shop -o new.tar"; do
		# shellcheck disable=SC2086 # words
		busy_held $words || return
	done
	[ ! -e new.tar ]
}

# verify wants the lock too: here the head comes from the file itself.
busy_held() {
	local before

	before=$(sha256sum "$RELCTL_STORE/ledger.db")
	try --wait 0 "$@"
	is "the status of $*" "$status" 7 && is "its output" "$output" "" &&
		is "errors" "$(grep -c ^error: <<<"$stderr")" 1 &&
		has "$stderr" "in use by another command" &&
		is "ledger.db" "$(sha256sum "$RELCTL_STORE/ledger.db")" "$before"
}

reads_work() {
	for words in releases apps artifacts "show shop" "config" key doctor; do
		# shellcheck disable=SC2086 # words
		try -a shop $words
		is "the status of $words" "$status" 0 || return
	done
	try -a shop exec web
	is "the status of exec" "$status" 0 && is "its output" "$output" web
}

two_apps() {
	id=$(relctl -C repo build HEAD~1 2>/dev/null)
	strict relctl -a shop release "$id" --set A=1
	strict relctl -a shop release "$id" --set A=2
	strict relctl -a shop release "$id" --set A=3 --no-activate
	strict relctl -a two release "$id" --set A=1
	strict relctl export "$id" -o app.tar
}

@test "while gc has the store, what would add to it waits; the rest works" {
	two_apps
	# HEAD is another commit of a tree that was built, HEAD~1 is that one,
	# HEAD~2 was never built.
	git -C repo reset -q --hard HEAD~1
	git -C repo commit -q --allow-empty -m same
	hold "$RELCTL_STORE/lock" all_busy
	hold "$RELCTL_STORE/lock" reads_work
	strict relctl --wait 0 -a shop rollback
	intact
}

one_app_busy() {
	busy -a shop release "$id" --set B=1 && busy -a shop rollback &&
		busy -a shop config set B=1 && busy promote two shop &&
		strict relctl --wait 0 -a two release "$id" --set B=1
}

@test "two releases of one app wait for each other, of two apps do not" {
	two_apps
	hold "$RELCTL_STORE/apps/shop.lock" one_app_busy
	strict relctl --wait 0 -a shop release "$id" --set B=1
}

@test "a lock dies with its holder: killed 20 times, the next one goes on" {
	command -v strace >/dev/null || skip "no strace"
	two_apps
	for k in $(seq 20); do
		killed=0
		# The commit's first write: both locks are held there.
		inject pwrite64 "signal=SIGKILL:when=1" "$RELCTL" -a shop \
			release "$id" --set "C=$k" >/dev/null 2>&1 || killed=$?
		is "the status" "$killed" 137
		strict relctl --wait 0 -a shop release "$id" --set "C=$k"
		strict relctl --wait 0 gc
	done
	is "releases" "$(releases shop)" 23
	intact
}
