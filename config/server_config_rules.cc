// The rules between keys; source: KafkaConfig.scala validateValues (3.9). Those that need ZooKeeper
// or meta.properties are the broker's.
#include <algorithm>

#include "config/loader.h"

namespace config {
namespace {

void check_identity(Loader& loader, const IdentityConfig& identity) {
  const BrokerValues& values = loader.values;
  if (values.int32("node.id") != identity.broker_id) {
    loader.fault("node.id", fmt::format("must equal broker.id, which is {}", identity.broker_id));
  }
  if (!identity.broker_id_generation_enable) {
    if (identity.broker_id < 0) {
      loader.fault("broker.id", "must be at least 0, as broker.id.generation.enable is false");
    }
  } else if (identity.broker_id < -1 || identity.broker_id > identity.reserved_broker_max_id) {
    loader.fault("broker.id", fmt::format("must be from -1 to reserved.broker.max.id, which is {}",
                                          identity.reserved_broker_max_id));
  }
}

void check_zookeeper(Loader& loader, const ZookeeperConfig& zookeeper) {
  if (!zookeeper.connect.empty()) return;
  loader.fault("zookeeper.connect",
               "is missing: add a line such as zookeeper.connect=localhost:2181");
}

void check_log(Loader& loader, const StorageConfig& log) {
  const TopicConfig& defaults = log.topic_defaults;
  if (defaults.segment_ms < 1) loader.fault("log.roll.ms", "must be at least 1");
  if (defaults.segment_jitter_ms < 0) loader.fault("log.roll.jitter.ms", "must be at least 0");
  if (defaults.retention_ms == 0) {
    for (const std::string_view key : broker_key_synonyms("log.retention.ms")) {
      if (loader.values.is_null(key)) continue;
      loader.fault(key, "must be at least 1, or -1 for no limit");
      break;
    }
  }
  if (log.dirs.empty()) {
    loader.fault(loader.values.is_set("log.dirs") ? "log.dirs" : "log.dir",
                 "must name at least one directory");
  }
  for (std::size_t i = 0; i < log.dirs.size(); ++i) {
    if (std::find(log.dirs.begin(), log.dirs.begin() + static_cast<std::ptrdiff_t>(i),
                  log.dirs[i]) != log.dirs.begin() + static_cast<std::ptrdiff_t>(i)) {
      loader.fault("log.dirs", fmt::format("names {} twice", log.dirs[i]));
    }
  }
  constexpr std::int64_t kBufferPerThreadBytesMin = 1048576;
  if (log.cleaner.threads < 1) {
    loader.fault("log.cleaner.threads", "must be at least 1");
  } else if (log.cleaner.dedupe_buffer_size_bytes / log.cleaner.threads <=
             kBufferPerThreadBytesMin) {
    loader.fault("log.cleaner.dedupe.buffer.size",
                 fmt::format("must be more than {} for each of the {} log.cleaner.threads",
                             kBufferPerThreadBytesMin, log.cleaner.threads));
  }
  if (defaults.min_compaction_lag_ms > defaults.max_compaction_lag_ms) {
    loader.fault("log.cleaner.min.compaction.lag.ms",
                 fmt::format("must not exceed log.cleaner.max.compaction.lag.ms, which is {}",
                             defaults.max_compaction_lag_ms));
  }
}

void check_message_format(Loader& loader, InterBrokerProtocol inter_broker_protocol) {
  constexpr std::string_view kKey = "log.message.format.version";
  if (inter_broker_protocol >= InterBrokerProtocol::v3_0_iv1) return;  // the key counts for nothing
  const auto format = parse_inter_broker_protocol(loader.values.text(kKey));
  if (!format || !loader.values.is_set(kKey)) return;
  if (record_magic(*format) > record_magic(inter_broker_protocol)) {
    loader.fault(kKey, fmt::format("needs a newer inter.broker.protocol.version than {}",
                                   to_string(inter_broker_protocol)));
  } else if (record_magic(*format) < 2) {
    loader.warn(kKey, "older record formats are not built yet: batches are stored as format 2");
  }
}

void check_replication(Loader& loader, const ReplicationConfig& replication) {
  constexpr std::string_view kRackAware =
      "org.apache.kafka.common.replica.RackAwareReplicaSelector";
  constexpr std::string_view kWait = "replica.fetch.wait.max.ms";
  if (replication.fetch_wait_max_ms > replication.socket_timeout_ms) {
    loader.fault(kWait, fmt::format("must not exceed replica.socket.timeout.ms, which is {}",
                                    replication.socket_timeout_ms));
  }
  if (replication.fetch_wait_max_ms > replication.lag_time_max_ms) {
    loader.fault(kWait, fmt::format("must not exceed replica.lag.time.max.ms, which is {}",
                                    replication.lag_time_max_ms));
  }
  const auto selector = loader.values.text_if_set("replica.selector.class");
  if (selector && *selector != kRackAware) {
    loader.fault("replica.selector.class",
                 fmt::format("Java classes cannot run here; only {} is known", kRackAware));
  }
}

void check_network(Loader& loader, const NetworkConfig& network) {
  if (network.queued_max_request_bytes > 0 &&
      network.queued_max_request_bytes < network.socket_request_max_bytes) {
    loader.fault("queued.max.request.bytes",
                 fmt::format("must be -1 or at least socket.request.max.bytes, which is {}",
                             network.socket_request_max_bytes));
  }
  if (network.max_connections_per_ip == 0 && network.max_connections_per_ip_overrides.empty()) {
    loader.fault("max.connections.per.ip",
                 "may be 0 only together with max.connections.per.ip.overrides");
  }
  const auto is_host_character = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("-%._:").find(c) != std::string_view::npos;
  };
  for (const auto& [host, count] : network.max_connections_per_ip_overrides) {
    if (!std::ranges::all_of(host, is_host_character)) {
      loader.fault("max.connections.per.ip.overrides", fmt::format("'{}' is no host", host));
    }
  }
  if (network.connections_max_idle_ms >= 0 &&
      network.connection_failed_authentication_delay_ms >= network.connections_max_idle_ms) {
    loader.fault("connection.failed.authentication.delay.ms",
                 fmt::format("must be below connections.max.idle.ms, which is {}",
                             network.connections_max_idle_ms));
  }
}

void check_groups(Loader& loader, const GroupsConfig& groups) {
  if (groups.offsets_commit_required_acks < -1 ||
      groups.offsets_commit_required_acks > groups.offsets_topic_replication_factor) {
    loader.fault("offsets.commit.required.acks",
                 fmt::format("must be from -1 to offsets.topic.replication.factor, which is {}",
                             groups.offsets_topic_replication_factor));
  }
  const auto protocols = loader.values.list("group.coordinator.rebalance.protocols");
  if (std::ranges::find(protocols, "classic") == protocols.end()) {
    loader.fault("group.coordinator.rebalance.protocols", "must contain classic");
  }
  if (std::ranges::find(protocols, "consumer") != protocols.end()) {
    loader.fault("group.coordinator.rebalance.protocols",
                 "must not contain consumer, which needs a cluster without ZooKeeper");
  }
}

}  // namespace

void check_rules(Loader& loader, const ServerConfig& config) {
  check_identity(loader, config.identity);
  check_zookeeper(loader, config.zookeeper);
  check_log(loader, config.log);
  check_message_format(loader, config.identity.inter_broker_protocol);
  check_replication(loader, config.replication);
  check_network(loader, config.network);
  check_groups(loader, config.groups);
}

}  // namespace config
