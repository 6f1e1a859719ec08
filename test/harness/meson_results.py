"""Reads what `meson test` recorded, prints a line a suite, writes the counts.

Usage: meson_results.py BUILD KIND COUNTS_FILE
A doctest binary counts by its test cases; anything else is one test.
"""

import json
import pathlib
import re
import sys

DOCTEST = re.compile(r"\[doctest\] test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed")


def counts_of(test):
    """(passed, failed, skipped)"""
    ok = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP":
        return 0, 0, 1
    cases = DOCTEST.search(re.sub(r"\x1b\[[0-9;]*m", "", test.get("stdout", "")))
    if not cases:
        return (1, 0, 0) if ok else (0, 1, 0)
    _, passed, failed = map(int, cases.groups())
    # A binary that fails behind its last case (a leak, a race) has failed once more.
    return passed, failed if ok or failed else 1, 0


def main():
    build, kind, counts_file = sys.argv[1:]
    total = [0, 0, 0]
    log = pathlib.Path(build, "meson-logs", "testlog.json")
    tests = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    for test in tests:
        counts = counts_of(test)
        total = [a + b for a, b in zip(total, counts)]
        word = "FAIL" if counts[1] else "skip" if counts[2] else "ok"
        name = test["name"].split(" / ")[-1]
        print(f"{word:4} {name}, {kind} ({sum(counts)} cases, {test['duration']:.1f} s)")
        if counts[1]:
            output = test.get("stdout", "") + test.get("stderr", "")
            print("\n".join("     " + line for line in output.splitlines()[-60:]))
    if not tests:
        print(f"FAIL no test ran in {build}")
        total[1] = 1
    passed, failed, skipped = total
    pathlib.Path(counts_file).write_text(
        json.dumps({"passed": passed, "failed": failed, "skipped": skipped})
    )


if __name__ == "__main__":
    main()
