#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154 # variables of scenes.bash
# A disk that fails: each write and each sync of the store ends, once or from
# then on for ever, with an error. The command says so in one line and does not
# claim to have done it; the store stays whole, and what was asked for succeeds
# when the disk works again.
# RELCTL_CRASH_POINTS is how many failures a test tries (0: all there are).

load helper
load scenes

setup() {
	private
	command -v strace >/dev/null || skip "no strace"
	app_repo repo
	most=${RELCTL_CRASH_POINTS:-30}
	[ "$most" -gt 0 ] || most=1000000
}

# failures FILE: "CALL WHEN ERROR" for what touches the store or the key. SQLite
# takes no notice of a directory that can't be synced (fdatasync), by design. A
# tree's file that can't be linked to an older tree's is written instead.
failures() {
	grep -F -e "$RELCTL_STORE" -e "$XDG_CONFIG_HOME" -e ' write(' "$1" |
		awk -v store="$RELCTL_STORE>" '
		{ call = $2; sub(/\(.*/, "", call) }
		call !~ /^(write|pwrite64|fsync|fdatasync|syncfs|linkat)$/ &&
			call !~ /^(renameat2|renameat)$/ { next }
		{ k = ++count[call] }
		call == "write" && /write\([12]</ { next }
		call == "linkat" && !/self\/fd/ { next }
		call == "fdatasync" && index($0, store) { next }
		{
			print call, k, "EIO"
			print call, k "+", "EIO"
			print call, k, "ENOSPC"
			print call, k "+", "ENOSPC"
		}'
}

# One line, with the reason. Where stderr fails too nobody can be told.
tells() {
	local words='Input/output error'

	[ "$1 $2" = "write ${2%+}+" ] && return
	[ "$3" = EIO ] || words='(No space left on device|the disk is full)'
	is "the number of errors" "$(grep -c ^error: failed.err)" 1 &&
		grep -qE "^error: .*$words" failed.err
}

# strike CALL WHEN ERROR
strike() {
	local ended=0

	restore
	inject "$1" "error=$3:when=$2" "$RELCTL" "${command[@]}" \
		>failed.out 2>failed.err || ended=$?
	said=$(cat failed.out)
	if [ "$ended" = 0 ]; then
		survives "$@" || return
	else
		is "the status" "$ended" 1 && is "the output" "$said" "" &&
			tells "$@" || return
	fi
	whole && settled && intact && swept && same_files
}

# A single ENOSPC in the ledger costs the reserve, and nothing else.
survives() {
	is "the output" "$said" "$wanted" || return
	case $* in
	*+*) ;;
	"pwrite64 "*" ENOSPC") return ;;
	esac
	echo "no error"
	return 1
}

# sweep SCENE [PATTERN]: let its command fail; only at failures like PATTERN,
# and then at all of them.
sweep() {
	local list all i point

	scene "$1"
	restore
	strace -f -qq -y -s 0 -o paths.out -e trace="$calls" -- \
		"$RELCTL" "${command[@]}" >paths.said 2>&1
	mapfile -t list < <(failures paths.out | grep -E "${2:-}")
	all=${#list[@]}
	if [ $# = 1 ]; then
		[ "$all" -ge 60 ]
	else
		[ "$all" -ge 4 ]
		most=$all
	fi
	[ "$most" -lt "$all" ] || most=$all
	for ((i = 0; i < most; i++)); do
		point=${list[i * all / most]}
		# shellcheck disable=SC2086 # three words
		if ! strike $point >strike.out 2>&1; then
			echo "failed at $point: relctl ${command[*]}"
			cat strike.out
			cat failed.out failed.err
			return 1
		fi
	done
	note "$BATS_TEST_DESCRIPTION: $all failures, $most tried"
}

@test "build into a new store, with its key" {
	sweep build_new
}

@test "build into a store that has builds" {
	sweep build
}

@test "import" {
	sweep import
}

@test "the first release" {
	sweep first_release
}

@test "a release is not made twice when its commit cannot be synced" {
	sweep first_release '^fdatasync .* ENOSPC$'
}

@test "a later release" {
	sweep release
}

@test "rollback" {
	sweep rollback
}

@test "rollback to a release that has to be unpacked" {
	sweep rollback_to
}

@test "gc" {
	sweep gc
}
