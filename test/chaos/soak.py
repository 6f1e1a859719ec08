#!/usr/bin/python3
"""Runs many chaos seeds; keeps schedule, history and logs of those that fail.

Usage: test/chaos/soak.py [--first N] [--count N] [--seconds N] [--keep DIRECTORY]
"""

import argparse
import collections
import os
import pathlib
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parent), str(HERE.parents[1])]

import driver  # noqa: E402
import faults  # noqa: E402
from harness import runner  # noqa: E402
from schedule import schedule  # noqa: E402

LIMIT_S = 400
SECONDS_DEFAULT = 30


def one_seed(case):
    seconds = int(os.environ.get("BARNABAS_CHAOS_SECONDS", SECONDS_DEFAULT))
    driver.run(case, schedule(case.seed, seconds))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=SECONDS_DEFAULT)
    parser.add_argument("--keep", default=None, help="where failures' directories are made")
    options = parser.parse_args()
    os.environ["BARNABAS_CHAOS_SECONDS"] = str(options.seconds)
    base = options.keep or tempfile.mkdtemp(prefix="barnabas-soak-")
    pathlib.Path(base).mkdir(parents=True, exist_ok=True)
    test = runner.Test(HERE, one_seed.__name__, sys.modules[__name__])
    kinds = collections.Counter()
    for seed in range(options.first, options.first + options.count):
        outcome = runner.run_one(test, seed, base)
        runner.report(outcome, seed)
        kinds[outcome.kind] += 1
    print(f"{dict(kinds)} of {len(faults.KINDS)} kinds of faults; failures are in {base}")
    return 1 if kinds["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
