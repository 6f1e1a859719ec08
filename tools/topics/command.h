// Purpose: what one call of kafka-topics asks for, read from its command line.
// Source: TopicCommand of Kafka 2.4 (--zookeeper) and 3.9 (--bootstrap-server).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/cluster/assignment.h"
#include "config/properties.h"
#include "tools/option_parser.h"
#include "tools/tool.h"

namespace topics {

enum class Action : std::uint8_t { create, list, alter, describe, remove };

// Which partitions (the first four) or topics --describe shows; none set: all.
struct DescribeFilter {
  bool under_replicated = false;
  bool unavailable = false;
  bool under_min_isr = false;
  bool at_min_isr = false;
  bool overridden_only = false;  // topic lines only, of topics with overrides

  bool picks_partitions() const {
    return under_replicated || unavailable || under_min_isr || at_min_isr;
  }
};

struct Command {
  Action action = Action::list;
  std::optional<std::string> bootstrap;  // exactly one of these two
  std::optional<std::string> zookeeper;
  std::optional<std::string> command_config;  // path of a properties file
  std::optional<std::string> topic;           // a name for create, else a regular expression
  std::optional<std::string> topic_id;
  std::optional<std::int32_t> partitions;
  std::optional<std::int32_t> replication_factor;
  cluster::PartitionReplicas assignment;  // empty: none given
  config::ConfigMap configs;
  std::vector<std::string> deleted_configs;
  DescribeFilter filter;
  bool if_exists = false;
  bool if_not_exists = false;
  bool exclude_internal = false;
  bool ignore_racks = false;
};

const tools::OptionTable& option_table();
// Which options go together.
tools::Usage<> check_options(const tools::Options& options);
// Values that the command line alone can tell to be wrong, topic configs among them, are failures.
tools::Outcome<Command> read_command(const tools::Options& options);

// "0:1,1:0": the replicas of partition 0, of partition 1, ...
tools::Outcome<cluster::PartitionReplicas> parse_assignment(std::string_view text);
// "key=value" arguments; blanks around both are dropped.
tools::Outcome<config::ConfigMap> parse_configs(const std::vector<std::string>& arguments);

}  // namespace topics
