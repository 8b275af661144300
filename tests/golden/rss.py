#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""rss.py CMD… - runs CMD and looks at its RssAnon all the time; the last line
on stderr is "PEAK SAMPLES": the greatest that was seen, in KiB."""

import os
import re
import sys


def main():
    pid = os.fork()
    if pid == 0:
        os.execvp(sys.argv[1], sys.argv[1:])
    peak = samples = 0
    status = None
    with open("/proc/%d/status" % pid, "rb", buffering=0) as f:
        while status is None:
            f.seek(0)
            found = re.search(rb"RssAnon:\s*(\d+)", f.read(4096))
            if found:
                samples += 1
                peak = max(peak, int(found[1]))
            got, code = os.waitpid(pid, os.WNOHANG)
            if got:
                status = code
    print(peak, samples, file=sys.stderr)
    return os.waitstatus_to_exitcode(status) % 256


if __name__ == "__main__":
    sys.exit(main())
