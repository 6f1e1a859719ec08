#include "broker/server/live_config.h"

#include "base/log.h"
#include "broker/server/make_apis.h"
#include "broker/server/parts.h"

namespace server {

LiveConfig::LiveConfig(Parts& parts) : p_(parts), scope_(parts.control, "live config") {}

void LiveConfig::on_changed(const config::ServerConfig& before, const config::ServerConfig& now) {
  if (scope_.cancelled()) return;
  // Topic defaults of logs are DynamicConfigs' business; these are those of new topics.
  p_.topic_admin->set_config(p_.config.get());
  p_.controller->set_topic_defaults(now.log.topic_defaults);
  if (now.log.topic_defaults.unclean_leader_election_enable &&
      !before.log.topic_defaults.unclean_leader_election_enable) {
    p_.controller->unclean_election_enabled(std::nullopt);
  }
  if (now.log.num_recovery_threads_per_data_dir != before.log.num_recovery_threads_per_data_dir) {
    p_.logs->set_recovery_threads(now.log.num_recovery_threads_per_data_dir);
  }
  p_.fetchers->set_fetchers_per_leader(now.replication.num_replica_fetchers);
  has_new_cleaner_ = has_new_cleaner_ || now.log.cleaner != before.log.cleaner;
  has_new_endpoints_ =
      has_new_endpoints_ || now.network.advertised_listeners != before.network.advertised_listeners;
  is_stale_ = true;
  if (!std::exchange(is_catching_up_, true)) scope_.spawn(catch_up());
}

void LiveConfig::on_unclean_allowed(const std::string& topic) {
  if (!scope_.cancelled()) p_.controller->unclean_election_enabled(topic);
}

// One at a time, each with the newest config.
runtime::Task<void> LiveConfig::catch_up() {
  while (std::exchange(is_stale_, false) && !scope_.cancelled()) {
    const auto config = p_.config.get();
    co_await p_.server->update_limits(config->network);
    if (std::exchange(has_new_cleaner_, false) && p_.cleaning != nullptr) {
      co_await p_.cleaning->stop();
      p_.cleaning = std::make_unique<Cleaning>(p_.control, *p_.logs, config->log.cleaner);
      p_.cleaning->start();
      LOG_INFO("log cleaner restarted with {} threads", config->log.cleaner.threads);
    }
    if (std::exchange(has_new_endpoints_, false)) {
      const auto updated = co_await p_.session->update_registration(registration_of(p_));
      // A new session registers with what was given last, so nothing is lost.
      if (!updated) LOG_WARN("registration not updated: {}", updated.error().to_string());
    }
  }
  is_catching_up_ = false;
}

runtime::Task<void> LiveConfig::close() {
  scope_.cancel();
  co_await scope_.join();
}

}  // namespace server
