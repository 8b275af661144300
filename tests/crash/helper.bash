# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For every file here: `load helper`, then `setup() { private; … }`.
# RELCTL_CLOCK is a library that sets the clock of a program back (clock.c).

load ../cli/helper

# The system calls that change a file, a name or a lock, that make things last,
# or that begin something. What a process did between two of them nobody sees.
calls=openat,openat2,write,pwrite64,fsync,fdatasync,syncfs,unlink,unlinkat
calls+=,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat
calls+=,rmdir,ftruncate,fallocate,chmod,fchmod,fchmodat,utimensat,fcntl,flock
calls+=,close,execve

# app_repo DIR: a repository of three commits. Its contents never change, so
# that a failure can be looked at again.
app_repo() {
	local i

	export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
	export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.com
	export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.com
	export GIT_AUTHOR_DATE='1700000000 +0000'
	export GIT_COMMITTER_DATE=$GIT_AUTHOR_DATE
	git init -q -b main "$1"
	mkdir "$1/bin" "$1/lib"
	printf '#!/bin/sh\necho web\n' >"$1/bin/web"
	chmod +x "$1/bin/web"
	echo 'web: bin/web' >"$1/Procfile"
	ln -s bin/web "$1/start"
	for i in 1 2 3; do
		seq "$i" 400 >"$1/lib/$i"
	done
	seq 1 20000 >"$1/lib/big"
	git -C "$1" add -A
	git -C "$1" commit -q -m one
	for i in two three; do
		echo "$i" >"$1/lib/1"
		seq 1 "2000${#i}" >"$1/lib/big"
		git -C "$1" commit -q -a -m "$i"
	done
}

# strict CMD…: run, and show what it said if it does not succeed.
strict() {
	"$@" >quiet.out 2>&1 || {
		printf 'failed: %s\n' "$*"
		cat quiet.out
		return 1
	}
}

# is WHAT ACTUAL EXPECTED
is() {
	[ "$2" = "$3" ] && return
	printf '%s is %s, not %s\n' "$1" "'$2'" "'$3'"
	return 1
}

# wipe DIR…: remove, also what is read-only.
wipe() {
	chmod -R u+w "$@" 2>/dev/null || true
	rm -rf "$@"
}

# save, restore: the store and its key, as they are now.
save() {
	wipe saved
	mkdir saved data config 2>/dev/null || true
	cp -a data config saved
}
restore() {
	wipe data config
	cp -a saved/. .
}

# current APP: the content of its current release, or nothing.
current() {
	relctl -a "$1" --json releases --all |
		grep -o '"content":"[0-9a-f]*","current":true' |
		cut -d '"' -f 4
}

# releases APP: how many it has.
releases() {
	relctl -a "$1" --json releases --all | grep -o '"release":' | wc -l
}

# intact: nothing in the store is damaged.
intact() {
	relctl verify --all >verify.out 2>&1 && return
	echo "verify --all: status $?"
	cat verify.out
	return 1
}

# single CMD…: on one CPU there is no thread, so the Nth call is always the same.
single() {
	taskset -c "$(taskset -cp "$BASHPID" | sed 's/.*: //; s/[,-].*//')" "$@"
}

# trace FILE CMD…: run CMD, and write the calls it makes to FILE.
trace() {
	single strace -f -qq -s 4096 -o "$1" -e trace="$calls" -- "${@:2}"
}

# points FILE MOST: the points of a traced command where it can be stopped, as
# "CALL K" (its Kth CALL). If there are more than MOST, these are spread evenly.
# Not counted: what the loader did before the program opened /dev/null, its
# first own act; the execve that starts it, which strace does not count; and
# what it opens after /proc, which depends on who else runs. With `alone` only the
# command's own calls count, not those of what it starts.
points() {
	awk -v most="$2" -v alone="${alone-}" '
		NR == 1 { first = $1; next }
		alone && $1 != first { next }
		{ call = $2; sub(/\(.*/, "", call) }
		call !~ /^[a-z0-9_]+$/ { next }
		{ k = ++count[$1, call] }
		/"\/dev\/null", O_RDWR/ { own = 1 }
		/"\/proc", O_RDONLY/ { others = 1 }
		!own || others && call ~ /^(openat|fcntl|close)$/ { next }
		!seen[call, k]++ { point[n++] = call " " k }
		END {
			if (most > n)
				most = n
			for (i = 0; i < most; i++)
				print point[int(i * n / most)]
		}' "$1"
}

# inject CALL WHAT CMD…: run CMD, and do WHAT to it at some of its CALLs.
inject() {
	# shellcheck disable=SC2046 # a word, or none
	single strace $([ -n "${alone-}" ] || echo -f) -qq -o /dev/null -e trace="$1" \
		-e "inject=$1:$2" -- "${@:3}"
}

# note TEXT: for whoever reads the results.
note() {
	echo "# $*" >&3
}
