#!/usr/bin/env bash
# Runs clang-tidy with the checks of .clang-tidy over our sources; every finding is an error.
# Usage: scripts/lint.sh [PATTERN...]   (default: all; a pattern is part of a file's path)
# Needs the package clang-tidy-19 and a configured build/debug (scripts/dev.sh). All of it takes
# about a quarter of an hour on two cores, so it is no step of the tests: run it over what you
# changed.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v run-clang-tidy-19 > /dev/null ||
  { echo "install the package clang-tidy-19" >&2; exit 1; }
[ -f build/debug/compile_commands.json ] || { echo "run scripts/dev.sh first" >&2; exit 1; }
# Precompiled and generated files are not ours to judge.
files=()
while IFS= read -r file; do files+=("$file"); done < <(git ls-files '*.cc')
if [ $# -gt 0 ]; then
  chosen=()
  for pattern in "$@"; do
    for file in "${files[@]}"; do [[ $file == *"$pattern"* ]] && chosen+=("$file"); done
  done
  files=("${chosen[@]}")
fi
[ ${#files[@]} -gt 0 ] || { echo "no source file matches: $*" >&2; exit 1; }
exec run-clang-tidy-19 -quiet -p build/debug "${files[@]/#/^$PWD/}"
