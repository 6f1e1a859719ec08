#!/usr/bin/env bash
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
# Starts Debian's ZooKeeper with the given configuration. The variables of Kafka's script mean what
# they mean there.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/barnabas-env.sh"
read_start_options zookeeper "$@"
shift "$options_taken"
if [ $# -lt 1 ] || is_help "$@"; then
  echo "USAGE: $0 [-daemon] zookeeper.properties"
  exit 1
fi
jar=/usr/share/java/zookeeper.jar
# Its own class path has no logger: without these two it would end without a word.
logger=/usr/share/java/slf4j-log4j12.jar:/usr/share/java/log4j-1.2.jar
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
if [ ! -e "$jar" ] || ! command -v "$java" > /dev/null; then
  echo "ZooKeeper is not installed: install the Debian package zookeeper" >&2
  exit 1
fi
mkdir -p "$LOG_DIR" || exit 1
log4j=${KAFKA_LOG4J_OPTS:-}
if [ -z "$log4j" ]; then
  log4j=-Dlog4j.configuration=file:$BARNABAS_HOME/config/zookeeper-log4j.properties
fi
jmx=${KAFKA_JMX_OPTS:-}
if [ -n "${JMX_PORT:-}" ]; then
  if [ -z "$jmx" ]; then
    jmx="-Dcom.sun.management.jmxremote.authenticate=false"
    jmx="$jmx -Dcom.sun.management.jmxremote.ssl=false"
  fi
  jmx="$jmx -Dcom.sun.management.jmxremote.port=$JMX_PORT"
fi
debug=
if [ -n "${KAFKA_DEBUG:-}" ]; then
  debug=${JAVA_DEBUG_OPTS:-}
  if [ -z "$debug" ]; then
    debug=-agentlib:jdwp=transport=dt_socket,server=y,suspend=${DEBUG_SUSPEND_FLAG:-n}
    debug=$debug,address=${JAVA_DEBUG_PORT:-5005}
  fi
fi
# shellcheck disable=SC2206  # the options are meant to split
command=("$java" ${KAFKA_HEAP_OPTS:--Xmx512M -Xms64M} ${KAFKA_JVM_PERFORMANCE_OPTS:-}
  ${KAFKA_GC_LOG_OPTS:-} $jmx "-Dkafka.logs.dir=$LOG_DIR" $log4j $debug
  -cp "$jar:$logger${CLASSPATH:+:$CLASSPATH}" ${KAFKA_OPTS:-}
  org.apache.zookeeper.server.quorum.QuorumPeerMain "$@")
if [ -n "$daemon" ]; then
  check_daemon "$LOG_DIR/$service.out" "$1"
  nohup "${command[@]}" > "$LOG_DIR/$service.out" 2>&1 < /dev/null &
  exit 0
fi
exec "${command[@]}"
