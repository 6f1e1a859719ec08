// Purpose: dynamic configs from /config, kept up to date by /config/changes.
//
// Notifications: children in order of their number, each above the last processed one is read and
// handled once; then those older than 15 minutes are deleted. The watch comes first and the full
// state after it, so nothing is missed; each new session reads the full state again, because
// notifications may have come and gone meanwhile.
// Source: ZkNodeChangeNotificationListener.scala, ZkConfigManager.scala (3.9).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "broker/cluster/session_listener.h"
#include "broker/cluster/text_hash.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "config/properties.h"
#include "runtime/task_scope.h"

namespace cluster {

using ConfigPointer = std::shared_ptr<const config::ConfigMap>;  // never null

// Called on the control loop, after the store has the new values.
class ConfigListener {
 public:
  virtual ~ConfigListener() = default;
  virtual void on_topic_config(const std::string& topic, ConfigPointer overrides) = 0;
  // Of this broker or of all brokers.
  virtual void on_broker_config(ConfigPointer default_config, ConfigPointer own_config) = 0;
};

// Reads: any thread. Everything else: control loop.
class ConfigStore final : public SessionListener {
 public:
  ConfigStore(runtime::Loop& loop, std::int32_t broker_id);
  ~ConfigStore() override;

  // The overrides of a topic; empty if there are none or the topic is not known.
  ConfigPointer topic(std::string_view name) const EXCLUDES(mutex_);
  ConfigPointer default_broker() const EXCLUDES(mutex_);
  ConfigPointer own_broker() const EXCLUDES(mutex_);

  // What the start has read of the brokers' configs: the first load tells only what differs.
  void know_brokers(config::ConfigMap default_config, config::ConfigMap own_config)
      EXCLUDES(mutex_);

  // Before start; not owned.
  void add_listener(ConfigListener& listener) { listeners_.push_back(&listener); }

  // Everything, pipelined; listeners hear of what differs from before. A starting broker calls it
  // before it loads its logs, else on_session does.
  runtime::Task<base::Result<void>> load(zkclient::Client& client);
  // Reads topics' configs again, of topics whose first log is being created; listeners are not
  // called. Without a session the error says so and the known values stay. From other loops by
  // call_on(scope(), ...).
  runtime::Task<base::Result<void>> refresh_topics(std::vector<std::string> names);
  void forget_topic(std::string_view name) EXCLUDES(mutex_);

  runtime::Task<void> on_session(zkclient::Client& client, bool first) override;
  void on_expired() override { client_ = loaded_client_ = nullptr; }
  void on_watch(const zkclient::WatchEvent& event) override;
  runtime::TaskScope& scope() { return scope_; }
  // The session must be closed already, so that no call is left waiting.
  runtime::Task<void> close();

 private:
  runtime::Task<void> run();
  runtime::Task<base::Result<void>> load_topics(zkclient::Client& client);
  // In batches, so that the loop is not held up; `told`: listeners hear of what differs.
  runtime::Task<base::Result<void>> read_topics(zkclient::Client& client,
                                                std::vector<std::string> names, bool told);
  runtime::Task<base::Result<void>> load_brokers(zkclient::Client& client);
  runtime::Task<base::Result<void>> process_changes(zkclient::Client& client);
  runtime::Task<base::Result<void>> apply(zkclient::Client& client, ConfigNotification change);
  runtime::Task<void> purge(zkclient::Client& client, std::vector<std::string> oldest_first);
  ConfigPointer put_topic(const std::string& name, config::ConfigMap overrides) EXCLUDES(mutex_);
  void tell_topic(const std::string& name);
  void tell_brokers();

  const std::int32_t broker_id_;
  std::vector<ConfigListener*> listeners_;
  zkclient::Client* client_ = nullptr;         // of the current session
  zkclient::Client* loaded_client_ = nullptr;  // through which the full state was read last
  std::int64_t last_processed_ = -1;
  bool changes_pending_ = false;
  bool load_pending_ = false;
  mutable base::Mutex mutex_;
  // Only topics that have overrides.
  std::unordered_map<std::string, ConfigPointer, TextHash, std::equal_to<>> topics_
      GUARDED_BY(mutex_);
  ConfigPointer default_broker_ GUARDED_BY(mutex_);
  ConfigPointer own_broker_ GUARDED_BY(mutex_);
  runtime::Notify wake_;
  runtime::TaskScope scope_;
};

}  // namespace cluster
