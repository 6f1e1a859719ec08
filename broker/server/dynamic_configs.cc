#include "broker/server/dynamic_configs.h"

#include "base/log.h"
#include "broker/server/logging.h"
#include "runtime/turn_budget.h"

namespace server {

DynamicConfigs::DynamicConfigs(runtime::Loop& control, const config::Properties& file,
                               CurrentConfig& current, const TopicSettings& settings,
                               storage::LogManager& logs, replication::PartitionTable& partitions,
                               BrokerConfigUser& user)
    : file_(file),
      current_(current),
      settings_(settings),
      logs_(logs),
      partitions_(partitions),
      user_(user),
      scope_(control, "dynamic configs") {}

void DynamicConfigs::on_topic_config(const std::string& topic, cluster::ConfigPointer overrides) {
  LOG_INFO("topic {} config changed", topic);
  std::vector<std::string> warnings;
  const auto effective =
      config::make_topic_config(current_.get()->log.topic_defaults, *overrides, &warnings);
  for (const std::string& warning : warnings) LOG_WARN("/config/topics/{}: {}", topic, warning);
  apply(topic);
  if (overrides->contains("unclean.leader.election.enable") &&
      effective.unclean_leader_election_enable) {
    user_.on_unclean_allowed(topic);
  }
}

void DynamicConfigs::on_broker_config(cluster::ConfigPointer default_config,
                                      cluster::ConfigPointer own_config) {
  config::LoadReport report;
  auto next = config::load_with_dynamic(file_, *default_config, *own_config, report);
  for (const std::string& warning : report.warnings) LOG_WARN("{}", warning);
  if (!next) {
    LOG_ERROR("dynamic broker config not applied: {}", next.error().to_string());
    return;
  }
  // The id was settled at the start and may come from meta.properties.
  const auto before = current_.get();
  next->identity.broker_id = before->identity.broker_id;
  const auto now = std::make_shared<const config::ServerConfig>(std::move(*next));
  current_.set(now);
  apply_logging(now->logging);
  user_.on_changed(*before, *now);
  LOG_INFO("broker config changed");
  waiting_ = logs_.topics();
  if (!std::exchange(is_applying_, true)) scope_.spawn(apply_all());
}

runtime::Task<void> DynamicConfigs::apply_all() {
  runtime::TurnBudget turn;
  while (!waiting_.empty() && !scope_.cancelled()) {
    const std::string topic = std::move(waiting_.back());
    waiting_.pop_back();
    apply(topic);
    if (turn.is_spent()) co_await turn.yield();
  }
  is_applying_ = false;
}

runtime::Task<void> DynamicConfigs::stop() {
  scope_.cancel();
  co_await scope_.join();
}

void DynamicConfigs::apply(const std::string& topic) {
  const auto effective = settings_.of(topic);
  logs_.update_config(topic, effective->log);
  const std::int32_t min_isr = effective->topic.min_insync_replicas;
  for (const auto& partition : partitions_.of_topic(topic)) {
    partition->set_min_insync_replicas(min_isr);
  }
}

}  // namespace server
