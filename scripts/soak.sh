#!/bin/sh
# Runs many chaos seeds against the installation in dist/; what a failure left behind is kept.
# Usage: scripts/soak.sh [--first N] [--count N] [--seconds N] [--keep DIRECTORY]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
exec /usr/bin/python3 -u "$root/test/chaos/soak.py" "$@"
