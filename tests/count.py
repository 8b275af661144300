# SPDX-License-Identifier: Apache-2.0
"""count.py [--again NAME] [--only NAMES] BUILDDIR SUITE... - what `meson test` ran.

Reads meson's log of one run. Each TAP result is a case; a program without TAP
is one. A program that ended badly is one more failed case when none of its
results say so: it died, ran out of time, or gave fewer results than planned.
With --only it was to run no more than these programs, "NAME NAME".
A suite that ran nothing is a failed case too. Prints a line for each suite,
what failed, what was skipped and why; the last line is three numbers.
"""

import json
import re
import sys
from collections import namedtuple

Case = namedtuple("Case", "result name why")
RESULT = re.compile(r"^(not )?ok\b(?:\s+\d+)?(?:\s+-)?\s*([^#]*)(?:#\s*(.*))?$")
GOOD = ("OK", "SKIP")


def tap_cases(text):
    for line in text.splitlines():
        found = RESULT.match(line)
        if not found:
            continue
        failed, name, directive = found.groups()
        skip = re.match(r"skip\S*\s*(.*)", directive or "", re.I)
        if failed:
            yield Case("failed", name.strip(), "")
        elif skip:
            why = skip.group(1).strip("() ") or "no reason given"
            yield Case("skipped", name.strip(), why)
        else:
            yield Case("passed", name.strip(), "")


def skip_reason(text):
    """The reason that a whole TAP plan (1..0 # SKIP why) or a program gave."""
    plan = re.search(r"^1\.\.0\s*#\s*skip\S*\s*(.*)$", text, re.I | re.M)
    if plan:
        return plan.group(1)
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def cases_of(run, tap):
    text = run.get("stdout", "")
    cases = list(tap_cases(text)) if tap else []
    if run["result"] not in GOOD:
        if not any(c.result == "failed" for c in cases):
            cases.append(Case("failed", "", run["result"].lower()))
    elif not cases:
        skipped = run["result"] == "SKIP"
        why = text + run.get("stderr", "")
        cases.append(
            Case("skipped", "", skip_reason(why)) if skipped
            else Case("passed", "", "")
        )
    return cases


def load(build, only):
    with open(build + "/meson-info/intro-tests.json") as f:
        tests = json.load(f)
    tap = {
        (s.split(":")[-1], t["name"]): t["protocol"] == "tap"
        for t in tests for s in t["suite"]
    }
    ran = {}
    with open(build + "/meson-logs/testlog.json") as f:
        for line in f:
            run = json.loads(line)
            suite, name = run["name"].split(" / ")
            suite = suite.split(":")[-1]
            cases = cases_of(run, tap[suite, name])
            ran.setdefault(suite, []).append((name, cases))
    missing = {
        key for key in tap
        if key[0] in ran and key[1] not in [n for n, _ in ran[key[0]]]
        and (not only or key[1] in only)
    }
    for suite, name in missing:
        ran[suite].append((name, [Case("failed", "", "did not run")]))
    return ran


def main(argv):
    again, only = "", []
    if argv[0] == "--again":
        again = argv[1] and " " + argv[1]
        argv = argv[2:]
    if argv[0] == "--only":
        only = argv[1].split()
        argv = argv[2:]
    build, suites = argv[0], argv[1:]
    ran = load(build, only)
    total = dict.fromkeys(("passed", "failed", "skipped"), 0)
    listed = []
    for suite in suites:
        programs = ran.get(suite, [])
        count = dict.fromkeys(total, 0)
        if not programs:
            programs = [(suite, [Case("failed", "", "nothing ran")])]
        for name, cases in programs:
            for c in cases:
                count[c.result] += 1
                if c.result != "passed":
                    what = ": ".join(x for x in (name, c.name, c.why) if x)
                    listed.append(f"  {c.result} {suite} {what}{again}")
        print("  {:<8} {:>3} programs: {passed} passed, {failed} failed, "
              "{skipped} skipped".format(suite, len(programs), **count))
        for key, n in count.items():
            total[key] += n
    print("\n".join(listed), end="\n" if listed else "")
    print(total["passed"], total["failed"], total["skipped"])


main(sys.argv[1:])
