# SPDX-License-Identifier: Apache-2.0
"""ledger.py STORE RELEASES [APPS] - give a store a long past.

The releases are those that the store has, over and over: their apps get more of
them, and so do others that are made up (APPS in all; with 1 it is one app
alone). Each is activated, on top of the one before; every tenth is preceded by
a build, and each is followed by an exec. The events are chained as
docs/formats.md says; the index is derived by the next command that writes.
"""

import hashlib
import json
import sqlite3
import sys


def field(text):
    data = str(text).encode()
    return len(data).to_bytes(4, "big") + data


class Chain:
    def __init__(self, db):
        self.db = db
        self.seq, self.prev, self.time = db.execute(
            "SELECT seq, hash, time FROM event ORDER BY seq DESC LIMIT 1"
        ).fetchone()

    def append(self, app, kind, body):
        text = json.dumps(body, sort_keys=True, ensure_ascii=False,
                          separators=(",", ":"))
        self.seq += 1
        self.time += 1
        row = [self.seq, self.time, app, kind, text, self.prev]
        digest = hashlib.sha256(
            b"relctl event 1\0" + b"".join(field(x) for x in row)).hexdigest()
        self.db.execute(
            "INSERT INTO event (seq, time, app, kind, body, prev, hash)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)", [*row, digest])
        self.prev = digest
        return self.seq


def bodies(db, kind):
    return [json.loads(b) for (b,) in db.execute(
        "SELECT body FROM event WHERE kind = ? ORDER BY seq", (kind,))]


def tops(db):
    """{app: [newest number, newest activation]} of what is there."""
    found = {}
    for seq, app, kind, body in db.execute(
            "SELECT seq, app, kind, body FROM event"
            " WHERE kind IN ('release', 'activate') ORDER BY seq"):
        top = found.setdefault(app, [0, 0])
        if kind == "release":
            top[0] = json.loads(body)["number"]
        else:
            top[1] = seq
    return found


def fill(db, count, apps):
    releases, builds = bodies(db, "release"), bodies(db, "build")
    if not releases:
        sys.exit("the store has no release to repeat")
    known = tops(db)
    names = list(known)[:apps]
    names += [f"made-up-{n}" for n in range(len(names), apps)]
    chain = Chain(db)
    for n in range(max(0, count - len(releases))):
        app = names[n % apps]
        top = known.setdefault(app, [0, 0])
        if builds and n % 10 == 0:
            commit = hashlib.sha1(str(n).encode()).hexdigest()
            chain.append("", "build", {
                **builds[n % len(builds)], "commit": commit})
        top[0] += 1
        # Two in a row never have the same content, where there are two.
        body = releases[(n // apps) % len(releases)]
        chain.append(app, "release", {**body, "number": top[0]})
        top[1] = chain.append(app, "activate", {
            "by": body["by"], "number": top[0], "on": top[1]})
        chain.append(app, "exec", {
            "by": body["by"], "argv0": "true", "argc": 1, "status": 0,
            "ms": 1, "release": top[0]})


def main():
    store, count = sys.argv[1], int(sys.argv[2])
    apps = int(sys.argv[3]) if len(sys.argv) > 3 else max(1, count // 100)
    db = sqlite3.connect(store + "/ledger.db", isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("BEGIN IMMEDIATE")
    fill(db, count, apps)
    db.execute("COMMIT")


main()
