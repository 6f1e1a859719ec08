// Purpose: from topic configs to the settings of a log, with the broker's defaults below them.
#pragma once

#include <memory>
#include <unordered_map>

#include "broker/cluster/config_store.h"
#include "config/server_config.h"
#include "storage/log_config.h"

namespace server {

storage::LogConfig to_log_config(const config::TopicConfig& topic,
                                 const config::ServerConfig& broker);

// The broker's config as it is now: the file with what ZooKeeper adds. Any thread.
class CurrentConfig {
 public:
  explicit CurrentConfig(std::shared_ptr<const config::ServerConfig> initial)
      : current_(std::move(initial)) {}
  std::shared_ptr<const config::ServerConfig> get() const {
    base::LockGuard guard(mutex_);
    return current_;
  }
  void set(std::shared_ptr<const config::ServerConfig> next) {
    base::LockGuard guard(mutex_);
    current_ = std::move(next);
  }

 private:
  mutable base::Mutex mutex_;
  std::shared_ptr<const config::ServerConfig> current_ GUARDED_BY(mutex_);
};

// Effective configs of topics, computed once for each set of overrides and shared by its topics and
// their logs. Any thread.
class TopicSettings {
 public:
  struct Effective {
    config::TopicConfig topic;
    std::shared_ptr<const storage::LogConfig> log;
  };

  TopicSettings(const CurrentConfig& broker, const cluster::ConfigStore& store)
      : broker_(broker), store_(store) {}
  std::shared_ptr<const Effective> of(const std::string& name) const EXCLUDES(mutex_);

 private:
  struct Entry {
    std::weak_ptr<const config::ConfigMap> overrides;
    std::shared_ptr<const Effective> effective;
  };
  // All of one broker config; those whose overrides are gone go when the table has grown.
  struct Cache {
    std::shared_ptr<const config::ServerConfig> broker;
    std::unordered_map<const config::ConfigMap*, Entry> entries;
    std::size_t sweep_at = 64;
  };

  const CurrentConfig& broker_;
  const cluster::ConfigStore& store_;
  mutable base::Mutex mutex_;
  mutable Cache cache_ GUARDED_BY(mutex_);
};

}  // namespace server
