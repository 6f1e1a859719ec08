#!/usr/bin/env bash
# From a bare Debian 12 to a record consumed: installs packages, builds, starts ZooKeeper and a
# broker, creates a topic, produces README.md line by line and consumes it. Safe to run again: what
# runs already is used as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
topic=quickstart
server=localhost:9092

say() { printf '\n== %s\n' "$*"; }
answers() { (: < "/dev/tcp/localhost/$1") 2> /dev/null; }

# start NAME PORT SCRIPT CONFIG LOG: as a daemon, unless its port answers already.
start() {
  local name=$1 port=$2 script=$3 config=$4 log=$5
  if answers "$port"; then
    say "$name: something answers on port $port already, it is used"
    return
  fi
  say "$name: starting, log in dist/logs/$log"
  "dist/bin/$script" -daemon "dist/config/$config"
  for _ in {1..300}; do
    if answers "$port"; then return; fi
    sleep 0.1
  done
  echo "$name does not answer on port $port. The end of its log:" >&2
  tail -n 20 "dist/logs/$log" >&2
  exit 1
}

if ! getent hosts localhost > /dev/null; then
  echo "localhost has no address: /etc/hosts needs the line 127.0.0.1 localhost" >&2
  exit 1
fi

say "packages"
scripts/packages.sh run
say "build (about ten minutes on two cores the first time)"
scripts/build.sh

start ZooKeeper 2181 zookeeper-server-start.sh zookeeper.properties zookeeper.out
start "the broker" 9092 kafka-server-start.sh server.properties kafkaServer.out

say "topic $topic"
dist/bin/kafka-topics.sh --bootstrap-server "$server" --create --if-not-exists --topic "$topic" \
  --partitions 1 --replication-factor 1
dist/bin/kafka-topics.sh --bootstrap-server "$server" --describe --topic "$topic"

say "producing the lines of README.md, then consuming them"
received=$(mktemp)
trap 'rm -f "$received"' EXIT
first=$(dist/bin/kafka-get-offsets.sh --bootstrap-server "$server" --topic "$topic" | cut -d: -f3)
lines=$(wc -l < README.md)
dist/bin/kafka-console-producer.sh --bootstrap-server "$server" --topic "$topic" < README.md
dist/bin/kafka-console-consumer.sh --bootstrap-server "$server" --topic "$topic" --partition 0 \
  --offset "$first" --max-messages "$lines" --timeout-ms 30000 > "$received"
head -n 5 "$received"
echo "..."
if ! cmp -s README.md "$received"; then
  echo "what came back differs from README.md" >&2
  diff README.md "$received" | head -n 10 >&2
  exit 1
fi
echo "$lines records produced and consumed, every byte the same"

cat << END

== It works. The broker listens on $server; any Kafka client can use it. Some ways to go on:

  dist/bin/kafka-topics.sh --bootstrap-server $server --list
  dist/bin/kafka-console-producer.sh --bootstrap-server $server --topic $topic
  dist/bin/kafka-console-consumer.sh --bootstrap-server $server --topic $topic \\
    --partition 0 --offset earliest
  dist/bin/zookeeper-shell.sh localhost:2181 ls /brokers/ids

  Settings: dist/config/server.properties. Data: /tmp/kafka-logs and /tmp/zookeeper.

== To stop, the broker first:

  dist/bin/kafka-server-stop.sh
  dist/bin/zookeeper-server-stop.sh
END
