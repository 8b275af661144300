#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""free_ports.py TYPES MOST [OFFSET…]: a base whose ports are free: the first
MOST of each of so many types, and those at the offsets. Below the range from
which the kernel takes ports for connections."""
import random
import socket
import sys


def free(port):
    try:
        socket.create_server(("", port)).close()
    except OSError:
        return False
    return True


types, most, *others = map(int, sys.argv[1:])
wanted = [100 * t + n for t in range(types) for n in range(most)] + others
while True:
    base = random.randrange(10000, 31000, 10)
    if all(free(base + offset) for offset in wanted):
        print(base)
        break
