#include "config/server_config.h"

#include "config/loader.h"

namespace config {
namespace {

IdentityConfig build_identity(const BrokerValues& values) {
  return {
      .broker_id = values.int32("broker.id"),
      .broker_id_generation_enable = values.boolean("broker.id.generation.enable"),
      .reserved_broker_max_id = values.int32("reserved.broker.max.id"),
      .rack =
          values.is_null("broker.rack") ? std::nullopt : std::optional(values.text("broker.rack")),
      .inter_broker_protocol =
          parse_inter_broker_protocol(values.text("inter.broker.protocol.version"))
              .value_or(kLatestInterBrokerProtocol),
  };
}

ShutdownConfig build_shutdown(const BrokerValues& values) {
  return {
      .controlled_enable = values.boolean("controlled.shutdown.enable"),
      .controlled_max_retries = values.int32("controlled.shutdown.max.retries"),
      .controlled_retry_backoff_ms = values.int64("controlled.shutdown.retry.backoff.ms"),
  };
}

ZookeeperConfig build_zookeeper(const BrokerValues& values) {
  const std::int32_t session_timeout_ms = values.int32("zookeeper.session.timeout.ms");
  return {
      .connect = values.text("zookeeper.connect"),
      .session_timeout_ms = session_timeout_ms,
      .connection_timeout_ms = values.is_null("zookeeper.connection.timeout.ms")
                                   ? session_timeout_ms
                                   : values.int32("zookeeper.connection.timeout.ms"),
      .max_in_flight_requests = values.int32("zookeeper.max.in.flight.requests"),
      .set_acl = values.boolean("zookeeper.set.acl"),
      .on_loss = values.text("barnabas.zookeeper.loss") == "serve" ? ZookeeperLoss::serve
                                                                   : ZookeeperLoss::fence,
  };
}

void build_ip_limits(Loader& loader, NetworkConfig& network) {
  constexpr std::string_view kKey = "max.connections.per.ip.overrides";
  constexpr Key kCount{.name = kKey, .type = KeyType::int32};
  for (const std::string& entry : split_list(loader.values.text(kKey))) {
    if (entry.empty()) continue;
    const std::size_t colon = entry.rfind(':');
    const auto count = colon == std::string::npos || colon == 0
                           ? std::unexpected(std::string())
                           : parse_value(kCount, std::string_view(entry).substr(colon + 1));
    if (!count) {
      loader.fault(kKey, fmt::format("'{}' is not of the form host:count", entry));
      continue;
    }
    network.max_connections_per_ip_overrides[std::string(trim(std::string_view(entry).substr(
        0, colon)))] = static_cast<std::int32_t>(std::get<std::int64_t>(*count));
  }
}

void build_listener_limits(const Loader& loader, NetworkConfig& network) {
  for (const Listener& listener : network.listeners) {
    std::string prefix = "listener.name." + listener.name + ".";
    for (char& c : prefix) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    const auto take = [&](std::string_view key, std::map<std::string, std::int32_t>& into) {
      const auto found = loader.listener_values.find(prefix + std::string(key));
      if (found == loader.listener_values.end()) return;
      into[listener.name] = static_cast<std::int32_t>(std::get<std::int64_t>(found->second));
    };
    take("max.connections", network.listener_max_connections);
    take("max.connection.creation.rate", network.listener_max_connection_creation_rate);
  }
}

NetworkConfig build_network(Loader& loader) {
  const BrokerValues& values = loader.values;
  NetworkConfig network{
      .loops = values.is_null("barnabas.loops") ? 0 : values.int32("barnabas.loops"),
      .background_threads = values.int32("background.threads"),
      .request_timeout_ms = values.int32("request.timeout.ms"),
      .connection_setup_timeout_ms = values.int64("socket.connection.setup.timeout.ms"),
      .connection_setup_timeout_max_ms = values.int64("socket.connection.setup.timeout.max.ms"),
      .queued_max_requests = values.int32("queued.max.requests"),
      .queued_max_request_bytes = values.int64("queued.max.request.bytes"),
      .socket_request_max_bytes = values.int32("socket.request.max.bytes"),
      .socket_receive_buffer_bytes = values.int32("socket.receive.buffer.bytes"),
      .socket_send_buffer_bytes = values.int32("socket.send.buffer.bytes"),
      .socket_listen_backlog_size = values.int32("socket.listen.backlog.size"),
      .max_connections = values.int32("max.connections"),
      .max_connection_creation_rate = values.int32("max.connection.creation.rate"),
      .max_connections_per_ip = values.int32("max.connections.per.ip"),
      .connections_max_idle_ms = values.int64("connections.max.idle.ms"),
      .connection_failed_authentication_delay_ms =
          values.int32("connection.failed.authentication.delay.ms"),
      .fetch_max_bytes = values.int32("fetch.max.bytes"),
      .fetch_session_cache_slots = values.int32("max.incremental.fetch.session.cache.slots"),
  };
  build_listeners(loader, network);
  build_ip_limits(loader, network);
  build_listener_limits(loader, network);
  return network;
}

TopicsConfig build_topics(const BrokerValues& values) {
  return {
      .auto_create_enable = values.boolean("auto.create.topics.enable"),
      .delete_enable = values.boolean("delete.topic.enable"),
      .num_partitions = values.int32("num.partitions"),
      .default_replication_factor = values.int32("default.replication.factor"),
  };
}

TopicConfig build_topic_defaults(const BrokerValues& values) {
  TopicConfig defaults;
  for (const TopicKey& topic_key : topic_keys()) {
    store_topic_value(defaults, topic_key.key.name, topic_default(topic_key, values));
  }
  resolve_timestamps(defaults);
  return defaults;
}

StorageConfig build_log(const BrokerValues& values) {
  StorageConfig log{
      .dirs = {},
      .retention_check_interval_ms = values.int64("log.retention.check.interval.ms"),
      .flush_scheduler_interval_ms = values.int64("log.flush.scheduler.interval.ms"),
      .flush_offset_checkpoint_interval_ms =
          values.int32("log.flush.offset.checkpoint.interval.ms"),
      .flush_start_offset_checkpoint_interval_ms =
          values.int32("log.flush.start.offset.checkpoint.interval.ms"),
      .initial_task_delay_ms = values.int64("log.initial.task.delay.ms"),
      .num_recovery_threads_per_data_dir = values.int32("num.recovery.threads.per.data.dir"),
      .cleaner =
          {
              .enable = values.boolean("log.cleaner.enable"),
              .threads = values.int32("log.cleaner.threads"),
              .backoff_ms = values.int64("log.cleaner.backoff.ms"),
              .dedupe_buffer_size_bytes = values.int64("log.cleaner.dedupe.buffer.size"),
              .io_buffer_size_bytes = values.int32("log.cleaner.io.buffer.size"),
              .io_buffer_load_factor = values.real("log.cleaner.io.buffer.load.factor"),
              .io_max_bytes_per_second = values.real("log.cleaner.io.max.bytes.per.second"),
          },
      .topic_defaults = build_topic_defaults(values),
  };
  const auto dirs = values.text(values.is_null("log.dirs") ? "log.dir" : "log.dirs");
  for (std::string& dir : split_list(dirs)) {
    if (!dir.empty()) log.dirs.push_back(std::move(dir));
  }
  log.num_replica_alter_log_dirs_threads = values.is_null("num.replica.alter.log.dirs.threads")
                                               ? static_cast<std::int32_t>(log.dirs.size())
                                               : values.int32("num.replica.alter.log.dirs.threads");
  return log;
}

ReplicationConfig build_replication(const BrokerValues& values) {
  return {
      .num_replica_fetchers = values.int32("num.replica.fetchers"),
      .fetch_backoff_ms = values.int32("replica.fetch.backoff.ms"),
      .fetch_max_bytes = values.int32("replica.fetch.max.bytes"),
      .fetch_min_bytes = values.int32("replica.fetch.min.bytes"),
      .fetch_response_max_bytes = values.int32("replica.fetch.response.max.bytes"),
      .fetch_wait_max_ms = values.int32("replica.fetch.wait.max.ms"),
      .high_watermark_checkpoint_interval_ms =
          values.int64("replica.high.watermark.checkpoint.interval.ms"),
      .lag_time_max_ms = values.int64("replica.lag.time.max.ms"),
      .socket_receive_buffer_bytes = values.int32("replica.socket.receive.buffer.bytes"),
      .socket_timeout_ms = values.int32("replica.socket.timeout.ms"),
      .rack_aware_selector = values.text_if_set("replica.selector.class").has_value(),
  };
}

ControllerConfig build_controller(const BrokerValues& values) {
  return {
      .socket_timeout_ms = values.int32("controller.socket.timeout.ms"),
      .auto_leader_rebalance_enable = values.boolean("auto.leader.rebalance.enable"),
      .leader_imbalance_check_interval_seconds =
          values.int64("leader.imbalance.check.interval.seconds"),
      .leader_imbalance_per_broker_percentage =
          values.int32("leader.imbalance.per.broker.percentage"),
  };
}

GroupsConfig build_groups(const BrokerValues& values) {
  return {
      .initial_rebalance_delay_ms = values.int32("group.initial.rebalance.delay.ms"),
      .min_session_timeout_ms = values.int32("group.min.session.timeout.ms"),
      .max_session_timeout_ms = values.int32("group.max.session.timeout.ms"),
      .max_size = values.int32("group.max.size"),
      .offset_metadata_max_bytes = values.int32("offset.metadata.max.bytes"),
      .offsets_commit_required_acks = values.int16("offsets.commit.required.acks"),
      .offsets_commit_timeout_ms = values.int32("offsets.commit.timeout.ms"),
      .offsets_load_buffer_size_bytes = values.int32("offsets.load.buffer.size"),
      .offsets_retention_check_interval_ms = values.int64("offsets.retention.check.interval.ms"),
      .offsets_retention_minutes = values.int32("offsets.retention.minutes"),
      .offsets_topic_compression_codec = values.int32("offsets.topic.compression.codec"),
      .offsets_topic_num_partitions = values.int32("offsets.topic.num.partitions"),
      .offsets_topic_replication_factor = values.int16("offsets.topic.replication.factor"),
      .offsets_topic_segment_bytes = values.int32("offsets.topic.segment.bytes"),
  };
}

TransactionsConfig build_transactions(const BrokerValues& values) {
  return {
      .max_timeout_ms = values.int32("transaction.max.timeout.ms"),
      .partition_verification_enable = values.boolean("transaction.partition.verification.enable"),
      .abort_timed_out_cleanup_interval_ms =
          values.int32("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
      .remove_expired_cleanup_interval_ms =
          values.int32("transaction.remove.expired.transaction.cleanup.interval.ms"),
      .transactional_id_expiration_ms = values.int32("transactional.id.expiration.ms"),
      .producer_id_expiration_ms = values.int32("producer.id.expiration.ms"),
      .producer_id_expiration_check_interval_ms =
          values.int32("producer.id.expiration.check.interval.ms"),
      .state_log_load_buffer_size_bytes = values.int32("transaction.state.log.load.buffer.size"),
      .state_log_min_isr = values.int32("transaction.state.log.min.isr"),
      .state_log_num_partitions = values.int32("transaction.state.log.num.partitions"),
      .state_log_replication_factor = values.int16("transaction.state.log.replication.factor"),
      .state_log_segment_bytes = values.int32("transaction.state.log.segment.bytes"),
  };
}

QuotasConfig build_quotas(const BrokerValues& values) {
  return {
      .window_num = values.int32("quota.window.num"),
      .window_size_seconds = values.int32("quota.window.size.seconds"),
      .replication_window_num = values.int32("replication.quota.window.num"),
      .replication_window_size_seconds = values.int32("replication.quota.window.size.seconds"),
      .alter_log_dirs_window_num = values.int32("alter.log.dirs.replication.quota.window.num"),
      .alter_log_dirs_window_size_seconds =
          values.int32("alter.log.dirs.replication.quota.window.size.seconds"),
      .controller_window_num = values.int32("controller.quota.window.num"),
      .controller_window_size_seconds = values.int32("controller.quota.window.size.seconds"),
  };
}

DelegationTokensConfig build_delegation_tokens(const BrokerValues& values) {
  auto secret_key = values.text_if_set("delegation.token.secret.key");
  if (!secret_key) secret_key = values.text_if_set("delegation.token.master.key");
  return {
      .expiry_check_interval_ms = values.int64("delegation.token.expiry.check.interval.ms"),
      .expiry_time_ms = values.int64("delegation.token.expiry.time.ms"),
      .max_lifetime_ms = values.int64("delegation.token.max.lifetime.ms"),
      .secret_key = std::move(secret_key),
  };
}

base::LogLevel log_level(std::string_view name) {
  constexpr std::pair<std::string_view, base::LogLevel> kLevels[] = {
      {"debug", base::LogLevel::debug}, {"DEBUG", base::LogLevel::debug},
      {"warn", base::LogLevel::warn},   {"WARN", base::LogLevel::warn},
      {"error", base::LogLevel::error}, {"ERROR", base::LogLevel::error},
  };
  for (const auto& [text, level] : kLevels) {
    if (text == name) return level;
  }
  return base::LogLevel::info;
}

LoggingConfig build_logging(const BrokerValues& values) {
  return {.level = log_level(values.text("barnabas.log.level")),
          .file_max_bytes = values.int64("barnabas.log.file.bytes"),
          .older_files = values.int32("barnabas.log.files")};
}

ServerConfig build(Loader& loader) {
  const BrokerValues& values = loader.values;
  return {
      .identity = build_identity(values),
      .shutdown = build_shutdown(values),
      .zookeeper = build_zookeeper(values),
      .network = build_network(loader),
      .topics = build_topics(values),
      .log = build_log(values),
      .replication = build_replication(values),
      .controller = build_controller(values),
      .groups = build_groups(values),
      .transactions = build_transactions(values),
      .quotas = build_quotas(values),
      .delegation_tokens = build_delegation_tokens(values),
      .logging = build_logging(values),
      .security = {.must_find_no_acl = loader.must_find_no_acl},
  };
}

// The entries of one dynamic level that may count, put over what is below them.
void merge_dynamic(Properties& merged, const ConfigMap& entries, const ConfigMap& file,
                   bool is_default_level, LoadReport& report) {
  const std::string source =
      is_default_level ? "/config/brokers/<default>" : "/config/brokers/<id>";
  for (const auto& [name, text] : entries) {
    const Key* key = find_base_key(name);
    if (key == nullptr) continue;
    if (const auto fault = dynamic_entry_fault(name, text, is_default_level, file)) {
      report.warnings.push_back(fmt::format("{}: {}={} is ignored: {}", source, name,
                                            key->is_password() ? "[hidden]" : text, *fault));
    } else {
      merged.set(name, text, source);
    }
  }
}

}  // namespace

std::optional<std::string> dynamic_entry_fault(std::string_view name, const std::string& text,
                                               bool is_default_level, const ConfigMap& file) {
  const Key* key = find_base_key(name);
  if (key == nullptr) return std::nullopt;
  const UpdateMode mode = key->mode;
  const bool is_allowed = mode == UpdateMode::cluster_wide ||
                          (mode == UpdateMode::per_broker && !is_default_level) ||
                          (name != key->name && !is_default_level);
  if (!is_allowed) return "it cannot be set dynamically at this level";
  const auto value = parse_value(*key, text);
  if (!value) return value.error();
  // The map says something of the listeners alone.
  if (key->name == "listeners" || key->name == "listener.security.protocol.map") {
    const auto of_file = file.find(name);
    if (text != (of_file == file.end() ? *key->default_text : of_file->second)) {
      return "sockets are opened at the start alone, from server.properties";
    }
  }
  if (key->support == Support::pending && *value != default_value(*key)) {
    return "it is not built yet";
  }
  return std::nullopt;
}

base::Result<ServerConfig> load(const Properties& properties, LoadReport& report) {
  Loader loader{.properties = properties, .report = report};
  read_entries(loader);
  // Rules between values make sense only for values that parse.
  if (!loader.failed()) {
    ServerConfig config = build(loader);
    if (!loader.failed()) check_rules(loader, config);
    if (!loader.failed()) return config;
  }
  return base::fail(base::Errc::invalid_argument, report.errors.front());
}

base::Result<ServerConfig> load_with_dynamic(const Properties& file,
                                             const ConfigMap& dynamic_default,
                                             const ConfigMap& dynamic_broker, LoadReport& report) {
  Properties merged = file;
  const ConfigMap of_file = file.to_map();
  merge_dynamic(merged, dynamic_default, of_file, true, report);
  merge_dynamic(merged, dynamic_broker, of_file, false, report);
  // What there is to say of the file has been said at the start.
  LoadReport of_all;
  auto config = load(merged, of_all);
  report.errors = std::move(of_all.errors);
  return config;
}

}  // namespace config
