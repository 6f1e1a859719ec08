#!/usr/bin/env bash
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/barnabas-env.sh"
run_tool zookeeper-shell "$@"
