# SPDX-License-Identifier: Apache-2.0
"""smoke.py COMPARE DOCS - the benchmark works; it does not matter how fast.

One quick run, and the page and the plots that are made of it.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

COMPARE, DOCS = sys.argv[1:]
HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = {
    "cold", "next", "same", "memory", "chunks", "unpack", "unpack-next",
    "unpack-alone", "unpack-next-alone", "unpack-durable", "unpack-bsdtar",
    "release", "rollback", "exec", "exec-ns", "exec-ns-alone", "history",
    "history-ostree", "changed", "scale-release", "scale-rollback",
    "scale-releases", "scale-show", "one-app-release", "one-app-rollback",
    "one-app-releases", "one-app-show",
}
# What a machine may lack, by the word of the reason it gives.
OPTIONAL = {"bsdtar": {"unpack-bsdtar"}, "ostree": {"history-ostree"},
            "sandbox": {"exec-ns", "exec-ns-alone"}}
PAGE = ("before\n<!-- measured: begin -->\nstale numbers\n"
        "<!-- measured: end -->\nafter\n")
results = []


def check(what, found):
    """found: what is wrong, empty if nothing."""
    results.append(bool(found))
    print(f"{'not ok' if found else 'ok'} {len(results)} - {what}")
    for text in found:
        print(f"# {text}")


def python(name, *args):
    return subprocess.run([sys.executable, f"{HERE}/{name}", *args],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)


def wrong_numbers(row):
    for side in ("ours", "theirs"):
        for value in row[side] or [math.nan]:
            # A difference of two times may be anything.
            if not math.isfinite(value) or (
                    value <= 0 and not row["row"].endswith("-alone")):
                yield f"{row['row']}: {side} {value}"


def parsed(path):
    try:
        return xml.etree.ElementTree.parse(path).getroot().tag
    except (OSError, xml.etree.ElementTree.ParseError) as e:
        return str(e)


def page(results_file, directory, text):
    """The page with these results: (what page.py said, the page)."""
    name = directory + "/page.md"
    with open(name, "w", encoding="utf-8") as f:
        f.write(text)
    done = python("page.py", results_file, name)
    with open(name, encoding="utf-8") as f:
        return done.stdout if done.returncode else "", f.read()


def quick(work):
    said = subprocess.run(
        [COMPARE, "--relctl", os.environ["RELCTL"], "--quick", "--work", work,
         "--json", work + "/results.json"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    check("a quick run succeeds",
          said.stdout.splitlines() if said.returncode else [])
    if said.returncode:
        return
    with open(work + "/results.json", encoding="utf-8") as f:
        result = json.load(f)
    missing = ROWS - {r["row"] for r in result["rows"]}
    for word, rows in OPTIONAL.items():
        if any(word in reason for reason in result["skipped"]):
            missing -= rows
    check("each row is there, or why it is not", sorted(missing))
    check("each row has numbers",
          [w for row in result["rows"] for w in wrong_numbers(row)])
    check("it leaves nothing behind",
          sorted(set(os.listdir(work)) - {"results.json"}))
    wrong, text = page(work + "/results.json", work, PAGE)
    if not wrong and not (text.startswith("before\n") and "stale" not in text
                          and text.endswith("after\n")
                          and text.count("| cold build | git ") == 1):
        wrong = text
    check("the page keeps its words and gets the table", wrong.splitlines())
    plots = sorted(n for n in os.listdir(work) if n.endswith(".svg"))
    check("the plots are XML", [f"{n}: {parsed(f'{work}/{n}')}" for n in plots
                                if not parsed(f"{work}/{n}").endswith("svg")]
          if len(plots) >= 3 else [f"only {plots}"])


def published(work):
    """What the repository shows is what was measured."""
    source = DOCS + "/performance/results.json"
    if not os.path.exists(source):
        print(f"ok {len(results) + 1} - published # SKIP no results yet")
        results.append(False)
        return
    os.mkdir(work + "/published")
    copy = work + "/published/results.json"
    with open(source, encoding="utf-8") as f, \
            open(copy, "w", encoding="utf-8") as to:
        to.write(f.read())
    with open(DOCS + "/performance.md", encoding="utf-8") as f:
        shown = f.read()
    wrong, text = page(copy, work + "/published", shown)
    found = wrong.splitlines()
    if text != shown:
        found.append("docs/performance.md: run tests/bench/page.py")
    for name in os.listdir(work + "/published"):
        if name.endswith(".svg"):
            with open(f"{work}/published/{name}", encoding="utf-8") as f:
                made = f.read()
            try:
                with open(f"{DOCS}/performance/{name}",
                          encoding="utf-8") as f:
                    same = f.read() == made
            except OSError:
                same = False
            if not same:
                found.append(f"docs/performance/{name}: run page.py")
    check("the page and the plots are those of the results", found)


def reproducible(work):
    """The same arguments, the same commits; another seed, others."""
    heads = []
    for n, seed in enumerate(("1", "1", "2")):
        for kind in (("files", "--files", "50"), ("deep", "--files", "120"),
                     ("big", "--mib", "1")):
            repo = f"{work}/{kind[0]}{n}"
            done = python("generate.py", kind[0], repo, *kind[1:], "--seed",
                          seed)
            head = subprocess.run(["git", "-C", repo, "rev-parse", "main"],
                                  stdout=subprocess.PIPE, text=True,
                                  check=False).stdout
            heads.append(head if done.returncode == 0 else done.stdout)
    check("a repository is made the same twice",
          heads if heads[0:3] != heads[3:6] else [])
    check("another seed makes another one",
          heads if set(heads[0:3]) & set(heads[6:9]) else [])


def main():
    with tempfile.TemporaryDirectory(prefix="relctl-smoke.") as work:
        for step in (quick, published, reproducible):
            os.mkdir(f"{work}/{step.__name__}")
            step(f"{work}/{step.__name__}")
    print(f"1..{len(results)}")
    sys.exit(any(results))


main()
