#!/usr/bin/env bash
# Maps the class names that scripts for the JVM broker use to our programs. JVM options are ignored.
. "$(dirname "$(readlink -f "$0")")/barnabas-env.sh"
daemon=
while [ $# -gt 0 ]; do
  case $1 in
    -daemon) daemon=-daemon; shift ;;
    -name) shift 2 ;;
    -loggc) shift ;;
    *) break ;;
  esac
done
if [ $# -lt 1 ]; then
  echo "USAGE: $0 [-daemon] [-name servicename] [-loggc] classname [opts]"
  exit 1
fi
class=$1
shift
case $class in
  kafka.Kafka) exec "$BARNABAS_HOME/bin/kafka-server-start.sh" $daemon "$@" ;;
  kafka.admin.TopicCommand | org.apache.kafka.tools.TopicCommand) run_tool kafka-topics "$@" ;;
  kafka.tools.ConsoleProducer | org.apache.kafka.tools.ConsoleProducer)
    run_tool kafka-console-producer "$@" ;;
  kafka.tools.ConsoleConsumer | org.apache.kafka.tools.consumer.ConsoleConsumer)
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
  org.apache.zookeeper.ZooKeeperMain | org.apache.zookeeper.ZooKeeperMainWithTlsSupportForKafka)
    run_tool zookeeper-shell "$@" ;;
  org.apache.zookeeper.server.quorum.QuorumPeerMain)
    exec "$BARNABAS_HOME/bin/zookeeper-server-start.sh" $daemon "$@" ;;
  *)
    echo "No program here stands for the class $class" >&2
    exit 1 ;;
esac
