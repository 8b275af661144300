#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make a ledger older: age.py LEDGER HOURS

Every event gets a time so much earlier and the hash that docs/formats.md says.
"""

import hashlib
import sqlite3
import sys


def digest(fields):
    h = hashlib.sha256(b"relctl event 1\0")
    for field in fields:
        data = str(field).encode()
        h.update(len(data).to_bytes(4, "big") + data)
    return h.hexdigest()


def main():
    path, hours = sys.argv[1], int(sys.argv[2])
    db = sqlite3.connect(path)
    triggers = db.execute(
        "SELECT name, sql FROM sqlite_schema"
        " WHERE type = 'trigger' AND tbl_name = 'event'"
    ).fetchall()
    rows = db.execute(
        "SELECT seq, time, app, kind, body FROM event ORDER BY seq"
    ).fetchall()
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    prev = "0" * 64
    for seq, time, *rest in rows:
        time -= hours * 3600 * 1000
        new = digest([seq, time, *rest, prev])
        db.execute(
            "UPDATE event SET time = ?, prev = ?, hash = ? WHERE seq = ?",
            (time, prev, new, seq),
        )
        prev = new
    for _, sql in triggers:
        db.execute(sql)
    db.commit()


main()
