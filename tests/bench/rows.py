# SPDX-License-Identifier: Apache-2.0
"""rows.py - what is compared with what, on one repository.

A row is a dict: row (its kind), work, peer (what both sides do), unit ("s" or
"B"), ours and theirs (a number a round), target (a ratio, or None), and x
where a row is one of a series.
"""

import os
import shutil
import subprocess

from measure import remove, rounds, usage

PIPE = "git archive \\| zstd -3 -T0, sync"
TAR = "tar --zstd -x"
SWAP = "ln -sfn, mv -T, sync"
LARGE = 5000  # entries; below it the start of a program decides
MIB = 1 << 20


def row(kind, work, peer, ours, theirs, unit="s", target=None, **more):
    """Of samples, with their CPU time, or of plain numbers."""
    out = {"row": kind, "work": work, "peer": peer, "unit": unit,
           "target": target, **more}
    if unit == "s":
        out["cpu"] = [[x.cpu for x in side] for side in (ours, theirs)]
        ours, theirs = ([x.s for x in side] for side in (ours, theirs))
    return {**out, "ours": list(ours), "theirs": list(theirs)}


def minus(a, b):
    return [x._replace(s=x.s - y.s, cpu=x.cpu - y.cpu) for x, y in zip(a, b)]


class Bench:
    """Both sides of every row on the HEAD of `repo`."""

    def __init__(self, run, repo, real):
        self.run = run
        self.repo = repo
        self.real = real
        self.dead = []
        self.count = 0

    def git(self, *args):
        return self.run.run(["git", "-C", self.repo, *args])

    def describe(self, name):
        kinds = [line.split(None, 2)[1] for line in
                 self.git("ls-tree", "-r", "-t", "HEAD").splitlines()]
        # Not through this process: what it holds, its children are charged
        # with by the kernel (ru_maxrss).
        tar = self.run.run(["sh", "-c", 'git -C "$1" archive HEAD | wc -c',
                            "sh", self.repo])
        self.entries = len(kinds)
        self.folders = kinds.count("tree")
        self.parent = self.run.works(
            ["git", "-C", self.repo, "rev-parse", "-q", "--verify", "HEAD~1"])
        return {"name": name, "given": self.real, "entries": self.entries,
                "directories": self.folders, "tar_bytes": int(tar),
                "commit": self.git("rev-parse", "--short=12", "HEAD")}

    def limit(self, target, large=True):
        return target if self.entries >= LARGE or not large else None

    # What both sides are made of. Nothing is removed between rounds: some
    # file systems make files slowly just after many were removed.

    def forget(self, since=0):
        """Removes what was made after `since` places."""
        for path in self.dead[since:]:
            remove(path)
        del self.dead[since:]

    def place(self, name):
        self.dead.append(self.run.place(name))
        return self.dead[-1]

    def home(self):
        """A store to be, with the key beside it."""
        to = self.place("home")
        os.mkdir(to, 0o700)
        return to

    def copy(self, home):
        to = self.place("home")
        subprocess.run(["cp", "-a", home, to], check=True)
        return to

    def build(self, commit="HEAD"):
        """Arguments; what `git archive` does with the exceptions."""
        return ("-C", self.repo, "build", commit, "--submodules=empty",
                "--lfs=pointer", "--allow-external-symlinks")

    def archive(self, to, commit="HEAD"):
        return ["sh", "-c", 'git -C "$1" archive "$2" | zstd -q -3 -T0 >"$3" '
                '&& sync "$3"', "sh", self.repo, commit, to]

    def prepare(self):
        """HEAD~1 (else HEAD) and HEAD, built; HEAD as the peer packs it."""
        self.former = "HEAD~1" if self.parent else "HEAD"
        self.other = self.home()
        self.run.do(self.other, "-C", self.tiny(), "build")
        self.before = self.home()
        self.first = self.run.do(self.before, *self.build(self.former))
        self.built = self.copy(self.before)
        self.id = self.run.do(self.built, *self.build())
        # Of one commit alone the second release would be the first one.
        self.anyway = () if self.parent else ("--set", "BENCH=other")
        self.tar = self.place("HEAD.tar.zst")
        self.run.run(self.archive(self.tar))

    def tiny(self):
        """A repository of one file, so that a store is there already."""
        to = self.place("tiny")
        os.mkdir(to)
        with open(to + "/file", "w", encoding="ascii") as f:
            f.write("x\n")
        for args in (["init", "-q"], ["add", "file"],
                     ["-c", "user.name=bench", "-c", "user.email=b@localhost",
                      "commit", "-q", "-m", "one"]):
            self.run.run(["git", "-C", to, *args])
        return to

    # Rows: builds.

    def cold(self):
        """In a store that has nothing of this repository."""
        return self.run.time(self.copy(self.other), *self.build())

    def tarball(self, commit="HEAD"):
        return self.run.timed(self.archive(self.place("tar.zst"), commit))

    def builds(self, count):
        sides = {"cold": self.cold, "tarball": self.tarball,
                 "same": lambda: self.run.time(self.built, *self.build())}
        if self.parent:
            sides["next"] = lambda: self.run.time(
                self.copy(self.before), *self.build())
        got = rounds(sides, count, "build")
        peer = got["tarball"]
        yield row("cold", "cold build", PIPE, got["cold"], peer,
                  target=self.limit(0.80) if self.real else None)
        if self.parent:
            yield row("next", "build of the next commit", PIPE, got["next"],
                      peer, target=self.limit(0.18))
        yield row("same", "build of the same tree", PIPE, got["same"], peer,
                  target=self.limit(0.05))
        yield row("memory", "peak memory of a cold build", "96 MiB",
                  [x.rss_kib * 1024 for x in got["cold"]],
                  [96 * MIB] * count, "B",
                  1.0 if self.entries >= 100_000 else None)

    def changed(self, count, numbers):
        """Branches changed-N of a generated repository."""
        sides = {n: lambda n=n: self.run.time(
            self.copy(self.before), *self.build(f"changed-{n}"))
            for n in numbers}
        sides["tarball"] = self.tarball
        got = rounds(sides, count, "changed files")
        for n in numbers:
            yield row("changed", f"{n:,} files changed", PIPE, got[n],
                      got["tarball"], x=n)

    def sizes(self):
        """Bytes of files: the chunks alone, and the whole store."""
        alone = self.home()
        self.run.do(alone, *self.build())
        rest = ("trees", "tmp", "reserve", "lock", "format", "releases",
                "configs", "artifacts")
        rest += tuple(name for name in os.listdir(alone + "/store")
                      if name.startswith("ledger"))
        whole = os.stat(self.tar).st_size
        yield row("chunks", "chunks of the first build", ".tar.zst",
                  [usage(alone + "/store", "st_size", rest)], [whole], "B",
                  1.15 if self.real else None)

    # Rows: trees.

    def unpack(self):
        return self.run.time(
            self.copy(self.built), "release", self.id, "--generate")

    def unpack_next(self):
        home = self.copy(self.built)
        self.run.do(home, "release", self.first, "--generate")
        return self.run.time(home, "release", self.id)

    def unpacked(self):
        """The same release command, with nothing to unpack."""
        home = self.copy(self.built)
        self.run.do(home, "-a", "other", "release", self.id, "--generate")
        return self.run.time(home, "release", self.id, "--generate")

    def untar(self, *program):
        to = self.place("tree")
        os.mkdir(to)
        return self.run.timed([*program, "-xf", self.tar, "-C", to])

    def untar_durable(self):
        to = self.place("tree")
        os.mkdir(to)
        return self.run.timed(
            ["sh", "-c", 'tar --zstd -xf "$1" -C "$2" && sync -f "$2"', "sh",
             self.tar, to])

    def trees(self, count, skipped):
        many = 3 * self.folders > self.entries
        sides = {"unpack": self.unpack, "unpacked": self.unpacked,
                 "tar": lambda: self.untar("tar", "--zstd"),
                 "durable": self.untar_durable}
        if self.parent:
            sides["next"] = self.unpack_next
        if shutil.which("bsdtar"):
            sides["bsdtar"] = lambda: self.untar("bsdtar")
        else:
            skipped.append("bsdtar: not installed")
        got = rounds(sides, count, "unpack")
        tar = got["tar"]
        yield row("unpack", "release that unpacks all", TAR, got["unpack"],
                  tar, target=self.limit(0.75 if many else 0.60))
        if self.parent:
            yield row("unpack-next", "release that unpacks the next commit",
                      TAR, got["next"], tar,
                      target=self.limit(0.40 if many else 0.25))
        yield row("unpack-alone", "that without what a release costs anyway",
                  TAR, minus(got["unpack"], got["unpacked"]), tar)
        if self.parent:
            yield row("unpack-next-alone", "the next commit, likewise", TAR,
                      minus(got["next"], got["unpacked"]), tar)
        yield row("unpack-durable", "release that unpacks all",
                  TAR + ", sync -f", got["unpack"], got["durable"])
        if "bsdtar" in got:
            yield row("unpack-bsdtar", "release that unpacks all",
                      "bsdtar -x", got["unpack"], got["bsdtar"])

    # Rows: releases and processes.

    def stage(self):
        """A store where both artifacts are unpacked, and a link to swap."""
        self.running = self.copy(self.built)
        for n, artifact in enumerate((self.first, self.id)):
            self.run.do(self.running, "release", artifact, "--generate",
                        "--set", f"BENCH={n}")
        self.links = self.place("links")
        os.mkdir(self.links)

    def start_over(self, home):
        """The former artifact, with a config that no release has had."""
        self.count += 1
        self.run.do(home, "release", self.first, "--set",
                    f"BENCH=again{self.count}")

    def release(self, home):
        self.start_over(home)
        return self.run.time(home, "release", self.id, *self.anyway)

    def rollback(self, home):
        self.start_over(home)
        self.run.do(home, "release", self.id, *self.anyway)
        return self.run.time(home, "rollback")

    def swap(self):
        self.count += 1
        return self.run.timed(
            ["sh", "-c", 'ln -sfn "$2" "$1/next" && '
             'mv -T "$1/next" "$1/current" && sync "$1"',
             "sh", self.links, str(self.count)])

    def switches(self, count):
        got = rounds({"release": lambda: self.release(self.running),
                      "rollback": lambda: self.rollback(self.running),
                      "swap": self.swap}, count, "release and rollback")
        yield row("release", "release of an unpacked artifact", SWAP,
                  got["release"], got["swap"], target=2)
        yield row("rollback", "rollback", SWAP, got["rollback"], got["swap"],
                  target=2)

    def bwrap(self):
        """The mounts of relctl's level ns, and its namespaces."""
        tree = self.run.do(self.running, "exec", "--isolation=none", "pwd")
        argv = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-ipc",
                "--unshare-uts", "--die-with-parent", "--cap-drop", "ALL",
                "--clearenv", "--setenv", "PATH", self.run.env["PATH"]]
        for name in ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32",
                     "etc", "opt", "nix"):
            if os.path.islink("/" + name):
                argv += ["--symlink", os.readlink("/" + name), "/" + name]
            elif os.path.isdir("/" + name):
                argv += ["--ro-bind", "/" + name, "/" + name]
        return [*argv, "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp",
                "--tmpfs", "/dev/shm", "--ro-bind", tree, "/app",
                "--remount-ro", "/", "--chdir", "/app", "true"]

    def starts(self, count, skipped):
        def run(level):
            return ("exec", f"--isolation={level}", "true")

        path = "PATH=" + self.run.env["PATH"]
        sides = {"none": lambda: self.run.time(self.running, *run("none")),
                 "env": lambda: self.run.timed(["env", "-i", path, "true"])}
        inside = self.run.works(
            [self.run.relctl, "-q", *run("ns")], self.running)
        bubble = self.bwrap()
        if inside and shutil.which("bwrap") and self.run.works(bubble):
            sides["ns"] = lambda: self.run.time(self.running, *run("ns"))
            sides["bwrap"] = lambda: self.run.timed(bubble)
        else:
            skipped.append("exec in the sandbox: no namespaces, or no bwrap")
        got = rounds(sides, count, "exec")
        yield row("exec", "exec true, no isolation", "env -i PATH=… true",
                  got["none"], got["env"], target=2.5)
        if "ns" in got:
            yield row("exec-ns", "exec true in the sandbox",
                      "bwrap, the same mounts", got["ns"], got["bwrap"],
                      target=1.0)
            yield row("exec-ns-alone", "the sandbox alone (a difference)",
                      "the same", minus(got["ns"], got["none"]),
                      minus(got["bwrap"], got["env"]))

    # Rows: many commits.

    def history(self, branch, most, skipped):
        """Disk usage of `most` successive commits, everything counted."""
        commits = self.git("rev-list", "--first-parent", f"-{most}",
                           branch).split()[::-1]
        if len(commits) < most:
            skipped.append(f"successive commits: only {len(commits)}")
            return
        home = self.home()
        tree = self.place("tree")
        os.mkdir(tree)
        self.dead.append(tree + ".index")
        peers = {"tar": self.place("tars"), "ostree": self.place("ostree")}
        os.mkdir(peers["tar"])
        if shutil.which("ostree"):
            self.run.run(["ostree", "init", "--mode=bare-user",
                          "--repo=" + peers["ostree"]])
        else:
            skipped.append("ostree: not installed")
            del peers["ostree"]
        for commit in commits:
            self.run.do(home, *self.build(commit))
            to = f"{peers['tar']}/{commit}.tar.zst"
            self.run.run(self.archive(to, commit))
            if "ostree" in peers:
                self.commit_tree(peers["ostree"], tree, commit)
        os.sync()
        ours = [usage(home + "/store")]
        work = f"{most} successive commits on disk"
        yield row("history", work, f"{most} .tar.zst", ours,
                  [usage(peers["tar"])], "B",
                  0.035 if most >= 60 else None)
        if "ostree" in peers:
            yield row("history-ostree", work, "ostree commit, bare-user",
                      ours, [usage(peers["ostree"])], "B",
                      0.40 if most >= 60 else None)

    def commit_tree(self, repo, tree, commit):
        """Writes to `tree` what the commit changes, and commits it."""
        git = ["env", "GIT_INDEX_FILE=" + tree + ".index", "git",
               "--work-tree=" + tree, "--git-dir=" + self.git(
                   "rev-parse", "--absolute-git-dir")]
        self.run.run([*git, "read-tree", "--reset", "-u", commit])
        self.run.run(["ostree", "commit", "--repo=" + repo, "-b", "bench",
                      "--canonical-permissions", "--fsync=false",
                      "--tree=dir=" + tree])
