# SPDX-License-Identifier: Apache-2.0
"""compare.py - relctl and the usual tools, as ratios of medians of one run.

Each round runs both sides of every row, one after the other, in an order that
turns with the round; what is dirty is written to the disk before each timing.
The first round is thrown away. Nothing here passes or fails by time.
"""

import argparse
import itertools
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

FILES = 400  # of the generated repository


class Bench:
    def __init__(self, relctl, repo, rounds, work):
        self.relctl = relctl
        self.repo = repo
        self.rounds = rounds
        self.work = work
        self.fresh = itertools.count()
        self.env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": work,
            "LANG": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_NOSYSTEM": "1",
            "RELCTL_KEY_FILE": work + "/key",
            "RELCTL_ACTOR": "bench",
            "RELCTL_APP": "bench",
        }

    def place(self, name):
        return f"{self.work}/{name}.{next(self.fresh)}"

    def spawn(self, argv, store):
        """Runs it to its end, with the least that is needed around it."""
        env = {**self.env, "RELCTL_STORE": store} if store else self.env
        quiet = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        pid = os.posix_spawnp(argv[0], argv, env, file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, self.work + "/stdout", quiet, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, self.work + "/stderr", quiet, 0o600),
        ])
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def said(self, name):
        with open(f"{self.work}/{name}", encoding="utf-8") as f:
            return f.read().strip()

    def run(self, argv, store=None):
        status = self.spawn(argv, store)
        if status != 0:
            sys.exit(f"{' '.join(argv)}: status {status}\n"
                     f"{self.said('stderr')}")
        return self.said("stdout")

    def timed(self, argv, store=None):
        os.sync()
        start = time.perf_counter()
        status = self.spawn(argv, store)
        took = time.perf_counter() - start
        if status != 0:
            sys.exit(f"{' '.join(argv)}: status {status}\n"
                     f"{self.said('stderr')}")
        return took

    def time_rel(self, store, *args):
        return self.timed([self.relctl, "-q", *args], store)

    def do_rel(self, store, *args):
        return self.run([self.relctl, "-q", *args], store)

    def git(self, *args):
        return self.run(["git", "-C", self.repo, *args])

    def archive(self, to):
        return ["sh", "-c", 'git -C "$1" archive HEAD | zstd -q -3 -T0 >"$2" '
                '&& sync "$2"', "sh", self.repo, to]

    def copy(self, store):
        """A store as it is, all on the disk."""
        to = self.place("store")
        subprocess.run(["cp", "-a", store, to], check=True)
        return to

    def drop(self, path):
        if os.path.isdir(path):
            subprocess.run(["chmod", "-R", "u+w", path], check=True)
            shutil.rmtree(path)
        else:
            os.unlink(path)

    def build(self, commit):
        """Arguments; what `git archive` does with the exceptions."""
        return ("-C", self.repo, "build", commit, "--submodules=empty",
                "--lfs=pointer", "--allow-external-symlinks")

    # The rows: each side gives one duration.

    def cold(self):
        store = self.place("store")
        self.env["RELCTL_KEY_FILE"] = store + ".key"
        took = self.time_rel(store, *self.build("HEAD"))
        self.env["RELCTL_KEY_FILE"] = self.work + "/key"
        self.drop(store)
        return took

    def tarball(self):
        to = self.place("tar.zst")
        took = self.timed(self.archive(to))
        self.drop(to)
        return took

    def following(self):
        store = self.copy(self.before)
        took = self.time_rel(store, *self.build("HEAD"))
        self.drop(store)
        return took

    def again(self):
        return self.time_rel(self.built, *self.build("HEAD"))

    def unpack(self):
        store = self.copy(self.built)
        took = self.time_rel(store, "release", self.id, "--generate")
        self.drop(store)
        return took

    def untar(self, sync=False):
        to = self.place("tree")
        os.mkdir(to)
        argv = ["tar", "--zstd", "-xf", self.tar, "-C", to]
        if sync:
            argv = ["sh", "-c", '"$@" && sync -f "$0"', to, *argv]
        took = self.timed(argv)
        self.drop(to)
        return took

    def rollback(self):
        self.target = "v1" if self.target == "v2" else "v2"
        return self.time_rel(self.running, "rollback", self.target)

    def swap(self):
        return self.timed(
            ["sh", "-c", 'ln -sfn "$2" "$1/next" && '
             'mv -T "$1/next" "$1/current" && sync "$1"',
             "sh", self.links, self.target])

    def execute(self):
        return self.time_rel(self.running, "exec", "--isolation=none", "true")

    def enclosed(self):
        return self.time_rel(self.running, "exec", "--isolation=ns", "true")

    def bwrap(self):
        return self.timed(self.bubble)

    def ns_adds(self):
        """What the isolation itself costs, without ledger and libraries."""
        return self.enclosed() - self.time_rel(
            self.running, "exec", "--isolation=none", "true")

    def bwrap_adds(self):
        return self.bwrap() - self.env_true()

    def bwrap_argv(self):
        """The mounts of relctl's level ns, and its namespaces."""
        argv = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc",
                "--unshare-uts", "--die-with-parent", "--cap-drop", "ALL",
                "--clearenv", "--setenv", "PATH", self.env["PATH"]]
        for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32",
                     "etc", "opt", "nix"):
            if os.path.islink("/" + name):
                argv += ["--symlink", os.readlink("/" + name), "/" + name]
            elif os.path.isdir("/" + name):
                argv += ["--ro-bind", "/" + name, "/" + name]
        return [*argv, "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
                "--tmpfs", "/dev/shm", "--ro-bind", self.tree, "/app",
                "--remount-ro", "/", "--chdir", "/app", "true"]

    def env_true(self):
        return self.timed(["env", "-i", "true"])

    # Before the rounds.

    def prepare(self):
        self.parent = subprocess.run(
            ["git", "-C", self.repo, "rev-parse", "-q", "--verify", "HEAD~1"],
            env=self.env, stdout=subprocess.DEVNULL, check=False,
        ).returncode == 0
        self.before = self.place("store")
        if self.parent:
            self.do_rel(self.before, *self.build("HEAD~1"))
        self.built = self.copy(self.before) if self.parent else self.before
        self.id = self.do_rel(self.built, *self.build("HEAD"))
        self.alone = self.place("store")
        self.env["RELCTL_KEY_FILE"] = self.alone + ".key"
        self.do_rel(self.alone, *self.build("HEAD"))
        self.env["RELCTL_KEY_FILE"] = self.work + "/key"
        self.tar = self.work + "/HEAD.tar.zst"
        self.run(self.archive(self.tar))
        self.running = self.copy(self.built)
        first = self.do_rel(
            self.running, *self.build("HEAD~1" if self.parent else "HEAD"))
        for n, artifact in enumerate((first, self.id)):
            self.do_rel(self.running, "release", artifact, "--generate",
                        "--set", f"BENCH={n}")
        self.tree = self.do_rel(
            self.running, "exec", "--isolation=none", "pwd")
        self.bubble = self.bwrap_argv()
        self.target = "v2"
        self.links = self.place("links")
        os.mkdir(self.links)

    def rows(self):
        yield "cold build", self.cold, self.tarball
        if self.parent:
            yield "build of the next commit", self.following, self.tarball
        yield "build of the same tree", self.again, self.tarball
        yield "release, unpacks | tar -x", self.unpack, self.untar
        yield ("release, unpacks | tar -x, sync", self.unpack,
               lambda: self.untar(sync=True))
        yield "rollback, unpacked", self.rollback, self.swap
        yield "exec true | env -i true", self.execute, self.env_true
        if shutil.which("bwrap"):
            yield "exec true in ns | bwrap", self.enclosed, self.bwrap
            yield "what ns | bwrap adds", self.ns_adds, self.bwrap_adds

    def measure(self):
        self.prepare()
        rows = list(self.rows())
        times = [([], []) for _ in rows]
        for n in range(self.rounds + 1):
            progress(f"round {n} of {self.rounds}")
            for (_, *sides), kept in zip(rows, times):
                order = (0, 1) if n % 2 else (1, 0)
                for side in order:
                    took = sides[side]()
                    if n > 0:
                        kept[side].append(took)
        progress("")
        return [(name, *kept) for (name, *_), kept in zip(rows, times)]

    def sizes(self):
        whole = os.stat(self.tar).st_size
        new = bytes_in(self.built, DATA) - bytes_in(self.before, DATA)
        yield "bytes: first build", bytes_in(self.alone, DATA), whole
        if self.parent:
            yield "bytes: the next commit", new, whole
        yield "bytes: whole new store", bytes_in(self.alone, None), whole


DATA = ("chunks", "artifacts")


def bytes_in(store, parts):
    tops = [os.path.join(store, p) for p in parts] if parts else [store]
    return sum(
        os.lstat(os.path.join(d, f)).st_size
        for top in tops for d, _, files in os.walk(top) for f in files)


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text:<30}\r", end="", file=sys.stderr, flush=True)


def milliseconds(s):
    return f"{s * 1000:.1f} ms" if s < 0.1 else f"{s * 1000:.0f} ms"


def size(n):
    return f"{n / 1e6:.2f} MB" if n >= 1e6 else f"{n / 1e3:.1f} kB"


def line(name, a, b, ratio, spread=""):
    print(f"  {name:<32} {a:>9} {b:>9} {ratio:>7} {spread:>12}")


def report(bench, times):
    entries = bench.git("ls-tree", "-r", "-t", "HEAD").count("\n") + 1
    print(f"\n{bench.repo} {bench.git('rev-parse', '--short', 'HEAD')}: "
          f"{entries} entries, {bench.rounds} rounds")
    line("median", "relctl", "usual", "ratio", "quartiles")
    for name, ours, theirs in times:
        a, b = statistics.median(ours), statistics.median(theirs)
        ratios = [x / y for x, y in zip(ours, theirs)]
        low = high = ratios[0]
        if len(ratios) > 1:
            low, _, high = statistics.quantiles(ratios, n=4)
        line(name, milliseconds(a), milliseconds(b), f"{a / b:.2f}",
             f"{low:.2f}-{high:.2f}")
    for name, a, b in bench.sizes():
        line(name, size(a), size(b), f"{a / b:.3f}")


def lines(*argv):
    out = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True)
    return out.stdout.splitlines()


def machine(relctl, work):
    cpu = "?"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for text in f:
            if text.startswith("model name"):
                cpu = text.split(":", 1)[1].strip()
                break
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"{cpu}, {os.cpu_count()} CPUs, Linux {platform.release()}, "
          f"load {load}")
    print(f"{lines('df', '--output=fstype', work)[1]} at "
          f"{os.path.dirname(work)}")
    for argv in ([relctl, "--version"], ["git", "--version"],
                 ["zstd", "--version"], ["tar", "--version"]):
        print(lines(*argv)[0].strip())
    print("usual: git archive HEAD | zstd -3 -T0 > F, sync F; tar --zstd -x;\n"
          "       ln -sfn, mv -T, sync of the directory; env -i true; bwrap")


def generate(work):
    repo = work + "/generated"
    git = ["git", "-c", "user.name=bench", "-c", "user.email=bench@localhost",
           "-C", repo]
    os.mkdir(repo)
    subprocess.run([*git, "init", "-q"], check=True)
    for n in range(FILES):
        path = f"{repo}/dir{n % 20}/file{n}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"line {i * n} of file {n}\n" for i in range(n))
    for text in ("one", "two"):
        with open(repo + "/dir7/file7", "w", encoding="ascii") as f:
            f.write(text)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-q", "-m", text], check=True)
    return repo


def main():
    p = argparse.ArgumentParser(prog="compare.sh")
    p.add_argument("--rounds", type=int, default=10)
    p.add_argument("--relctl", metavar="PROGRAM", required=True)
    p.add_argument("--generated", action="store_true",
                   help="a small repository made for this run")
    p.add_argument("repository", nargs="*")
    args = p.parse_args()
    if args.rounds < 1 or not (args.repository or args.generated):
        p.error("a REPOSITORY and at least one round are needed")
    relctl = os.path.abspath(args.relctl)
    if not os.access(relctl, os.X_OK):
        p.error(f"'{relctl}' is not there: build it, or name it (--relctl)")
    work = tempfile.mkdtemp(prefix="relctl-bench.")
    try:
        machine(relctl, work)
        repos = [os.path.abspath(r) for r in args.repository]
        if args.generated:
            repos.insert(0, generate(work))
        for n, repo in enumerate(repos):
            place = f"{work}/{n}"
            os.mkdir(place)
            bench = Bench(relctl, repo, args.rounds, place)
            report(bench, bench.measure())
            bench.drop(place)
    finally:
        subprocess.run(["chmod", "-R", "u+w", work], check=False)
        shutil.rmtree(work, ignore_errors=True)


main()
