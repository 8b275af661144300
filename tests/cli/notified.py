#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""notified.py FILE COMMAND…: run it as systemd runs Type=notify.

Each message comes into FILE as one line. Ends with the status of the command.
"""

import os
import signal
import socket
import sys
import threading


def listen(to, out):
    while True:
        message = to.recv(4096)
        if message == b"END":
            return
        out.write(message + b"\n")


def main():
    name = f"\0relctl-test-{os.getpid()}"
    to = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    to.bind(name)
    with open(sys.argv[1], "wb", buffering=0) as out:
        listener = threading.Thread(target=listen, args=(to, out))
        listener.start()
        pid = os.fork()
        if pid == 0:
            os.environ["NOTIFY_SOCKET"] = name.replace("\0", "@")
            os.execvp(sys.argv[2], sys.argv[2:])
        signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
        status = os.waitpid(pid, 0)[1]
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"END", name)
        listener.join()
    sys.exit(os.waitstatus_to_exitcode(status) % 256)


if __name__ == "__main__":
    main()
