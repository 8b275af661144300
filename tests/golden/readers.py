#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""readers.py TAR REPOSITORY - GNU tar, bsdtar and Python's tarfile must list
TAR alike: names, types, modes, sizes, link targets, owners and times, in the
same order, and as git lists HEAD of REPOSITORY. Prints a count.

One difference is known and allowed for: where a name or a target stands in a
pax header (over 100 bytes), bsdtar composes its characters (NFC)."""

import os
import re
import subprocess
import sys
import tarfile
import unicodedata

import profile1

MTIME = 315532801
UTF8 = dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC")


def by_python(path):
    kinds = {tarfile.REGTYPE: "file", tarfile.DIRTYPE: "dir",
             tarfile.SYMTYPE: "link"}
    with tarfile.open(path, encoding="utf-8", errors="surrogateescape") as t:
        for m in t:
            yield (os.fsencode(m.name), kinds.get(m.type, m.type), m.mode,
                   m.size, os.fsencode(m.linkname), m.uid, m.gid,
                   int(m.mtime))


def unquote(text):
    """A "…" of GNU tar."""
    plain = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b",
             b"f": b"\f", b"v": b"\v"}

    def one(m):
        c = m.group(1)
        return bytes([int(c, 8)]) if c.isdigit() else plain.get(c, c)

    return re.sub(rb"\\([0-7]{3}|.)", one, text)


def by_gnu_tar(path):
    kinds = {b"-": "file", b"d": "dir", b"l": "link"}
    out = subprocess.run(
        ["tar", "--list", "--verbose", "--full-time", "--numeric-owner",
         "--quoting-style=c", "--file", path], check=True, env=UTF8,
        stdout=subprocess.PIPE).stdout
    quoted = rb'"((?:[^"\\]|\\.)*)"'
    line = re.compile(rb"(.)(.{9}) (\d+)/(\d+) +(\d+) 1980-01-01 00:00:01 " +
                      quoted + rb"(?: -> " + quoted + rb")?$")
    for text in out.splitlines():
        m = line.match(text)
        if not m:
            raise SystemExit("GNU tar: %r" % text)
        kind, perm, uid, gid, size, name, target = m.groups()
        mode = 0
        for c in perm:
            mode = mode << 1 | (c != ord("-"))
        name = unquote(name)
        yield (name[:-1] if kind == b"d" else name, kinds.get(kind, kind),
               mode, int(size), unquote(target or b""), int(uid), int(gid),
               MTIME)


def by_bsdtar(path):
    def plain(text):
        return re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), text)

    out = subprocess.run(
        ["bsdtar", "-cf", "-", "--format=mtree", "--options",
         "mtree:!all,mtree:type,mtree:mode,mtree:size,mtree:link,"
         "mtree:uid,mtree:gid,mtree:time", "@" + path], check=True, env=UTF8,
        stdout=subprocess.PIPE).stdout
    for line in out.replace(b"\\\n", b"").splitlines()[1:]:
        name, *words = line.split()
        v = dict(w.split(b"=", 1) for w in words)
        if name == b".":
            continue
        if not name.startswith(b"./"):
            raise SystemExit("bsdtar: %r" % line)
        yield (plain(name[2:]), v[b"type"].decode(), int(v[b"mode"], 8),
               int(v.get(b"size", 0)), plain(v.get(b"link", b"")),
               int(v[b"uid"]), int(v[b"gid"]), int(float(v[b"time"])))


def by_git(repository):
    git = profile1.Git(repository)
    for mode, oid, path in git.entries:
        if mode in (0o040000, 0o160000):
            yield path, "dir", 0o755, 0, b"", 0, 0, MTIME
        elif mode == 0o120000:
            yield path, "link", 0o777, 0, git.blob(oid), 0, 0, MTIME
        else:
            yield (path, "file", 0o755 if mode == 0o100755 else 0o644,
                   len(git.blob(oid)), b"", 0, 0, MTIME)
    git.close()


def composed(text, limit):
    if len(text) <= limit:
        return text
    return unicodedata.normalize("NFC", text.decode()).encode()


def as_bsdtar(entries):
    for name, kind, mode, size, target, *rest in entries:
        yield (composed(name, 99 if kind == "dir" else 100), kind, mode, size,
               composed(target, 100), *rest)


def main():
    path, repository = sys.argv[1:]
    want = list(by_git(repository))
    failed = False
    for shown, got, expected in (
            ("python", list(by_python(path)), want),
            ("GNU tar", list(by_gnu_tar(path)), want),
            # It writes an mtree file in an order of its own.
            ("bsdtar", sorted(by_bsdtar(path)), sorted(as_bsdtar(want)))):
        if got == expected:
            continue
        failed = True
        for a in [a for a in got if a not in expected][:5]:
            print("%s: %r" % (shown, a))
        for a in [a for a in expected if a not in got][:5]:
            print("%s has not: %r" % (shown, a))
        if sorted(got) == sorted(expected):
            print("%s: in another order" % shown)
    print("%d entries" % len(want))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
