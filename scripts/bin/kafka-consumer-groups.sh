#!/usr/bin/env bash
. "$(dirname "$(readlink -f "$0")")/barnabas-env.sh"
run_tool kafka-consumer-groups "$@"
