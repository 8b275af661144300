# SPDX-License-Identifier: Apache-2.0
"""compare.py - relctl and the usual tools, as ratios of one run.

Every figure is the median of the ratios of single rounds (see measure.py) on
repositories that generate.py makes and on the HEAD of any that are given.
Nothing here passes or fails by time.
"""

import argparse
import contextlib
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile

import scale
from measure import (Failed, Image, Runner, machine, progress, ratios,
                     remove, spread)
from rows import Bench

HERE = os.path.dirname(os.path.abspath(__file__))
CHANGES = (1, 10, 100, 1000)
RELEASES = (10, 100, 1000, 10_000, 100_000)
MAKE = {
    "1000": ("files", "--files", "1000"),
    "10000": ("files", "--files", "10000", "--successive", "60",
              "--changes", ",".join(map(str, CHANGES))),
    "100000": ("files", "--files", "100000", "--second", "1"),
    "deep": ("deep", "--files", "9000"),
    "big": ("big",),
    "quick": ("files", "--files", "150", "--successive", "3",
              "--changes", "1,10"),
}


class Run:
    """One run of the script: all repositories, one result."""

    def __init__(self, args, work):
        self.args = args
        self.work = work
        self.result = {
            "schema": "relctl.bench/1",
            "date": datetime.date.today().isoformat(),
            "rounds": args.rounds,
            "machine": machine(args.relctl, work),
            "repositories": [], "rows": [], "skipped": [],
        }

    def keep(self, name, rows):
        for one in rows:
            one["repository"] = name
            self.result["rows"].append(one)
            show(one)

    def repository(self, name, repo, made):
        place = f"{self.work}/{name}"
        os.mkdir(place)
        bench = Bench(Runner(place, self.args.relctl), repo, made is None)
        about = bench.describe(name)
        self.result["repositories"].append(about)
        print(f"\n{name}: {about['entries']:,} entries, "
              f"{about['tar_bytes'] / 1e6:.1f} MB, {about['commit']}")
        line("median", "relctl", "peer", "ratio", "quartiles", "target", "")
        skipped = []
        bench.prepare()
        for group in self.groups(bench, made, skipped):
            since = len(bench.dead)
            self.keep(name, group)
            bench.forget(since)
        bench.forget()
        remove(place)
        for reason in skipped:
            self.result["skipped"].append(f"{name}: {reason}")
            print(f"  not measured: {reason}")
        self.save()

    def save(self):
        """After each repository: a run that is ended has that much."""
        if self.args.json:
            with open(self.args.json, "w", encoding="utf-8") as f:
                json.dump(self.result, f, ensure_ascii=False, indent=1)
                f.write("\n")

    def groups(self, bench, made, skipped):
        args = self.args
        n = args.rounds
        yield bench.builds(n)
        yield bench.sizes()
        if bench.entries > 50_000:
            return  # minutes a round, and millions of files
        yield bench.trees(max(1, n // 3) if made == "big" else n, skipped)
        bench.stage()
        yield bench.switches(n if args.quick else 3 * n)
        yield bench.starts(n if args.quick else 10 * n, skipped)
        if made in (None, "10000", "quick"):
            branch = "successive" if made else "HEAD"
            yield bench.history(branch, 3 if args.quick else 60, skipped)
        if made == "10000":
            yield bench.changed(n, CHANGES)
        if made == "quick":
            yield bench.changed(n, CHANGES[:2])
            yield scale.series(bench, (3, 12), n)
        if made == "1000":
            yield scale.series(bench, RELEASES, 2 * n)

    def all(self):
        for n, repo in enumerate(self.args.repository):
            name = os.path.basename(repo)
            if name in ("repo", ".git", ""):
                name = os.path.basename(os.path.dirname(repo))
            name = name.split("+")[-1].removesuffix(".git")
            if any(r["name"] == name for r in self.result["repositories"]):
                name = f"{name}-{n}"
            self.repository(name, repo, None)
        for made in self.args.make:
            progress(f"making '{made}'")
            repo = f"{self.work}/made"
            kind, *rest = MAKE[made]
            subprocess.run([sys.executable, HERE + "/generate.py", kind, repo,
                            *rest], check=True)
            name = "made-" + made
            self.repository(name, repo, made)
            remove(repo)


def quantity(value, unit):
    if unit == "B":
        if value >= 1e6:
            return f"{value / 1e6:.1f} MB"
        return f"{value / 1e3:.1f} kB"
    if value < 0.1:
        return f"{value * 1000:.1f} ms"
    return f"{value * 1000:.0f} ms" if value < 10 else f"{value:.1f} s"


def line(name, ours, theirs, ratio, quartiles, target, peer):
    print(f"  {name:<42} {ours:>8} {theirs:>8} {ratio:>6} {quartiles:>12} "
          f"{target:>7}  {peer}".rstrip(), flush=True)


def show(one):
    low, middle, high = spread(ratios(one))
    target = f"≤ {one['target']}" if one["target"] else ""
    line(one["work"], quantity(spread(one["ours"])[1], one["unit"]),
         quantity(spread(one["theirs"])[1], one["unit"]), f"{middle:.3f}",
         f"{low:.2f}-{high:.2f}" if len(one["ours"]) > 1 else "", target,
         one["peer"].replace("\\", ""))


def introduce(where):
    disk = where["file_system"]
    print(f"{where['cpu']}, {where['cpus']} CPUs, Linux {where['kernel']}, "
          f"load {where['load']:.1f}")
    print(f"{disk['type']} on {disk['device']}, an fsync of 4 KiB takes "
          f"{where['fsync_s'] * 1000:.2f} ms")
    print("; ".join(where["tools"]))
    if disk["journal"] is False:
        print("warning: this ext4 has no journal: there making files is many "
              "times slower\nfor a while after others were removed. Take "
              "--image (as root) or --work DIR.")
    if where["load"] > 0.5 * where["cpus"]:
        print("warning: the machine is busy, ratios will be rough")


def arguments():
    p = argparse.ArgumentParser(prog="compare.sh")
    p.add_argument("--relctl", metavar="PROGRAM", required=True)
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--make", metavar="NAME,…", action="append", default=[],
                   help="repositories to make: 'all', or of "
                   + ", ".join(MAKE))
    p.add_argument("--quick", action="store_true",
                   help="each row once, on a tiny repository: does it work?")
    p.add_argument("--json", metavar="FILE", help="all samples")
    p.add_argument("--work", metavar="DIR", help="where all files are made "
                   "(TMPDIR, else /tmp)")
    p.add_argument("--image", action="store_true", help="as root: in an ext4 "
                   "with a journal, in a sparse file under --work")
    p.add_argument("--image-gib", type=int, default=40, metavar="N",
                   help="its size (40; a tenth of it is used without 100000)")
    p.add_argument("repository", nargs="*")
    args = p.parse_args()
    if args.quick:
        args.rounds, args.make = 1, args.make or ["quick"]
    args.make = [m for m in ",".join(args.make).split(",") if m]
    if args.make == ["all"]:
        args.make = [m for m in MAKE if m != "quick"]
    if not args.make and not args.repository:
        args.make = ["1000"]
    if args.rounds < 1 or any(m not in MAKE for m in args.make):
        p.error("at least one round, and --make of " + ", ".join(MAKE))
    if args.image and os.geteuid() != 0:
        p.error("--image mounts, so it is for root")
    args.relctl = os.path.abspath(args.relctl)
    if not os.access(args.relctl, os.X_OK):
        p.error(f"'{args.relctl}' is not there: build it, or say --relctl")
    if args.json:
        # Now, not after twenty minutes.
        args.json = os.path.abspath(args.json)
        os.makedirs(os.path.dirname(args.json), exist_ok=True)
    args.repository = [os.path.abspath(r) for r in args.repository]
    return args


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with contextlib.ExitStack() as stack:
        under = args.work
        if args.image:
            under = stack.enter_context(
                Image(args.work or tempfile.gettempdir(), args.image_gib))
        work = tempfile.mkdtemp(prefix="relctl-bench.", dir=under)
        if not args.image:
            stack.callback(remove, work)
        run = Run(args, work)
        introduce(run.result["machine"])
        try:
            run.all()
        except (Failed, subprocess.CalledProcessError) as e:
            sys.exit(f"error: {e}")


if __name__ == "__main__":
    main()
