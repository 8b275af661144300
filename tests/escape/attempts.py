# SPDX-License-Identifier: Apache-2.0
"""attempts.py - what escape.py tries: a name, the probe, its arguments.

{words} are facts of the machine; RELCTL is relctl's own process number.
"""


class Attempt:
    def __init__(self, name, *args, outside=None, flags=(), tty=False, leaks=False,
                 outlives=False):
        self.name, self.args, self.flags, self.tty = name, args, flags, tty
        self.outside = args if outside is None else (args[0], *outside)
        self.leaks, self.outlives = leaks, outlives

    def inside_args(self, facts):
        return [a.format_map(facts) for a in self.args]

    def outside_args(self, facts):
        """None for what this machine does not have."""
        return [None if a[1:-1] in facts and facts[a[1:-1]] is None
                else a.format_map(facts) for a in self.outside]


A = Attempt
SMALL = ("--memory=64M",)
MUCH = str(192 << 20)

ATTEMPTS = [
    # files
    A("write-root", "create", "/"),
    A("write-usr", "create", "/usr"),
    A("write-etc", "create", "/etc"),
    A("write-var", "create", "/var/tmp"),
    A("write-tmp", "create", "{tmp}"),
    A("write-tree", "create", ".", outside=["{scratch}"]),
    A("write-tree-file", "unlock", "page", outside=["{file}"]),
    A("write-other-tree", "unlock", "{other_tree}/page", outside=["{file}"]),
    A("write-program", "own-program"),
    A("write-sysctl", "write-back", "/proc/sys/vm/swappiness"),
    A("write-cgroup", "open-to-write", "{cgroup}"),
    A("write-terminal", "open-to-write", "{terminal}"),
    A("read-key", "read", "{key}"),
    A("read-ledger", "read", "{ledger}"),
    A("list-store", "list", "{store}"),
    A("read-other-tree", "read", "{other_tree}/page"),
    A("read-home", "read", "{home}"),
    A("read-root-home", "read", "{root}"),
    A("read-var", "read", "{var}"),
    A("read-run", "read", "{run}"),
    A("read-disk", "read", "{disk}"),
    A("read-kernel-log", "read-log"),
    A("file-by-handle", "by-handle", ".", outside=["{scratch}"]),
    A("see-file", "see", "{file}"),
    A("truncate-file", "truncate", "{file}"),
    A("change-mode", "change-mode", "{file}"),
    A("abstract-socket", "abstract-socket", "{abstract}"),
    A("path-socket", "path-socket", "{socket}"),
    A("inherited-fd", "inherited", leaks=True),
    # processes
    A("see-processes", "proc-read", "{pid}", "cmdline"),
    A("read-environ", "proc-read", "{pid}", "environ"),
    A("read-memory", "read-memory", "{pid}", "{addr}"),
    A("open-memory", "proc-memory", "{pid}"),
    A("trace", "trace", "{pid}"),
    A("signal", "signal", "{pid}"),
    A("take-fd", "take-fd", "{pid}"),
    A("enter-root", "proc-follow", "{pid}", "root"),
    A("limit-process", "limit-other", "{pid}"),
    A("shared-memory", "shared-memory", "{shm}"),
    A("instance-environ", "proc-read", "{instance}", "environ"),
    A("instance-memory", "proc-memory", "{instance}"),
    A("instance-signal", "signal", "{instance}"),
    A("relctl-environ", "proc-read", "RELCTL", "environ", outside=[
        "{pid}", "environ"]),
    A("relctl-memory", "proc-memory", "RELCTL", outside=["{pid}"]),
    A("relctl-signal", "signal", "RELCTL", outside=["{pid}"]),
    A("keeper-environ", "proc-read", "keeper", "environ", outside=[
        "{pid}", "environ"]),
    A("keeper-memory", "proc-memory", "keeper", outside=["{pid}"]),
    A("keeper-root", "proc-follow", "keeper", "root", outside=[
        "{pid}", "root"]),
    A("keeper-cwd", "proc-follow", "keeper", "cwd", outside=["{pid}", "cwd"]),
    A("keeper-program", "proc-follow", "keeper", "exe", outside=[
        "{pid}", "exe"]),
    A("keeper-fd", "proc-follow", "keeper", "fd/0", outside=["{pid}", "fd/0"]),
    A("outlive", "outlive", outlives=True),
    A("outlive-keeper", "outlive-keeper", outlives=True),
    # users and namespaces
    A("become-user", "become", "{other_uid}"),
    A("join-group", "join-group", "{other_uid}"),
    A("setuid-program", "setuid-program", "{setuid}", "{other_uid}",
      flags=("--bind={bind}",)),
    A("user-namespace", "new-namespace"),
    A("clone-namespace", "clone-namespace"),
    A("clone3-namespace", "clone3-namespace"),
    A("join-namespace", "join-namespace", "/proc/self/ns/uts"),
    # the kernel
    A("mount", "mount", "/tmp"),
    A("new-mount", "new-mount"),
    A("clone-mount", "clone-mount", "/etc"),
    A("remount", "remount", "/proc", outside=["/proc"]),
    A("unmount", "unmount", "/proc", outside=["/dev/shm"]),
    A("chroot", "change-root", "/usr"),
    A("pivot-root", "pivot", "/"),
    A("make-device", "make-device", "/tmp"),
    A("type-ahead", "type-ahead", tty=True),
    A("add-key", "add-key"),
    A("read-keyring", "read-keyring"),
    A("bpf", "load-bpf"),
    A("perf", "watch-cpu"),
    A("io-uring", "make-uring"),
    A("userfaultfd", "handle-faults"),
    A("load-module", "load-module"),
    A("raw-packets", "packets"),
    A("host-name", "rename-host"),
    A("set-clock", "set-clock"),
    A("calls-32bit", "call-32bit"),
    A("calls-x32", "call-x32"),
    A("core-dump", "core"),
    # limits, and the network
    A("fork-bomb", "processes", "200", flags=("--pids=20",)),
    A("memory-bomb", "memory", MUCH, flags=SMALL),
    A("disk-bomb", "disk", MUCH, flags=SMALL),
    A("loopback-tcp", "tcp", "{tcp}", flags=("--no-network",)),
    A("loopback-udp", "udp", "{udp}", flags=("--no-network",)),
]
