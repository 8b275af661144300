#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154 # status and stderr are set by run
# What exec leaves for the ledger, and the run plan that saves it from reading
# the ledger: neither loses anything, neither is believed when it is wrong.

load helper

setup() {
	private
	repository app
	mkdir bin
	printf '#!/bin/sh\necho one\n' >bin/web
	chmod +x bin/web
	echo 'web: bin/web' >Procfile
	commit one
	build
	export RELCTL_APP=shop
	relctl -q release "$id" --set A=1 >/dev/null
	spool=$RELCTL_STORE/ledger.spool
	plan=$RELCTL_STORE/apps/shop.current
	# It does not work under strace.
	export ASAN_OPTIONS=detect_leaks=0
}

# a_is VALUE: of the config that exec gives.
a_is() {
	try -q exec printenv A
	expect 0 "$1" ""
}

statuses() {
	events exec | jq -c .status | paste -s -d ' ' -
}

verified() {
	try verify --all
	[ "$status" = 0 ] || echo "$stderr"
	[ "$status" = 0 ]
}

# reads_ledger yes|no WORD…: does the command open the ledger by SQLite?
reads_ledger() {
	local found=no

	strace -f -o trace -e trace=fcntl "$RELCTL" -q "${@:2}" >/dev/null
	if grep -q F_RDLCK trace; then
		found=yes
	fi
	[ "$found" = "$1" ]
}

@test "what exec did is in the ledger after the next command that writes" {
	for n in 3 0 7; do
		try -q exec sh -c "exit $n"
		[ "$status" = $n ]
	done
	[ "$(wc -l <"$spool")" = 3 ]
	verified
	[ "$(statuses)" = "3 0 7" ]
	[ ! -s "$spool" ]
	verified
	# Before what came after it.
	run sqlite3 "$RELCTL_STORE/ledger.db" \
		"SELECT group_concat(kind, ' ') FROM
		(SELECT kind FROM event ORDER BY seq)"
	has "$output" "activate exec exec exec pin"
}

@test "its time is that of the command" {
	before=$(date +%s%3N)
	try -q exec true
	after=$(date +%s%3N)
	events exec >/dev/null
	time=$(sqlite3 "$RELCTL_STORE/ledger.db" \
		"SELECT time FROM event WHERE kind = 'exec'")
	[ "$before" -le "$time" ]
	[ "$time" -le "$after" ]
}

@test "a line that was cut off is dropped, and the others are not" {
	try -q exec sh -c 'exit 1'
	try -q exec sh -c 'exit 2'
	truncate -s -9 "$spool"
	verified
	try -q exec sh -c 'exit 3'
	[ "$(wc -l <"$spool")" = 2 ]
	[ "$(statuses)" = "1 3" ]
	verified
	# Cut off last of all.
	try -q exec sh -c 'exit 4'
	try -q exec sh -c 'exit 5'
	truncate -s -9 "$spool"
	[ "$(statuses)" = "1 3 4" ]
	verified
}

@test "a line that is damaged is told, and costs itself alone" {
	for n in 1 2 3; do
		try -q exec sh -c "exit $n"
	done
	sed -i '2s/"status"/"stat"us"/' "$spool"
	try verify
	[ "$status" = 6 ]
	has "$stderr" "line 2 of 'ledger.spool' is damaged"
	try pin v1
	[ "$status" = 0 ]
	has "$stderr" "1 line of 'ledger.spool' is damaged and not recorded"
	[ "$(statuses)" = "1 3" ]
	verified
}

@test "a fold that was committed and not cleared up is not done again" {
	try -q exec sh -c 'exit 1'
	try -q exec sh -c 'exit 2'
	cp "$spool" saved
	[ "$(statuses)" = "1 2" ]
	# As if the command had been killed before it emptied the file.
	cat saved >"$spool"
	[ "$(statuses)" = "1 2" ]
	cat saved >"$spool"
	try -q exec sh -c 'exit 3'
	[ "$(statuses)" = "1 2 3" ]
	verified
}

@test "killed at any call of a fold, each is recorded once" {
	local calls at
	for n in 1 2 3; do
		try -q exec sh -c "exit $n"
	done
	cp -a "$RELCTL_STORE" saved
	strace -o trace -e trace=write,pwrite64,fdatasync,ftruncate,flock \
		"$RELCTL" -q pin v1
	calls=$(grep -c '^[a-z]' trace)
	[ "$calls" -gt 10 ]
	for ((at = 1; at <= calls; at++)); do
		erase "$RELCTL_STORE"
		cp -a saved "$RELCTL_STORE"
		strace -o /dev/null \
			-e trace=write,pwrite64,fdatasync,ftruncate,flock \
			-e inject=write,pwrite64,fdatasync,ftruncate,flock:signal=KILL:when=$at \
			"$RELCTL" -q pin v1 >/dev/null 2>&1 || true
		[ "$(statuses)" = "1 2 3" ] || (
			echo "killed at $at: $(statuses)"
			false
		)
	done
	verified
}

@test "commands that end at once are all there, and once" {
	local pids=() n
	for n in 1 2 3 4 5 6; do
		(for _ in 1 2 3 4 5; do
			"$RELCTL" -q exec sh -c "exit $n" || true
		done) 3>&- &
		pids+=($!)
	done
	for n in 1 2 3 4; do
		relctl -q pin v1 >/dev/null
		relctl -q unpin v1 >/dev/null
	done
	wait "${pids[@]}"
	[ "$(events exec | jq .status | sort | uniq -c | tr -s ' \n' ' ')" = \
		" 5 1 5 2 5 3 5 4 5 5 5 6 " ]
	[ "$(events exec | jq -r .id | sort -u | wc -l)" = 30 ]
	verified
}

@test "a spool that has become long goes into the ledger" {
	try -q exec true
	line=$(cat "$spool")
	name=$(jq -r .body.id <<<"$line")
	for n in $(seq 1000 3000); do
		echo "${line/$name/000000000000$n}"
	done >"$spool"
	try -q exec sh -c 'exit 9'
	[ "$status" = 9 ]
	[ ! -s "$spool" ]
	[ "$(sqlite3 "$RELCTL_STORE/ledger.db" \
		"SELECT count(*) FROM event WHERE kind = 'exec'")" = 2002 ]
	verified
}

@test "a line that is too long for the spool goes into the ledger" {
	try -q exec true
	line=$(cat "$spool")
	name=$(jq -r .body.id <<<"$line")
	for ((n = 10000; (n - 9999) * (${#line} + 1) < 256 * 1024; n++)); do
		echo "${line/$name/00000000000$n}"
	done >"$spool"
	# Six bytes each in JSON.
	try_127 -q exec "$(printf '\001%.0s' {1..131000})"
	[ ! -s "$spool" ]
	[ "$(sqlite3 "$RELCTL_STORE/ledger.db" \
		"SELECT count(*) FROM event WHERE kind = 'exec'")" = \
		$((n - 10000 + 1)) ]
	verified
}

@test "what is folded is on the disk before the ledger has it" {
	try -q exec true
	strace -y -o trace -e trace=fsync,fdatasync "$RELCTL" -q pin v1
	file=$(sed -n '/ledger.spool>/=' trace)
	[ -n "$file" ]
	[ "$file" -lt "$(sed -n '/ledger.db>/=' trace)" ]
	# Where nothing is folded, nothing has to be synced.
	strace -y -o trace -e trace=fsync,fdatasync "$RELCTL" -q unpin v1
	[ "$(grep -c 'ledger.spool>' trace)" = 0 ]
}

@test "an index of another version is put right by exec" {
	sqlite3 "$RELCTL_STORE/ledger.db" 'UPDATE derived SET version = 0'
	try -q exec sh -c 'exit 3'
	[ "$status" = 3 ]
	[ ! -s "$spool" ]
	[ "$(statuses)" = 3 ]
	# Else each one would read all events.
	sqlite3 "$RELCTL_STORE/ledger.db" 'UPDATE derived SET version = 0'
	try -q exec true
	try -q exec true
	reads_ledger no exec true
	verified
}

@test "no argument and no value is in it" {
	try -q exec sh -c 'exit 1' s3cret
	try_127 -q exec PASSWORD=s3cret/x bin/web
	[ "$(wc -l <"$spool")" = 2 ]
	[ "$(grep -c 's3cret\|exit' "$spool")" = 0 ]
	[ "$(stat -c %a "$spool" "$plan" | sort -u)" = 600 ]
	[ "$(grep -c 'A=1\|"A"' "$plan")" = 0 ]
}

@test "the run plan spares the ledger, after release and rollback" {
	reads_ledger no exec true
	relctl -q config set A=2 >/dev/null 2>&1
	reads_ledger no exec true
	relctl -q rollback >/dev/null 2>&1
	reads_ledger no exec true
	a_is 1
	# Another release is not in it, and what wrote elsewhere makes it old.
	reads_ledger yes exec -r v2 true
	relctl -q pin v1 >/dev/null
	reads_ledger yes exec true
	reads_ledger no exec true
}

@test "a plan of another state of the ledger is not believed" {
	cp "$plan" one
	relctl -q config set A=2 >/dev/null 2>&1
	cp "$plan" two
	# As if the command had been killed before it wrote it.
	cat one >"$plan"
	a_is 2
	rm "$plan"
	a_is 2
	relctl -q rollback >/dev/null 2>&1
	cat two >"$plan"
	a_is 1
}

@test "a plan that was changed, or is no file of ours, is not believed" {
	relctl -q config set A=2 >/dev/null 2>&1
	good=$(<"$plan")
	for edit in 's/"number":2/"number":1/' 's/shop/shoq/' '1d' 2d \
		's/relctl current 1/relctl current 2/'; do
		sed "$edit" <<<"$good" >"$plan"
		try -q exec printenv RELCTL_RELEASE A
		expect 0 "v2
2" ""
	done
	: >"$plan"
	a_is 2
	rm "$plan"
	mkdir "$plan"
	a_is 2
	rmdir "$plan"
	ln -s /dev/zero "$plan"
	a_is 2
}

@test "a plan that others may write is not believed, and mended" {
	text=$(sed -n '2s/bin\/web/echo forged/p' "$plan")
	for mode in 620 602; do
		printf 'relctl current 1 %s\n%s' \
			"$(printf %s "$text" | sha256sum | cut -d ' ' -f 1)" \
			"$text" >"$plan"
		try -q run --once
		expect 0 forged ""
		chmod "$mode" "$plan"
		try -q run --once
		expect 0 one ""
		[ "$(stat -c %a "$plan")" = 600 ]
	done
}

@test "a plan from another store, or for another app, is not believed" {
	cp -a "$RELCTL_STORE" "$HOME/other"
	relctl -q config set A=2 >/dev/null 2>&1
	relctl -q --store "$HOME/other" config set A=3 >/dev/null 2>&1
	cat "$HOME/other/apps/shop.current" >"$plan"
	a_is 2
	relctl -q -a shop-two release "$id" --set A=4 >/dev/null 2>&1
	cat "$RELCTL_STORE/apps/shop-two.current" >"$plan"
	a_is 2
}

@test "a ledger that a crash left half written is asked, not the plan" {
	reads_ledger no exec true
	printf x >>"$RELCTL_STORE/ledger.db-journal"
	reads_ledger yes exec true
	a_is 1
}

@test "a ledger of an earlier day is believed, whatever the plan says" {
	cp -a "$RELCTL_STORE/ledger.db" "$HOME/ledger.db"
	relctl -q config set A=2 >/dev/null 2>&1
	cp "$HOME/ledger.db" "$RELCTL_STORE/ledger.db"
	a_is 1
}
