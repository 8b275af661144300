#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0

load helper

setup() {
	private
}

# The state of one check.
state() {
	jq -r --arg what "$1" '.checks[] | select(.what == $what).state' \
		<<<"$output"
}

@test "a directory that may not be read is no fault of the kernel" {
	local powerless=()

	# Root may read it all the same, unless it gives that up.
	[ "$(id -u)" != 0 ] ||
		powerless=(setpriv
			'--bounding-set=-dac_override,-dac_read_search')
	mkdir closed
	cd closed
	chmod 0 .
	run --separate-stderr "${powerless[@]}" "$RELCTL" doctor --json
	chmod 700 "$HOME/closed"
	[ "$status" = 0 ]
	[ "$(state openat2)" = ok ]
	[ "$(state store)" = absent ]
}
