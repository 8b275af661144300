#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""evil_tars.py DIR - writes DIR/good/* (archives that are exactly profile 1)
and DIR/evil/* (archives that are not, each in one way). The first are there to
show that what is wrong with the others is what their names say."""

import gzip
import os
import random
import struct
import subprocess
import sys

from profile1 import BLOCK, header, member_header, pad, record

END = b"\0" * 2 * BLOCK


def checked(block):
    """The block with the checksum that its bytes have."""
    block = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def put(block, at, value):
    return checked(block[:at] + value + block[at + len(value):])


def raw(block, at, value):
    """As put, but the checksum is left as it was."""
    return block[:at] + value + block[at + len(value):]


def file(path, content=b"", executable=False):
    return member_header("file", path, executable, len(content)) + pad(content)


def folder(path):
    return member_header("dir", path)


def link(path, target):
    return member_header("link", path, target=target)


def pax(records, block, typeflag=b"x", name=b"././@PaxHeader"):
    return header(name, 0o644, len(records), typeflag) + pad(records) + block


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", "-3", *options], input=data,
                          check=True, stdout=subprocess.PIPE).stdout


def frames(data, size):
    return b"".join(zstd(data[i:i + size]) for i in range(0, len(data), size))


LONG = b"p" * 101
NFD = "e\u0301".encode() * 40
A = header(b"a", 0o644, 0, b"0")  # an empty file, to be spoiled
F = file(b"f", b"content\n")  # what comes after it


def good():
    tree = (A + folder(b"bin") + file(b"bin/web", b"#!/bin/sh\n", True) +
            link(b"bin/x", b"web") + F + file(LONG, b"x" * 513) +
            link(b"z", b"t" * 101))
    yield "empty.tar", END
    yield "tree.tar", tree + END
    yield "tree.tar.zst", zstd(tree + END)
    yield "checksum.tar.zst", zstd(tree + END, "--check")
    yield "no-checksum.tar.zst", zstd(tree + END, "--no-check")
    yield "level-19.tar.zst", zstd(tree + END, "-19")
    yield "frames.tar.zst", frames(tree + END, 700)
    yield "decomposed.tar", folder(NFD) + file(NFD + b"/f") + END
    yield "not-utf-8.tar", file(b"caf\xe9", b"x") + END
    yield "large.tar", file(b"large", b"x" * 1500000) + END
    yield "one-block-at-a-time.tar.zst", frames(tree + END, BLOCK)


def modes():
    for mode in (0o600, 0o640, 0o664, 0o666, 0o700, 0o744, 0o775, 0o777, 0,
                 0o4755, 0o2755, 0o1755, 0o4644, 0o100644):
        yield "mode-%o" % mode, put(A, 100, b"%07o\0" % mode) + F
    yield "mode-dir-700", header(b"d/", 0o700, 0, b"5") + F
    yield "mode-dir-1777", header(b"d/", 0o1777, 0, b"5") + F
    yield "mode-link-755", header(b"l", 0o755, 0, b"2", b"a") + F


def types():
    for flag, name in ((b"1", "hard-link"), (b"3", "char-device"),
                       (b"4", "block-device"), (b"6", "fifo"),
                       (b"7", "contiguous"), (b"8", "unknown-8"),
                       (b"D", "gnu-dumpdir"), (b"M", "gnu-multivolume"),
                       (b"N", "gnu-old-name"), (b"V", "gnu-volume"),
                       (b"A", "solaris-acl"), (b"\0", "type-nul"),
                       (b" ", "type-blank"), (b"Z", "vendor")):
        target = b"a" if flag == b"1" else b""
        yield "type-" + name, A + header(b"b", 0o644, 0, flag, target) + F
    yield "type-hard-link-out", header(b"b", 0o644, 0, b"1", b"/etc/passwd")
    yield "type-hard-link-data", A + header(b"b", 0o644, 512, b"1", b"a") + \
        b"x" * 512
    yield "type-file-with-slash", header(b"a/", 0o644, 0, b"0") + F
    yield "type-dir-without-slash", header(b"d", 0o755, 0, b"5") + F
    yield "type-dir-with-two", header(b"d//", 0o755, 0, b"5") + F
    yield "type-dir-with-size", header(b"d/", 0o755, 512, b"5") + \
        b"x" * 512 + F
    yield "type-link-with-size", header(b"b", 0o777, 512, b"2", b"a") + \
        b"x" * 512 + F
    yield "type-file-with-target", header(b"a", 0o644, 0, b"0", b"b") + F


def gnu():
    name = header(b"././@LongLink", 0o644, 102, b"L") + pad(LONG + b"\0")
    yield "gnu-long-name", name + header(LONG, 0o644, 0, b"0")
    name = header(b"././@LongLink", 0o644, 102, b"K") + pad(LONG + b"\0")
    yield "gnu-long-link", name + header(b"b", 0o777, 0, b"2", LONG)
    block = header(b"s", 0o644, 512, b"S")
    block = raw(block, 257, b"ustar  \0")
    block = raw(block, 386, b"%011o\0%011o\0" % (0, 512))
    yield "gnu-sparse", put(block, 483, b"%011o\0" % 1048576) + b"x" * 512
    for keys in ({b"GNU.sparse.major": b"1", b"GNU.sparse.minor": b"0",
                  b"GNU.sparse.name": b"s", b"GNU.sparse.realsize": b"99999"},
                 {b"GNU.sparse.size": b"99999", b"GNU.sparse.numblocks": b"1",
                  b"GNU.sparse.offset": b"9000",
                  b"GNU.sparse.numbytes": b"8"}):
        text = b"".join(record(k, v) for k, v in keys.items())
        body = pad(b"1\n9000\n8\n") + pad(b"content\n")
        yield "gnu-sparse-pax-%d" % len(keys[next(iter(keys))]) + \
            str(len(text)), pax(text, header(b"s", 0o644, len(body), b"0")) + \
            body


def pax_headers():
    over = file(LONG)
    name = record(b"path", LONG)
    tail = over[-BLOCK:]
    yield "pax-global", pax(record(b"comment", b"x"), A, b"g") + F
    yield "pax-global-path", pax(name, A, b"g") + F
    yield "pax-unknown-type", pax(name, tail, b"X")
    yield "pax-not-needed", pax(record(b"path", b"a"), A) + F
    yield "pax-of-nothing", pax(b"", A) + F
    yield "pax-at-the-end", A + header(b"././@PaxHeader", 0o644, len(name),
                                       b"x") + pad(name)
    yield "pax-twice", pax(name, over)
    yield "pax-path-twice", pax(name + name, tail)
    yield "pax-other-path", pax(record(b"path", b"q" * 101), tail)
    yield "pax-short-path", pax(name, header(b"p", 0o644, 0, b"0"))
    yield "pax-order", pax(record(b"linkpath", LONG) + name,
                           header(LONG, 0o777, 0, b"2", LONG))
    yield "pax-linkpath-of-file", pax(name + record(b"linkpath", LONG), tail)
    yield "pax-nul", pax(record(b"path", b"p" * 100 + b"\0q"), tail)
    yield "pax-dot-dot", pax(record(b"path", b"../" + LONG), tail)
    yield "pax-absolute", pax(record(b"path", b"/" + LONG), tail)
    yield "pax-latin-1", pax(record(b"path", b"\xe9" * 101),
                             header(b"\xe9" * 101, 0o644, 0, b"0"))
    yield "pax-composed", pax(record(b"path", "\u00e9".encode() * 60),
                              header(NFD, 0o644, 0, b"0"))
    for key, value in ((b"size", b"0"), (b"size", b"8"), (b"size", b"-1"),
                       (b"size", b"99999999999999999999"), (b"uid", b"0"),
                       (b"gid", b"0"), (b"uname", b"root"),
                       (b"gname", b"root"), (b"mtime", b"315532801"),
                       (b"mtime", b"315532801.5"), (b"atime", b"1"),
                       (b"ctime", b"1"), (b"charset", b"BINARY"),
                       (b"hdrcharset", b"BINARY"), (b"comment", b"x"),
                       (b"SCHILY.xattr.user.x", b"y"),
                       (b"LIBARCHIVE.xattr.user.x", b"eQ=="),
                       (b"SCHILY.acl.access", b"user::rwx"),
                       (b"SCHILY.fflags", b"uappnd"), (b"SCHILY.dev", b"1"),
                       (b"SCHILY.ino", b"1"), (b"SCHILY.nlink", b"2"),
                       (b"SCHILY.realsize", b"8"), (b"RHT.security", b"x"),
                       (b"LIBARCHIVE.creationtime", b"1"),
                       (b"LIBARCHIVE.symlinktype", b"dir"),
                       (b"VENDOR.key", b"x"), (b"", b"x")):
        shown = key.decode() or "no-key"
        yield "pax-key-%s=%s" % (shown, value.decode()), \
            pax(name + record(key, value), tail) + F[:0]
        yield "pax-only-%s=%s" % (shown, value.decode()), \
            pax(record(key, value), A) + F
    for shown, text in (("none", b"path=" + LONG + b"\n"),
                        ("short", name.replace(b"111", b"110", 1)),
                        ("long", name.replace(b"111", b"112", 1)),
                        ("zero", b"0111 path=" + LONG[1:] + b"\n"),
                        ("huge", b"99999999999999999999 path=x\n"),
                        ("negative", b"-5 path=x\n"),
                        ("no-equals", b"9 pathxx\n"),
                        ("no-newline", name[:-1] + b"x"),
                        ("tab", name.replace(b" ", b"\t", 1)),
                        ("rest", name + b"\0"), ("blank", b" " + name)):
        yield "pax-record-" + shown, pax(text, tail)
    yield "pax-other-name", pax(name, tail, name=b"PaxHeaders.0/x")
    head = header(b"././@PaxHeader", 0o600, len(name), b"x")
    yield "pax-other-mode", head + pad(name) + tail
    yield "pax-padding", over[:2 * BLOCK - 1] + b"x" + over[2 * BLOCK:]
    big = record(b"path", b"p" * 3000000)
    yield "pax-of-3-MB", pax(big, tail)
    claims = header(b"././@PaxHeader", 0o644, 8589934591, b"x")
    yield "pax-claims-8-GiB", claims + pad(name) + tail
    yield "pax-global-300-times", pax(record(b"comment", b"x" * 900), b"",
                                      b"g") * 300 + A


def fields():
    for at, value, name in (
            (108, b"0000001\0", "uid"), (116, b"0000001\0", "gid"),
            (136, b"02263523000\0", "mtime-less"),
            (136, b"02263523002\0", "mtime-more"),
            (136, b"00000000000\0", "mtime-0"),
            (136, b"77777777777\0", "mtime-max"),
            (136, b"\xff" * 12, "mtime-negative"),
            (265, b"root", "uname"), (297, b"root", "gname"),
            (264, b"1", "version"), (263, b" \0", "version-gnu"),
            (257, b"ustar  \0", "magic-gnu"), (257, b"ustar ", "magic-blank"),
            (257, b"\0" * 8, "magic-none-v7"), (257, b"USTAR", "magic-upper"),
            (329, b"0000001\0", "devmajor"), (337, b"0000001\0", "devminor"),
            (329, b"\0" * 16, "dev-nul"), (329, b"       \0", "dev-blank"),
            (345, b"prefix", "prefix"), (345, b"..", "prefix-dot-dot"),
            (345, b"/", "prefix-slash"), (500, b"x", "rest"),
            (511, b"x", "rest-last"), (508, b"tar\0", "rest-star"),
            (476, b"%011o\0" % 1, "rest-star-atime"),
            (100, b"000644 \0", "mode-blank"),
            (100, b"0000644 ", "mode-no-nul"),
            (100, b"   644 \0", "mode-lead"),
            (100, b"644\0\0\0\0\0", "mode-few"),
            (100, b"0000844\0", "mode-not-octal"),
            (108, b"0\0\0\0\0\0\0\0", "uid-few"), (108, b"\0" * 8, "uid-nul"),
            (116, b"      0\0", "gid-blank"),
            (108, b"\x80" + b"\0" * 7, "uid-base-256"),
            (124, b"0000000000 \0"[:12], "size-blank"),
            (124, b"000000000000", "size-no-nul"),
            (124, b"0" + b"\0" * 11, "size-few"),
            (124, b"\x80" + b"\0" * 11, "size-base-256"),
            (124, b"\x80" + b"\0" * 7 + b"\x7f\0\0\0", "size-base-256-huge"),
            (124, b"\xff" * 12, "size-base-256-negative"),
            (124, b"-0000000001\0", "size-negative"),
            (124, b"77777777777\0", "size-8-GiB"),
            (124, b"20000000001\0", "size-2-GiB-and-1"),
            (124, b"xxxxxxxxxxx\0", "size-not-octal"),
            (136, b"2263523001\0\0", "mtime-few"),
            (136, b"022635230010", "mtime-no-nul"),
            (136, b"\x80" + b"\0" * 7 + struct.pack(">I", 315532801),
             "mtime-base-256"),
            (2, b"x", "name-after-nul"), (158, b"x", "link-after-nul")):
        yield "field-" + name, put(A, at, value) + F
    total = int(A[148:154], 8)
    for shown, value in (("wrong", b"%06o\0 " % (total + 1)),
                         ("nul-last", b"%07o\0" % total),
                         ("blank-first", b"%6o\0 " % total),
                         ("blank-nul", b"%06o \0" % total),
                         ("few", b"%5o\0  " % total), ("none", b"\0" * 8),
                         ("blank", b" " * 8), ("signed", b"-00001\0 ")):
        yield "checksum-" + shown, raw(A, 148, value) + F
    # Some old tars summed up the bytes as signed ones.
    block = header(b"\xe9", 0o644, 0, b"0")
    signed = sum(c - 256 if c > 127 else c
                 for c in block[:148] + b" " * 8 + block[156:])
    yield "checksum-of-signed-bytes", raw(block, 148, b"%06o\0 " % signed)


def paths():
    for name, path in (
            ("dot-dot", b"../x"), ("dot-dot-inside", b"a/../../x"),
            ("dot-dot-only", b".."), ("dot", b"."), ("dot-slash", b"./x"),
            ("absolute", b"/etc/x"), ("two-slashes", b"a//x"),
            ("git", b".git"), ("git-upper", b".GIT"), ("git-mixed", b".gIt"),
            ("newline", b"a\nb"), ("escape", b"\x1b[31m"), ("tab", b"a\tb"),
            ("delete", b"a\x7f"), ("bell", b"\x07"), ("empty", b""),
            ("orphan", b"no/parent"), ("orphan-deep", b"no/par/ent")):
        yield "path-" + name, file(path) + F
    yield "path-git-inside", folder(b"d") + file(b"d/.git") + F
    yield "path-root", header(b"./", 0o755, 0, b"5") + F
    yield "path-slash", header(b"/", 0o755, 0, b"5") + F
    yield "path-name-of-256", pax(record(b"path", b"n" * 256),
                                  header(b"n" * 256, 0o644, 0, b"0"))
    deep = b"".join(folder(b"/".join([b"d"] * n)) for n in range(1, 258))
    yield "path-deeper-than-256", deep
    long = b"".join(folder(b"/".join([b"d" * 250] * n)) for n in range(1, 18))
    yield "path-of-4266-bytes", long
    yield "order-wrong", F + A
    yield "order-of-a-list", folder(b"a") + file(b"a.b") + file(b"a/x")
    yield "order-directory-last", file(b"a/x") + folder(b"a")
    yield "order-children-later", folder(b"a") + file(b"b") + file(b"a/x")
    yield "twice-file", A + A
    yield "twice-directory", folder(b"d") + folder(b"d")
    yield "twice-file-and-directory", A + folder(b"a") + file(b"a/x")
    yield "twice-far", A + file(b"a-") + folder(b"a")
    yield "below-a-file", A + file(b"a/x")
    yield "below-a-link", link(b"a", b"b") + file(b"a/x") + folder(b"b")
    yield "below-a-link-out", link(b"a", b"/tmp") + file(b"a/x")
    yield "link-then-directory", link(b"a", b"..") + folder(b"a") + \
        file(b"a/x")


def links():
    yield "link-absolute", link(b"l", b"/etc/passwd") + F[:0]
    yield "link-out", link(b"l", b"../x")
    yield "link-out-inside", folder(b"d") + link(b"d/l", b"../../x")
    yield "link-out-and-back", link(b"l", b"../l")
    yield "link-out-by-detour", link(b"l", b"a/../../x")
    yield "link-empty", link(b"l", b"")
    yield "link-of-4096", link(b"l", b"t/" * 2048)
    yield "link-latin-1", link(b"l", b"\xe9" * 101)
    yield "link-nul", pax(record(b"linkpath", b"t" * 101 + b"\0u"),
                          header(b"l", 0o777, 0, b"2", b"t" * 100))


def ends():
    whole = A + F
    yield "end-missing", whole
    yield "end-one-block", whole + b"\0" * BLOCK
    yield "end-three-blocks", whole + END + b"\0" * BLOCK
    yield "end-of-10240", (whole + END).ljust(10240, b"\0")
    yield "end-and-a-byte", whole + END + b"\0"
    yield "end-and-garbage", whole + END + b"garbage"
    yield "end-between", A + END + F + END
    yield "end-half-between", A + b"\0" * BLOCK + F + END
    yield "end-two-archives", whole + END + whole + END
    yield "end-in-a-header", A + F[:300]
    yield "end-in-content", A + file(b"f", b"x" * 2000)[:BLOCK + 700]
    yield "end-in-padding", A + F[:BLOCK + 100]
    yield "end-first-block", b"\0" * BLOCK
    yield "padding-of-a-file", A + F[:-1] + b"x" + END
    yield "padding-first-byte", A + F[:BLOCK + 8] + b"x" + \
        F[BLOCK + 9:] + END
    yield "end-block-with-a-byte", whole + END[:-1] + b"x"


def others():
    tree = A + F + END
    rng = random.Random(1)
    yield "other-empty", b""
    yield "other-one-byte", b"\0"
    yield "other-511-zeros", b"\0" * 511
    yield "other-1023-zeros", b"\0" * 1023
    yield "other-text", b"hello\n"
    yield "other-text-long", b"hello world\n" * 10000
    yield "other-random", rng.randbytes(100000)
    yield "other-random-blocks", rng.randbytes(BLOCK * 20)
    yield "other-gzip", gzip.compress(tree, mtime=0)
    yield "other-bzip2", b"BZh91AY&SY" + rng.randbytes(200)
    yield "other-zip", b"PK\3\4" + rng.randbytes(200)
    yield "other-cpio", b"070707" + b"0" * 70 + b"TRAILER!!!\0"
    yield "other-ar", b"!<arch>\n" + rng.randbytes(60)
    yield "other-zstd-magic", b"\x28\xb5\x2f\xfd"
    yield "other-zstd-random", b"\x28\xb5\x2f\xfd" + rng.randbytes(1000)
    packed = zstd(tree)
    yield "zstd-garbage-after", packed + b"garbage"
    yield "zstd-zeros-after", packed + b"\0" * 512
    yield "zstd-tar-after", packed + tree
    yield "zstd-cut", packed[:-5]
    yield "zstd-cut-half", packed[:len(packed) // 2]
    yield "zstd-cut-first", packed[:5]
    yield "zstd-cut-second-frame", packed + packed[:20]
    yield "zstd-twice", packed + packed
    yield "zstd-of-zstd", zstd(packed)
    yield "zstd-of-gzip", zstd(gzip.compress(tree, mtime=0))
    yield "zstd-of-nothing", zstd(b"")
    yield "zstd-changed", packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:]
    yield "zstd-checksum", packed[:-1] + bytes([packed[-1] ^ 1])
    yield "zstd-window-of-2-GiB", struct.pack("<IBB", 0xFD2FB528, 0, 0xA8) + \
        b"\1\0\0"


def bombs(directory):
    """Written by zstd itself: 20 GiB of zeros in less than a megabyte."""
    one = zstd(b"\0" * (64 << 20))
    with open(os.path.join(directory, "bomb-20-GiB-of-zeros"), "wb") as f:
        f.write(one * 320)
    head = zstd(header(b"a", 0o644, 8589934591, b"0"))
    with open(os.path.join(directory, "bomb-in-a-file"), "wb") as f:
        f.write(head + one * 320)
    head = zstd(A + END)
    with open(os.path.join(directory, "bomb-after-the-end"), "wb") as f:
        f.write(head + one * 320)
    head = zstd(header(b"././@PaxHeader", 0o644, 8589934591, b"x"))
    with open(os.path.join(directory, "bomb-in-a-pax-header"), "wb") as f:
        f.write(head + one * 320)
    glob = pax(record(b"comment", b"x" * 900000), b"", b"g")
    with open(os.path.join(directory, "bomb-of-global-headers"), "wb") as f:
        f.write(zstd(glob * 70) * 300)
    label = header(b"label", 0, 0, b"V")
    with open(os.path.join(directory, "bomb-of-volume-labels"), "wb") as f:
        f.write(zstd(label * 100000) * 400)


def main():
    top = sys.argv[1]
    for kind in ("good", "evil"):
        os.makedirs(os.path.join(top, kind))

    def write(kind, name, data):
        path = os.path.join(top, kind, name.replace("/", "_"))
        with open(path, "xb") as f:
            f.write(data)

    for name, data in good():
        write("good", name, data)
    for group in (modes, types, gnu, pax_headers, fields, paths, links):
        for name, data in group():
            write("evil", name, data + END)
    for group in (ends, others):
        for name, data in group():
            write("evil", name, data)
    bombs(os.path.join(top, "evil"))


if __name__ == "__main__":
    main()
