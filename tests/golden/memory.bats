#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Anonymous memory stays within 64 MiB and twice the largest blob.
# shellcheck disable=SC2154 # $here: helper.bash

load helper

setup_file() {
	export repo=$BATS_FILE_TMPDIR/large
	git init -q -b main "$repo"
	# 20,000 files of up to 4 kB that compress badly, and one of 12 MiB.
	python3 -B - <<-'END' | git -C "$repo" fast-import --quiet
		import random, sys
		out = sys.stdout.buffer
		rng = random.Random(7)
		def data(b):
		    out.write(b"data %d\n" % len(b) + b + b"\n")
		out.write(b"commit refs/heads/main\n"
		          b"committer a <a@example.com> 1700000000 +0000\n")
		data(b"all")
		for i in range(20000):
		    out.write(b"M 100644 inline d%d/e%d/f%d\n" % (i % 40, i % 7, i))
		    data(rng.randbytes(rng.randrange(2000)).hex().encode())
		out.write(b"M 100644 inline large\n")
		data(rng.randbytes(12 << 20))
		out.write(b"done\n")
	END
}

setup() {
	private
	git_apart
}

# within KIB CMD…: RssAnon of CMD, which must succeed.
within() {
	local limit=$1 peak samples

	shift
	python3 "$here/rss.py" "$@" >out 2>err || {
		cat err
		return 1
	}
	read -r peak samples <<<"$(tail -n 1 err)"
	echo "$* peak $peak KiB of $limit, $samples samples"
	[ "$samples" -ge 20 ]
	[ "$peak" -gt 1000 ]
	[ "$peak" -le "$limit" ]
}

@test "20,000 files: build, import, unpack, verify within 64 MiB and 2 x 12" {
	local limit=$(((64 + 2 * 12) * 1024)) id

	[ "$(git -C "$repo" ls-tree -r HEAD | wc -l)" = 20001 ]
	within "$limit" "$RELCTL" -q build -C "$repo"
	id=$(cat out)
	within "$limit" "$RELCTL" -q build --check -C "$repo"
	within "$limit" "$RELCTL" -q export "$id" -o large.tar.zst
	export RELCTL_STORE=$HOME/second RELCTL_KEY_FILE=$HOME/second.key
	within "$limit" "$RELCTL" -q import large.tar.zst
	[ "$(cat out)" = "$id" ]
	within "$limit" "$RELCTL" -q -a shop release "$id"
	within "$limit" "$RELCTL" -q verify --all
	python3 "$here/compare.py" tree "$repo" HEAD \
		"$RELCTL_STORE/trees/${id#sha256:}" >said
	has "$(cat said)" "20321 entries, 0 differ, 1 mtime"
}
