// Purpose: the name of every znode Barnabas touches, relative to the chroot.
// Source: ZkData.scala (3.9).
#pragma once

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"

namespace cluster::paths {

inline constexpr std::string_view kClusterId = "/cluster/id";
inline constexpr std::string_view kBrokerIds = "/brokers/ids";
inline constexpr std::string_view kBrokerSequence = "/brokers/seqid";
inline constexpr std::string_view kTopics = "/brokers/topics";
inline constexpr std::string_view kController = "/controller";
inline constexpr std::string_view kControllerEpoch = "/controller_epoch";
inline constexpr std::string_view kFeature = "/feature";
inline constexpr std::string_view kProducerIdBlock = "/latest_producer_id_block";
inline constexpr std::string_view kMigration = "/migration";

inline constexpr std::string_view kDeleteTopics = "/admin/delete_topics";
inline constexpr std::string_view kReassignPartitions = "/admin/reassign_partitions";
inline constexpr std::string_view kPreferredElection = "/admin/preferred_replica_election";

inline constexpr std::string_view kIsrChanges = "/isr_change_notification";
inline constexpr std::string_view kIsrChangePrefix = "/isr_change_notification/isr_change_";
inline constexpr std::string_view kLogDirEvents = "/log_dir_event_notification";
inline constexpr std::string_view kLogDirEventPrefix = "/log_dir_event_notification/log_dir_event_";
inline constexpr std::string_view kConfigChanges = "/config/changes";
inline constexpr std::string_view kConfigChangePrefix = "/config/changes/config_change_";

inline constexpr std::string_view kTopicConfigs = "/config/topics";
inline constexpr std::string_view kBrokerConfigs = "/config/brokers";
// The node name that stands for the default entity of a config type.
inline constexpr std::string_view kDefaultEntity = "<default>";

// What every broker makes sure of at start, in this order, with null data (createR).
inline constexpr std::array<std::string_view, 14> kPersistent = {
    "/consumers",
    "/brokers/ids",
    "/brokers/topics",
    "/config/changes",
    "/admin/delete_topics",
    "/brokers/seqid",
    "/isr_change_notification",
    "/latest_producer_id_block",
    "/log_dir_event_notification",
    "/config/topics",
    "/config/clients",
    "/config/users",
    "/config/brokers",
    "/config/ips",
};

inline std::string broker_id(std::int32_t id) { return fmt::format("/brokers/ids/{}", id); }
inline std::string topic(std::string_view name) { return fmt::format("/brokers/topics/{}", name); }
inline std::string partitions(std::string_view topic) {
  return fmt::format("/brokers/topics/{}/partitions", topic);
}
inline std::string partition(std::string_view topic, std::int32_t partition) {
  return fmt::format("/brokers/topics/{}/partitions/{}", topic, partition);
}
inline std::string partition_state(std::string_view topic, std::int32_t partition) {
  return fmt::format("/brokers/topics/{}/partitions/{}/state", topic, partition);
}
inline std::string delete_topic(std::string_view topic) {
  return fmt::format("/admin/delete_topics/{}", topic);
}
inline std::string isr_change(std::string_view child) {
  return fmt::format("/isr_change_notification/{}", child);
}
inline std::string log_dir_event(std::string_view child) {
  return fmt::format("/log_dir_event_notification/{}", child);
}
inline std::string config_change(std::string_view child) {
  return fmt::format("/config/changes/{}", child);
}
inline std::string consumer_offset(std::string_view group, std::string_view topic,
                                   std::int32_t partition) {
  return fmt::format("/consumers/{}/offsets/{}/{}", group, topic, partition);
}
inline std::string topic_config(std::string_view topic) {
  return fmt::format("/config/topics/{}", topic);
}
inline std::string broker_config(std::int32_t id) { return fmt::format("/config/brokers/{}", id); }
inline std::string default_broker_config() { return "/config/brokers/<default>"; }

// "topics" + "t" = "/config/topics/t"; the entity path of a change notification
// ("users/u/clients/c") is a suffix of it too.
inline std::string config(std::string_view entity_path) {
  return fmt::format("/config/{}", entity_path);
}

// A name that is a whole number ("12" below /brokers/ids); nullopt for anything else.
inline std::optional<std::int32_t> parse_number(std::string_view name) {
  std::int32_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return value;
}

// The sequence number of a sequential child: what follows `prefix` ("config_change_").
inline std::optional<std::int64_t> parse_sequence(std::string_view child, std::string_view prefix) {
  if (!child.starts_with(prefix)) return std::nullopt;
  child.remove_prefix(prefix.size());
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(child.data(), child.data() + child.size(), value);
  if (error != std::errc() || end != child.data() + child.size()) return std::nullopt;
  return value;
}

// What partition_state() made; nullopt for anything else.
inline std::optional<base::TopicPartition> parse_partition_state(std::string_view path) {
  constexpr std::string_view kMiddle = "/partitions/";
  constexpr std::string_view kEnd = "/state";
  if (!path.starts_with(kTopics) || !path.ends_with(kEnd)) return std::nullopt;
  path.remove_prefix(kTopics.size());
  path.remove_suffix(kEnd.size());
  const std::size_t middle = path.find(kMiddle);
  if (middle == std::string_view::npos || middle < 2) return std::nullopt;
  const auto number = parse_number(path.substr(middle + kMiddle.size()));
  if (!number) return std::nullopt;
  return base::TopicPartition{std::string(path.substr(1, middle - 1)), *number};
}

}  // namespace cluster::paths
