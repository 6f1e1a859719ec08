#!/usr/bin/env bash
# Starts Debian's ZooKeeper with the given configuration.
. "$(dirname "$(readlink -f "$0")")/barnabas-env.sh"
if [ $# -lt 1 ]; then
  echo "USAGE: $0 [-daemon] zookeeper.properties"
  exit 1
fi
daemon=
if [ "$1" = -daemon ]; then daemon=yes; shift; fi
jar=/usr/share/java/zookeeper.jar
# Its own class path has no logger: without these two it would end without a word.
logger=/usr/share/java/slf4j-log4j12.jar:/usr/share/java/log4j-1.2.jar
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ ! -e "$jar" ] || ! command -v "$java" > /dev/null; then
  echo "ZooKeeper is not installed: install the Debian package zookeeper" >&2
  exit 1
fi
mkdir -p "$LOG_DIR" || exit 1
# shellcheck disable=SC2206  # the options are meant to split
command=("$java" ${KAFKA_HEAP_OPTS:--Xmx512M -Xms64M} ${KAFKA_OPTS:-}
  "-Dlog4j.configuration=file:$BARNABAS_HOME/config/zookeeper-log4j.properties"
  -cp "$jar:$logger" org.apache.zookeeper.server.quorum.QuorumPeerMain "$@")
if [ -n "$daemon" ]; then
  nohup "${command[@]}" > "$LOG_DIR/zookeeper.out" 2>&1 < /dev/null &
  exit 0
fi
exec "${command[@]}"
