#!/usr/bin/python3
"""Puts one-line faults into the code, one at a time, and runs the suite that must notice.

Usage: scripts/mutants.sh [--check] [--only PART] [--jobs N] [--every N]
  --check  only whether each fault still finds its line
  --only   blocks whose suite or file has PART in its name
  --every  every Nth block, for a sample
It works in this tree: a file is changed, and put back whatever happens. Files with changes of their
own are refused. Exit code 1 if a fault survived, or could not be tried.
"""

import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.places import ROOT  # noqa: E402

LIST = ROOT / "test" / "mutants.txt"
BUILD = ROOT / "build" / "debug"
SERVER = "broker/server/barnabas-server"
# A suite that takes much longer with a fault than without has noticed it.
SUITE_LIMIT_S = 600
LONGER, LONGER_S = 3, 30
PYTHON = "py:"


class Mutant:
    def __init__(self, suite, file, pattern, replacement, line):
        self.suite, self.file = suite, file
        self.pattern, self.replacement = pattern, replacement
        self.line = line  # of the list

    def __str__(self):
        text = f"{self.file}: {self.pattern}  ->  {self.replacement}"
        return " ".join(text.split())

    def times_found(self):
        path = ROOT / self.file
        return path.read_text().count(self.pattern) if path.exists() else 0


def read_list():
    mutants, head, pattern = [], None, None
    for number, line in enumerate(LIST.read_text().splitlines(), 1):
        if line.startswith("- "):
            pattern = line[2:].replace("\\n", "\n")
        elif line.startswith("+ "):
            replacement = line[2:].replace("\\n", "\n")
            mutants.append(Mutant(*head, pattern, replacement, number))
        elif line.strip() and not line.startswith("#"):
            head = line.split()
            assert len(head) == 2, f"line {number}: {line}"
    return mutants


def target_of(suite):
    """What ninja builds for it, and the command that runs it."""
    if suite.startswith(PYTHON):
        command = [sys.executable, ROOT / "test/harness/runner.py", "--only", suite[len(PYTHON) :]]
        return SERVER, command
    kind, _, folder = suite.partition("/")
    build = (ROOT / "test" / suite / "meson.build").read_text()
    name = re.search(rf"executable\('({kind}_\w+)'", build)[1]
    target = f"test/{suite}/{name}"
    return target, [BUILD / target]


def run(command, limit_s, **options):
    """(exit code or None, output); its process group ends with it."""
    child = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **options,
    )
    try:
        output, _ = child.communicate(timeout=limit_s)
        return child.returncode, output.decode(errors="replace")
    except subprocess.TimeoutExpired:
        return None, "over its limit"
    finally:
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
            child.communicate()


def build(target, jobs):
    # The same flags for the compiler cache as scripts/dev.sh.
    environment = {
        **os.environ,
        "CCACHE_BASEDIR": str(ROOT),
        "CCACHE_NOHASHDIR": "1",
        "CCACHE_PCH_EXTSUM": "1",
        "CCACHE_SLOPPINESS": "pch_defines,time_macros,include_file_mtime,include_file_ctime",
    }
    return run(["ninja", "-C", BUILD, f"-j{jobs}", target], 1800, env=environment)


def suite_passes(suite, limit_s):
    _, command = target_of(suite)
    environment = {**os.environ, "BARNABAS_TEST_SERVER": str(BUILD / SERVER)}
    code, output = run(command, limit_s, env=environment)
    return code == 0, output


def try_one(mutant, limit_s, jobs):
    """killed, survived, or why it could not be tried."""
    path = ROOT / mutant.file
    original = path.read_text()
    target, _ = target_of(mutant.suite)
    try:
        path.write_text(original.replace(mutant.pattern, mutant.replacement))
        code, output = build(target, jobs)
        if code != 0:
            errors = [line for line in output.splitlines() if "error" in line]
            return "does not compile: " + (errors or ["?"])[0][-200:]
        passes, _ = suite_passes(mutant.suite, limit_s)
        return "survived" if passes else "killed"
    finally:
        path.write_text(original)


def changed_files():
    command = ["git", "-c", "safe.directory=*", "-C", ROOT, "diff", "--name-only", "HEAD"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(listed.stdout.split())


def check(mutants):
    misplaced = [m for m in mutants if m.times_found() != 1]
    for mutant in misplaced:
        print(f"{LIST.name}:{mutant.line}: found {mutant.times_found()} times: {mutant}")
    print(f"{len(mutants)} faults, {len(misplaced)} of them without their line")
    return misplaced


def main():
    # So that what is changed is put back.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    mutants = [m for m in read_list() if options.only in m.suite or options.only in m.file]
    mutants = mutants[:: options.every]
    misplaced = check(mutants)
    if options.check:
        return 1 if misplaced else 0
    dirty = changed_files() & {m.file for m in mutants}
    if dirty:
        print(f"changed, so not touched: {', '.join(sorted(dirty))}")
        return 1
    counts = {"killed": 0, "survived": 0, "other": len(misplaced)}
    limits = {}
    for mutant in [m for m in mutants if m not in misplaced]:
        if mutant.suite not in limits:
            code, output = build(target_of(mutant.suite)[0], options.jobs)
            began = time.monotonic()
            passes, told = suite_passes(mutant.suite, SUITE_LIMIT_S) if code == 0 else (0, output)
            if not passes:
                print(f"{mutant.suite} fails without any fault:\n{told[-2000:]}")
                return 1
            limits[mutant.suite] = LONGER * (time.monotonic() - began) + LONGER_S
        began = time.monotonic()
        outcome = try_one(mutant, limits[mutant.suite], options.jobs)
        counts[outcome if outcome in counts else "other"] += 1
        seconds = time.monotonic() - began
        print(f"{outcome:8} {seconds:5.0f} s  {mutant.suite}  {mutant}", flush=True)
    print(f"{counts['killed']} killed, {counts['survived']} survived, {counts['other']} not tried")
    return 1 if counts["survived"] or counts["other"] else 0


if __name__ == "__main__":
    sys.exit(main())
