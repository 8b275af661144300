#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for bash -c

load helper

setup() {
	private
}

@test "relctl alone, -h, --help and help print the same overview" {
	try
	expect 0 "$output" ""
	has "$output" "Build, release, run and roll back"
	overview=$output
	for way in -h --help help; do
		try "$way"
		expect 0 "$overview" ""
	done
}

@test "the overview names every command" {
	try
	expect 0 "$output" ""
	for c in $(commands); do
		grep -qw -- "$c" <<<"$output"
	done
}

@test "every command has help of at most 80 columns, the same in all ways" {
	for c in $(commands); do
		try "$c" --help
		expect 0 "$output" ""
		has "$output" "usage: relctl $c"
		# shellcheck disable=SC2154 # set by run
		for line in "${lines[@]}"; do
			[ "${#line}" -le 80 ] || (echo "$c: $line" && false)
		done
		help=$output
		try "$c" -h
		expect 0 "$help" ""
		try -h "$c"
		expect 0 "$help" ""
		try help "$c"
		expect 0 "$help" ""
	done
}

@test "help names every option of the command and every global one" {
	relctl help --table | while read -r c options; do
		[ "$c" != relctl ] || c=help
		text=$(relctl "$c" -h)
		for o in $options; do
			has "$text" "$o"
		done
	done
}

@test "no option of a command is a global one too, none is there twice" {
	global=$(relctl help --table | sed -n '1s/^relctl //p')
	relctl help --table | sed 1d | while read -r c options; do
		twice=$(tr -s ' ' '\n' <<<"$global $options" | sort | uniq -d)
		[ -z "$twice" ] || (echo "$c: $twice" && false)
	done
}

@test "help works anywhere and leaves nothing behind" {
	unset RELCTL_STORE RELCTL_KEY_FILE XDG_DATA_HOME XDG_CONFIG_HOME
	export HOME=/nonexistent RELCTL_APP='Not An App'
	try help
	expect 0 "$output" ""
	for c in $(commands); do
		try "$c" -h
		expect 0 "$output" ""
	done
	[ -z "$(ls -A "$BATS_TEST_TMPDIR/home")" ]
}

@test "help of a command that does not exist suggests one" {
	try help hlp
	expect 2 "" "error: there is no command 'hlp'
hint: did you mean 'help'?"
}

@test "a mistyped command is not run, a near one is suggested" {
	try completoin bash
	expect 2 "" "error: there is no command 'completoin'
hint: did you mean 'completion'?"
	try qqqqqq
	expect 2 "" "error: there is no command 'qqqqqq'
hint: 'relctl help' lists the commands"
}

@test "a mistyped option shows the usage line and a near option" {
	try help --josn
	expect 2 "" "error: unknown option '--josn'
usage: relctl help [OPTIONS] [COMMAND]
hint: did you mean '--json'?"
	try --josn help
	expect 2 "" "error: unknown option '--josn'
hint: did you mean '--json'?"
}

@test "an abbreviated option is refused" {
	try help --vers
	expect 2 "" "error: unknown option '--vers'
usage: relctl help [OPTIONS] [COMMAND]
hint: did you mean '--version'?"
}

@test "too many arguments are a usage error" {
	try help help A_TOKEN=secret
	expect 2 "" "error: unexpected argument 'A_TOKEN'
usage: relctl help [OPTIONS] [COMMAND]
hint: 'relctl help help' shows more"
}

@test "with --json an error is one document on stdout" {
	try helpp --json
	expect 2 "$output" ""
	[ "$(jq -r '.schema + " " + .error.code + " " + (.error.exit | tostring)' \
		<<<"$output")" = "relctl.error/1 usage 2" ]
	[ "$(jq -r .error.hint <<<"$output")" = "did you mean 'help'?" ]
}

@test "--version is one line, or one document" {
	try --version
	expect 0 "$output" ""
	[[ $output =~ ^relctl\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
	version=${output#relctl }
	try help --version --json
	expect 0 "{\"schema\":\"relctl.version/1\",\"version\":\"$version\"}" ""
}

@test "what can't be written to stdout is an error" {
	run --separate-stderr bash -c '"$RELCTL" help >/dev/full'
	expect 1 "" \
		"error: write to the standard output: No space left on device"
	run --separate-stderr bash -c \
		'trap "" PIPE; { sleep 0.2; "$RELCTL" help; echo $? >&3; } 3>status | true'
	[ "$(cat status)" = 1 ]
	# shellcheck disable=SC2154 # set by run
	[ "$stderr" = "error: write to the standard output: Broken pipe" ]
}

@test "closed standard streams are no trap" {
	run --separate-stderr bash -c '"$RELCTL" help nosuch 0<&- 1>&- 2>&-'
	expect 2 "" ""
	run --separate-stderr bash -c '"$RELCTL" help <&- 2>&-'
	expect 0 "$(relctl help)" ""
}
