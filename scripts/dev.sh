#!/usr/bin/env bash
# The inner loop: configures a debug build once, then builds and runs the unit tests.
# Usage: scripts/dev.sh [debug|asan|tsan] [test name pattern...]
set -euo pipefail
cd "$(dirname "$0")/.."
kind=debug
case "${1:-}" in debug|asan|tsan) kind=$1; shift ;; esac
build=build/$kind
if [ ! -f "$build/build.ninja" ]; then
  options=()
  case $kind in
    asan) options=(-Db_sanitize=address,undefined) ;;
    tsan) options=(-Db_sanitize=thread) ;;
  esac
  CC=clang-19 CXX="$(command -v ccache || true) clang++-19" CXX_LD=lld-19 \
    meson setup "$build" -Dbuildtype=debug "${options[@]}"
fi
ninja -C "$build"
meson test -C "$build" --no-rebuild --suite unit --print-errorlogs "$@"
