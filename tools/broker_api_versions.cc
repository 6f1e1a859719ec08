// kafka-broker-api-versions: which APIs and versions every broker of a cluster speaks.
// Source: BrokerApiVersionsCommand.scala, NodeApiVersions.java (3.9).
#include "tools/broker_api_versions.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "base/result.h"
#include "protocol/api_key.h"
#include "protocol/gen/api_versions.h"
#include "tools/cluster_session.h"
#include "tools/option_parser.h"

namespace tools {

namespace {

constexpr OptionSpec kOptions[] = {
    {"bootstrap-server", "REQUIRED: the brokers to connect to.", ValueKind::text,
     "server(s) to use for bootstrapping"},
    {"command-config", "A properties file for the client.", ValueKind::text,
     "command config property file"},
};
constexpr OptionTable kTable{"This tool helps to retrieve broker version information.", kOptions};

// APIs that clients of 3.9 know and a broker in ZooKeeper mode does not list.
struct OtherApi {
  std::int16_t key;
  std::string_view name;
  std::int16_t max_version;
};
constexpr OtherApi kOtherApis[] = {
    {55, "DescribeQuorum", 2},
    {64, "UnregisterBroker", 0},
    {68, "ConsumerGroupHeartbeat", 0},
    {69, "ConsumerGroupDescribe", 0},
    {71, "GetTelemetrySubscriptions", 0},
    {72, "PushTelemetry", 0},
    {74, "ListClientMetricsResources", 0},
    {75, "DescribeTopicPartitions", 0},
    {76, "ShareGroupHeartbeat", 0},
    {77, "ShareGroupDescribe", 0},
    {78, "ShareFetch", 0},
    {79, "ShareAcknowledge", 0},
    {80, "AddRaftVoter", 0},
    {81, "RemoveRaftVoter", 0},
    {83, "InitializeShareGroupState", 0},
    {84, "ReadShareGroupState", 0},
    {85, "WriteShareGroupState", 0},
    {86, "DeleteShareGroupState", 0},
    {87, "ReadShareGroupStateSummary", 0},
};

struct KnownApi {
  std::string_view name;
  std::int16_t min_version = 0;
  std::int16_t max_version = 0;
};

std::map<std::int16_t, KnownApi> known_apis() {
  std::map<std::int16_t, KnownApi> known;
  for (const OtherApi& api : kOtherApis) known[api.key] = {api.name, 0, api.max_version};
  for (const protocol::ApiInfo& api : protocol::all_apis()) {
    known[static_cast<std::int16_t>(api.key)] = {api.name, api.min_version, api.max_version};
  }
  return known;
}

std::string node_line(const protocol::MetadataResponse::MetadataResponseBroker& broker) {
  return fmt::format("{}:{} (id: {} rack: {})", broker.host, broker.port, broker.node_id,
                     broker.rack.value_or("null"));
}

runtime::Task<Outcome<>> print_versions(client::ClusterClient& cluster) {
  CO_TRY_ASSIGN(auto metadata, co_await fetch_metadata(cluster));
  std::ranges::sort(metadata.brokers, {},
                    &protocol::MetadataResponse::MetadataResponseBroker::node_id);
  for (const auto& broker : metadata.brokers) {
    // Asked again, although the connection has negotiated: this answer is the point of the tool.
    auto reply = co_await cluster.call_broker<protocol::ApiVersionsResponse>(
        base::BrokerId(broker.node_id), protocol::ApiVersionsRequest{"barnabas", "3.9.0"});
    if (!reply) {
      fmt::print("{} -> ERROR: {}\n", node_line(broker), reply.error().to_string());
      continue;
    }
    client::ApiVersionRanges ranges;
    for (const auto& api : reply->value.api_keys) {
      ranges.set(api.api_key, {api.min_version, api.max_version});
    }
    fmt::print("{} -> {}\n", node_line(broker), format_api_versions(ranges));
  }
  co_return Outcome<>();
}

Outcome<> run(const Options& options) {
  TRY_ASSIGN(const auto session,
             ClusterSession::create({.bootstrap = *options.given("bootstrap-server"),
                                     .command_config = options.given("command-config")}));
  return session->run<void>(print_versions);
}

}  // namespace

std::string format_api_versions(const client::ApiVersionRanges& ranges) {
  const std::map<std::int16_t, KnownApi> known = known_apis();
  std::map<std::int16_t, std::string> lines;
  for (const auto& [key, api] : known) {
    lines[key] = fmt::format("{}({}): UNSUPPORTED", api.name, key);
  }
  for (const auto& [key, range] : ranges.ranges()) {
    const auto found = known.find(key);
    const std::string versions = range.min == range.max
                                     ? fmt::to_string(range.min)
                                     : fmt::format("{} to {}", range.min, range.max);
    if (found == known.end()) {
      lines[key] = fmt::format("UNKNOWN({}): {}", key, versions);
      continue;
    }
    const KnownApi& api = found->second;
    const std::string usable =
        api.max_version < range.min ? "unusable: node too new"
        : range.max < api.min_version
            ? "unusable: node too old"
            : fmt::format("usable: {}", std::min(api.max_version, range.max));
    lines[key] = fmt::format("{}({}): {} [{}]", api.name, key, versions, usable);
  }
  std::vector<std::string_view> texts;
  for (const auto& [key, line] : lines) texts.push_back(line);
  return fmt::format("(\n\t{}\n)", fmt::join(texts, ",\n\t"));
}

int kafka_broker_api_versions(const Arguments& arguments) {
  auto options = parse_options(kTable, arguments);
  if (!options) return report(options.error(), kTable);
  if (auto checked = require(*options, {"bootstrap-server"}); !checked) {
    return report(checked.error(), kTable);
  }
  const auto outcome = run(*options);
  if (outcome) return 0;
  fmt::print(stderr, "{}\n", outcome.error().message);
  return 1;
}

}  // namespace tools
