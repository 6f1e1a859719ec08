#!/usr/bin/env bash
# Signals ($SIGNAL, default TERM) every ZooKeeper server of this machine. Does not wait.
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
