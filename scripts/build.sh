#!/usr/bin/env bash
# Builds the release into build/release and installs it as dist/, a directory with the shape of a
# Kafka installation. Needs the packages of scripts/packages.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
# So that a checkout in another folder finds in the compiler cache what this one compiled.
export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
export CCACHE_PCH_EXTSUM=1
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
build=build/release
if [ ! -f "$build/build.ninja" ]; then
  CC=clang-19 CXX="${CXX:-$(command -v ccache || true) clang++-19}" CXX_LD=lld-19 \
    meson setup "$build" -Dbuildtype=release -Dtests="${BARNABAS_BUILD_TESTS:-false}"
elif [ -n "${BARNABAS_BUILD_TESTS:-}" ]; then
  meson configure "$build" -Dtests="$BARNABAS_BUILD_TESTS"
fi
ninja -C "$build"

# Everything is laid out beside dist and swapped in whole, so that a running tool never meets half.
staging=dist.new
rm -rf "$staging"
mkdir -p "$staging"/{bin,config,libexec}
install -m 755 scripts/bin/*.sh "$staging/bin/"
install -m 644 config/*.properties "$staging/config/"
install -m 755 "$build/broker/server/barnabas-server" "$build/tools/barnabas" "$staging/libexec/"
install -m 644 LICENSE "$staging/"
[ -d dist/logs ] && cp -a dist/logs "$staging/logs"
rm -rf dist.old
[ -d dist ] && mv dist dist.old
mv "$staging" dist
rm -rf dist.old
echo "installed in dist/"
