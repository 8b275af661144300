# SPDX-License-Identifier: Apache-2.0
"""scale.py - the same commands with 10 and with 100,000 releases."""

import os
import sys

from measure import rounds
from rows import row

LEDGER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ledger.py")


def filled(bench, count, *apps):
    """A copy of the store that has `count` releases, and its index."""
    home = bench.copy(bench.running)
    bench.run.run([sys.executable, LEDGER, home + "/store", str(count), *apps])
    bench.run.do(home, "config", "set", "FILLED=1")
    return home


def series(bench, counts, count):
    """After bench.stage(). Up to 100 releases an app; and all in one app."""
    homes = {(n, ""): filled(bench, n) for n in counts}
    homes[counts[-1], " of one app"] = filled(bench, counts[-1], "1")
    sides = {}
    for key, home in homes.items():
        sides["release", *key] = lambda h=home: bench.release(h)
        sides["rollback", *key] = lambda h=home: bench.rollback(h)
        for verb in ("releases", "show"):
            sides[verb, *key] = lambda h=home, v=verb: bench.run.time(h, v)
    got = rounds(sides, count, "many releases")
    few = counts[0]
    for verb, n, where in got:
        if n > few:
            kind = "one-app" if where else "scale"
            yield row(f"{kind}-{verb}", f"{verb} with {n:,} releases{where}",
                      f"with {few}", got[verb, n, where],
                      got[verb, few, ""], x=n,
                      target=1.1 if n >= 100_000 else None)
