#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# export and import
# shellcheck disable=SC2016 # what stands in single quotes is for other shells
# shellcheck disable=SC2154 # bats and the helper set them

load helper

setup() {
	private
	shop
}

@test "export -o: a .tar.zst or a .tar, whose digest is the ID" {
	try export HEAD -o ../a.tar.zst
	expect 0 "$id" ""
	[ "sha256:$(zstd -dc ../a.tar.zst | sha256sum | cut -d' ' -f1)" = "$id" ]
	try export "$id" --output=../a.tar
	expect 0 "$id" ""
	[ "sha256:$(sha256sum <../a.tar | cut -d' ' -f1)" = "$id" ]
	try export HEAD -o ../b.tar --json
	expect 0 "{\"artifact\":\"$id\",\"file\":\"../b.tar\",\
\"schema\":\"relctl.export/1\"}" ""
	cmp ../a.tar ../b.tar
	[ "$(ls ..)" = "a.tar
a.tar.zst
b.tar
config
data
shop" ]
}

@test "export: any other name is refused, and nothing is written" {
	for name in ../a ../a.zip ../a.tar.gz ../a.zst .tar .tar.zst; do
		try export HEAD -o "$name"
		expect 2 "" \
			"error: '$name' ends neither in .tar.zst nor in .tar"
	done
	[ "$(ls -A ..)" = "config
data
shop" ]
	try export HEAD -o ../none/a.tar
	expect 1 "" "error: create '../none/a.tar': No such file or directory"
	try export nosuch -o ../a.tar
	expect 5 "" "$stderr"
	[ ! -e ../a.tar ]
}

@test "export without -o: to stdout, but not to a terminal" {
	relctl export HEAD >../a.tar.zst
	[ "sha256:$(zstd -dc ../a.tar.zst | sha256sum | cut -d' ' -f1)" = "$id" ]
	relctl export -o - HEAD | cmp - ../a.tar.zst
	terminal "$RELCTL" export HEAD
	[ "$status" = 3 ]
	[ "$output" = "error: an archive is not written to a terminal
hint: name a file with -o FILE.tar.zst" ]
	run --separate-stderr bash -c '"$RELCTL" export HEAD >/dev/full'
	[ "$status" = 1 ]
	[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
}

@test "export: the artifact of a release, without a repository" {
	relctl -q release
	another two
	cd /
	try export v1 -o "$HOME/a.tar"
	[ "$output" != "$id" ]
	try export shop -o "$HOME/b.tar"
	expect 0 "$output" ""
	cmp "$HOME/a.tar" "$HOME/b.tar"
	[ "$(tar -xOf "$HOME/a.tar" page)" = one ]
}

@test "export --mtree describes the tree that relctl unpacks" {
	ln -s bin/web 'a link'
	printf 'x' >'odd name \ ü # =*'
	mkdir sub
	: >sub/empty
	commit "Odd names"
	build
	relctl -q release
	relctl export v1 --mtree >../tree.mtree
	[ "$(head -n 1 ../tree.mtree)" = "#mtree" ]
	tree=$RELCTL_STORE/trees/${id#sha256:}
	# libarchive makes an archive of what the list says of the tree; its
	# members, with types, modes, sizes and targets, are those of the tar.
	(cd "$tree" && bsdtar -cf "$HOME/listed.tar" @"$HOME/tree.mtree")
	(cd "$tree" && find . -printf '%p %y %m %s %l\n' |
		sed 's/^\.\///; s/^\(.* d [0-9]*\) [0-9]* $/\1/' | sort) >../found
	python3 - "$HOME/listed.tar" >../listed <<-'PY'
	import sys, tarfile
	rows = []
	for m in tarfile.open(sys.argv[1]):
	    name = m.name.removeprefix("./")
	    kind = "d" if m.isdir() else "l" if m.issym() else "f"
	    row = f"{name} {kind} {m.mode & 0o7777:o}"
	    if kind != "d":
	        size = len(m.linkname.encode()) if kind == "l" else m.size
	        row += f" {size} {m.linkname}"
	    rows.append(row)
	print("\n".join(sorted(rows)))
	PY
	LC_ALL=C sort -o ../found ../found
	LC_ALL=C sort -o ../listed ../listed
	diff ../found ../listed
	# And each file's digest is the file's.
	grep -o 'sha256digest=[0-9a-f]*' ../tree.mtree | cut -d= -f2 |
		sort >../digests
	find "$tree" -type f -exec sha256sum -z {} + | tr '\0' '\n' |
		cut -d' ' -f1 | sort | diff - ../digests
}

# machine: from here on the store of another machine, without git.
machine() {
	export RELCTL_STORE=$HOME/machine/store
	export RELCTL_KEY_FILE=$HOME/machine/key
	mkdir "$HOME/machine"
	cp "$RELCTL" "$(dirname "$RELCTL")/relctl-import" "$HOME/machine"
	RELCTL=$HOME/machine/relctl
	cd "$HOME/machine" || return
}

@test "from CI to the machine: export, import, release, run, roll back" {
	relctl export HEAD -o ../a.tar.zst
	first=$id
	another two
	relctl export HEAD -o ../b.tar
	rm -rf "$HOME/shop"
	machine
	try import ../a.tar.zst
	expect 0 "$first" "new store '$RELCTL_STORE'
its key is '$RELCTL_KEY_FILE': keep a copy elsewhere, no release runs without\
 it"
	try import ../a.tar.zst
	expect 0 "$first" "the artifact was here already"
	try -a shop release "${first:0:20}" --set N=1
	expect 0 v1 "new app 'shop'
shop: v1 (the first release)
  code    ${first:0:19}
  config  +N
  types   +web +worker"
	run --separate-stderr relctl -q import - <../b.tar
	expect 0 "$id" ""
	try -q release "$id"
	expect 0 v2 ""
	try -q exec cat page
	expect 0 two ""
	try -q rollback
	expect 0 v3 ""
	try -q run --once worker
	expect 0 "" ""
	try verify --all
	expect 0 "$output" ""
	try -q export v2 -o ../c.tar
	expect 0 "$id" ""
	cmp ../b.tar ../c.tar
	try release nosuch
	expect 5 "" "error: no artifact 'nosuch'
hint: an artifact is sha256:…, a release or a commit; 'relctl artifacts'\
 lists them"
}

@test "import --json" {
	relctl export HEAD -o ../a.tar
	machine
	try -q import ../a.tar --json
	expect 0 "{\"artifact\":\"$id\",\"known\":false,\
\"schema\":\"relctl.import/1\"}" ""
	try -q import ../a.tar --json
	expect 0 "{\"artifact\":\"$id\",\"known\":true,\
\"schema\":\"relctl.import/1\"}" ""
}

@test "import: a file that is not there makes no store" {
	machine
	try import ../a.tar
	expect 5 "" "error: no file '../a.tar'"
	[ ! -e "$RELCTL_STORE" ]
	[ ! -e "$RELCTL_KEY_FILE" ]
}

@test "import: whatever is not exactly of this profile is refused, not kept" {
	relctl export HEAD -o ../good.tar
	tree=$RELCTL_STORE/trees/${id#sha256:}
	relctl -q release
	size=$(stat -c %s ../good.tar)
	export LC_ALL=C
	tar -C "$tree" --owner=0 --group=0 --mtime=@315532801 --sort=name \
		-cf ../gnu.tar Procfile bin page
	bsdtar -C "$tree" --format=ustar -cf ../ustar.tar Procfile
	bsdtar -C "$tree" --format=newc -cf ../cpio.tar Procfile
	(cd "$tree" && python3 -m zipfile -c "$HOME/zip.tar" Procfile)
	gzip -c ../good.tar >../gz.tar
	(cat ../good.tar && echo x) >../behind.tar
	(cat ../good.tar && head -c 512 /dev/zero) >../zeros.tar
	head -c $((size - 512)) ../good.tar >../short.tar
	head -c 700 ../good.tar >../cut.tar
	: >../nothing.tar
	head -c 512 /dev/zero >../half.tar
	zstd -q ../good.tar -o ../whole.tar.zst
	head -c $(($(stat -c %s ../whole.tar.zst) - 3)) ../whole.tar.zst \
		>../cut.tar.zst
	machine
	for bad in gnu.tar ustar.tar cpio.tar zip.tar gz.tar behind.tar \
		zeros.tar short.tar cut.tar nothing.tar half.tar cut.tar.zst; do
		try -q import "../$bad"
		[ "$status" = 2 ] || (echo "$bad: $status $output" && false)
		[ "$output" = "" ]
		[ "$(grep -c '^error: ' <<<"$stderr")" = 1 ]
		[ -z "$(find "$RELCTL_STORE/artifacts" "$RELCTL_STORE/tmp" \
			-mindepth 1)" ] || (echo "$bad is kept" && false)
	done
	# Another packing of the same tar is the same artifact.
	try -q import ../whole.tar.zst
	expect 0 "$id" ""
}
