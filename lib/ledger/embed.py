# SPDX-License-Identifier: Apache-2.0
# Turn SQL files into one C header: embed.py OUTPUT INPUT...
# A file schema.sql becomes the text `schema_sql`. Bytes, not a literal,
# because C promises literals of 4095 characters only.
import pathlib
import sys

with open(sys.argv[1], "w", encoding="ascii") as out:
    for path in map(pathlib.Path, sys.argv[2:]):
        numbers = ", ".join(str(b) for b in path.read_bytes() + b"\0")
        out.write(f"static const char {path.stem}_sql[] = {{ {numbers} }};\n")
