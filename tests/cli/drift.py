# SPDX-License-Identifier: Apache-2.0
"""drift.py REPOSITORY SEED COMMITS - a history that changes in every way.

Makes a repository whose first commit has a few hundred files (some above the
sizes at which a content gets chunks of its own), and whose others add, change,
move and remove files, links and whole directories, turn one kind into another,
and bring what a build has a word to say about.
"""

import os
import random
import shutil
import subprocess
import sys

top, seed, commits = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
SIZES = [0, 1, 300, 511, 512, 513, 4000, 9000, 30000, 65536, 65537, 140000]
LARGE = [524288, 524289, 700000, 1048576]


def git(*args):
    subprocess.run(
        ["git", "-C", top, "-c", "user.name=A", "-c", "user.email=a@example.com",
         "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main",
         "-c", "core.autocrlf=false", *args],
        check=True, stdout=subprocess.DEVNULL)


def everything():
    found = []
    for base, dirs, files in os.walk(top):
        if ".git" in dirs:
            dirs.remove(".git")
        # A link to a directory is among the directories.
        found += [os.path.join(base, n) for n in sorted(dirs + files)]
    return sorted(found)


def some(kind):
    return [p for p in everything() if kind(p)]


def is_file(p):
    return os.path.isfile(p) and not os.path.islink(p)


def is_dir(p):
    return os.path.isdir(p) and not os.path.islink(p)


def name():
    word = rng.choice(["a", "b", "lib", "x-y", "x.y", "x0", "Q", "z"])
    return word + rng.choice(["", ".c", "-", "0", "é", str(rng.randrange(50))])


def remove(p):
    if is_dir(p):
        shutil.rmtree(p)
    else:
        os.unlink(p)


def write(p, size=None):
    if os.path.lexists(p):
        remove(p)
    os.makedirs(os.path.dirname(p), exist_ok=True)
    if size is None:
        size = rng.choice(SIZES if rng.random() < 0.98 else LARGE)
    with open(p, "wb") as f:
        f.write(rng.randbytes(min(size, 3000)).hex().encode()[:size])
        f.write(b"\n" * (size - f.tell()))
    if rng.random() < 0.1:
        os.chmod(p, 0o755)


def place():
    return os.path.join(rng.choice([top] + some(is_dir)), name())


def add():
    p = place()
    if not os.path.lexists(p):
        write(p)


def change():
    write(rng.choice(some(is_file)))


def cut():
    p = rng.choice(some(is_file))
    os.truncate(p, rng.randrange(os.stat(p).st_size + 1))


def flip_mode():
    p = rng.choice(some(is_file))
    os.chmod(p, os.stat(p).st_mode ^ 0o111)


def drop():
    remove(rng.choice(some(is_file)))


def drop_directory():
    dirs = some(is_dir)
    if len(dirs) > 5:
        remove(rng.choice(dirs))


def move():
    dirs = some(is_dir)
    p, to = rng.choice(dirs), place()
    if not os.path.lexists(to) and not to.startswith(p + "/"):
        os.rename(p, to)


def turn():
    """A file becomes a directory, or the other way round."""
    p = rng.choice(everything())
    if is_dir(p):
        write(p)
    else:
        remove(p)
        for _ in range(rng.randrange(1, 9)):
            write(os.path.join(p, name()))


def link():
    p = place()
    if not os.path.lexists(p):
        os.symlink(rng.choice(["x", "../y", "a/b", "n" * 120]), p)


def outward():
    p = place()
    if not os.path.lexists(p):
        os.symlink("/etc/" + name(), p)


def remark():
    """Something that a build says a word about."""
    d = rng.choice([top] + some(is_dir))
    if rng.random() < 0.4:
        write(os.path.join(d, ".env"), 100)
    elif rng.random() < 0.5:
        with open(os.path.join(d, ".gitattributes"), "a",
                  encoding="ascii") as f:
            f.write(rng.choice(["*.c ident\n", "*.x text\n", "*.y eol=lf\n"]))
    else:
        p = rng.choice(everything())
        other = os.path.join(os.path.dirname(p),
                             os.path.basename(p).swapcase())
        if not os.path.lexists(other):
            write(other, 100)


def procfile():
    with open(os.path.join(top, "Procfile"), "w", encoding="ascii") as f:
        f.write(f"web: serve {rng.random()}\n")


STEPS = [add, add, change, change, change, cut, flip_mode, drop, drop,
         drop_directory, move, turn, link, outward, remark, procfile]

subprocess.run(["git", "-c", "init.defaultBranch=main", "init", "-q", top],
               check=True)
for n in range(250):
    write(os.path.join(top, *(f"d{rng.randrange(6)}"
                              for _ in range(rng.randrange(4))), f"f{n}"))
procfile()
git("add", "-A")
git("commit", "-q", "-m", "0")
for n in range(1, commits):
    for _ in range(rng.choice([1, 1, 2, 3, 8])):
        rng.choice(STEPS)()
    git("add", "-A")
    git("commit", "-q", "--allow-empty", "-m", str(n))
