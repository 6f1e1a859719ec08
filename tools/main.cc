// The multi-call binary of the command line tools: `barnabas <tool> <arguments>`.
#include <fmt/core.h>

#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "runtime/standard_descriptors.h"
#include "tools/tool.h"

namespace {

struct Tool {
  std::string_view name;
  int (*run)(const tools::Arguments&);
};

constexpr Tool kTools[] = {
    {"kafka-topics", tools::kafka_topics},
    {"kafka-console-producer", tools::kafka_console_producer},
    {"kafka-console-consumer", tools::kafka_console_consumer},
    {"kafka-consumer-groups", tools::kafka_consumer_groups},
    {"kafka-broker-api-versions", tools::kafka_broker_api_versions},
    {"kafka-dump-log", tools::kafka_dump_log},
    {"kafka-get-offsets", tools::kafka_get_offsets},
    {"kafka-verifiable-consumer", tools::kafka_verifiable_consumer},
    {"kafka-verifiable-producer", tools::kafka_verifiable_producer},
    {"zookeeper-shell", tools::zookeeper_shell},
};

int usage() {
  fmt::print(stderr, "Usage: barnabas <tool> <arguments>, with one of the tools\n");
  for (const Tool& tool : kTools) fmt::print(stderr, "  {}\n", tool.name);
  return 1;
}

}  // namespace

int main(int count, char** values) {
  runtime::open_standard_descriptors();
  if (count < 2) return usage();
  // What a user must know is in the tool's own line; warnings of the layers below (one server of
  // an ensemble that is down) would only surround it.
  base::set_log_level(base::LogLevel::error);
  const tools::Arguments arguments(values + 2, values + count);
  for (const Tool& tool : kTools) {
    if (tool.name != values[1]) continue;
    const int code = tool.run(arguments);
    if (std::fflush(stdout) != 0 && code == 0) {
      fmt::print(stderr, "Unable to write to standard out.\n");
      return 1;
    }
    return code;
  }
  fmt::print(stderr, "There is no tool named {}\n", values[1]);
  return usage();
}
