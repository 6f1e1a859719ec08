#!/usr/bin/env bash
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/barnabas-env.sh"
usage="USAGE: $0 [-daemon] server.properties [--override property=value]*"
read_start_options kafkaServer "$@"
shift "$options_taken"
if [ $# -lt 1 ]; then
  echo "$usage"
  exit 1
fi
for argument in "$@"; do
  case $argument in
    --help | -help | -h)
      cat >&2 << EOF
$usage
  -daemon                     Run in the background, with the output in \$LOG_DIR/kafkaServer.out.
  --override property=value   Set or replace a property of the file. Repeatable.
  --version                   Print the version and end.
Log lines go to standard output and to \$LOG_DIR/server.log (now $LOG_DIR/server.log). Their level
and how large the files may grow are properties: barnabas.log.level, barnabas.log.file.bytes,
barnabas.log.files. SIGHUP opens the files anew. kafka-server-stop.sh ends the broker.
EOF
      exit 1 ;;
  esac
done
mkdir -p "$LOG_DIR" || exit 1
console=$LOG_DIR/$service.out
# As in Kafka, the JVM's way to say where the logs are comes last and wins.
for option in ${KAFKA_LOG4J_OPTS:-} ${KAFKA_OPTS:-}; do
  case $option in -Dkafka.logs.dir=?*) LOG_DIR=${option#*=} ;; esac
done
mkdir -p "$LOG_DIR" || exit 1
if [ -n "$daemon" ]; then
  check_daemon "$console" "$1"
  # The broker is told the file's name, so that it can keep it from growing for ever.
  BARNABAS_CONSOLE_FILE=$console nohup "$BARNABAS_HOME/libexec/barnabas-server" "$@" \
    > "$console" 2>&1 < /dev/null &
  exit 0
fi
unset BARNABAS_CONSOLE_FILE
exec "$BARNABAS_HOME/libexec/barnabas-server" "$@"
