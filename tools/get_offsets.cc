// kafka-get-offsets: the first, last or timestamp's offset of partitions, one
// "topic:partition:offset" a line. Source: GetOffsetShell.java (3.9).
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/result.h"
#include "base/types.h"
#include "broker/cluster/topic_name.h"
#include "protocol/gen/list_offsets.h"
#include "tools/cluster_session.h"
#include "tools/list_offsets_request.h"
#include "tools/option_parser.h"
#include "tools/partition_filter.h"

namespace tools {

namespace {

using base::TopicPartition;
using protocol::ListOffsetsResponse;

constexpr OptionSpec kOptions[] = {
    {"bootstrap-server", "REQUIRED: the brokers to connect to.", ValueKind::text,
     "HOST1:PORT1,...,HOST3:PORT3"},
    {"broker-list", "The older name of --bootstrap-server.", ValueKind::text,
     "HOST1:PORT1,...,HOST3:PORT3"},
    {"topic-partitions",
     "The partitions to ask for: a regular expression for the topic, ':' and a partition, a range "
     "'0-3' (without the last), '5-' or '-3', several of these joined by ','.",
     ValueKind::text, "topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3"},
    {"topic", "The topic to ask for, or a regular expression; all topics without it.",
     ValueKind::text, "topic"},
    {"partitions", "The partitions to ask for, joined by ','; all without it.", ValueKind::text,
     "partition ids"},
    {"time",
     "Which offset: that of the first record at or behind a timestamp in ms, or one of -1 "
     "(latest), -2 (earliest), -3 (max-timestamp), -4 (earliest-local), -5 (latest-tiered).",
     ValueKind::text, "timestamp", "latest"},
    {"command-config", "A properties file for the client.", ValueKind::text, "config file"},
    {"exclude-internal-topics", "Leave internal topics out."},
    {"offsets", "Accepted and of no effect.", ValueKind::int32},
    {"max-wait-ms", "Accepted and of no effect.", ValueKind::int32},
};
constexpr OptionTable kTable{"An interactive shell for getting topic-partition offsets.", kOptions};

struct Query {
  PartitionFilter filter;
  bool exclude_internal = false;
  std::int64_t timestamp = -1;
};

Outcome<std::int64_t> parse_time(std::string_view text) {
  constexpr std::pair<std::string_view, std::int64_t> kNames[] = {{"latest", -1},
                                                                  {"earliest", -2},
                                                                  {"max-timestamp", -3},
                                                                  {"earliest-local", -4},
                                                                  {"latest-tiered", -5}};
  for (const auto& [name, timestamp] : kNames) {
    if (name == text) return timestamp;
  }
  std::int64_t timestamp = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), timestamp);
  if (error == std::errc() && end == text.data() + text.size()) return timestamp;
  return failure(fmt::format(
      "Malformed time argument {}. Please use -1 or latest / -2 or earliest / -3 or max-timestamp "
      "/ -4 or earliest-local / -5 or latest-tiered, or a specified long format timestamp",
      text));
}

Outcome<Query> read_query(const Options& options) {
  const auto rules = options.given("topic-partitions");
  if (rules && (options.has("topic") || options.has("partitions"))) {
    return failure("--topic-partitions cannot be used with --topic or --partitions");
  }
  TRY_ASSIGN(const std::int64_t timestamp, parse_time(*options.value("time")));
  TRY_ASSIGN(PartitionFilter filter,
             rules ? PartitionFilter::of_rules(*rules)
                   : PartitionFilter::of_topic(options.given("topic"),
                                               options.given("partitions").value_or("")));
  return Query{std::move(filter), options.has("exclude-internal-topics"), timestamp};
}

void skip(const TopicPartition& partition, std::string_view reason) {
  fmt::print(stderr, "Skip getting offsets for topic-partition {} due to error: {}\n",
             partition.to_string(), reason);
}

// By the text of the partition, which is the order of output: T-10 before T-2.
using Offsets = std::map<std::string, std::pair<TopicPartition, std::int64_t>>;

// Asks one leader for its partitions. One whose leadership moved is asked for alone, which finds
// its leader.
runtime::Task<Outcome<>> ask(client::ClusterClient& cluster, std::vector<TopicPartition> partitions,
                             std::int64_t timestamp, Offsets& offsets) {
  const TopicPartition first = partitions.front();
  const auto reply = co_await cluster.call_leader<ListOffsetsResponse>(
      first, list_offsets_request(partitions, timestamp));
  if (!reply) {
    for (const TopicPartition& partition : partitions) skip(partition, reply.error().to_string());
    co_return Outcome<>();
  }
  for (const auto& topic : reply->value.topics) {
    for (const auto& result : topic.partitions) {
      const TopicPartition partition{topic.name, result.partition_index};
      const auto code = protocol::error_code_from_wire(result.error_code);
      if (client::is_wrong_leader(code) && partitions.size() > 1) {
        CO_TRY(co_await ask(cluster, {partition}, timestamp, offsets));
      } else if (code != protocol::ErrorCode::kNone) {
        skip(partition, broker_failure(result.error_code, std::nullopt).message);
      } else if (result.offset >= 0) {
        offsets[partition.to_string()] = {partition, result.offset};
      }
    }
  }
  co_return Outcome<>();
}

runtime::Task<Outcome<>> print_offsets(client::ClusterClient& cluster, const Query& query) {
  CO_TRY_ASSIGN(const auto metadata, co_await fetch_metadata(cluster));
  std::map<std::int32_t, std::vector<TopicPartition>> by_leader;
  bool is_any_matched = false;
  for (const auto& topic : metadata.topics) {
    const std::string name = topic.name.value_or("");
    if (query.exclude_internal && (topic.is_internal || cluster::is_internal_topic(name))) continue;
    for (const auto& partition : topic.partitions) {
      if (!query.filter.matches(name, partition.partition_index)) continue;
      is_any_matched = true;
      if (partition.leader_id >= 0) {
        by_leader[partition.leader_id].push_back({name, partition.partition_index});
      } else {
        skip({name, partition.partition_index}, "there is no leader");
      }
    }
  }
  if (!is_any_matched) {
    co_return failure("Could not match any topic-partitions with the specified filters");
  }
  Offsets offsets;
  for (const auto& [leader, partitions] : by_leader) {
    CO_TRY(co_await ask(cluster, partitions, query.timestamp, offsets));
  }
  for (const auto& [text, entry] : offsets) {
    fmt::print("{}:{}:{}\n", entry.first.topic, entry.first.partition, entry.second);
  }
  co_return Outcome<>();
}

Outcome<> run(const Options& options) {
  TRY_ASSIGN(const Query query, read_query(options));
  const std::string_view bootstrap =
      options.has("bootstrap-server") ? "bootstrap-server" : "broker-list";
  TRY_ASSIGN(const auto session,
             ClusterSession::create({.bootstrap = *options.given(bootstrap),
                                     .command_config = options.given("command-config"),
                                     .client_id = "GetOffsetShell"}));
  return session->run<void>(
      [&](client::ClusterClient& cluster) { return print_offsets(cluster, query); });
}

}  // namespace

int kafka_get_offsets(const Arguments& arguments) {
  auto options = parse_options(kTable, arguments);
  if (!options) return report(options.error(), kTable);
  if (!options->has("broker-list")) {
    if (auto checked = require(*options, {"bootstrap-server"}); !checked) {
      return report(checked.error(), kTable);
    }
  }
  const auto outcome = run(*options);
  if (outcome) return 0;
  fmt::print(stderr, "Error occurred: {}\n", outcome.error().message);
  return 1;
}

}  // namespace tools
