# SPDX-License-Identifier: Apache-2.0
"""page.py - the measured part of docs/performance.md, and its plots.

    page.py [RESULTS [PAGE]]

Takes what `compare.sh --json` wrote (docs/performance/results.json), writes
the plots beside it and the tables between the two marks in PAGE.
"""

import json
import os
import statistics
import sys

from compare import quantity
from measure import ratios, spread
from plot import bars, chart, short

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..",
                    "docs")
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
MATRIX = ("cold", "next", "same", "memory", "chunks", "unpack", "unpack-next",
          "unpack-alone", "unpack-next-alone", "unpack-durable",
          "unpack-bsdtar", "release", "rollback", "exec", "exec-ns",
          "exec-ns-alone", "history", "history-ostree")
CHART = ("cold", "next", "one blob", "same", "unpack", "unpack-next",
         "release", "rollback", "exec", "exec-ns", "history",
         "history-ostree")


def called(name):
    made = name.removeprefix("made-")
    return f"{int(made):,} files" if made.isdigit() else made


def of(result, kind, repository=None):
    return [r for r in result["rows"] if r["row"] == kind
            and repository in (None, r["repository"])]


def ratio(row):
    return spread(ratios(row))[1]


def median(values):
    return spread(values)[1]


def cell(rows):
    """Median and quartiles; bold where it misses the target."""
    if not rows:
        return ""
    low, middle, high = spread(ratios(rows[0]))
    text = short(middle)
    if rows[0]["target"] and middle > rows[0]["target"]:
        text = f"**{text}**"
    if len(rows[0]["ours"]) > 1 and rows[0]["row"] != "memory":
        text += f" ({short(low)}–{short(high)})"
    return text


def table(head, lines):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(line) + " |" for line in lines), ""]


def targets(rows):
    found = sorted({r["target"] for r in rows if r["target"]})
    return " or ".join(f"≤ {t:g}" for t in found)


def matrix(result, repositories):
    names = [r["name"] for r in repositories]
    lines = []
    for kind in MATRIX:
        rows = [r for r in of(result, kind) if r["repository"] in names]
        if rows:
            lines.append([rows[0]["work"], rows[0]["peer"], targets(rows),
                          *(cell(of(result, kind, n)) for n in names)])
    return table(["work", "peer", "target", *map(called, names)], lines)


def series(result, kinds):
    lines = []
    for row in (r for kind in kinds for r in of(result, kind)):
        lines.append([row["work"], row["peer"], targets([row]), cell([row]),
                      *(quantity(median(row[side]), row["unit"])
                        for side in ("ours", "theirs"))])
    return table(["work", "peer", "target", "ratio", "relctl", "peer"], lines)


def medians(result):
    lines = []
    for r in result["repositories"]:
        line = [called(r["name"])]
        for kind in ("cold", "next", "same", "unpack", "unpack-next"):
            rows = of(result, kind, r["name"])
            line.append(" / ".join(
                quantity(median(rows[0][side]), "s")
                for side in ("ours", "theirs")) if rows else "")
        lines.append(line)
    return table(["relctl / peer", "cold build", "next commit", "same tree",
                  "unpack", "unpack the next"], lines)


def where(result):
    m = result["machine"]
    disk = m["file_system"]
    journal = {True: " with a journal", False: " without a journal"}.get(
        disk["journal"], "")
    yield (f"Measured on {result['date']}: {m['cpu']}, {m['cpus']} CPUs, "
           f"{m['memory'] / 2 ** 30:.0f} GiB, {m['system']}, Linux "
           f"{m['kernel']}; {disk['type']}{journal} on "
           f"{os.path.basename(disk['device'])}, an fsync of 4 KiB "
           f"{m['fsync_s'] * 1000:.2f} ms; load {m['load']:.1f} at the start; "
           f"{result['rounds']} rounds.")
    yield "; ".join(m["tools"]) + "."
    yield ""
    yield from table(
        ["repository", "commit", "entries", "directories", "tar"],
        [[called(r["name"]) + ("" if r["given"] else " (made)"), r["commit"],
          f"{r['entries']:,}", f"{r['directories']:,}",
          quantity(r["tar_bytes"], "B")] for r in result["repositories"]])


def measured(result):
    yield from where(result)
    given = [r for r in result["repositories"] if r["given"]]
    made = [r for r in result["repositories"] if not r["given"]]
    yield ("Each cell is the median of the ratios of the rounds, with its "
           "quartiles; bold is over the target.")
    yield ""
    for some in (given, made):
        if some:
            yield from matrix(result, some)
    chunks = [ratio(r) for r in of(result, "chunks")
              if r["repository"] in [g["name"] for g in given]]
    if len(chunks) > 1:
        yield (f"The mean of the chunks' ratios of these {len(chunks)} "
               f"repositories is {statistics.mean(chunks):.2f} "
               "(target ≤ 1.05).")
        yield ""
    for kinds in (("changed",), ("scale-rollback", "scale-release",
                                 "scale-releases", "scale-show",
                                 "one-app-rollback", "one-app-release",
                                 "one-app-releases", "one-app-show")):
        if any(of(result, kind) for kind in kinds):
            yield from series(result, kinds)
    yield "Medians in time:"
    yield ""
    yield from medians(result)
    for reason in result["skipped"]:
        yield f"- not measured: {reason}"


def pooled(result, kind):
    """Rows of a kind that count: of given repositories, else of all."""
    if kind == "one blob":
        return of(result, "next", "made-100000")
    given = {r["name"] for r in result["repositories"] if r["given"]}
    rows = of(result, kind)
    return [r for r in rows if r["repository"] in given] or rows


def plot_ratios(result, to):
    rows = []
    for kind in CHART:
        found = pooled(result, kind)
        if found:
            each = [ratio(r) for r in found]
            work = found[0]["work"]
            if kind == "one blob":
                work = "one blob among 100,000 files"
            goals = [r["target"] for r in found if r["target"]]
            rows.append((work, found[0]["peer"].replace("\\", ""),
                         statistics.median(each), each,
                         max(goals) if goals else None))
    bars(to + "/ratio.svg", "What relctl takes, as a part of what its peer "
         "takes", "bar: median of the repositories · dot: one of them · "
         "stroke: target · less is better", rows)


def form_with(x_of):
    def form(axis, value):
        return x_of(value) if axis == 0 else quantity_axis(value)
    return form


def quantity_axis(seconds):
    if seconds >= 1:
        return f"{seconds:g} s"
    return f"{seconds * 1000:.3g} ms"


def points(result, kind, names, x, side="ours"):
    return [(x(r), median(row[side]), called(r["name"]))
            for r in names for row in of(result, kind, r["name"])]


def plot_lines(path, title, x_name, x_form, lines, **more):
    lines = [(name, sorted(line)) for name, line in lines if line]
    if lines and all(len(line) > 1 for _, line in lines):
        chart(path, title, x_name, "time of the whole command, median",
              lines, form_with(x_form), **more)


def count(value):
    return f"{value:,.0f}"


def scaled(rows):
    """The fewest releases are what all others are compared with."""
    few = [(int(rows[0]["peer"].split()[1]), median(rows[0]["theirs"]),
            rows[0]["peer"])] if rows else []
    return few + [(r["x"], median(r["ours"]), r["work"]) for r in rows]


def plots(result, to):
    plot_ratios(result, to)
    everything = result["repositories"]
    sized = [r for r in everything
             if r["name"].removeprefix("made-").isdigit()]

    def builds(names, x):
        return [("cold build", points(result, "cold", names, x)),
                ("archive | zstd, sync",
                 points(result, "cold", names, x, "theirs")),
                ("next commit", points(result, "next", names, x)),
                ("same tree", points(result, "same", names, x))]

    plot_lines(to + "/files.svg", "A build, by number of files",
               "files of 5 KB in the repository", count,
               builds(sized, lambda r: int(r["name"].split("-")[1])))
    plot_lines(to + "/bytes.svg", "A build, by bytes",
               "bytes of the tar; a point is a repository",
               lambda v: f"{v / 1e6:g} MB",
               builds(everything, lambda r: r["tar_bytes"]), joined=False)
    changed = of(result, "changed")
    plot_lines(to + "/changed.svg", "A build, by number of changed files",
               "files changed of 10,000", count,
               [("relctl", [(r["x"], median(r["ours"]), r["work"])
                            for r in changed]),
                ("archive | zstd, sync",
                 [(r["x"], median(r["theirs"]), r["work"])
                  for r in changed])])
    plot_lines(to + "/releases.svg", "A store that remembers, by releases",
               "releases in the store", count,
               [(verb, scaled(of(result, "scale-" + verb)))
                for verb in ("rollback", "release", "releases", "show")],
               log_y=False)


def main():
    source = sys.argv[1] if len(sys.argv) > 1 else \
        DOCS + "/performance/results.json"
    page = sys.argv[2] if len(sys.argv) > 2 else DOCS + "/performance.md"
    with open(source, encoding="utf-8") as f:
        result = json.load(f)
    with open(page, encoding="utf-8") as f:
        before, rest = f.read().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(page, "w", encoding="utf-8") as f:
        f.write(before + BEGIN + "\n" + "\n".join(measured(result)).rstrip()
                + "\n" + END + after)
    plots(result, os.path.dirname(os.path.abspath(source)))


if __name__ == "__main__":
    main()
