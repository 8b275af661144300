#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `relctl import` does with many bad archives. Prints what is not as it
must be, then a count; status 1 if anything was printed.

refused.py RELCTL all DIR     every file in DIR is refused
refused.py RELCTL cut FILE    FILE is refused, whatever it is cut off to
refused.py RELCTL flip FILE   with one bit changed, FILE is refused or is an
                              artifact of its own, whose ID is its digest

Refused: exit 2, nothing on stdout, one error line without control bytes, in
two seconds of CPU time and at most 256 MiB (the clock is not asked: other tests
run beside this one).
"""

import hashlib
import os
import re
import resource
import subprocess
import sys
import tempfile

SECONDS = 2
MIB = 256


def run(relctl, path):
    """Status or what went wrong, stdout, stderr."""
    def limit():
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        p = subprocess.Popen([relctl, "import", path], stdout=out, stderr=err,
                             stdin=subprocess.DEVNULL, preexec_fn=limit)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        said = out.read(), err.read()
    if p.returncode < 0:
        return "killed by signal %d" % -p.returncode, *said
    if usage.ru_maxrss > MIB * 1024:
        return "used %d MiB" % (usage.ru_maxrss // 1024), *said
    return p.returncode, *said


def refused(status, out, err):
    """None, or what is not right."""
    if status != 2:
        return "exit %s" % status
    if out:
        return "printed %r" % out
    lines = err.split(b"\n")
    if not lines[0].startswith(b"error: ") or lines.pop() != b"":
        return "said %r" % err
    for line in lines[1:]:
        if not line.startswith((b"hint: ", b"  ")):
            return "said %r" % err
    if re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", err):
        return "said %r" % err
    try:
        err.decode("utf-8")
    except UnicodeDecodeError:
        return "said %r" % err
    return None


def all_of(relctl, top):
    for name in sorted(os.listdir(top)):
        yield name, refused(*run(relctl, os.path.join(top, name)))


def changed(path, pieces):
    with open(path, "rb") as f:
        data = f.read()
    with tempfile.NamedTemporaryFile(prefix="archive.") as f:
        for name, piece in pieces(data):
            f.seek(0)
            f.truncate()
            f.write(piece)
            f.flush()
            yield name, piece, f.name


def cuts(data):
    for n in sorted({*range(0, len(data), 89), *range(len(data) - 3,
                                                      len(data))}):
        yield "cut to %d" % n, data[:n]


def flips(data):
    for i in range(0, len(data), 29):
        piece = bytearray(data)
        piece[i] ^= 1 << i % 8
        yield "bit %d of byte %d" % (i % 8, i), bytes(piece)


def cut(relctl, path):
    for name, _, changed_path in changed(path, cuts):
        yield name, refused(*run(relctl, changed_path))


def flip(relctl, path):
    for name, piece, changed_path in changed(path, flips):
        status, out, err = run(relctl, changed_path)
        want = b"sha256:%s\n" % hashlib.sha256(piece).hexdigest().encode()
        if status != 0:
            yield name, refused(status, out, err)
        else:
            yield name, None if out == want else "printed %r" % out


def main():
    if len(sys.argv) != 4 or sys.argv[2] not in ("all", "cut", "flip"):
        print(__doc__, file=sys.stderr)
        return 2
    what = {"all": all_of, "cut": cut, "flip": flip}[sys.argv[2]]
    n = failed = 0
    for name, fault in what(sys.argv[1], sys.argv[3]):
        n += 1
        if fault:
            failed += 1
            print("%s: %s" % (name, fault))
    print("%d archives" % n)
    return 1 if failed or n == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
