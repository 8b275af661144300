#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# kill -9 at any moment: what is left is whole, and the same command, given
# again, ends with the same result.
#
# Each test records the system calls of a command. Then it kills the command at
# its first openat, its second, …, each time on a fresh copy of the store.
# RELCTL_CRASH_POINTS is how many points a test tries (0: all there are).

load helper

setup() {
	private
	command -v strace >/dev/null || skip "no strace"
	app_repo repo
	most=${RELCTL_CRASH_POINTS:-90}
	[ "$most" -gt 0 ] || most=1000000
}

# build COMMIT, release ARGS…: what a test begins with, two days ago.
old() {
	RELCTL_CLOCK_BACK=172800 LD_PRELOAD=$RELCTL_CLOCK strict relctl "$@"
}

# After a kill: what was printed is there, all else is old or new, no third.
# after_kill and after_all are the test's own.
strike() {
	restore
	killed=0
	inject "$1" "signal=SIGKILL:when=$2" "$RELCTL" "${command[@]}" \
		>killed.out 2>killed.err || killed=$?
	if [ "$killed" != 137 ]; then
		echo "not killed: status $killed"
		return 1
	fi
	if [ -e "$RELCTL_STORE/format" ]; then
		intact || return
	else
		absent || return
	fi
	said=$(cat killed.out)
	after_kill || return
	intact || return
	after_all
}

# A store that was not finished is none.
absent() {
	try verify --all
	[ "$status" = 5 ] && [ -z "$output" ] &&
		has "$stderr" "error: no store at '$RELCTL_STORE'" &&
		[ ! -s killed.out ]
}

# again: the same command, to its end. again EXPECTED: with this output.
again() {
	relctl "${command[@]}" >again.out 2>again.err || {
		echo "again: status $?"
		cat again.err
		return 1
	}
	[ $# = 0 ] || [ "$(cat again.out)" = "$1" ] || {
		printf 'again: %s, not %s\n' "$(cat again.out)" "$1"
		return 1
	}
}

# No half thing stays once gc has been there.
swept() {
	relctl gc >gc.out 2>&1 || {
		cat gc.out
		return 1
	}
	[ -z "$(ls "$RELCTL_STORE/tmp")" ]
}

# The files of the store that have the same name whenever they are made.
files() {
	(cd "$RELCTL_STORE" && find artifacts chunks releases trees -type f |
		sort)
}

same_files() {
	diff <(echo "$wanted_files") <(files)
}

# sweep WORD…: kill `relctl WORD…` at its points. The store is what it is now.
sweep() {
	local list all done_n=0

	command=("$@")
	save
	trace trace.out "$RELCTL" "$@" >wanted.out 2>wanted.err
	intact
	all=$(points trace.out 1000000 | wc -l)
	mapfile -t list < <(points trace.out "$most")
	[ "${#list[@]}" -gt 30 ]
	wanted=$(cat wanted.out)
	wanted_current=$(current repo 2>/dev/null) || true
	wanted_files=$(files)
	for point in "${list[@]}"; do
		# shellcheck disable=SC2086 # two words
		if ! strike $point >strike.out 2>&1; then
			echo "killed at $point: relctl ${command[*]}"
			cat strike.out
			return 1
		fi
		done_n=$((done_n + 1))
	done
	note "$BATS_TEST_DESCRIPTION: $all points, $done_n tried"
}

@test "build into a new store, with its key" {
	after_kill() {
		again "$wanted" && { [ -z "$said" ] ||
			{ [ "$said" = "$wanted" ] &&
				has "$(cat again.err)" "built before"; }; }
	}
	after_all() {
		swept && same_files
	}
	sweep -C repo build
}

@test "build into a store that has builds" {
	after_kill() {
		again "$wanted" && { [ -z "$said" ] ||
			{ [ "$said" = "$wanted" ] &&
				has "$(cat again.err)" "built before"; }; }
	}
	after_all() {
		swept && same_files
	}
	strict relctl -C repo build HEAD~1
	sweep -C repo build
}

@test "import" {
	after_kill() {
		again "$wanted" && { [ -z "$said" ] || [ "$said" = "$wanted" ]; }
	}
	after_all() {
		swept && same_files
	}
	strict relctl -C repo build
	strict relctl export "$(cat quiet.out | tail -n 1)" -o app.tar.zst
	wipe data config
	strict relctl -C repo build HEAD~1
	sweep import app.tar.zst
}

# A release or a change of config: the content is the old or the new one; the
# number is the same however often it is tried.
made_once() {
	local now

	now=$(current repo) || true
	[ "$now" = "$before" ] || [ "$now" = "$wanted_current" ] || {
		echo "current is $now"
		return 1
	}
	[ -z "$said" ] ||
		{ [ "$said" = "$wanted" ] && [ "$now" = "$wanted_current" ]; } ||
		return
	again "$wanted" && [ "$(current repo)" = "$wanted_current" ] &&
		[ "$(releases repo)" = "${wanted#v}" ]
}

@test "the first release" {
	after_kill() { made_once; }
	after_all() { swept && same_files; }
	strict relctl -C repo build
	id=$(tail -n 1 quiet.out)
	before=
	sweep -a repo release "$id" --set A=1
	[ "$wanted" = v1 ]
}

two_releases() {
	strict relctl -C repo build HEAD~1
	strict relctl -C repo -a repo release HEAD~1 --set A=1
	strict relctl -C repo build
	id=$(tail -n 1 quiet.out)
}

@test "a later release" {
	after_kill() { made_once; }
	after_all() { swept && same_files; }
	two_releases
	before=$(current repo)
	sweep -a repo release "$id" --set A=2
	[ "$wanted" = v2 ]
}

@test "config set" {
	after_kill() { made_once; }
	after_all() { swept && same_files; }
	two_releases
	strict relctl -a repo release "$id"
	before=$(current repo)
	sweep -a repo config set B=2
	[ "$wanted" = v3 ]
}

# A rollback that was done must not be given again: it would go further back.
@test "rollback" {
	after_kill() {
		local now

		now=$(current repo)
		if [ "$now" = "$before" ]; then
			[ -z "$said" ] && again || return
		fi
		[ "$(current repo)" = "$target" ]
	}
	after_all() { swept && same_files; }
	two_releases
	target=$(current repo)
	strict relctl -a repo release "$id"
	before=$(current repo)
	[ "$target" != "$before" ]
	sweep -a repo rollback
	[ "$wanted" = v3 ] && [ "$wanted_current" = "$target" ]
}

@test "rollback to a release that has to be unpacked" {
	after_kill() {
		[ "$(current repo)" = "$before" ] ||
			[ "$(current repo)" = "$target" ] || return
		[ -z "$said" ] || [ "$(current repo)" = "$target" ] || return
		again && [ "$(current repo)" = "$target" ]
	}
	after_all() { swept && same_files; }
	two_releases
	target=$(current repo)
	wipe "$RELCTL_STORE"/trees/*
	strict relctl -a repo release "$id"
	before=$(current repo)
	sweep -a repo rollback v1
	[ "$wanted" = v3 ] && [ "$wanted_current" = "$target" ]
}

@test "gc" {
	after_kill() { again; }
	after_all() {
		swept && same_files &&
			[ "$(current repo)" = "$wanted_current" ] &&
			relctl -a repo exec web >exec.out 2>exec.err &&
			[ "$(cat exec.out)" = web ]
	}
	for c in HEAD~2 HEAD~1 HEAD; do
		old -C repo build "$c"
		old -C repo -a repo release "$c"
	done
	before_files=$(files)
	sweep gc --keep 1
	[ "$before_files" != "$wanted_files" ]
	[ "$(ls "$RELCTL_STORE/artifacts" | wc -l)" = 1 ]
}
