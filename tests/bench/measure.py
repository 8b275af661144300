# SPDX-License-Identifier: Apache-2.0
"""measure.py - one command timed, sides in rounds, and where it was.

Law of the rounds: each runs every side once, in an order that turns with the
round, so that a slow minute of the machine hits both sides of a ratio; what is
dirty goes to the disk before each timing; the first round is thrown away.
"""

import collections
import itertools
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

Sample = collections.namedtuple("Sample", "s cpu rss_kib")


class Failed(Exception):
    pass


class Runner:
    """Starts programs with an environment of its own, in `work`."""

    def __init__(self, work, relctl):
        self.work = work
        self.relctl = relctl
        self.fresh = itertools.count()
        self.env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": work,
            "LANG": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "RELCTL_ACTOR": "bench",
            "RELCTL_APP": "bench",
        }

    def place(self, name):
        """A name in `work` that nothing has had."""
        return f"{self.work}/{name}.{next(self.fresh)}"

    def spawn(self, argv, home, stdout):
        """(status, rusage); with the least that is needed around it."""
        env = self.env
        if home:
            env = {**env, "RELCTL_STORE": home + "/store",
                   "RELCTL_KEY_FILE": home + "/key"}
        quiet = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        pid = os.posix_spawnp(argv[0], argv, env, setpgroup=0, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, stdout, quiet, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, self.work + "/stderr", quiet, 0o600),
        ])
        try:
            _, status, used = os.wait4(pid, 0)
        except BaseException:
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        return os.waitstatus_to_exitcode(status), used

    def said(self, name):
        with open(f"{self.work}/{name}", encoding="utf-8") as f:
            return f.read().strip()

    def must(self, argv, status):
        if status != 0:
            raise Failed(f"{' '.join(argv)}: status {status}\n"
                         f"{self.said('stderr')}")

    def run(self, argv, home=None):
        status, _ = self.spawn(argv, home, self.work + "/stdout")
        self.must(argv, status)
        return self.said("stdout")

    def timed(self, argv, home=None):
        os.sync()
        start = time.perf_counter()
        status, used = self.spawn(argv, home, "/dev/null")
        took = time.perf_counter() - start
        self.must(argv, status)
        return Sample(took, used.ru_utime + used.ru_stime, used.ru_maxrss)

    def do(self, home, *args):
        return self.run([self.relctl, "-q", *args], home)

    def time(self, home, *args):
        return self.timed([self.relctl, "-q", *args], home)

    def works(self, argv, home=None):
        return self.spawn(argv, home, "/dev/null")[0] == 0


def rounds(sides, count, label):
    """{side: [Sample]} of `count` rounds and one that nobody sees."""
    kept = {name: [] for name in sides}
    names = list(sides)
    for n in range(count + 1):
        progress(f"{label}: round {n} of {count}")
        turned = names[n % len(names):] + names[:n % len(names)]
        for name in turned if n % 2 else reversed(turned):
            sample = sides[name]()
            if n > 0:
                kept[name].append(sample)
    progress("")
    return kept


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:<60}\r", end="", file=sys.stderr, flush=True)


def spread(values):
    """The quartiles: low, median, high."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def ratios(row):
    return [a / b for a, b in zip(row["ours"], row["theirs"])]


def remove(path):
    """All of it; the directories of trees are read-only."""
    if os.geteuid() != 0 and os.path.isdir(path):
        subprocess.run(["find", path, "-type", "d", "-exec", "chmod", "u+w",
                        "{}", "+"], check=False)
    subprocess.run(["rm", "-rf", path], check=True)


def usage(top, st="st_blocks", but=()):
    """Bytes of all that is in it, each inode once; `but`: not these names."""
    seen = set()
    total = 0
    stack = [top]
    while stack:
        path = stack.pop()
        meta = os.lstat(path)
        if (meta.st_dev, meta.st_ino) in seen:
            continue
        seen.add((meta.st_dev, meta.st_ino))
        is_dir = os.path.isdir(path) and not os.path.islink(path)
        if st == "st_blocks":
            total += meta.st_blocks * 512
        elif not is_dir:
            total += meta.st_size
        if is_dir:
            stack += [os.path.join(path, name) for name in os.listdir(path)
                      if path != top or name not in but]
    return total


def first_line(*argv):
    try:
        out = subprocess.run(argv, stdout=subprocess.PIPE, text=True,
                             stderr=subprocess.DEVNULL, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    lines = [s.strip(" *") for s in out.splitlines() if s.strip()]
    # ostree says its name on one line and the version on the next.
    return " ".join(lines[:2] if lines[0].endswith(":") else lines[:1])


def file_system(path):
    """{type, journal, device}: of an ext4 the kernel says if it has one."""
    device = os.stat(path).st_dev
    want = f"{os.major(device)}:{os.minor(device)}"
    found = {"type": "?", "device": "?", "journal": None}
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            left, right = line.split(" - ", 1)
            if left.split()[2] == want:
                found["type"], found["device"] = right.split()[:2]
    if found["type"] == "ext4":
        try:
            name = os.path.basename(
                os.readlink(f"/sys/dev/block/{want}"))
            with open(f"/sys/fs/ext4/{name}/journal_task",
                      encoding="utf-8") as f:
                found["journal"] = f.read().strip() != "<none>"
        except OSError:
            pass
    return found


def fsync_time(work):
    """Median seconds of an fsync of a new file of 4 KiB."""
    took = []
    for _ in range(21):
        with open(work + "/fsync", "wb") as f:
            f.write(os.urandom(4096))
            f.flush()
            start = time.perf_counter()
            os.fsync(f.fileno())
            took.append(time.perf_counter() - start)
        os.unlink(work + "/fsync")
    return statistics.median(took)


def machine(relctl, work):
    cpu = "?"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for text in f:
            if text.startswith("model name"):
                cpu = text.split(":", 1)[1].strip()
                break
    tools = [[relctl, "--version"], ["git", "--version"],
             ["zstd", "--version"], ["tar", "--version"],
             ["bsdtar", "--version"], ["bwrap", "--version"],
             ["ostree", "--version"]]
    return {
        "cpu": cpu,
        "cpus": len(os.sched_getaffinity(0)),
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "kernel": platform.release(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "?"),
        "load": os.getloadavg()[0],
        "file_system": file_system(work),
        "fsync_s": fsync_time(work),
        "tools": [said for said in (first_line(*t) for t in tools) if said],
    }


class Image:
    """An ext4 with a journal in a sparse file, mounted while it is open."""

    def __init__(self, under, gib):
        self.top = tempfile.mkdtemp(prefix="relctl-image.", dir=under)
        self.file = self.top + "/ext4"
        self.mount = self.top + "/mount"
        self.gib = gib

    def __enter__(self):
        os.mkdir(self.mount)
        with open(self.file, "wb") as f:
            f.truncate(self.gib << 30)
        try:
            subprocess.run(["mkfs.ext4", "-q", "-F", "-E",
                            "lazy_journal_init=0", self.file], check=True)
            # No thread that goes on making inode tables while we measure.
            subprocess.run(["mount", "-o", "loop,noinit_itable", self.file,
                            self.mount], check=True)
        except (OSError, subprocess.CalledProcessError):
            shutil.rmtree(self.top)
            raise
        return self.mount

    def __exit__(self, *_):
        if subprocess.run(["umount", self.mount], check=False).returncode:
            subprocess.run(["umount", "-l", self.mount], check=True)
        shutil.rmtree(self.top)
