#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# layers.sh ROOT - the laws of docs/design.md that a machine can see: includes
# go down, stages never meet, one library has one owner, lib/ is silent.
set -eu
cd "$1"

mechanisms='crypto pack config store ledger sandbox'

# What a folder may include besides itself and base.
below() {
	case $1 in
	lib/base) echo '' ;;
	lib/crypto | lib/sandbox) echo '' ;;
	lib/source | lib/pack | lib/config | lib/store | lib/ledger) echo crypto ;;
	lib/home) echo "$mechanisms" ;;
	lib/build) echo "$mechanisms home source" ;;
	lib/release | lib/run | lib/audit) echo "$mechanisms home" ;;
	cmd) echo "$mechanisms home build release run audit" ;;
	*) return 1 ;;
	esac
}

# The only place where a library's header may stand.
owner() {
	case $1 in
	git2.h | git2/*) echo 'lib/source/*' ;;
	archive.h | archive_entry.h | zstd*.h | zdict.h) echo 'lib/pack/*' ;;
	sqlite3*.h) echo 'lib/ledger/*' ;;
	openssl/*) echo 'lib/crypto/*' ;;
	jansson*.h) echo 'lib/base/json.c' ;;
	libsmartcols*) echo 'cmd/*' ;;
	*) echo '*' ;;
	esac
}

check_includes() {
	dir=${1%/*}
	allowed=$(below "$dir") || {
		echo "$1: '$dir' is no folder of the house"
		return
	}
	sed -n 's/^[ \t]*#[ \t]*include[ \t]*\([<"][^>"]*\).*/\1/p' "$1" |
		while read -r include; do
			name=${include#?}
			case $include in
			\<*)
				# shellcheck disable=SC2254 # the owner is a pattern
				case $1 in
				$(owner "$name")) ;;
				*) echo "$1: <$name> belongs to $(owner "$name")" ;;
				esac
				;;
			*/*)
				case " base ${dir#lib/} $allowed " in
				*" ${name%%/*} "*) ;;
				*) echo "$1: may not include $name" ;;
				esac
				;;
			*)
				[ -e "$dir/$name" ] || echo "$1: where is $name?"
				;;
			esac
		done
}

# Calls that print, end the program or ask the environment; comments and
# strings are blanked first, line by line. mem.c aborts without any of them.
check_silent() {
	perl -0777 -ne '
		s{("(?:\\.|[^"\\])*"|\x27(?:\\.|[^\x27\\])*\x27|/\*.*?\*/|//[^\n]*)}
			{$1 =~ tr/\n//cdr}gse;
		my $n = 0;
		for (split /\n/) {
			$n++;
			print "$ARGV:$n: the library is silent: $1\n" if
				/\b(v?f?printf|v?dprintf|f?puts|f?putc|putchar|perror|
				exit|getenv|secure_getenv|setenv|unsetenv|putenv|
				clearenv)\s*\(/x;
		}' "$1"
}

findings=$(
	find lib cmd -name '*.[ch]' | LC_ALL=C sort | while read -r file; do
		check_includes "$file"
		case $file in
		lib/*) check_silent "$file" ;;
		esac
	done
)
[ -z "$findings" ] || {
	echo "$findings"
	exit 1
}
