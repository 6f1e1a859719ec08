#!/usr/bin/python3
"""Compiles a precompiled header and writes OUTPUT.sum beside it: a digest of what went into it, by
which ccache knows it again in another checkout (CCACHE_PCH_EXTSUM), where its bytes, full of paths,
differ.
Usage: precompile.py INPUT OUTPUT DEPFILE COMPILER [FLAG...]"""
import hashlib
import subprocess
import sys


def main() -> int:
    source, output, depfile, *compiler = sys.argv[1:]
    command = [*compiler, "-MD", "-MF", depfile, "-MT", output, "-x", "c++-header", source,
               "-o", output]
    status = subprocess.run(command, check=False).returncode
    if status != 0:
        return status
    digest = hashlib.sha256(repr([flag for flag in compiler if not flag.startswith("-I")]).encode())
    with open(depfile, encoding="utf-8") as file:
        names = file.read().replace("\\\n", " ").split(": ", 1)[1].split()
    for name in names:
        with open(name, "rb") as file:
            digest.update(file.read())
    with open(output + ".sum", "w", encoding="utf-8") as file:
        file.write(digest.hexdigest() + "\n")
    return 0


sys.exit(main())
