# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2317,SC2034 # settled and alone are used by who loads this
# Commands to stop in the middle. `scene_NAME` makes the store that one begins
# with, puts it into `command`, and defines `settled`: what must hold after the
# command was stopped. `settled` gives the command again, and what it said the
# first time is in `said`.

# scene NAME: prepare, and run the command once without harm: its output is
# `wanted`, its trace is in trace.out.
scene() {
	before='' target='' alone=''
	wipe data config saved
	"scene_$1"
	save
	trace trace.out "$RELCTL" "${command[@]}" >wanted.out 2>wanted.err
	intact
	wanted=$(cat wanted.out)
	wanted_current=$(current repo 2>/dev/null) || true
	wanted_files=$(files)
}

# The files of the store that have the same name whenever they are made.
files() {
	(cd "$RELCTL_STORE" && find artifacts chunks releases trees -type f |
		sort)
}

same_files() {
	diff <(echo "$wanted_files") <(files)
}

# No half thing stays once gc has been there.
swept() {
	strict relctl gc && is "tmp/ after gc" "$(ls -A "$RELCTL_STORE/tmp")" ""
}

# again: the same command, to its end. again EXPECTED: with this output.
again() {
	relctl "${command[@]}" >again.out 2>again.err || {
		echo "again: status $?"
		cat again.err
		return 1
	}
	[ $# = 0 ] || is "the second output" "$(cat again.out)" "$1"
}

# whole: the store is in order; or it was never finished, and then it is none.
whole() {
	if [ -e "$RELCTL_STORE/format" ]; then
		intact
		return
	fi
	relctl verify --all >verify.out 2>verify.err
	# shellcheck disable=SC2154 # said is set by whoever stops the command
	is "verify's status" "$?" 5 && is "its output" "$(cat verify.out)" "" &&
		is "the output" "$said" "" &&
		has "$(cat verify.err)" "error: no store at '$RELCTL_STORE'"
}

# What was printed before the end came was true.
built_again() {
	again "$wanted" || return
	[ -z "$said" ] || { is "the output" "$said" "$wanted" &&
		has "$(cat again.err)" "$1"; }
}

scene_build_new() {
	settled() { built_again "built before"; }
	command=(-C repo build)
}

scene_build() {
	settled() { built_again "built before"; }
	strict relctl -C repo build HEAD~1
	command=(-C repo build)
}

scene_import() {
	settled() { built_again ""; }
	strict relctl -C repo build
	strict relctl export "$(tail -n 1 quiet.out)" -o app.tar.zst
	wipe data config
	strict relctl -C repo build HEAD~1
	command=(import app.tar.zst)
}

# was_or_is CONTENT: current is what it was, or this; this, if that was said.
was_or_is() {
	local now

	now=$(current repo) || true
	[ "$now" = "$1" ] && return
	[ "$now" = "$before" ] && [ -z "$said" ] && return
	echo "said '$said', and current is '$now'"
	return 1
}

# A release gets one number, however often the command is given.
released_once() {
	was_or_is "$wanted_current" && again "$wanted" &&
		is "what is current" "$(current repo)" "$wanted_current" &&
		is "the last release" "v$(releases repo)" "$wanted"
}

scene_first_release() {
	settled() { released_once; }
	strict relctl -C repo build
	command=(-a repo release "$(tail -n 1 quiet.out)" --set A=1)
}

# v1 of one artifact, and another one, whose ID is then in `id`.
one_release() {
	strict relctl -C repo build HEAD~1
	strict relctl -C repo -a repo release HEAD~1 --set A=1
	target=$(current repo)
	before=$target
	strict relctl -C repo build
	id=$(tail -n 1 quiet.out)
}

two_releases() {
	one_release
	strict relctl -a repo release "$id"
	before=$(current repo)
	[ "$target" != "$before" ]
}

scene_release() {
	settled() { released_once; }
	one_release
	command=(-a repo release "$id" --set A=2)
}

# Between its number and its being current something runs: a release that was
# stopped there is there, and it is made current when the command comes again.
scene_hooked() {
	settled() {
		if [ "$(releases repo)" = 2 ] &&
			[ "$(current repo)" = "$before" ]; then
			touch between
		fi
		released_once
	}
	one_release
	printf 'web: bin/web\nrelease: true\n' >repo/Procfile
	git -C repo commit -q -a -m hooked
	strict relctl -C repo build
	command=(-a repo release "$(tail -n 1 quiet.out)" --set A=2)
	alone=1
}

scene_config() {
	settled() { released_once; }
	two_releases
	command=(-a repo config set B=2)
}

# A rollback that was done is not given again: it would go further back.
scene_rollback() {
	settled() {
		was_or_is "$target" || return
		[ "$(current repo)" = "$target" ] || again || return
		is "what is current" "$(current repo)" "$target"
	}
	two_releases
	command=(-a repo rollback)
}

# This one has to unpack the tree, and may be given twice.
scene_rollback_to() {
	settled() {
		was_or_is "$target" && again &&
			is "what is current" "$(current repo)" "$target"
	}
	one_release
	wipe "$RELCTL_STORE"/trees/*
	strict relctl -a repo release "$id"
	before=$(current repo)
	command=(-a repo rollback v1)
}

# Three old releases, of which the last is to stay.
scene_gc() {
	local commit

	settled() {
		again && is "what is current" "$(current repo)" "$before" &&
			is "exec web" "$(relctl -a repo exec web 2>/dev/null)" web
	}
	for commit in HEAD~2 HEAD~1 HEAD; do
		two_days_ago -C repo build "$commit"
		two_days_ago -C repo -a repo release "$commit"
	done
	before=$(current repo)
	command=(gc --keep 1)
}

two_days_ago() {
	RELCTL_CLOCK_BACK=172800 LD_PRELOAD=$RELCTL_CLOCK strict relctl "$@"
}
