#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# manpages.sh RELCTL DIR - every command has its page DIR/relctl-COMMAND.1.scd,
# no page is left over, and the options that a page explains (the lines that
# begin with *- in its OPTIONS section) are exactly those of the command's
# table. The global options are those of relctl.1.scd.
set -eu
relctl=$1
dir=$2

options_of() {
	tr -d '\134' <"$1" | awk '/^# / { on = /OPTIONS/ } on && /^\*-/' |
		grep -oE -e '--?[[:alnum:]][[:alnum:]-]*' | LC_ALL=C sort -u
}

table=$("$relctl" help --table)
findings=$(
	echo "$table" | while read -r name options; do
		page=$dir/relctl-$name.1.scd
		[ "$name" != relctl ] || page=$dir/relctl.1.scd
		if [ ! -e "$page" ]; then
			echo "$page: missing"
			continue
		fi
		want=$(echo "$options" | tr -s ' ' '\n' | LC_ALL=C sort -u)
		have=$(options_of "$page" || true)
		[ "$want" = "$have" ] && continue
		for o in $have; do
			echo "$want" | grep -qxF -e "$o" ||
				echo "$page: there is no option $o"
		done
		for o in $want; do
			echo "$have" | grep -qxF -e "$o" ||
				echo "$page: does not explain $o"
		done
	done
	for page in "$dir"/relctl-*.1.scd; do
		name=${page##*/relctl-}
		name=${name%.1.scd}
		[ -e "$page" ] || continue
		echo "$table" | grep -q "^$name\( \|\$\)" ||
			echo "$page: there is no command '$name'"
	done
)
[ -z "$findings" ] || {
	echo "$findings"
	exit 1
}
