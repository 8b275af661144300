#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [--quick] - installs what the tests need, builds relctl and passes
# them; its last line is "N passed, N failed, N skipped".
# A case is one TAP result, a test program without TAP, or a build that must
# give no warning. The cases that the sanitizers repeat are not counted again:
# of these only what fails is added. --quick leaves out clang and sanitizers.
# threaded: the programs in which there are threads.
set -eu

cd "$(dirname "$0")/.."
# shellcheck source=tests/packages.sh
. tests/packages.sh

threaded='pool pack unpack segments chunk tree git git_again folder build grow release'
only='' patience=1
quick=
case ${1-} in
--quick) quick=1 ;;
'') ;;
*)
	echo "usage: sh tests/run.sh [--quick]" >&2
	exit 2
	;;
esac

passed=0
failed=0
skipped=0
notes=$(mktemp)
trap 'rm -f "$notes"' EXIT
trap 'exit 130' HUP INT TERM

say() {
	printf '\n== %s\n' "$*"
}

# compile DIR MESON-OPTION…: sets up DIR and builds it.
compile() {
	compiled=$1
	shift
	again=
	[ ! -e "$compiled/build.ninja" ] || again=--reconfigure
	# shellcheck disable=SC2086 # no word, or one
	if meson setup $again "$compiled" "$@" >"$compiled.log" 2>&1 &&
		ninja -C "$compiled" >>"$compiled.log" 2>&1; then
		rm -f "$compiled.log"
		return 0
	fi
	grep -E 'error|ERROR|warning' -A 4 "$compiled.log" | head -n 60 ||
		tail -n 20 "$compiled.log"
	failed=$((failed + 1))
	echo "  failed build $compiled ($compiled.log)" >>"$notes"
	return 1
}

# without_warning DIR MESON-OPTION…: one case.
without_warning() {
	compile "$@" -Dwerror=true || return 1
	passed=$((passed + 1))
	echo "no warning"
}

# suites DIR: the names of the suites that this build has, in order.
suites() {
	meson introspect --tests "$1" | python3 -c 'import json, sys
names = [s.split(":")[-1] for t in json.load(sys.stdin) for s in t["suite"]]
print(*dict.fromkeys(names))'
}

# check DIR WHAT SUITE…: runs them, or of them the programs in $only; sets p, f
# and s.
check() {
	tested=$1
	what=$2
	shift 2
	args=
	for suite; do
		args="$args --suite $suite"
	done
	rm -f "$tested/meson-logs/testlog.json"
	# The status is that of the counts below.
	# shellcheck disable=SC2086 # a word each
	meson test -C "$tested" --no-rebuild --print-errorlogs -t "$patience" \
		$args $only 2>&1 |
		grep -vE '^(ninja:|Full log|Expected Fail|Unexpected Pass)' || true
	if ! python3 tests/count.py --again "$what" --only "$only" "$tested" "$@" \
		>"$tested.count"; then
		f=1 p=0 s=0
		echo "  failed: the log of $tested cannot be read" >>"$notes"
		return
	fi
	sed -n '/programs:/p' "$tested.count"
	listed='failed\|skipped'
	[ -z "$what" ] || listed=failed
	sed -n "/^  \($listed\) /p" "$tested.count" >>"$notes"
	read -r p f s <<-EOF
		$(tail -n 1 "$tested.count")
	EOF
	rm -f "$tested.count"
}

say "packages"
need build test
echo "all there"

say "gcc"
if CC=gcc without_warning build-test; then
	say "tests"
	# shellcheck disable=SC2046 # a word each
	check build-test '' $(suites build-test)
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
fi

if [ -z "$quick" ]; then
	say "clang"
	CC=clang without_warning build-clang || true

	# gcc warns of what is not so when it instruments: no -Werror here.
	say "gcc with AddressSanitizer and UndefinedBehaviorSanitizer"
	if CC=gcc compile build-asan -Db_sanitize=address,undefined; then
		say "unit and cli with sanitizers"
		check build-asan '(sanitizers)' unit cli
		echo "($p passed again)"
		failed=$((failed + f))
	fi

	say "gcc with ThreadSanitizer"
	if CC=gcc compile build-tsan -Db_sanitize=thread; then
		say "what has threads, with it"
		only=$threaded patience=5
		check build-tsan '(threads)' unit cli
		only='' patience=1
		echo "($p passed again)"
		failed=$((failed + f))
	fi
fi

say "result"
sort -u "$notes"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
