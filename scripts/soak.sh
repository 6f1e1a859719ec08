#!/usr/bin/env bash
# The long checks, once before a release: 200 seeds of the disk faults, fifteen minutes of the
# random client and of each fuzz target in builds with ASan and UBSan, the tests in Python at full
# size, and more seeds of the simulations. Takes hours; any part can be had alone.
# Usage: scripts/soak.sh [faults|random|fuzz|full|sim]...      without any: all of them
# The last line says "N passed, N failed, N skipped", as that of scripts/test.sh.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
MINUTES=${BARNABAS_SOAK_MINUTES:-15}   # of the random client, and of each fuzz target
SEEDS=${BARNABAS_SOAK_SEEDS:-20}       # of each of the ten kinds of disk faults

wanted=("$@")
[ ${#wanted[@]} -gt 0 ] || wanted=(faults random fuzz full sim)
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
mkdir -p build

build() {
  echo "== build, $1"
  scripts/dev.sh "$1" --build-only > "build/build-$1.log" 2>&1 && return 0
  tail -n 60 "build/build-$1.log"
  echo '{"passed": 0, "failed": 1, "skipped": 0}' > "$results/build-$1.json"
  return 1
}

# python_tests NAME BUILD FOLDER [option...]
python_tests() {
  local name=$1 build=$PWD/build/$2 folder=$3
  shift 3
  BARNABAS_TEST_SERVER=$build/broker/server/barnabas-server BARNABAS_TEST_BUILD=$build \
    /usr/bin/python3 test/harness/runner.py --json "$results/$name.json" "$@" "$folder"
}

soak_faults() {
  build debug || return
  BARNABAS_FAULT_SEEDS=$SEEDS python_tests faults debug test/integration/faults \
    --only test_disk_faults.py
}

soak_random() {
  build asan || return
  BARNABAS_RANDOM_S=$((MINUTES * 60)) python_tests random asan test/integration/faults \
    --only test_random_client.py
}

soak_fuzz() {
  build asan || return
  /usr/bin/python3 test/harness/fuzz.py --json "$results/fuzz.json" \
    --seconds-each $((MINUTES * 60)) build/asan
}

soak_full() {
  [ -x dist/libexec/barnabas-server ] || BARNABAS_BUILD_TESTS=true scripts/build.sh
  BARNABAS_FULL=1 /usr/bin/python3 test/harness/runner.py --json "$results/full.json"
}

soak_sim() {
  build debug || return
  echo "== simulations, many seeds"
  BARNABAS_SIM_SEEDS=2000 meson test -C build/debug --no-rebuild --quiet --timeout-multiplier 100 \
    'sim *' > build/sim.log 2>&1
  /usr/bin/python3 test/harness/meson_results.py build/debug sim "$results/sim.json"
}

for part in "${wanted[@]}"; do
  case $part in
    faults|random|fuzz|full|sim) "soak_$part" ;;
    *) echo "USAGE: $0 [faults|random|fuzz|full|sim]..." >&2; exit 1 ;;
  esac
done
/usr/bin/python3 test/harness/total.py "$results"
