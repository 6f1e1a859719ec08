#!/usr/bin/env bash
. "$(dirname "$(readlink -f "$0")")/barnabas-env.sh"
if [ $# -lt 1 ]; then
  echo "USAGE: $0 [-daemon] server.properties [--override property=value]*"
  exit 1
fi
mkdir -p "$LOG_DIR" || exit 1
if [ "$1" = -daemon ]; then
  shift
  nohup "$BARNABAS_HOME/libexec/barnabas-server" "$@" \
    > "$LOG_DIR/kafkaServer.out" 2>&1 < /dev/null &
  exit 0
fi
exec "$BARNABAS_HOME/libexec/barnabas-server" "$@"
