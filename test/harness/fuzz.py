#!/usr/bin/python3
"""Runs every fuzz target of a build for a while. A target that finds nothing has passed.

Usage: test/harness/fuzz.py [--seconds N | --seconds-each N] [--only PART] [--json FILE] BUILD
  --seconds       for all of them together (the default: 360)
  --seconds-each  for each
Inputs that widen what is reached are kept in build/corpus/<target> and tried first the next time.
What a target found stays in build/found, with the line that repeats it.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import fuzz_seeds  # noqa: E402
from harness.places import ROOT  # noqa: E402

# An input that takes this long is a finding, as is one that takes this much memory.
INPUT_LIMIT_S, MEMORY_MAX_MB = 10, 1024
INPUTS_MIN = 1000
# Targets that do not hold yet, and why; --only runs them all the same.
SWITCHED_OFF = {}


def targets(build):
    """All *_fuzz that the build has made; what the sources name and it has not is a failure."""
    made = sorted(path for path in (build / "test/fuzz").rglob("*_fuzz") if path.is_file())
    named = {path.stem for path in (ROOT / "test/fuzz").rglob("*_fuzz.cc")}
    return made, {n for n in named if not any(path.name.endswith(n) for path in made)}


def run(target, seconds):
    """(whether nothing was found, lines to be shown)"""
    corpus = ROOT / "build" / "corpus" / target.name
    found = ROOT / "build" / "found"
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    fuzz_seeds.write(target.name, corpus)
    command = [target, corpus, f"-max_total_time={seconds}", f"-timeout={INPUT_LIMIT_S}"]
    command += [f"-rss_limit_mb={MEMORY_MAX_MB}", f"-artifact_prefix={found}/{target.name}-"]
    command += ["-print_final_stats=1", "-verbosity=1", "-max_len=65536"]
    began = time.monotonic()
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=1:exitcode=99"},
    )
    lines = done.stdout.decode(errors="replace").splitlines()
    statistics = dict(line.split(": ", 1) for line in lines if line.startswith("stat::"))
    count = int(statistics.get("stat::number_of_executed_units", "0"))
    summary = f"{count} inputs, {time.monotonic() - began:.0f} s"
    if done.returncode != 0:
        return False, [summary, *lines[-60:]]
    if count < INPUTS_MIN:
        return False, [f"{summary}: too few to prove anything", *lines[-20:]]
    return True, [summary]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=360)
    parser.add_argument("--seconds-each", type=int)
    parser.add_argument("--only", default="")
    parser.add_argument("--json")
    parser.add_argument("build")
    options = parser.parse_args()
    made, missing = targets(pathlib.Path(options.build).resolve())
    made = [target for target in made if options.only in target.name]
    skipped = [] if options.only else [t for t in made if t.name in SWITCHED_OFF]
    made = [target for target in made if target not in skipped]
    for target in skipped:
        print(f"skip fuzz {target.name}: {SWITCHED_OFF[target.name]}")
    seconds = options.seconds_each or max(options.seconds // max(len(made), 1), 1)
    failures = [f"{name}: not built" for name in sorted(missing) if options.only in name]
    for line in failures:
        print(f"FAIL {line}")
    for target in made:
        passed, lines = run(target, seconds)
        print(f"{'ok' if passed else 'FAIL':4} fuzz {target.name} ({lines[0]})", flush=True)
        if not passed:
            failures.append(f"fuzz {target.name}")
            print("\n".join("     " + line for line in lines[1:]), flush=True)
    passed_count = len(made) - sum(name.startswith("fuzz ") for name in failures)
    numbers = {"passed": passed_count, "failed": len(failures)}
    numbers["skipped"] = len(skipped)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps({**numbers, "failures": failures}))
    print(f"{numbers['passed']} passed, {numbers['failed']} failed, {len(skipped)} skipped")
    return 1 if failures or not made else 0


if __name__ == "__main__":
    sys.exit(main())
