#include "tools/topics/command.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/result.h"
#include "config/key_table.h"
#include "config/topic_config.h"

namespace topics {

using tools::failure;
using tools::Outcome;
using tools::Usage;
using tools::UsageError;
using tools::ValueKind;

namespace {

constexpr tools::OptionSpec kOptions[] = {
    {"bootstrap-server", "The brokers to connect to. This or --zookeeper is required.",
     ValueKind::text, "server to connect to"},
    {"zookeeper",
     "The ZooKeeper servers to connect to, as host:port,host:port/chroot, with the output of "
     "Kafka 2.4.",
     ValueKind::text, "hosts"},
    {"command-config", "A properties file for the client, with --bootstrap-server.",
     ValueKind::text, "command config property file"},
    {"list", "List the topics."},
    {"create", "Create a topic."},
    {"delete", "Delete topics."},
    {"alter", "Add partitions to topics; with --zookeeper also change their configuration."},
    {"describe", "Show topics with their partitions."},
    {"topic",
     "The name of the topic to create, or a regular expression for the topics to list, describe, "
     "alter or delete.",
     ValueKind::text, "topic"},
    {"topic-id", "The id of the topic to describe, with --bootstrap-server.", ValueKind::text,
     "topic-id"},
    {"partitions", "How many partitions the topic gets or, with --alter, has in the end.",
     ValueKind::int32, "# of partitions"},
    {"replication-factor", "How many replicas each partition of a new topic gets.",
     ValueKind::int32, "replication factor"},
    {"replica-assignment",
     "The brokers of each partition: those of one partition are joined by ':', the partitions by "
     "','.",
     ValueKind::text, "broker_id:broker_id,..."},
    {.name = "config",
     .description = "A config of the topic; may be given several times.",
     .kind = ValueKind::text,
     .value_name = "name=value",
     .is_repeatable = true},
    {.name = "delete-config",
     .description = "A config to take from the topic, with --alter and --zookeeper.",
     .kind = ValueKind::text,
     .value_name = "name",
     .is_repeatable = true},
    {"if-exists", "Do nothing if no such topic exists."},
    {"if-not-exists", "Do nothing if the topic to create exists."},
    {"exclude-internal", "Leave internal topics out when listing and describing."},
    {"under-replicated-partitions", "Describe only partitions with replicas out of sync."},
    {"unavailable-partitions", "Describe only partitions without a live leader."},
    {"under-min-isr-partitions",
     "Describe only partitions with fewer replicas in sync than min.insync.replicas."},
    {"at-min-isr-partitions",
     "Describe only partitions with just min.insync.replicas replicas in sync."},
    {"topics-with-overrides", "Describe only topics with configs of their own."},
    {"disable-rack-aware", "Place replicas without regard to racks, with --zookeeper."},
    {"force", "Accepted and of no effect."},
    {"partition-size-limit-per-response", "Accepted and of no effect.", ValueKind::int32},
};

constexpr tools::OptionTable kTable{
    "This tool helps to create, delete, describe, or change topics.", kOptions};

std::unexpected<UsageError> line(std::string message) {
  return std::unexpected(UsageError{UsageError::Kind::line, std::move(message)});
}

Usage<> check_required(const tools::Options& options) {
  const bool has_bootstrap = options.has("bootstrap-server");
  const bool has_zookeeper = options.has("zookeeper");
  if (has_bootstrap && has_zookeeper) {
    return line("Only one of --bootstrap-server or --zookeeper must be specified");
  }
  if (!has_bootstrap && !has_zookeeper) return line("--bootstrap-server must be specified");
  if (options.has("describe") && options.has("if-exists") && !options.has("topic") &&
      !options.has("topic-id")) {
    return std::unexpected(
        UsageError{.message = "--topic or --topic-id is required to describe a topic"});
  }
  if (!options.has("list") && !options.has("describe")) TRY(require(options, {"topic"}));
  if (options.has("create") && has_zookeeper && !options.has("replica-assignment")) {
    TRY(require(options, {"partitions", "replication-factor"}));
  }
  if (options.has("alter") && has_bootstrap) {
    if (options.has("config")) {
      return std::unexpected(UsageError{
          .message = "Option combination \"[bootstrap-server],[config]\" can't be used with option "
                     "\"[alter]\" (kafka-configs alters topic configs)"});
    }
    TRY(require(options, {"partitions"}));
  }
  return {};
}

Usage<> check_excluded(const tools::Options& options) {
  TRY(exclude(options, "config", {"list", "describe", "delete"}));
  TRY(exclude(options, "delete-config",
              {"create", "list", "describe", "delete", "bootstrap-server"}));
  TRY(exclude(options, "partitions", {"list", "describe", "delete"}));
  TRY(exclude(options, "replication-factor", {"list", "describe", "delete", "alter"}));
  TRY(exclude(options, "replica-assignment", {"list", "describe", "delete"}));
  if (options.has("create")) {
    TRY(exclude(options, "replica-assignment", {"partitions", "replication-factor"}));
  }
  for (const std::string_view report : {"under-replicated-partitions", "unavailable-partitions",
                                        "under-min-isr-partitions", "at-min-isr-partitions"}) {
    TRY(exclude(options, report, {"list", "alter", "create", "delete", "topics-with-overrides"}));
  }
  TRY(exclude(options, "under-min-isr-partitions", {"zookeeper"}));
  TRY(exclude(options, "at-min-isr-partitions", {"zookeeper"}));
  TRY(exclude(options, "topics-with-overrides", {"list", "alter", "create", "delete"}));
  TRY(exclude(options, "topic-id", {"zookeeper"}));
  TRY(exclude(options, "if-exists", {"list", "create"}));
  TRY(exclude(options, "if-not-exists", {"list", "alter", "describe", "delete"}));
  TRY(exclude(options, "exclude-internal", {"create", "alter", "delete"}));
  return {};
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

template <class Consume>
Outcome<> split(std::string_view text, char separator, Consume consume) {
  while (true) {
    const std::size_t end = text.find(separator);
    TRY(consume(text.substr(0, end)));
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
}

Action action_of(const tools::Options& options) {
  if (options.has("create")) return Action::create;
  if (options.has("alter")) return Action::alter;
  if (options.has("describe")) return Action::describe;
  return options.has("delete") ? Action::remove : Action::list;
}

std::optional<std::int32_t> int32_of(const tools::Options& options, std::string_view name) {
  const auto number = options.number(name);
  return number ? std::optional(static_cast<std::int32_t>(*number)) : std::nullopt;
}

}  // namespace

const tools::OptionTable& option_table() { return kTable; }

Usage<> check_options(const tools::Options& options) {
  int actions = 0;
  for (const std::string_view action : {"create", "list", "alter", "describe", "delete"}) {
    actions += options.has(action) ? 1 : 0;
  }
  if (actions != 1) {
    return std::unexpected(
        UsageError{.message = "Command must include exactly one action: --list, --describe, "
                              "--create, --alter or --delete"});
  }
  TRY(check_required(options));
  return check_excluded(options);
}

Outcome<cluster::PartitionReplicas> parse_assignment(std::string_view text) {
  cluster::PartitionReplicas assignment;
  const auto add_partition = [&](std::string_view part) -> Outcome<> {
    const auto partition = static_cast<std::int32_t>(assignment.size());
    cluster::ReplicaList replicas;
    std::set<std::int32_t> duplicates;
    const auto add_replica = [&](std::string_view id_text) -> Outcome<> {
      id_text = trim(id_text);
      std::int32_t id = 0;
      const auto [end, error] =
          std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
      if (error != std::errc() || end != id_text.data() + id_text.size()) {
        return failure(fmt::format("For input string: \"{}\"", id_text));
      }
      if (std::ranges::find(replicas, id) != replicas.end()) duplicates.insert(id);
      replicas.push_back(id);
      return {};
    };
    TRY(split(part, ':', add_replica));
    if (!duplicates.empty()) {
      return failure(fmt::format("Partition replica lists may not contain duplicate entries: {}",
                                 fmt::join(duplicates, ",")));
    }
    assignment[partition] = replicas;
    if (replicas.size() != assignment[0].size()) {
      return failure(fmt::format("Partition {} has different replication factor: [{}]", partition,
                                 fmt::join(replicas, ", ")));
    }
    return {};
  };
  TRY(split(text, ',', add_partition));
  return assignment;
}

Outcome<config::ConfigMap> parse_configs(const std::vector<std::string>& arguments) {
  config::ConfigMap configs;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    const std::string_view key = trim(std::string_view(argument).substr(0, equals));
    const std::string_view value =
        equals == std::string::npos ? "" : trim(std::string_view(argument).substr(equals + 1));
    if (key.empty() || value.empty()) {
      return failure(
          "requirement failed: Invalid topic config: all configs to be added must be in the format "
          "\"key=val\".");
    }
    configs[std::string(key)] = value;
  }
  return configs;
}

Outcome<Command> read_command(const tools::Options& options) {
  Command command;
  command.action = action_of(options);
  command.bootstrap = options.given("bootstrap-server");
  command.zookeeper = options.given("zookeeper");
  command.command_config = options.given("command-config");
  command.topic = options.given("topic");
  command.topic_id = options.given("topic-id");
  command.partitions = int32_of(options, "partitions");
  command.replication_factor = int32_of(options, "replication-factor");
  if (const auto text = options.given("replica-assignment"); text && !text->empty()) {
    TRY_ASSIGN(command.assignment, parse_assignment(*text));
  }
  TRY_ASSIGN(command.configs, parse_configs(options.values("config")));
  for (const std::string& name : options.values("delete-config")) {
    command.deleted_configs.emplace_back(trim(name));
    if (config::find_topic_key(command.deleted_configs.back()) == nullptr) {
      return failure(fmt::format("Unknown topic config name: {}", command.deleted_configs.back()));
    }
  }
  // For a name that the broker treats like any other: --topic may be a regular expression here.
  if (auto message = config::validate_topic_configs(command.configs, {})) {
    return failure(std::move(*message));
  }
  command.filter.under_replicated = options.has("under-replicated-partitions");
  command.filter.unavailable = options.has("unavailable-partitions");
  command.filter.under_min_isr = options.has("under-min-isr-partitions");
  command.filter.at_min_isr = options.has("at-min-isr-partitions");
  command.filter.overridden_only = options.has("topics-with-overrides");
  command.if_exists = options.has("if-exists");
  command.if_not_exists = options.has("if-not-exists");
  command.exclude_internal = options.has("exclude-internal");
  command.ignore_racks = options.has("disable-rack-aware");
  return command;
}

}  // namespace topics
