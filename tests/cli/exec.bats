#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
	releases 1
}

@test "exit status: the command's own, 128 and more for signals" {
	for code in 0 1 7 124 125 255; do
		try -q exec sh -c "exit $code"
		expect "$code" "" ""
	done
	try -q exec sh -c 'kill -KILL $$'
	expect 137 "" ""
	try -q exec sh -c 'kill -SEGV $$'
	expect 139 "" ""
}

@test "127 not found, 126 cannot be invoked, 125 for relctl's own" {
	try_127 -q exec nosuch-command
	expect 127 "" "error: command 'nosuch-command' not found"
	try -q exec ./page
	expect 126 "" "error: cannot invoke './page': Permission denied"
	try -q exec ./bin
	expect 126 "" "error: cannot invoke './bin': Permission denied"
	try exec
	expect 125 "" "error: 'exec' needs an argument
usage: relctl exec [OPTIONS] CMD [ARG...]
hint: 'relctl help exec' shows more"
	try exec --nosuch true
	expect 125 "" "error: unknown option '--nosuch'
usage: relctl exec [OPTIONS] CMD [ARG...]
hint: 'relctl help exec' shows more"
	try -a nosuch exec true
	expect 125 "" "error: no app 'nosuch' in the store '$RELCTL_STORE'
  shop
hint: relctl apps lists them"
	try exec -r v9 true
	expect 125 "" "$stderr"
	try --store "$HOME/none" exec true
	expect 125 "" "$stderr"
	has "$stderr" "$HOME/none"
}

@test "with --json its errors go to stderr, stdout is the command's" {
	try_127 --json exec nosuch-command
	[ "$status" = 127 ]
	[ "$output" = "" ]
	[ "$(tail -n 1 <<<"$stderr" | jq -c '[.schema,.error.exit]')" = \
		'["relctl.error/1",127]' ]
	try -q --json exec echo out
	expect 0 out ""
	try --json exec -r v9 true
	expect 125 "" "$stderr"
	[ "$(jq -c '[.error.code,.error.exit]' <<<"$stderr")" = \
		'["not_found",125]' ]
}

@test "options behind the command are the command's" {
	try -q exec echo -q --json -r v9 --help -- --version
	expect 0 "-q --json -r v9 --help -- --version" ""
	try -q exec -- echo -n x
	expect 0 x ""
	try -q exec -r v1 -- printenv RELCTL_RELEASE
	expect 0 v1 ""
	try exec --help echo
	expect 0 "$output" ""
	has "$output" "usage: relctl exec"
}

@test "arguments come as they are" {
	try -q exec printf '[%s]' '' 'a b' '*' '$HOME' $'\n' "'"
	expect 0 "[][a b][*][\$HOME][
][']" ""
}

@test "stdin, stdout and stderr pass" {
	run --separate-stderr bash -c \
		'printf "a\0b" | "$RELCTL" -q exec cat | od -An -c | tr -s " "'
	expect 0 " a \\0 b" ""
	try -q exec sh -c 'echo out; echo err >&2'
	expect 0 out err
}

@test "commands are looked up in the tree's bin first, then PATH" {
	printf '#!/bin/sh\necho ours\n' >bin/ls
	chmod +x bin/ls
	commit "An ls"
	build
	relctl -q release
	try -q exec ls
	expect 0 ours ""
	try -q exec /bin/ls -d bin
	expect 0 bin ""
	try -q exec bin/ls
	expect 0 ours ""
}

@test "it gets no more file descriptors than three" {
	run --separate-stderr bash -c \
		'exec 7</dev/null 8>&1; "$RELCTL" -q exec ls /proc/self/fd'
	expect 0 "0
1
2
3" "" # 3 is what ls reads the directory by
}

@test "a nohup that ignores a signal is kept, others are as by default" {
	run --separate-stderr bash -c \
		'trap "" PIPE; "$RELCTL" -q exec grep SigIgn /proc/self/status'
	expect 0 $'SigIgn:\t0000000000000000' ""
}

@test "on a terminal Ctrl-C reaches the command, and it alone" {
	terminal --type ready $'\x03' "$RELCTL" -q exec sh -c \
		'trap "echo got INT; exit 5" INT; echo ready
		while :; do sleep 0.05; done'
	[ "$status" = 5 ]
	has "$output" "got INT"
	terminal "$RELCTL" -q exec sh -c \
		'test -t 0 && test -t 1 && echo seen >/dev/tty'
	[ "$status" = 0 ]
	has "$output" seen
}

@test "the ledger has the command's name, and no argument" {
	try -q exec sh -c 'exit 3' s3cret
	expect 3 "" ""
	try_127 -q exec PASSWORD=s3cret/x bin/web
	expect 127 "" "error: command 'PASSWORD' not found"
	try -q exec /bin/echo s3cret
	expect 0 s3cret ""
	run events exec
	[ "$(jq -c '[.argv0,.argc,.status]' <<<"$output")" = '["sh",4,3]
["PASSWORD",2,127]
["echo",2,0]' ]
	[[ $output != *s3cret* ]]
}

@test "as root it has no power over other users' files" {
	[ "$(id -u)" = 0 ] || skip "only for root"
	echo x >"$BATS_TEST_TMPDIR/other"
	chown 65534 "$BATS_TEST_TMPDIR/other"
	chmod 600 "$BATS_TEST_TMPDIR/other"
	for level in auto none; do
		try exec --isolation=$level --bind "$BATS_TEST_TMPDIR/other" \
			cat "$BATS_TEST_TMPDIR/other"
		[ "$status" = 1 ]
		[ "$(head -n 1 <<<"$stderr")" = "$dropped" ]
		has "$stderr" "Permission denied"
	done
}

@test "nothing of the machine is there but what --bind adds" {
	mkdir "$HOME/files"
	echo here >"$HOME/files/file"
	for level in ns landlock; do
		isolation $level
		try -q exec --isolation=$level cat "$HOME/files/file"
		[ "$status" = 1 ]
		[ "$output" = "" ]
		try -q exec --isolation=$level --bind "$HOME/files" \
			cat "$HOME/files/file"
		expect 0 here ""
		try -q exec --isolation=$level --bind "$HOME/files" \
			tee "$HOME/files/new"
		[ "$status" = 1 ]
		try -q exec --isolation=$level --bind-rw "$HOME/files" \
			sh -c "echo $level >$HOME/files/new"
		expect 0 "" ""
		[ "$(cat "$HOME/files/new")" = $level ]
		# A bind that is around the store does not open it.
		try -q exec --isolation=$level --bind-rw "$HOME" \
			ls "$RELCTL_STORE" "$RELCTL_KEY_FILE/"
		[ "$status" != 0 ]
		[[ $output != *ledger* ]]
		try -q exec --isolation=$level --bind-rw "$HOME" \
			cat "$RELCTL_STORE/ledger.db"
		[ "$status" = 1 ]
		try -q exec --isolation=$level --bind-rw "$HOME" \
			cat "$RELCTL_KEY_FILE"
		[ "$output" = "" ]
	done
	run events exec
	want='[{"path":"'$HOME'/files","writable":false}]]'
	[ "$(jq -c 'select(.argv0 == "tee") | [.isolation,.network,.binds]' \
		<<<"$output")" = '["ns",true,'"$want"'
["landlock",true,'"$want" ]
}

@test "/tmp is there to write to, and gone afterwards" {
	for level in ns landlock; do
		isolation $level
		try -q exec --isolation=$level sh -c \
			'd=${TMPDIR:-/tmp} && echo x >$d/f && ls -A $d'
		expect 0 f ""
		try -q exec --isolation=$level sh -c 'ls -A "${TMPDIR:-/tmp}"'
		expect 0 "" ""
	done
}

@test "what it leaves behind ends with it" {
	# As long as anybody has the pipe, cat goes on.
	for level in auto none; do
		run timeout 60 bash -c '"$RELCTL" -q exec --isolation="$1" sh -c \
			"(setsid sleep 600 &) ; sleep 600 & echo gone" 3>&- |
			cat' bash $level
		[ "$status" = 0 ]
		[ "$output" = gone ]
	done
}

@test "it runs on a read-only file system, with a notice" {
	[ "$(id -u)" = 0 ] || skip "only root can mount"
	unshare -m mount --bind "$HOME" "$HOME" || skip "mount is not allowed"
	run --separate-stderr unshare -m sh -c '
		mount --bind "$RELCTL_STORE" "$RELCTL_STORE" &&
		mount -o remount,bind,ro "$RELCTL_STORE" &&
		"$RELCTL" exec cat page'
	expect 0 one "$stderr"
	has "$stderr" "notice: not recorded in the ledger: "
	[ "$(grep -c '^notice: ' <<<"$stderr")" = 2 ]
}
