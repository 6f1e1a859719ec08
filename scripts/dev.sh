#!/usr/bin/env bash
# The inner loop: configures a build once, then builds and runs the unit tests.
# Usage: scripts/dev.sh [debug|asan|tsan] [--build-only] [test name pattern...]
set -euo pipefail
cd "$(dirname "$0")/.."
# So that a checkout in another folder finds in the compiler cache what this one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
export CCACHE_PCH_EXTSUM=1
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
kind=debug
case "${1:-}" in debug|asan|tsan) kind=$1; shift ;; esac
build_only=
if [ "${1:-}" = --build-only ]; then build_only=yes; shift; fi
build=build/$kind
if [ ! -f "$build/build.ninja" ]; then
  options=()
  case $kind in
    # One build for the tests and for the fuzz targets.
    asan) options=(-Db_sanitize=address,undefined -Dfuzz=true) ;;
    tsan) options=(-Db_sanitize=thread) ;;
  esac
  CC=clang-19 CXX="$(command -v ccache || true) clang++-19" CXX_LD=lld-19 \
    meson setup "$build" -Dbuildtype=debug "${options[@]}"
fi
ninja -C "$build"
[ -z "$build_only" ] || exit 0
meson test -C "$build" --no-rebuild --suite unit --print-errorlogs "$@"
