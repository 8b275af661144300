# SPDX-License-Identifier: Apache-2.0
"""flip.py FILE OFFSET - FILE with one bit of one byte changed, on stdout."""

import sys

data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[2])] ^= 1
sys.stdout.buffer.write(data)
