#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "bench/loads.h"
#include "bench/wire_connection.h"
#include "protocol/gen/create_topics.h"
#include "protocol/gen/metadata.h"

namespace bench {
namespace {

constexpr std::int16_t kCreateTopicsVersion = 5;
constexpr std::int16_t kMetadataVersion = 9;
constexpr std::int32_t kTimeoutMs = 60'000;
constexpr std::int64_t kTopicsPerRequest = 10;
constexpr std::int64_t kLimitNs = 120'000'000'000;
constexpr std::int16_t kNotController = 41;
constexpr std::int16_t kInvalidReplicationFactor = 38;

std::string topic_name(const CreateLoad& load, std::int64_t number) {
  return load.topics == 1 ? load.topic : load.topic + "-" + std::to_string(number);
}

// False if the broker knows no controller, or no broker for a replica, yet.
base::Result<bool> try_create(WireConnection& connection,
                              const protocol::CreateTopicsRequest& request) {
  TRY_ASSIGN(const auto response,
             connection.call<protocol::CreateTopicsResponse>(request, kCreateTopicsVersion));
  for (const auto& topic : response.topics) {
    if (topic.error_code == kNotController || topic.error_code == kInvalidReplicationFactor) {
      return false;
    }
    if (topic.error_code == 0) continue;
    return base::fail(base::Errc::internal,
                      topic.name + ": error code " + std::to_string(topic.error_code));
  }
  return true;
}

base::Result<void> wait_a_moment(std::int64_t began_ns, const std::string& what) {
  if (monotonic_ns() - began_ns > kLimitNs) return base::fail(base::Errc::timed_out, what);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return {};
}

base::Result<void> create(WireConnection& connection, const CreateLoad& load,
                          std::int64_t began_ns) {
  for (std::int64_t first = 0; first < load.topics; first += kTopicsPerRequest) {
    protocol::CreateTopicsRequest request;
    request.timeout_ms = kTimeoutMs;
    const std::int64_t last = std::min(first + kTopicsPerRequest, load.topics);
    for (std::int64_t i = first; i < last; ++i) {
      auto& topic = request.topics.emplace_back();
      topic.name = topic_name(load, i);
      topic.num_partitions = static_cast<std::int32_t>(load.partitions);
      topic.replication_factor = 1;
    }
    for (;;) {
      TRY_ASSIGN(const bool is_created, try_create(connection, request));
      if (is_created) break;
      TRY(wait_a_moment(began_ns, "no controller"));
    }
  }
  return {};
}

// Partitions that have a leader and take requests.
base::Result<std::int64_t> count_led(WireConnection& connection, const CreateLoad& load) {
  protocol::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  for (std::int64_t i = 0; i < load.topics; ++i) {
    request.topics->emplace_back().name = topic_name(load, i);
  }
  TRY_ASSIGN(const auto response,
             connection.call<protocol::MetadataResponse>(request, kMetadataVersion));
  std::int64_t led = 0;
  for (const auto& topic : response.topics) {
    led += std::ranges::count_if(topic.partitions, [](const auto& partition) {
      return partition.error_code == 0 && partition.leader_id >= 0;
    });
  }
  return led;
}

}  // namespace

base::Result<LoadReport> run(const CreateLoad& load) {
  TRY_ASSIGN(auto connection, WireConnection::connect(load.port));
  const std::int64_t began_ns = monotonic_ns();
  TRY(create(connection, load, began_ns));
  for (;;) {
    TRY_ASSIGN(const std::int64_t led, count_led(connection, load));
    if (led == load.topics * load.partitions) break;
    TRY(wait_a_moment(began_ns, std::to_string(led) + " partitions have leaders"));
  }
  LoadReport report;
  report.set_elapsed(monotonic_ns() - began_ns);
  report.add_count("partitions", load.topics * load.partitions);
  return report;
}

}  // namespace bench
