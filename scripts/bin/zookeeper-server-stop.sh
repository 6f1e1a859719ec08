#!/usr/bin/env bash
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
# Signals ($SIGNAL, default TERM) every ZooKeeper server of this machine. Does not wait.
# Other arguments than options are ignored, as in Kafka's script: some hand it the configuration.
case ${1:-} in
  -*) echo "USAGE: $0"; exit 1 ;;
esac
pids=()
for directory in /proc/[0-9]*; do
  # A process may end while we look: its file is gone then.
  if { tr '\0' ' ' < "$directory/cmdline"; } 2> /dev/null |
    grep -q 'java.*[Qq]uorum[Pp]eer[Mm]ain'; then
    pids+=("${directory#/proc/}")
  fi
done
if [ ${#pids[@]} -eq 0 ]; then
  echo "No zookeeper server to stop"
  exit 1
fi
kill -s "${SIGNAL:-TERM}" "${pids[@]}"
