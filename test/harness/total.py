"""Adds up the counts of all suites, prints the closing line. Exit code 1 if anything failed.

Usage: total.py FOLDER
"""

import json
import pathlib
import sys


def main():
    counts = [json.loads(path.read_text()) for path in pathlib.Path(sys.argv[1]).glob("*.json")]
    passed, failed, skipped = (
        sum(each[key] for each in counts) for key in ("passed", "failed", "skipped")
    )
    for each in counts:
        for name in each.get("failures", []):
            print(f"failed: {name}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
