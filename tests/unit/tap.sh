#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tap.sh PROGRAM - a cmocka program, in TAP that others read too: cmocka 1.1.5
# writes `not ok 4 # SKIP name` for a skipped test, which counts as failed. The
# reason is the comment before it. The exit status is the program's.
set -eu
status=$({ {
	failed=0
	"$@" 3>&- 4>&- || failed=$?
	echo "$failed" >&3
} | awk '
	/^not ok [0-9]+ # SKIP / {
		print "ok " $3 " - " $6 " # SKIP " why
		fflush()
		next
	}
	{
		why = substr($0, 1, 2) == "# " ? substr($0, 3) : ""
		print
		fflush()
	}' >&4; } 3>&1) 4>&1
exit "$status"
