#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""compare.py tree REPOSITORY COMMIT DIR
    every entry of the unpacked tree DIR is what git says, and no other is there
compare.py artifact REPOSITORY COMMIT STORE
    the digest, size and cuts of the artifact that STORE holds of COMMIT are
    those of a second implementation (profile1.py); prints the ID

Only git's own ls-tree and cat-file are believed.
"""

import json
import os
import stat
import subprocess
import sys

import profile1


def want_mode(mode):
    if mode == 0o120000:
        return "link"
    if mode in (0o040000, 0o160000):
        return "dir 555"
    return "file 555" if mode == 0o100755 else "file 444"


def have_mode(st):
    if stat.S_ISLNK(st.st_mode):
        return "link"
    perm = "%o" % stat.S_IMODE(st.st_mode)
    if stat.S_ISDIR(st.st_mode):
        return "dir " + perm
    return ("file " if stat.S_ISREG(st.st_mode) else "other ") + perm


def have_content(path, st):
    if stat.S_ISLNK(st.st_mode):
        return os.readlink(path)
    with open(path, "rb") as f:
        return f.read()


def compare_tree(repository, commit, top):
    git = profile1.Git(repository, commit)
    top = os.fsencode(top)
    faults = []
    mtimes = set()
    wanted = {path for _, _, path in git.entries}
    for mode, oid, path in git.entries:
        full = os.path.join(top, path)
        try:
            st = os.lstat(full)
        except OSError as e:
            faults.append("%r: %s" % (path, e.strerror))
            continue
        mtimes.add(st.st_mtime_ns)
        if have_mode(st) != want_mode(mode):
            faults.append("%r: %s, not %s" %
                          (path, have_mode(st), want_mode(mode)))
        elif not stat.S_ISDIR(st.st_mode) and \
                have_content(full, st) != git.blob(oid):
            faults.append("%r: other content" % path)
    git.close()
    for where, dirs, files in os.walk(top):
        for name in dirs + files:
            path = os.path.relpath(os.path.join(where, name), top)
            if path not in wanted:
                faults.append("%r: not in git" % path)
    for fault in faults[:20]:
        print(fault, file=sys.stderr)
    print("%d entries, %d differ, %d mtime%s" %
          (len(git.entries), len(faults), len(mtimes),
           "" if len(mtimes) == 1 else "s"))
    return 1 if faults else 0


def record_of(store, digest):
    packed = os.path.join(store, "artifacts", digest + ".json.zst")
    text = subprocess.run(["zstd", "-dcq", packed], check=True,
                          stdout=subprocess.PIPE).stdout
    return json.loads(text)


def find(value, key):
    """The value of ${key}, wherever it stands in the record."""
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = list(value.values())
    if isinstance(value, list):
        for v in value:
            got = find(v, key)
            if got is not None:
                return got
    return None


def compare_artifact(repository, commit, store):
    git = profile1.Git(repository, commit)
    writer = profile1.from_git(git)
    git.close()
    digest = writer.end()
    record = record_of(store, digest)
    have = [size for _, size, *_ in find(record, "chunks")]
    faults = []
    if have != writer.chunks:
        faults.append("cuts %r, not %r" % (have, writer.chunks))
    if find(record, "size") != writer.size:
        faults.append("size %r, not %r" %
                      (find(record, "size"), writer.size))
    if find(record, "entries") != len(git.entries):
        faults.append("entries %r, not %r" %
                      (find(record, "entries"), len(git.entries)))
    for fault in faults:
        print(fault, file=sys.stderr)
    print("sha256:" + digest)
    return 1 if faults else 0


def main():
    modes = {"tree": compare_tree, "artifact": compare_artifact}
    if len(sys.argv) != 5 or sys.argv[1] not in modes:
        print(__doc__, file=sys.stderr)
        return 2
    return modes[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
