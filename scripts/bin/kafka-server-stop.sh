#!/usr/bin/env bash
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
# Signals ($SIGNAL, default TERM) every broker of this machine, or those that the options pick. Does
# not wait, as Kafka's script does not.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/barnabas-env.sh"
node_id=
for argument in "$@"; do
  case $argument in
    --node-id=*) node_id=${argument#*=} ;;
    --process-role=broker) ;;
    --process-role=*) echo "No kafka server to stop"; exit 1 ;;
    *.properties) ;; # some hand it the configuration, as Kafka's script allows
    *) echo "USAGE: $0 [--node-id=N] [--process-role=broker]"; exit 1 ;;
  esac
done

# The value of broker.id or node.id that a running broker was started with.
id_of() {
  local pid=$1 file
  tr '\0' '\n' < "/proc/$pid/cmdline" | sed -nE 's/^(broker|node)\.id=//p' | tail -n 1 |
    grep . && return
  file=$(tr '\0' '\n' < "/proc/$pid/cmdline" | sed -n '2p')
  case $file in /*) ;; *) file=$(readlink "/proc/$pid/cwd")/$file ;; esac
  sed -nE 's/^[[:space:]]*(broker|node)\.id[[:space:]]*[=:][[:space:]]*//p' "$file" 2>/dev/null |
    tail -n 1
}

pids=()
for pid in $(pids_of_executable barnabas-server); do
  if [ -z "$node_id" ] || [ "$(id_of "$pid")" = "$node_id" ]; then pids+=("$pid"); fi
done
if [ ${#pids[@]} -eq 0 ]; then
  echo "No kafka server to stop"
  exit 1
fi
kill -s "${SIGNAL:-TERM}" "${pids[@]}"
