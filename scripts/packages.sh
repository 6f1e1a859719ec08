#!/usr/bin/env bash
# Installs the Debian packages of one purpose: build, run (build and ZooKeeper), or test (all of it
# and the clients that the tests use). Does nothing, without root, when all are there.
set -euo pipefail
build=(clang-19 lld-19 meson ninja-build pkg-config git
  libuv1-dev libfmt-dev libspdlog-dev libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libisal-dev
  libssl-dev nlohmann-json3-dev librdkafka-dev doctest-dev python3)
run=(zookeeper default-jre-headless)
test=(libclang-rt-19-dev clang-format-19 ccache kcat maven
  python3-kafka python3-confluent-kafka python3-lz4 python3-snappy python3-zstandard
  procps e2fsprogs util-linux iproute2)
case "${1:-}" in
  build) packages=("${build[@]}") ;;
  run) packages=("${build[@]}" "${run[@]}") ;;
  test) packages=("${build[@]}" "${run[@]}" "${test[@]}") ;;
  *) echo "USAGE: $0 build|run|test" >&2; exit 1 ;;
esac

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null) || true
  [[ $'\n'$status$'\n' == *$'\ninstalled\n'* ]] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
echo "installing Debian packages: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo > /dev/null || { echo "run as root, or install: ${missing[*]}" >&2; exit 1; }
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -y -q --no-install-recommends "${missing[@]}"
