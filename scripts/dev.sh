#!/usr/bin/env bash
# The inner loop: configures a build once, then builds and runs the unit tests.
# Usage: scripts/dev.sh [debug|asan|tsan] [--build-only] [test name pattern...]
set -euo pipefail
cd "$(dirname "$0")/.."
kind=debug
case "${1:-}" in debug|asan|tsan) kind=$1; shift ;; esac
build_only=
if [ "${1:-}" = --build-only ]; then build_only=yes; shift; fi
build=build/$kind
if [ ! -f "$build/build.ninja" ]; then
  options=()
  case $kind in
    # Optimised a little: the suites under load would otherwise take minutes.
    asan) options=(-Db_sanitize=address,undefined -Doptimization=1) ;;
    tsan) options=(-Db_sanitize=thread -Doptimization=1) ;;
  esac
  CC=clang-19 CXX="$(command -v ccache || true) clang++-19" CXX_LD=lld-19 \
    meson setup "$build" -Dbuildtype=debug "${options[@]}"
fi
ninja -C "$build"
[ -z "$build_only" ] || exit 0
meson test -C "$build" --no-rebuild --suite unit --print-errorlogs "$@"
