# SPDX-License-Identifier: Apache-2.0
"""Tar profile 1 and its chunks, written again from docs/formats.md.

Shares no code with relctl, so that an error in one of the two shows.
"""

import hashlib
import subprocess

BLOCK = 512
MIB = 1 << 20


def header(name, mode, size, typeflag, link=b""):
    fields = [
        (name[:100], 100),
        (b"%07o\0" % mode, 8),
        (b"0000000\0", 8),
        (b"0000000\0", 8),
        (b"%011o\0" % size, 12),
        (b"02263523001\0", 12),
        (b" " * 8, 8),
        (typeflag, 1),
        (link[:100], 100),
        (b"ustar\00000", 8),
        (b"", 64),
        (b"0000000\0" * 2, 16),
        (b"", 167),
    ]
    block = b"".join(value.ljust(n, b"\0") for value, n in fields)
    assert len(block) == BLOCK
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def pad(data):
    return data + b"\0" * (-len(data) % BLOCK)


def record(key, value):
    bare = len(key) + len(value) + 3
    for length in range(bare + 1, bare + 10):
        text = b"%d %s=%s\n" % (length, key, value)
        if len(text) == length:
            return text
    raise AssertionError(bare)


def member_header(kind, path, executable=False, size=0, target=b""):
    """kind: 'file', 'dir' or 'link'; path without a slash at the end."""
    if kind == "dir":
        path += b"/"
    pax = b""
    if len(path) > 100:
        pax += record(b"path", path)
    if kind == "link" and len(target) > 100:
        pax += record(b"linkpath", target)
    out = b""
    if pax:
        out = header(b"././@PaxHeader", 0o644, len(pax), b"x") + pad(pax)
    if kind == "dir":
        return out + header(path, 0o755, 0, b"5")
    if kind == "link":
        return out + header(path, 0o777, 0, b"2", target)
    return out + header(path, 0o755 if executable else 0o644, size, b"0")


class Writer:
    """Members in, the tar's digest and the sizes of its chunks out."""

    def __init__(self, sink=None):
        self.sha = hashlib.sha256()
        self.sink = sink
        self.size = 0
        self.open = 0
        self.chunks = []

    def _bytes(self, data):
        self.sha.update(data)
        self.size += len(data)
        if self.sink:
            self.sink(data)

    def _close(self):
        if self.open:
            self.chunks.append(self.open)
        self.open = 0

    def member(self, kind, path, content=b"", **more):
        head = member_header(kind, path, size=len(content), **more)
        body = pad(content)
        self._bytes(head)
        self._bytes(body)
        if len(content) > 64 * 1024:
            self.open += len(head)
            self._close()
            pieces, rest = divmod(len(content), MIB // 2)
            self.chunks += [MIB // 2] * pieces
            if rest:
                self.chunks.append(rest + len(body) - len(content))
            elif len(body) != len(content):
                raise AssertionError("512 KiB need no padding")
            return
        size = len(head) + len(body)
        if self.open + size > MIB // 2:
            self._close()
        self.open += size
        name = path + b"/" if kind == "dir" else path
        first = int.from_bytes(hashlib.sha256(name).digest()[:4], "big")
        if self.open >= 32 * 1024 and first * 98304 < size << 32:
            self._close()

    def end(self):
        self._bytes(b"\0" * 2 * BLOCK)
        self.open += 2 * BLOCK
        self._close()
        return self.sha.hexdigest()


class Git:
    """A repository as git itself shows it."""

    def __init__(self, path, commit="HEAD"):
        base = ["git", "--no-replace-objects", "-C", path]
        out = subprocess.run(
            base + ["ls-tree", "-r", "-t", "-z", "--full-tree", commit],
            check=True, stdout=subprocess.PIPE).stdout
        self.entries = []
        for line in out.split(b"\0")[:-1]:
            about, path = line.split(b"\t", 1)
            mode, _, oid = about.split(b" ")
            self.entries.append((int(mode, 8), oid, path))
        self.batch = subprocess.Popen(
            base + ["cat-file", "--batch"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def blob(self, oid):
        self.batch.stdin.write(oid + b"\n")
        self.batch.stdin.flush()
        _, kind, size = self.batch.stdout.readline().split()
        assert kind == b"blob", kind
        data = self.batch.stdout.read(int(size) + 1)
        return data[:-1]

    def close(self):
        self.batch.stdin.close()
        self.batch.wait()


def from_git(git, sink=None):
    """The Writer after the whole tree; call end() for the digest."""
    out = Writer(sink)
    for mode, oid, path in git.entries:
        if mode == 0o040000:
            out.member("dir", path)
        elif mode == 0o120000:
            out.member("link", path, target=git.blob(oid))
        elif mode in (0o100644, 0o100755, 0o100664):
            out.member("file", path, git.blob(oid),
                       executable=mode == 0o100755)
        elif mode == 0o160000:
            out.member("dir", path)
        else:
            raise AssertionError("mode %o" % mode)
    return out
