#!/usr/bin/env bash
# Installs what the tests need, builds the release, runs every suite, and ends with the line
# "N passed, N failed, N skipped". The exit code is 0 only if nothing failed.
# Usage: scripts/test.sh [--sanitizers] [--only PATTERN]
#   --sanitizers  also builds with ASan+UBSan and with TSan, runs the suites meant for them, and
#                 the fuzz targets
#   --only        of the tests in Python only those with PATTERN in their name; no unit tests
# BARNABAS_FULL=1 runs the long checks at full size; scripts/soak.sh runs more of them, for hours.
# Logs of what failed are kept; the place is printed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

# Of all fuzz targets together; with the random client's the ten minutes that every change pays.
FUZZ_SECONDS=390
sanitizers=
only=
while [ $# -gt 0 ]; do
  case $1 in
    --sanitizers) sanitizers=yes; shift ;;
    --only) only=${2:?--only needs a pattern}; shift 2 ;;
    *) echo "USAGE: $0 [--sanitizers] [--only PATTERN]" >&2; exit 1 ;;
  esac
done

results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
mkdir -p build

# step NAME COMMAND...: a build or installation. Its output is shown only when it fails.
step() {
  local name=$1 began=$SECONDS
  shift
  echo "== $name"
  if "$@" > "build/$name.log" 2>&1; then
    echo "   $((SECONDS - began)) s"
    return 0
  fi
  tail -n 60 "build/$name.log"
  echo "FAIL $name; all of it: $PWD/build/$name.log"
  echo "{\"passed\": 0, \"failed\": 1, \"skipped\": 0}" > "$results/step-$name.json"
  return 1
}

# unit_tests KIND BUILD [option...]: the compiled suites of a build directory.
unit_tests() {
  local kind=$1 build=$2
  shift 2
  echo "== unit tests, $kind"
  meson test -C "$build" --no-rebuild --quiet "$@" > "build/unit-$kind.log" 2>&1
  /usr/bin/python3 test/harness/meson_results.py "$build" "$kind" "$results/unit-$kind.json"
}

# python_tests KIND [option...]
python_tests() {
  local kind=$1
  shift
  echo "== tests in Python, $kind"
  /usr/bin/python3 test/harness/runner.py --json "$results/python-$kind.json" "$@" ||
    [ -s "$results/python-$kind.json" ] ||
    echo "{\"passed\": 0, \"failed\": 1, \"skipped\": 0}" > "$results/python-$kind.json"
}

# sanitized KIND: a build of its own, its unit tests, the suites that ask for it.
sanitized() {
  local kind=$1 build=build/$1
  step "build-$kind" scripts/dev.sh "$kind" --build-only || return
  unit_tests "$kind" "$build" --timeout-multiplier 6
  BARNABAS_TEST_SERVER=$PWD/$build/broker/server/barnabas-server \
    python_tests "$kind" --sanitized
}

# fuzz: every target of the ASan build for a while.
fuzz() {
  echo "== fuzz targets"
  /usr/bin/python3 test/harness/fuzz.py --json "$results/fuzz.json" \
    --seconds "$FUZZ_SECONDS" build/asan ||
    [ -s "$results/fuzz.json" ] ||
    echo '{"passed": 0, "failed": 1, "skipped": 0}' > "$results/fuzz.json"
}

step packages scripts/packages.sh test || true
if step build-release env BARNABAS_BUILD_TESTS=true scripts/build.sh; then
  [ -n "$only" ] || unit_tests release build/release --timeout-multiplier 4
  python_tests release ${only:+--only "$only"}
else
  # What needs no build still tells something.
  python_tests release test/tidy
fi
if [ -n "$sanitizers" ]; then
  sanitized asan
  fuzz
  sanitized tsan
fi

/usr/bin/python3 test/harness/total.py "$results"
