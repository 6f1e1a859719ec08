// Purpose: everything the broker is told by server.properties, checked and typed.
//
// load() is pure: the caller has read the file (runtime) and the command line. It finds every fault
// at once; each is one line: key, value, what is allowed, file and line. Rules: KafkaConfig.scala
// (3.9) validateValues; those that need ZooKeeper or meta.properties are checked by the broker.
// Defaults of the members are the built-in ones. Units are in the names.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "config/inter_broker_protocol.h"
#include "config/listeners.h"
#include "config/properties.h"
#include "config/topic_config.h"

namespace config {

// What a broker does with partitions that have other ISR members once its ZooKeeper session is gone
// and no peer answers (barnabas.zookeeper.loss).
enum class ZookeeperLoss : std::uint8_t { fence, serve };

struct IdentityConfig {
  std::int32_t broker_id = -1;  // -1: from meta.properties, else generated
  bool broker_id_generation_enable = true;
  std::int32_t reserved_broker_max_id = 1000;
  std::optional<std::string> rack;
  InterBrokerProtocol inter_broker_protocol = kLatestInterBrokerProtocol;
};

struct ShutdownConfig {
  bool controlled_enable = true;
  std::int32_t controlled_max_retries = 3;
  std::int64_t controlled_retry_backoff_ms = 5000;
};

struct ZookeeperConfig {
  std::string connect;  // "host:port,host:port/chroot"
  std::int32_t session_timeout_ms = 18000;
  std::int32_t connection_timeout_ms = 18000;
  std::int32_t max_in_flight_requests = 10;
  bool set_acl = false;
  ZookeeperLoss on_loss = ZookeeperLoss::fence;
};

struct NetworkConfig {
  std::vector<Listener> listeners;
  std::vector<Listener> advertised_listeners;
  SecurityProtocolMap security_protocols;  // listener.security.protocol.map
  std::string inter_broker_listener;       // name; always one of advertised_listeners
  SecurityProtocol inter_broker_security_protocol = SecurityProtocol::plaintext;
  std::optional<std::string> control_plane_listener;
  std::vector<std::string> early_start_listeners;

  std::int32_t loops = 0;  // barnabas.loops; 0: as many as cores
  std::int32_t background_threads = 10;
  std::int32_t request_timeout_ms = 30000;  // between brokers
  std::int64_t connection_setup_timeout_ms = 10000;
  std::int64_t connection_setup_timeout_max_ms = 30000;
  std::int32_t queued_max_requests = 500;
  std::int64_t queued_max_request_bytes = -1;  // <= 0: derived from memory
  std::int32_t socket_request_max_bytes = 104857600;
  std::int32_t socket_receive_buffer_bytes = 102400;  // -1: the system's
  std::int32_t socket_send_buffer_bytes = 102400;     // -1: the system's
  std::int32_t socket_listen_backlog_size = 50;
  std::int32_t max_connections = std::numeric_limits<std::int32_t>::max();
  std::int32_t max_connection_creation_rate = std::numeric_limits<std::int32_t>::max();
  std::int32_t max_connections_per_ip = std::numeric_limits<std::int32_t>::max();
  std::map<std::string, std::int32_t> max_connections_per_ip_overrides;  // by host
  // By listener name: listener.name.<l>.max.connections and ….creation.rate.
  std::map<std::string, std::int32_t> listener_max_connections;
  std::map<std::string, std::int32_t> listener_max_connection_creation_rate;
  std::int64_t connections_max_idle_ms = 600000;  // below 0: never closed
  std::int32_t connection_failed_authentication_delay_ms = 100;
  std::int32_t fetch_max_bytes = 57671680;
  std::int32_t fetch_session_cache_slots = 1000;
};

struct TopicsConfig {
  bool auto_create_enable = true;
  bool delete_enable = true;
  std::int32_t num_partitions = 1;
  std::int32_t default_replication_factor = 1;
};

struct LogCleanerConfig {
  bool enable = true;
  std::int32_t threads = 1;
  std::int64_t backoff_ms = 15000;
  std::int64_t dedupe_buffer_size_bytes = 134217728;
  std::int32_t io_buffer_size_bytes = 524288;
  double io_buffer_load_factor = 0.9;
  double io_max_bytes_per_second = std::numeric_limits<double>::max();

  friend bool operator==(const LogCleanerConfig&, const LogCleanerConfig&) = default;
};

struct StorageConfig {
  std::vector<std::string> dirs = {"/tmp/kafka-logs"};
  std::int64_t retention_check_interval_ms = 300000;
  std::int64_t flush_scheduler_interval_ms = std::numeric_limits<std::int64_t>::max();
  std::int32_t flush_offset_checkpoint_interval_ms = 60000;
  std::int32_t flush_start_offset_checkpoint_interval_ms = 60000;
  std::int64_t initial_task_delay_ms = 30000;
  std::int32_t num_recovery_threads_per_data_dir = 1;
  std::int32_t num_replica_alter_log_dirs_threads = 1;
  LogCleanerConfig cleaner;
  TopicConfig topic_defaults;  // what topics without overrides get
};

struct ReplicationConfig {
  std::int32_t num_replica_fetchers = 1;
  std::int32_t fetch_backoff_ms = 1000;
  std::int32_t fetch_max_bytes = 1048576;
  std::int32_t fetch_min_bytes = 1;
  std::int32_t fetch_response_max_bytes = 10485760;
  std::int32_t fetch_wait_max_ms = 500;
  std::int64_t high_watermark_checkpoint_interval_ms = 5000;
  std::int64_t lag_time_max_ms = 30000;
  std::int32_t socket_receive_buffer_bytes = 65536;
  std::int32_t socket_timeout_ms = 30000;
  bool rack_aware_selector = false;  // replica.selector.class = RackAwareReplicaSelector
};

struct ControllerConfig {
  std::int32_t socket_timeout_ms = 30000;
  bool auto_leader_rebalance_enable = true;
  std::int64_t leader_imbalance_check_interval_seconds = 300;
  std::int32_t leader_imbalance_per_broker_percentage = 10;
};

struct GroupsConfig {
  std::int32_t initial_rebalance_delay_ms = 3000;
  std::int32_t min_session_timeout_ms = 6000;
  std::int32_t max_session_timeout_ms = 1800000;
  std::int32_t max_size = std::numeric_limits<std::int32_t>::max();
  std::int32_t offset_metadata_max_bytes = 4096;
  std::int16_t offsets_commit_required_acks = -1;
  std::int32_t offsets_commit_timeout_ms = 5000;
  std::int32_t offsets_load_buffer_size_bytes = 5242880;
  std::int64_t offsets_retention_check_interval_ms = 600000;
  std::int32_t offsets_retention_minutes = 10080;
  std::int32_t offsets_topic_compression_codec = 0;  // 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd
  std::int32_t offsets_topic_num_partitions = 50;
  std::int16_t offsets_topic_replication_factor = 3;
  std::int32_t offsets_topic_segment_bytes = 104857600;
};

struct TransactionsConfig {
  std::int32_t max_timeout_ms = 900000;
  bool partition_verification_enable = true;
  std::int32_t abort_timed_out_cleanup_interval_ms = 10000;
  std::int32_t remove_expired_cleanup_interval_ms = 3600000;
  std::int32_t transactional_id_expiration_ms = 604800000;
  std::int32_t producer_id_expiration_ms = 86400000;
  std::int32_t producer_id_expiration_check_interval_ms = 600000;
  std::int32_t state_log_load_buffer_size_bytes = 5242880;
  std::int32_t state_log_min_isr = 2;
  std::int32_t state_log_num_partitions = 50;
  std::int16_t state_log_replication_factor = 3;
  std::int32_t state_log_segment_bytes = 104857600;
};

struct QuotasConfig {
  std::int32_t window_num = 11;
  std::int32_t window_size_seconds = 1;
  std::int32_t replication_window_num = 11;
  std::int32_t replication_window_size_seconds = 1;
  std::int32_t alter_log_dirs_window_num = 11;
  std::int32_t alter_log_dirs_window_size_seconds = 1;
  std::int32_t controller_window_num = 11;
  std::int32_t controller_window_size_seconds = 1;
};

struct DelegationTokensConfig {
  std::int64_t expiry_check_interval_ms = 3600000;
  std::int64_t expiry_time_ms = 86400000;
  std::int64_t max_lifetime_ms = 604800000;
  std::optional<std::string> secret_key;  // secret: never logged; unset: tokens are off
};

// The broker's own log lines, not topics.
struct LoggingConfig {
  base::LogLevel level = base::LogLevel::info;  // barnabas.log.level
  std::int64_t file_max_bytes = 104857600;      // barnabas.log.file.bytes; 0: no limit
  std::int32_t older_files = 10;                // barnabas.log.files
};

struct SecurityConfig {
  // Kafka's ZooKeeper authorizer that allows everybody where there is no ACL: as long as ACLs are
  // not built, a cluster that has one must not be served.
  bool must_find_no_acl = false;
};

struct ServerConfig {
  IdentityConfig identity;
  ShutdownConfig shutdown;
  ZookeeperConfig zookeeper;
  NetworkConfig network;
  TopicsConfig topics;
  StorageConfig log;
  ReplicationConfig replication;
  ControllerConfig controller;
  GroupsConfig groups;
  TransactionsConfig transactions;
  QuotasConfig quotas;
  DelegationTokensConfig delegation_tokens;
  LoggingConfig logging;
  SecurityConfig security;
};

// What load() has to say beyond its value; each is one line for the log or the terminal.
struct LoadReport {
  std::vector<std::string> errors;    // all of them; load() then fails with the first as context
  std::vector<std::string> warnings;  // unknown keys, keys without effect yet
  std::vector<std::string> infos;     // keys that have no meaning here
};

// Errors: Errc::invalid_argument; see report.errors.
base::Result<ServerConfig> load(const Properties& properties, LoadReport& report);

// Why an entry of /config/brokers/<id> or <default> counts for nothing; nullopt if it counts. Those
// of keys that nobody here knows (a plugin's, a newer broker's) have nothing to count for.
std::optional<std::string> dynamic_entry_fault(std::string_view name, const std::string& text,
                                               bool is_default_level, const ConfigMap& file);

// The broker's config with what ZooKeeper adds: /config/brokers/<id> over /config/brokers/<default>
// over the file. Entries that break a rule, or that nothing here would act on, are left out and
// named in report.warnings, which has nothing to say of the file; if the rest fails, so does this,
// and the former config stays. Passwords come decoded. Source: DynamicBrokerConfig.scala.
base::Result<ServerConfig> load_with_dynamic(const Properties& file,
                                             const ConfigMap& dynamic_default,
                                             const ConfigMap& dynamic_broker, LoadReport& report);

}  // namespace config
