# Sourced by the scripts beside it: where this installation is and where its logs go. The variables
# of Kafka's scripts that only a JVM knows (KAFKA_HEAP_OPTS, KAFKA_JVM_PERFORMANCE_OPTS,
# KAFKA_JMX_OPTS, JMX_PORT, KAFKA_GC_LOG_OPTS, KAFKA_DEBUG, CLASSPATH, JAVA_HOME, ...) have no
# effect on our own programs; ZooKeeper gets them all.
script=$(readlink -f "${BASH_SOURCE[1]}")
BARNABAS_HOME=$(cd "$(dirname "$script")/.." && pwd)
export LOG_DIR=${LOG_DIR:-$BARNABAS_HOME/logs}

# Runs a tool of the multi-call binary in place of this script.
run_tool() {
  exec "$BARNABAS_HOME/libexec/barnabas" "$@"
}

# Prints the pids of processes whose executable has this name, newest last. What another user runs
# does not show its executable, only its command: kill says then that it is not ours.
pids_of_executable() {
  local name=$1 directory program
  for directory in /proc/[0-9]*; do
    program=$(readlink "$directory/exe" 2> /dev/null)
    if [ -z "$program" ]; then
      program=
      { IFS= read -r -d '' program < "$directory/cmdline"; } 2> /dev/null
    fi
    case $program in
      */"$name" | */"$name (deleted)") echo "${directory#/proc/}" ;;
    esac
  done
}

# is_help ARGUMENT...: the first asks for help.
is_help() {
  case ${1:-} in --help | -help | -h) return 0 ;; esac
  return 1
}

# check_daemon CONSOLE [CONFIG]: ends the script with a line where a daemon would end unseen, since
# its configuration cannot be read or its output not written.
check_daemon() {
  local console=$1 config=${2:-}
  case $config in
    -*) ;;
    *)
      if [ -d "$config" ] || [ ! -r "$config" ]; then
        echo "cannot read the configuration $config" >&2
        exit 1
      fi ;;
  esac
  if ! { : >> "$console"; } 2> /dev/null; then
    echo "cannot write $console: give LOG_DIR a directory that is yours" >&2
    exit 1
  fi
}

# Sets `daemon` (yes or empty), `service` and `options_taken` from the options that Kafka's start
# scripts hand to kafka-run-class.sh, in front of the others or in EXTRA_ARGS.
read_start_options() {
  daemon=
  service=$1
  shift
  options_taken=0
  # shellcheck disable=SC2086  # the options are meant to split
  set -- ${EXTRA_ARGS:-} -- "$@"
  local in_arguments=
  while [ $# -gt 0 ]; do
    case $1 in
      --) [ -z "$in_arguments" ] || break; in_arguments=yes; shift; continue ;;
      -daemon) daemon=yes ;;
      -loggc) ;;
      -name) service=${2:-$service}; [ -z "$in_arguments" ] || options_taken=$((options_taken + 1))
        shift ;;
      *) [ -z "$in_arguments" ] || break ;;
    esac
    [ -z "$in_arguments" ] || options_taken=$((options_taken + 1))
    shift
  done
}
