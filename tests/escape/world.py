# SPDX-License-Identifier: Apache-2.0
"""world.py - what there is to be had on this machine, and who holds it."""

import os
import pty
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading

NOBODY = 65534


def clean_env(who):
    keep = {k: os.environ[k] for k in ("PATH", "LSAN_OPTIONS", "ASAN_OPTIONS")
            if k in os.environ}
    return {**keep, "HOME": who.home, "RELCTL_STORE": who.home + "/store",
            "RELCTL_KEY_FILE": who.home + "/key/key", "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
            "SECRET": "of the caller"}


class Who:
    """A user with a store; ${user} is what --user gets, or None."""

    def __init__(self, world, name, uid, user=None, home=None):
        self.world, self.name, self.uid, self.user = world, name, uid, user
        self.home = home or f"{world.place}/{name}"
        # of the process that is to be held
        self.inner = uid if user is None else user

    def as_uid(self, argv, uid=None):
        uid = self.uid if uid is None else uid
        if os.geteuid() == uid:
            return argv
        return ["setpriv", f"--reuid={uid}", f"--regid={uid}",
                "--clear-groups", *argv]

    def relctl(self, *args, **more):
        return subprocess.run(
            self.as_uid([self.world.relctl, "-q", *args]), env=clean_env(self),
            check=True, stdout=subprocess.PIPE, text=True, **more).stdout

    def settle(self):
        """Two apps with a release each."""
        for d in ("store", "key", "scratch", "repo/bin"):
            os.makedirs(f"{self.home}/{d}")
        repo = self.home + "/repo"
        # A program that runs cannot be written to, whoever tries.
        for name in ("probe", "victim"):
            shutil.copy(self.world.probe, f"{repo}/bin/{name}")
        for name, text in (("Procfile", "web: victim victim\n"),
                           ("page", "one\n"), ("../scratch/page", "one\n")):
            with open(f"{repo}/{name}", "w", encoding="ascii") as f:
                f.write(text)
        shutil.copy(self.world.probe, self.home + "/scratch/probe")
        os.chmod(self.home + "/scratch/page", 0o444)
        git = ["git", "-C", repo, "-c", "user.name=a", "-c", "user.email=a@b"]
        for argv in (["init", "-q"], ["add", "."],
                     ["commit", "-q", "-m", "One"]):
            subprocess.run([*git, *argv], env=clean_env(self), check=True)
        if os.geteuid() != self.uid:
            for top, dirs, files in os.walk(self.home):
                for path in (top, *(f"{top}/{n}" for n in dirs + files)):
                    os.chown(path, self.uid, self.uid, follow_symlinks=False)
        for app in ("shop", "other"):
            with open(repo + "/page", "w", encoding="ascii") as f:
                f.write(app)
            subprocess.run(self.as_uid([*git, "commit", "-qam", app]),
                           env=clean_env(self), check=True)
            self.relctl("-C", repo, "build")
            self.relctl("-C", repo, "-a", app, "release", "--generate",
                        "--set", "TOKEN=of " + app)


class World:
    """What there is to be had on this machine, and who holds it."""

    def __init__(self, args):
        self.probe = os.path.abspath(args.probe)
        self.place = tempfile.mkdtemp(prefix="relctl-escape.", dir="/var/tmp")
        os.chmod(self.place, 0o755)
        self.tmp = tempfile.mkdtemp(prefix="relctl-escape.", dir="/tmp")
        os.chmod(self.tmp, 0o1777)
        self.made = [self.place, self.tmp]
        os.mkdir(self.place + "/bin")
        for name in ("relctl", "relctl-git"):
            shutil.copy(os.path.join(os.path.dirname(args.relctl), name),
                        f"{self.place}/bin/{name}")
        self.relctl = self.place + "/bin/relctl"
        self.facts = {"tmp": self.tmp}
        self.secrets()
        self.sockets()
        self.setuid_programs()
        self.terminal()
        # Who may not do this may not mount either.
        self.apart = ["unshare", "--mount", "--uts"]
        if subprocess.run([*self.apart, "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode:
            self.apart = []
        self.leak = os.open(self.place, os.O_RDONLY)

    def secrets(self):
        for name, top in (("home", "/home"), ("root", "/root"),
                          ("var", "/var"), ("run", "/run")):
            place = self.place
            if os.access(top, os.W_OK):
                place = tempfile.mkdtemp(prefix="relctl-escape.", dir=top)
                self.made.append(place)
            elif top != "/var":
                self.facts[name] = None
                continue
            os.chmod(place, 0o755)
            self.facts[name] = place + "/secret"
            with open(place + "/secret", "w", encoding="ascii") as f:
                f.write("secret\n")
        disks = ["/dev/" + d for d in sorted(os.listdir("/dev"))]
        disks = [d for d in disks if stat.S_ISBLK(os.stat(d).st_mode)]
        self.facts["disk"] = disks[0] if disks else None
        groups = [top for top, _, files in os.walk("/sys/fs/cgroup")
                  if "cgroup.procs" in files]
        self.facts["cgroup"] = groups[0] + "/cgroup.procs" if groups else None

    def sockets(self):
        def answer(s):
            with s:
                s.recv(1)
                s.send(b"x")

        def serve(s):
            while True:
                answer(s.accept()[0])

        def serve_udp(s):
            while True:
                s.sendto(b"x", s.recvfrom(1)[1])

        self.facts["abstract"] = f"relctl-escape-{os.getpid()}"
        self.facts["socket"] = self.place + "/socket"
        tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        self.facts["tcp"] = str(tcp.getsockname()[1])
        self.facts["udp"] = str(udp.getsockname()[1])
        threading.Thread(target=serve, args=(tcp,), daemon=True).start()
        threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
        self.kept = []
        for name in ("\0" + self.facts["abstract"], self.facts["socket"]):
            s = socket.socket(socket.AF_UNIX)
            s.bind(name)
            s.listen(1000)
            self.kept.append(s)
        os.chmod(self.facts["socket"], 0o777)

    def setuid_programs(self):
        """One for each user to become the other."""
        os.mkdir(self.place + "/setuid")
        shutil.copy(self.probe, self.place + "/setuid/victim")
        for uid in (0, NOBODY):
            path = f"{self.place}/setuid/{uid}"
            shutil.copy(self.probe, path)
            if os.geteuid() == 0:
                os.chown(path, uid, uid)
                os.chmod(path, 0o4755)

    def terminal(self):
        """Somebody else's terminal, writable by all."""
        self.kept.append(pty.openpty())
        name = os.ttyname(self.kept[-1][1])
        os.chmod(name, 0o666)
        self.facts["terminal"] = name

    def close(self):
        for path in self.made:
            subprocess.run(["chmod", "-R", "u+w", path], check=False)
            shutil.rmtree(path, ignore_errors=True)


class Victim:
    """`probe victim` outside, or as another instance."""

    def __init__(self, argv, env, inside):
        self.p = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        said = self.p.stdout.readline().split()
        if len(said) != 3:
            sys.exit(f"no victim: {argv}")
        self.own_pid, self.addr, self.shm = said
        self.pid = str(leaf(self.p.pid)) if inside else self.own_pid

    def end(self):
        self.p.stdin.close()
        self.p.wait()
        self.p.stdout.close()


def leaf(pid):
    """The last of a line of children."""
    while True:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            found = f.read().split()
        if not found:
            return int(pid)
        pid = found[0]
