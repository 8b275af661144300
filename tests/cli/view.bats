#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them
# What a process in namespaces sees of the machine.

load helper

setup() {
	private
	shop
	releases 1
}

# elsewhere LINES: with mounts that only these lines of a shell see.
elsewhere() {
	local map=(--map-root-user)

	[ "$(id -u)" != 0 ] || map=()
	run --separate-stderr unshare "${map[@]}" --mount sh -ec "$1"
}

needs_ns() {
	unshare --map-root-user --mount true 2>/dev/null ||
		skip "no user namespaces here"
}

@test "name servers that are behind a link into /run are seen, and no more" {
	needs_ns
	elsewhere '
		mount -t tmpfs none /run
		mkdir /run/names
		echo "nameserver 192.0.2.1" >/run/names/resolv.conf
		echo secret >/run/names/other
		mount -t tmpfs none /etc
		ln -s ../run/names/resolv.conf /etc/resolv.conf
		"$RELCTL" -q exec --isolation=ns sh -c "
			cat /etc/resolv.conf
			find /run
			chmod u+w /run/names/resolv.conf 2>&1
			(: >>/run/names/resolv.conf) 2>/dev/null || echo kept"'
	expect 0 "nameserver 192.0.2.1
/run
/run/names
/run/names/resolv.conf
chmod: changing permissions of '/run/names/resolv.conf': Read-only file system
kept" ""
}

@test "without such a link there is no /run" {
	needs_ns
	elsewhere '
		mount -t tmpfs none /etc
		echo "nameserver 192.0.2.2" >/etc/resolv.conf
		"$RELCTL" -q exec --isolation=ns sh -c "
			cat /etc/resolv.conf; test -e /run || echo none"'
	expect 0 "nameserver 192.0.2.2
none" ""
}

@test "--user: the root of the view can be made for somebody else" {
	[ "$(id -u)" = 0 ] || skip "only for root"
	needs_ns
	chmod 700 "$HOME"
	try -q exec --isolation=ns --user=65534 sh -c \
		'id -u; cat page; : >/tmp/x && stat -c %u /tmp/x'
	expect 0 "65534
one
65534" ""
}

@test "--no-network leaves a loopback, with ns and with none" {
	local talk="import socket
s = socket.create_server(('127.0.0.1', 0))
socket.create_connection(s.getsockname())
print('heard')"
	local level

	needs_ns
	for level in ns none; do
		# Without namespaces that are its own only root has another one.
		[ "$level" = ns ] || [ "$(id -u)" = 0 ] || continue
		try -q exec --isolation="$level" --no-network \
			/usr/bin/python3 -c "$talk"
		expect 0 heard ""
	done
}

@test "landlock: the private directory goes with its process, or with the next" {
	local dir

	isolation landlock
	try -q exec --isolation=landlock sh -c 'echo "$TMPDIR"; echo x >"$TMPDIR/f"'
	[ "$status" = 0 ]
	[ ! -e "$output" ]
	mkfifo path
	"$RELCTL" -q exec --isolation=landlock sh -c \
		'echo x >"$TMPDIR/f"; echo "$TMPDIR"; exec sleep 1000' >path 3>&- &
	read -r dir <path
	# Who starts meanwhile leaves it alone.
	try -q exec --isolation=landlock true
	[ -e "$dir/f" ]
	kill -KILL $!
	wait $! || true
	[ -e "$dir/f" ]
	for _ in {1..50}; do
		try -q exec --isolation=landlock true
		[ -e "$dir" ] || break
	done
	[ ! -e "$dir" ]
}

@test "the store and the key are hidden also where a link leads to them" {
	local level

	mkdir "$HOME/links"
	ln -s "$HOME/data" "$HOME/links/data"
	ln -s ../config/relctl/key "$HOME/links/key"
	export RELCTL_STORE=$HOME/links/data/relctl
	export RELCTL_KEY_FILE=$HOME/links/key
	try -q -a shop exec --isolation=none sh -c \
		"ls $HOME/data/relctl && cat $HOME/config/relctl/key"
	[ "$status" = 0 ]
	for level in ns landlock; do
		isolation "$level"
		try -q -a shop exec --isolation="$level" --bind "$HOME/data" \
			--bind "$HOME/config" --bind "$HOME/links" sh -c \
			"ls $HOME/data/relctl; cat $HOME/config/relctl/key
			cat $HOME/links/key; ls $HOME/links/data/relctl; exit 42"
		[ "$status" = 42 ]
		[ "$output" = "" ]
	done
}
