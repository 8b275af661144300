# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# The Debian packages that relctl needs, and what shows that one is missing.
# To be sourced: `need GROUP…` installs what is missing of these groups.

# GROUP KIND WHAT PACKAGE; a KIND is a command, a file, or a pkg-config module.
packages() {
	cat <<-'LIST'
		build command gcc gcc
		build file /usr/include/stdio.h libc6-dev
		build command meson meson
		build command ninja ninja-build
		build command pkg-config pkg-config
		build module libgit2 libgit2-dev
		build module libarchive libarchive-dev
		build module libcrypto libssl-dev
		build module sqlite3 libsqlite3-dev
		build module jansson libjansson-dev
		build module libzstd libzstd-dev
		build module libdeflate libdeflate-dev
		build module zlib zlib1g-dev
		build module smartcols libsmartcols-dev
		test command scdoc scdoc
		quickstart command git git
		quickstart command python3 python3
		test command git git
		test command python3 python3
		test module cmocka libcmocka-dev
		test command bats bats
		test command jq jq
		test command strace strace
		bench command bwrap bubblewrap
		bench command ostree ostree
		test command sqlite3 sqlite3
		test command openssl openssl
		test command zstd zstd
		test command bsdtar libarchive-tools
		test command clang clang
		test command clang-format clang-format
		test command shellcheck shellcheck
		test command zsh zsh
		test command fish fish
		test file /usr/bin/node nodejs
		test file /usr/bin/gunicorn gunicorn
	LIST
}

# missing GROUP…: the packages of these groups whose use is not there.
missing() {
	packages | while read -r group kind what package; do
		case " $* " in
		*" $group "*) ;;
		*) continue ;;
		esac
		case $kind in
		command) command -v "$what" ;;
		file) [ -e "$what" ] ;;
		module) pkg-config --exists "$what" ;;
		esac >/dev/null 2>&1 || echo "$package"
	done | sort -u | paste -s -d " " -
}

# as_root CMD…: with sudo where the user is not root.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		sudo "$@"
	fi
}

apt() {
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq \
		-o Dpkg::Use-Pty=0 "$@"
}

need() {
	absent=$(missing "$@")
	[ -n "$absent" ] || return 0
	echo "packages that are missing: $absent" | fold -s -w 78
	if ! command -v apt-get >/dev/null; then
		echo "this is not Debian: README.md has their names elsewhere" >&2
		return 1
	fi
	if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
		echo "neither root nor sudo: let root run" >&2
		echo "  apt-get install $absent" >&2
		return 1
	fi
	echo "apt-get install …"
	log=$(mktemp)
	# shellcheck disable=SC2086 # one word a package
	if { apt update || true; } >"$log" 2>&1 &&
		apt install -y --no-install-recommends $absent >>"$log" 2>&1; then
		rm -f "$log"
		return 0
	fi
	cat "$log" >&2
	rm -f "$log"
	return 1
}
