#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""terminal.py [--type WAIT TEXT]… COMMAND…: on a terminal of its own.

Each TEXT is typed when WAIT has been shown after the last one. Prints what the
terminal showed, and "[echo is off]" if the command left it so. The exit status
is the command's, 128+n for a signal n.
"""

import fcntl
import os
import pty
import select
import sys
import termios


def parse(argv):
    script = []
    while argv and argv[0] == "--type":
        script.append((argv[1].encode(), argv[2].encode()))
        argv = argv[3:]
    return script, argv


def read(fd):
    try:
        return os.read(fd, 65536)
    except OSError:  # EIO: nobody has the other end any more
        return b""


def main():
    script, command = parse(sys.argv[1:])
    master, slave = pty.openpty()
    pid = os.fork()
    if pid == 0:
        os.close(master)
        login(slave)
        os.environ.update(TERM="xterm", NO_COLOR="1")
        os.execvp(command[0], command)
    shown, since = b"", 0
    # The parent keeps the slave open: its mode outlives the command.
    while True:
        if script and script[0][0] in shown[since:]:
            since = len(shown)
            os.write(master, script.pop(0)[1])
        if readable(master, pid):
            data = read(master)
            shown += data
            continue
        break
    status = os.waitpid(pid, 0)[1]
    silent = not termios.tcgetattr(slave)[3] & termios.ECHO
    text = shown.decode(errors="replace").replace("\r\n", "\n")
    sys.stdout.write(text + ("[echo is off]\n" if silent else ""))
    sys.stdout.flush()
    code = os.waitstatus_to_exitcode(status)
    sys.exit(128 - code if code < 0 else code)


def login(slave):
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)


def readable(master, pid):
    """Wait for output; False once the command is gone and all was read."""
    pidfd = os.pidfd_open(pid)
    try:
        ready = select.select([master, pidfd], [], [])[0]
        if master in ready:
            return True
        return bool(select.select([master], [], [], 0)[0])
    finally:
        os.close(pidfd)


main()
