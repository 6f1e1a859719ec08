# Sourced by the scripts beside it: where this installation is and where its logs go.
script=$(readlink -f "${BASH_SOURCE[1]}")
BARNABAS_HOME=$(cd "$(dirname "$script")/.." && pwd)
export LOG_DIR=${LOG_DIR:-$BARNABAS_HOME/logs}

# Runs a tool of the multi-call binary in place of this script.
run_tool() {
  exec "$BARNABAS_HOME/libexec/barnabas" "$@"
}

# Prints the pids of processes whose executable has this name, newest last.
pids_of_executable() {
  local name=$1 directory
  for directory in /proc/[0-9]*; do
    case "$(readlink "$directory/exe" 2>/dev/null)" in
      */"$name" | */"$name (deleted)") echo "${directory#/proc/}" ;;
    esac
  done
}
