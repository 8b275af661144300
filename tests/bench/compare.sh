#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# compare.sh [--rounds N] [--relctl PROGRAM] REPOSITORY…
# compare.sh --generated
# relctl and the usual tools side by side, on the HEAD of each repository; see
# compare.py. PROGRAM is by default that of the checkout's build directory.
set -eu
here=$(dirname "$0")
exec python3 "$here/compare.py" --relctl "$here/../../build/cmd/relctl" "$@"
