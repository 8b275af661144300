#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compare.sh [--rounds N] [--relctl PROGRAM] [--image] [REPOSITORY…]
# compare.sh --make all [--json FILE] [REPOSITORY…]
# relctl and the usual tools side by side, on repositories made for it and on
# the HEAD of each that is given; see compare.py, or --help. PROGRAM is by
# default that of the checkout's build directory.
set -eu
here=$(dirname "$0")
exec python3 "$here/compare.py" --relctl "$here/../../build/cmd/relctl" "$@"
