# SPDX-License-Identifier: Apache-2.0
"""limited.py SECONDS MIB CMD… - runs CMD; exit 200 if it used more CPU time,
201 if it used more memory at its height, else its own status."""

import os
import resource
import sys

seconds, mib = int(sys.argv[1]), int(sys.argv[2])
pid = os.fork()
if pid == 0:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    os.execvp(sys.argv[3], sys.argv[3:])
_, status, usage = os.wait4(pid, 0)
if usage.ru_utime + usage.ru_stime > seconds or \
        (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (9, 24)):
    sys.exit(200)
if usage.ru_maxrss > mib * 1024:
    sys.exit(201)
sys.exit(os.waitstatus_to_exitcode(status) % 256)
