#!/usr/bin/env bash
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
# Maps the class names that scripts for the JVM broker use to our programs. JVM options are ignored.
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/barnabas-env.sh"
read_start_options "" "$@"
shift "$options_taken"
if [ $# -lt 1 ] || is_help "$@"; then
  echo "USAGE: $0 [-daemon] [-name servicename] [-loggc] classname [opts]"
  exit 1
fi
class=$1
shift
start_options=(${daemon:+-daemon} ${service:+-name "$service"})
case $class in
  kafka.Kafka) exec "$BARNABAS_HOME/bin/kafka-server-start.sh" "${start_options[@]}" "$@" ;;
  kafka.admin.TopicCommand | org.apache.kafka.tools.TopicCommand) run_tool kafka-topics "$@" ;;
  kafka.tools.ConsoleProducer | kafka.producer.ConsoleProducer | \
    org.apache.kafka.tools.ConsoleProducer)
    run_tool kafka-console-producer "$@" ;;
  kafka.tools.ConsoleConsumer | kafka.consumer.ConsoleConsumer | \
    org.apache.kafka.tools.consumer.ConsoleConsumer)
    run_tool kafka-console-consumer "$@" ;;
  kafka.admin.ConsumerGroupCommand | \
    org.apache.kafka.tools.consumer.group.ConsumerGroupCommand)
    run_tool kafka-consumer-groups "$@" ;;
  kafka.admin.BrokerApiVersionsCommand) run_tool kafka-broker-api-versions "$@" ;;
  kafka.tools.GetOffsetShell | org.apache.kafka.tools.GetOffsetShell)
    run_tool kafka-get-offsets "$@" ;;
  kafka.tools.DumpLogSegments | org.apache.kafka.tools.DumpLogSegments)
    run_tool kafka-dump-log "$@" ;;
  org.apache.kafka.tools.VerifiableProducer) run_tool kafka-verifiable-producer "$@" ;;
  org.apache.kafka.tools.VerifiableConsumer) run_tool kafka-verifiable-consumer "$@" ;;
  org.apache.zookeeper.ZooKeeperMain | kafka.tools.ZooKeeperMainWrapper | \
    org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka)
    if [ "${1:-}" = -server ]; then shift; fi
    run_tool zookeeper-shell "$@" ;;
  org.apache.zookeeper.server.quorum.QuorumPeerMain)
    exec "$BARNABAS_HOME/bin/zookeeper-server-start.sh" "${start_options[@]}" "$@" ;;
  *)
    echo "No program here stands for the class $class" >&2
    exit 1 ;;
esac
