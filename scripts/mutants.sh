#!/usr/bin/env bash
# Puts the one-line faults of test/mutants.txt into the code, one at a time, and says which ones no
# test notices. Builds only what a fault touches, in build/debug (scripts/dev.sh debug).
# Usage: scripts/mutants.sh [--check] [--only PART] [--every N] [--jobs N]
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f build/debug/build.ninja ] || scripts/dev.sh debug --build-only
exec /usr/bin/python3 test/harness/mutants.py "$@"
