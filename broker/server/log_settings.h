// Purpose: from topic configs to the settings of a log, with the broker's defaults below them.
#pragma once

#include <memory>

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

// Effective configs of topics. Any thread.
class TopicSettings {
 public:
  TopicSettings(const CurrentConfig& broker, const cluster::ConfigStore& store)
      : broker_(broker), store_(store) {}
  config::TopicConfig topic(const std::string& name) const;
  std::shared_ptr<const storage::LogConfig> log(const std::string& name) const;

 private:
  const CurrentConfig& broker_;
  const cluster::ConfigStore& store_;
};

}  // namespace server
