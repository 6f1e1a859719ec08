#!/usr/bin/env bash
# A real cluster on this machine's loopback, with ports and directories of its own.
#   local-cluster.sh start [--brokers 3] [--zookeepers 3]   starts what does not run yet
#   local-cluster.sh status                                 a line per node
#   local-cluster.sh stop                                   brokers first; what they stored stays
# Variables: BARNABAS_CLUSTER_DIR where everything is kept (local-cluster beside scripts/),
# BARNABAS_CLUSTER_PORT the first of the ports (19091): brokers have it and those after it,
# ZooKeepers the same plus 1000, plus 2000 and plus 3000; BARNABAS_DIST the installation (dist).
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
home=${BARNABAS_CLUSTER_DIR:-$here/local-cluster}
dist=${BARNABAS_DIST:-$here/dist}
first_port=${BARNABAS_CLUSTER_PORT:-19091}
nodes_max=9
start_seconds=60
stop_seconds=60

usage() {
  sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
  exit 1
}
fail() { echo "local-cluster: $*" >&2; exit 1; }

broker_port() { echo $((first_port + $1 - 1)); }
zookeeper_port() { echo $((first_port + 1000 + $1 - 1)); }

# The process of a node, if it runs: the number alone may be another process's by now.
pid_of() {
  local file=$home/$1/pid pid
  [ -f "$file" ] || return 1
  pid=$(< "$file")
  [ -r "/proc/$pid/cmdline" ] || return 1
  { tr '\0' '\n' < "/proc/$pid/cmdline"; } 2> /dev/null |
    grep -xF "$home/$1/properties" > /dev/null || return 1
  echo "$pid"
}

answers() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

# run NODE SCRIPT: as a process of its own; its number stays the same through the scripts' exec.
run() {
  local node=$1 script=$2
  LOG_DIR=$home/$node/logs setsid "$dist/bin/$script" "$home/$node/properties" \
    > "$home/$node/output" 2>&1 < /dev/null &
  echo $! > "$home/$node/pid"
}

await_node() {
  local node=$1 port=$2 left=$((start_seconds * 10))
  while ! answers "$port"; do
    left=$((left - 1))
    if [ "$left" = 0 ] || ! pid_of "$node" > /dev/null; then
      echo "local-cluster: $node does not answer on port $port. The end of its output:" >&2
      tail -n 20 "$home/$node/output" >&2
      exit 1
    fi
    sleep 0.1
  done
}

start_zookeeper() {
  local number=$1 count=$2 node=zookeeper-$1 member port
  pid_of "$node" > /dev/null && return
  answers "$(zookeeper_port "$number")" && fail "port $(zookeeper_port "$number") is taken"
  mkdir -p "$home/$node/data"
  echo "$number" > "$home/$node/data/myid"
  {
    echo "dataDir=$home/$node/data"
    echo "clientPort=$(zookeeper_port "$number")"
    echo "clientPortAddress=127.0.0.1"
    echo "admin.enableServer=false"
    echo "maxClientCnxns=0"
    echo "tickTime=1000"
    echo "initLimit=20"
    echo "syncLimit=10"
    if [ "$count" -gt 1 ]; then
      for ((member = 1; member <= count; member++)); do
        port=$((first_port + 2000 + member))
        echo "server.$member=127.0.0.1:$port:$((port + 1000))"
      done
    fi
  } > "$home/$node/properties"
  run "$node" zookeeper-server-start.sh
}

start_broker() {
  local number=$1 replicas=$2 connect=$3 node=broker-$1 min_isr
  pid_of "$node" > /dev/null && return
  answers "$(broker_port "$number")" && fail "port $(broker_port "$number") is taken"
  min_isr=$((replicas > 1 ? replicas - 1 : 1))
  mkdir -p "$home/$node/data"
  cat > "$home/$node/properties" << PROPERTIES
broker.id=$number
listeners=PLAINTEXT://127.0.0.1:$(broker_port "$number")
log.dirs=$home/$node/data
zookeeper.connect=$connect
default.replication.factor=$replicas
min.insync.replicas=$min_isr
offsets.topic.replication.factor=$replicas
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$min_isr
PROPERTIES
  run "$node" kafka-server-start.sh
}

start() {
  local brokers=3 zookeepers=3 number connect=
  while [ $# -gt 0 ]; do
    case $1 in
      --brokers) brokers=${2:-}; shift ;;
      --brokers=*) brokers=${1#*=} ;;
      --zookeepers) zookeepers=${2:-}; shift ;;
      --zookeepers=*) zookeepers=${1#*=} ;;
      *) usage ;;
    esac
    shift
  done
  [[ $brokers =~ ^[1-$nodes_max]$ ]] || fail "--brokers takes 1 to $nodes_max"
  [[ $zookeepers =~ ^[1-$nodes_max]$ ]] || fail "--zookeepers takes 1 to $nodes_max"
  [ -x "$dist/libexec/barnabas-server" ] || fail "$dist has no broker: run scripts/build.sh first"
  mkdir -p "$home"
  local known
  known=$(find "$home" -maxdepth 1 -name 'zookeeper-*' 2> /dev/null | wc -l)
  if [ "$known" -gt 0 ] && [ "$known" != "$zookeepers" ]; then
    fail "$home was made with --zookeepers $known: an ensemble keeps its size; stop and remove it"
  fi
  for ((number = 1; number <= zookeepers; number++)); do
    start_zookeeper "$number" "$zookeepers"
  done
  for ((number = 1; number <= zookeepers; number++)); do
    await_node "zookeeper-$number" "$(zookeeper_port "$number")"
    connect+=${connect:+,}127.0.0.1:$(zookeeper_port "$number")
  done
  local replicas=$((brokers < 3 ? brokers : 3))
  for ((number = 1; number <= brokers; number++)); do
    start_broker "$number" "$replicas" "$connect"
  done
  for ((number = 1; number <= brokers; number++)); do
    await_node "broker-$number" "$(broker_port "$number")"
  done
  status
  echo "bootstrap servers: $(bootstrap "$brokers")"
}

bootstrap() {
  local number list=
  for ((number = 1; number <= $1; number++)); do
    list+=${list:+,}127.0.0.1:$(broker_port "$number")
  done
  echo "$list"
}

# The nodes that were ever started here, ZooKeepers first.
nodes() {
  local path
  for path in "$home"/zookeeper-[1-9] "$home"/broker-[1-9]; do
    [ -f "$path/properties" ] && basename "$path"
  done
  return 0
}

status() {
  local node port pid all_run=0
  for node in $(nodes); do
    case $node in
      zookeeper-*) port=$(zookeeper_port "${node#*-}") ;;
      *) port=$(broker_port "${node#*-}") ;;
    esac
    if ! pid=$(pid_of "$node"); then
      echo "$node 127.0.0.1:$port stopped"
      all_run=3
    elif answers "$port"; then
      echo "$node 127.0.0.1:$port runs pid=$pid log=$home/$node/logs"
    else
      echo "$node 127.0.0.1:$port does not answer pid=$pid log=$home/$node/logs"
      all_run=3
    fi
  done
  [ -n "$(nodes)" ] || { echo "no cluster in $home"; all_run=3; }
  return $all_run
}

stop_node() {
  local node=$1 pid left=$((stop_seconds * 10))
  pid=$(pid_of "$node") || return 0
  kill "$pid"
  while pid_of "$node" > /dev/null; do
    left=$((left - 1))
    if [ "$left" = 0 ]; then
      echo "$node does not stop, killed"
      kill -9 "$pid"
    fi
    sleep 0.1
  done
  echo "$node stopped"
}

stop() {
  local node
  for node in $(nodes | grep '^broker-' | sort -r); do stop_node "$node"; done
  for node in $(nodes | grep '^zookeeper-'); do stop_node "$node"; done
}

case ${1:-} in
  start) shift; start "$@" ;;
  status) [ $# = 1 ] || usage; status ;;
  stop) [ $# = 1 ] || usage; stop ;;
  *) usage ;;
esac
