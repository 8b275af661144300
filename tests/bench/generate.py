# SPDX-License-Identifier: Apache-2.0
"""generate.py - repositories to measure on, the same for the same arguments.

    generate.py files DIR [--files N] [--changes N,…] [--successive N]
    generate.py big   DIR [--mib N]
    generate.py deep  DIR

Each is a bare repository with two commits on main; the second changes a few
files (--second N). --changes adds a branch changed-N to each count, made of
the first commit; --successive adds a branch `successive` with N commits more.

A file repeats its own words but hardly those of another one, as a file of a
program does: each draws a few dozen words of its own from millions. So a long
window finds no more than a short one, and no two blobs are equal.
"""

import argparse
import math
import os
import random
import statistics
import subprocess

MEAN = 5000  # bytes of a file
SIGMA = 1.2  # of the logarithm of its size
PER_DIR = 12  # files
SYLLABLES = [a + b for a in "bcdfghjklmnprstvwz" for b in
             ("a", "e", "i", "o", "u", "an", "er", "in", "or", "st")]
MARKS = (" ", " ", " ", " = ", "(", ")\n", ";\n", ", ", " {\n\t", "}\n", "\n")


def word(rng):
    return "".join(rng.choices(SYLLABLES, k=2 + int(rng.random() * 3)))


def text(rng, size):
    """About `size` bytes of lines; the first words are the frequent ones."""
    own = [word(rng) for _ in range(24 + size // 200)]
    bag = [w for n, w in enumerate(own) for _ in range(1 + 12 // (n + 1))]
    bag = [w + rng.choice(MARKS) for w in bag for _ in (0, 1)]
    mean = sum(map(len, bag)) / len(bag)
    out = "".join(rng.choices(bag, k=1 + int(size / mean)))
    return (out[:size - 1] + "\n").encode()


def sizes(rng, count):
    normal = statistics.NormalDist()
    mu = math.log(MEAN) - SIGMA * SIGMA / 2
    for _ in range(count):
        x = normal.inv_cdf(min(max(rng.random(), 1e-9), 1 - 1e-9))
        yield max(2, min(int(math.exp(mu + SIGMA * x)), 2_000_000))


def folders(rng, count):
    """Directories that branch as those of a program do: 3 to 6 deep."""
    made = [("", 0)]
    while len(made) < count:
        parent, depth = made[int(len(made) * rng.random() ** 1.5)]
        if depth < 7:
            made.append((f"{parent}{word(rng)}{len(made)}/", depth + 1))
    return [path for path, _ in made]


class Import:
    """A repository that `git fast-import` writes."""

    def __init__(self, top):
        env = {"PATH": os.environ["PATH"], "HOME": top,
               "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", top],
                       check=True, env=env)
        # No deltas: no two contents are alike.
        self.git = ["git", "-C", top]
        self.env = env
        self.process = subprocess.Popen(
            [*self.git, "fast-import", "--quiet", "--depth=0"],
            stdin=subprocess.PIPE, env=env)
        self.time = 1_600_000_000
        self.put = self.process.stdin.write

    def commit(self, branch, title, start=None):
        self.time += 60
        self.put(b"commit refs/heads/%s\ncommitter bench <bench@localhost> "
                 b"%d +0000\ndata %d\n%s\n" % (branch.encode(), self.time,
                                               len(title), title.encode()))
        if start:
            self.put(b"from %s\n" % start.encode())

    def file(self, path, data):
        self.put(b"M 100644 inline %s\ndata %d\n" % (path.encode(), len(data)))
        self.put(data)
        self.put(b"\n")

    def end(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            raise SystemExit("git fast-import failed")
        # In the order in which a clone has them.
        subprocess.run([*self.git, "repack", "-adfq", "--window=0"],
                       check=True, env=self.env)


class Files:
    """Paths with their text, which comes from the seed and the number."""

    def __init__(self, seed, paths):
        self.seed = seed
        self.paths = paths
        self.sizes = list(sizes(random.Random(seed), len(paths)))

    def text(self, n):
        return text(random.Random(f"{self.seed}/{n}"), self.sizes[n])

    def edited(self, n, edit):
        """A line in the middle, of its own for each edit."""
        old = self.text(n)
        at = old.find(b"\n", len(old) // 2) + 1
        line = text(random.Random(f"{self.seed}/{n}/{edit}"), 60)
        return old[:at] + line + old[at:]

    def write(self, to, branch, title):
        to.commit(branch, title)
        for n, path in enumerate(self.paths):
            to.file(path, self.text(n))

    def edit(self, to, branch, count, number, start=None):
        """A commit that changes `count` files, spread over all."""
        to.commit(branch, f"change {count}", start)
        rng = random.Random(f"{self.seed}/edit/{branch}/{number}")
        for n in rng.sample(range(len(self.paths)),
                            min(count, len(self.paths))):
            to.file(self.paths[n], self.edited(n, number))


def make_files(args, to):
    rng = random.Random(args.seed)
    places = folders(rng, max(1, args.files // PER_DIR))
    files = Files(args.seed, [
        f"{places[n % len(places)]}{word(rng)}{n}.txt"
        for n in range(args.files)])
    files.write(to, "main", "first")
    for count in args.changes:
        files.edit(to, f"changed-{count}", count, count, "refs/heads/main")
    if args.successive:
        files.edit(to, "successive", 5, 0, "refs/heads/main")
        for n in range(1, args.successive):
            files.edit(to, "successive", 1 + n % 9, n)
    files.edit(to, "main", args.second, 1)


def make_deep(args, to):
    """Chains of 60 directories, a file in every second one."""
    rng = random.Random(args.seed)
    paths = []
    for _ in range(max(2, args.files // 60)):
        place = ""
        for level in range(60):
            place += f"{word(rng)[:6]}{level}/"
            paths += [f"{place}{word(rng)}.txt"] * (level % 2)
    paths += [f"flat{n % 50}/{word(rng)}{n}.txt"
              for n in range(args.files // 4)]
    files = Files(args.seed, list(dict.fromkeys(paths)))
    files.write(to, "main", "first")
    files.edit(to, "main", args.second, 1)


def make_big(args, to):
    """An eighth and three eighths of it text, as much of it random bytes."""
    rng = random.Random(args.seed)
    small = (args.mib << 20) // 8

    def words(size):
        return b"".join(text(rng, 1 << 16) for _ in range(size >> 16))

    to.commit("main", "first")
    changing = words(small)
    to.file("data/changing.txt", changing)
    to.file("data/words.txt", words(3 * small))
    to.file("media/small.bin", rng.randbytes(small))
    to.file("media/large.bin", rng.randbytes(3 * small))
    to.commit("main", "change 1")
    middle = len(changing) // 2
    to.file("data/changing.txt",
            changing[:middle] + text(rng, 100) + changing[middle:])


MAKE = {"files": make_files, "deep": make_deep, "big": make_big}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("kind", choices=MAKE)
    p.add_argument("dir")
    p.add_argument("--files", type=int, default=2000)
    p.add_argument("--mib", type=int, default=400)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--second", type=int, default=5, metavar="N")
    p.add_argument("--changes", metavar="N,…", default=[],
                   type=lambda s: [int(x) for x in s.split(",")])
    p.add_argument("--successive", type=int, default=0, metavar="N")
    args = p.parse_args()
    to = Import(args.dir)
    MAKE[args.kind](args, to)
    to.end()


if __name__ == "__main__":
    main()
