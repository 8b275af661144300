#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""app.py WHAT [ARG…]: an app of which the tests know what it does.

Says "up" when it is; a line for each thing that happens to it.
"""

import os
import signal
import socket
import sys


def say(text):
    os.write(1, (text + "\n").encode())


def wait():
    while True:
        signal.pause()


def signals():
    """Say which signal came; TERM, INT, HUP and QUIT end it."""

    def got(number, _frame):
        name = signal.Signals(number).name
        say("got " + name)
        if not name.startswith("SIGUSR"):
            sys.exit(3)

    for name in ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2"):
        signal.signal(getattr(signal, "SIG" + name), got)
    say("up")
    wait()


def late():
    """READY=1 as soon as TERM comes for the first time; then it ends."""

    def got(_number, _frame):
        to = os.environ["NOTIFY_SOCKET"].replace("@", "\0")
        say("tells " + os.environ["NOTIFY_SOCKET"][:1])
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"STATUS=fine\nREADY=1", to)

    signal.signal(signal.SIGUSR1, got)
    say("up")
    wait()


def listener():
    """Answer on the socket that was passed, once for each connection."""
    names = ("LISTEN_FDS", "LISTEN_FDNAMES", "PORT")
    mine = os.environ["LISTEN_PID"] == str(os.getpid())
    more = [fd for fd in range(4, 64) if is_open(fd)]
    say(" ".join([os.environ[n] for n in names] + [str(mine), str(more)]))
    with socket.socket(fileno=3) as s:
        while True:
            connection, _ = s.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(os.environ["PS"].encode())


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def web(*answers):
    """HTTP: PATH=STATUS[,STATUS…]; the last one stays."""
    plan = {}
    for answer in answers:
        path, statuses = answer.split("=")
        plan[path] = statuses.split(",")
    with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as s:
        say("up")
        while True:
            connection, _ = s.accept()
            with connection:
                request = connection.recv(4096).decode().split()
                if len(request) < 2:
                    continue
                left = plan.get(request[1], ["404"])
                status = left.pop(0) if len(left) > 1 else left[0]
                say(f"{request[1]} {status}")
                connection.sendall(
                    f"HTTP/1.1 {status} It\r\nContent-Length: 0\r\n"
                    "Connection: close\r\n\r\n".encode()
                )


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
