# SPDX-License-Identifier: Apache-2.0
"""escape.py --relctl PROGRAM --probe PROGRAM --page FILE - tries to get out.

Each line of attempts.py is tried by PROBE within `relctl exec` at a level, as
root and as uid 65534, each with a store of its own. Outside the same attempt
must succeed, or "blocked" says nothing: where it cannot, it is skipped. What
is open must be exactly what `relctl doctor` and the page list. Writes TAP.
"""

import argparse
import fcntl
import json
import os
import pty
import re
import select
import subprocess
import tempfile
import termios

from attempts import ATTEMPTS
from world import NOBODY, Victim, Who, World, clean_env

SECONDS = 20
GRACE = 1.0  # what is left of a process has to be gone by then
# Reasons for which a machine does not allow the attempt outside either.
NOT_HERE = {"ENOSYS", "EPERM", "EACCES", "ENODEV", "EAFNOSUPPORT", "ENOENT",
            "EOPNOTSUPP", "SIGSEGV"}


def spawn(argv, env, tty, fds):
    out_r, out_w = os.pipe()
    master, slave = pty.openpty() if tty else (-1, -1)

    def control():
        os.setsid()
        if tty:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    err = tempfile.TemporaryFile()
    p = subprocess.Popen(
        argv, env=env, stdin=slave if tty else subprocess.DEVNULL,
        stdout=out_w, stderr=err, pass_fds=fds, preexec_fn=control)
    os.close(out_w)
    try:
        p.wait(SECONDS)
        late = False
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait()
        late = True
    for fd in (master, slave):
        if tty:
            os.close(fd)
    text, survives = b"", False
    while True:
        if not select.select([out_r], [], [], GRACE)[0]:
            survives = True
            break
        part = os.read(out_r, 65536)
        if not part:
            break
        text += part
    os.close(out_r)
    err.seek(0)
    return (p.returncode, late, survives, text.decode(errors="replace"),
            err.read().decode(errors="replace").strip())


def verdict(ran, outlives, limited=False):
    """("open" or "blocked", why), or (None, what went wrong)."""
    status, late, survives, text, err = ran
    last = text.strip().splitlines()[-1:]
    said = last[0] if last else ""
    if late:
        return None, "it did not end"
    if outlives:
        if survives:
            return "open", ""
        return "blocked", "ESRCH"
    if survives:
        return None, "something is left of it"
    if said == "open":
        return "open", ""
    if said.startswith("blocked: "):
        return "blocked", said[9:]
    if status == 125 and "needs the cgroup controller" in err:
        return "blocked", "relctl refuses to start it"
    if status in (-11, 128 + 11):
        return "blocked", "SIGSEGV"
    if status == 128 + 9 and limited:
        return "blocked", "the kernel killed it"
    return None, f"status {status}: {said} {err}"


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def case(self, ok, name, skip=""):
        self.n += 1
        self.failed += not ok
        print(f"{'' if ok else 'not '}ok {self.n} - {name}"
              f"{' # SKIP ' + skip if skip else ''}", flush=True)


class Trial:
    """All attempts of one user."""

    def __init__(self, world, who, tap):
        self.world, self.who, self.tap = world, who, tap
        self.outside = {}

    def facts(self, victim):
        home = self.who.home
        other = [NOBODY, 0][self.who.inner == NOBODY]
        return {**self.world.facts, "home_": home, "scratch": home + "/scratch",
                "store": home + "/store", "key": home + "/key/key",
                "ledger": home + "/store/ledger.db",
                "file": home + "/scratch/page", "pid": victim.pid,
                "addr": victim.addr, "shm": victim.shm, "other_uid": other,
                "bind": self.world.place + "/setuid",
                "setuid": f"{self.world.place}/setuid/{other}",
                "other_tree": self.other_tree}

    def control(self, attempt, facts, uid):
        """Outside, but where its mounts would be seen by nobody else."""
        args = attempt.outside_args(facts)
        if None in args:
            return "blocked", "ENOENT"
        argv = [self.who.home + "/scratch/probe", *args]
        if attempt.outlives:
            argv = ["sh", "-c", '"$@"; :', "sh", *argv]
        argv = self.who.as_uid(argv, uid)
        argv = [*self.world.apart, *argv]
        env = clean_env(self.who)
        leaks = (self.world.leak,) if attempt.leaks else ()
        return verdict(spawn(argv, env, attempt.tty, leaks),
                       attempt.outlives)

    def inside(self, attempt, facts, level):
        args = attempt.inside_args(facts)
        user = [] if self.who.user is None else [f"--user={self.who.user}"]
        flags = [x.format_map(facts) for x in attempt.flags]
        # The shell's number is relctl's: what it starts can be told of it.
        argv = ["sh", "-c", 'p=$$; n=$#; for a do shift; case $a in '
                'RELCTL) a=$p ;; esac; set -- "$@" "$a"; done; exec "$@"',
                "sh", self.world.relctl, "-q", "-a", "shop", "exec",
                f"--isolation={level}", *user, *flags, "--", "probe", *args]
        leaks = (self.world.leak,) if attempt.leaks else ()
        return verdict(spawn(self.who.as_uid(argv), clean_env(self.who),
                             attempt.tty, leaks), attempt.outlives,
                       bool(attempt.flags))

    def try_outside(self, facts):
        """Once for each attempt: as the user, else as root."""
        for a in ATTEMPTS:
            seen = None
            for uid in dict.fromkeys([self.who.inner, os.geteuid()]):
                seen = self.control(a, facts, uid)
                if seen[0] == "open":
                    break
            self.outside[a.name] = seen

    def level(self, level, allowed):
        """Returns the names of what is open."""
        who, world = self.who, self.world
        open_ = set()
        inner = Victim(who.as_uid([
            world.relctl, "-q", "-a", "shop", "exec", f"--isolation={level}",
            *([] if who.user is None else [f"--user={who.user}"]), "--",
            "victim", "victim"]), clean_env(who), True)
        facts = {**self.now, "instance": inner.pid}
        for a in ATTEMPTS:
            name = f"{level}, {who.name}: {a.name}"
            was, why = self.outside[a.name]
            if was != "open":
                self.tap.case(why in NOT_HERE, name,
                              f"outside it fails, too: {why}"
                              if why in NOT_HERE else "")
                if why not in NOT_HERE:
                    print(f"# outside: {was}: {why}")
                continue
            got, why = self.inside(a, facts, level)
            if got == "open":
                open_.add(a.name)
            listed = "open, as doctor says" if a.name in allowed else "open"
            ok = got == "blocked" or (got == "open" and a.name in allowed)
            said = listed if got == "open" else f"{got} ({why})"
            self.tap.case(ok, f"{name}: {said}")
        inner.end()
        return open_

    def run(self, levels, gaps):
        who, world = self.who, self.world
        self.other_tree = who.relctl(
            "-a", "other", "exec", "--isolation=none", "pwd").strip()
        outer = Victim(who.as_uid([world.place + "/setuid/victim", "victim"],
                                  who.inner), clean_env(who), False)
        self.now = {**self.facts(outer), "instance": outer.pid}
        self.try_outside(self.now)
        found = {level: self.level(level, gaps[level]) for level in levels}
        outer.end()
        return found


def columns(page):
    """{name: (ns, landlock)} of the table in the page."""
    with open(page, encoding="utf-8") as f:
        rows = re.findall(r"^\| `([\w-]+)` \|[^|]*\| ([^|]*) \| ([^|]*) \|$",
                          f.read(), re.M)
    return {name: (ns.strip(), lock.strip()) for name, ns, lock in rows}


def compare_page(tap, page, gaps, abi):
    rows = columns(page)
    names = [a.name for a in ATTEMPTS]
    tap.case(sorted(rows) == sorted(names),
             "the page has a row for each attempt")
    for extra in sorted(set(rows) ^ set(names)):
        print(f"# {extra}")
    is_open = {"open"}
    if abi < 6:
        is_open.add("open before 6.12")
    if abi < 3:
        is_open.add("open before 6.2")
    for at, level in enumerate(("ns", "landlock")):
        listed = {n for n, row in rows.items() if row[at] in is_open}
        tap.case(listed == gaps[level],
                 f"{level}: the page says what doctor says")
        for name in sorted(listed ^ gaps[level]):
            print(f"# {name}")


def users(world):
    if os.geteuid() != 0:
        return [Who(world, f"uid {os.geteuid()}", os.geteuid())]
    root = Who(world, "root", 0)
    return [root, Who(world, "nobody", NOBODY),
            Who(world, "root --user", 0, NOBODY, root.home)]


def main():
    p = argparse.ArgumentParser(prog="escape.py")
    for name in ("relctl", "probe", "page"):
        p.add_argument("--" + name, required=True)
    world, tap = World(p.parse_args()), Tap()
    page = p.parse_args().page
    try:
        everybody = users(world)
        for who in everybody:
            if who.user is None:
                who.settle()
        doc = json.loads(everybody[0].relctl("--json", "doctor"))["isolation"]
        levels = {x["level"]: x for x in doc["levels"]}
        gaps = {n: {g["name"] for g in x["gaps"]} for n, x in levels.items()}
        found = {"ns": set(), "landlock": set()}
        for name in found:
            if not levels[name]["works"]:
                tap.case(True, name, levels[name]["why"])
        for who in everybody:
            here = [n for n in found if levels[n]["works"] and
                    (n == "ns" or who.user is None)]
            for name, open_ in Trial(world, who, tap).run(here, gaps).items():
                found[name] |= open_
        compare_page(tap, page, gaps, doc["landlock_abi"])
        for name, open_ in found.items():
            if not levels[name]["works"] or os.geteuid() != 0:
                continue
            tap.case(open_ == gaps[name],
                     f"{name}: all that doctor lists was found open")
            for extra in sorted(gaps[name] - open_):
                print(f"# {extra} is stopped")
    finally:
        world.close()
    print(f"1..{tap.n}")


main()
