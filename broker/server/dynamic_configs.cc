#include "broker/server/dynamic_configs.h"

#include <set>

#include "base/log.h"
#include "broker/server/logging.h"

namespace server {

void DynamicConfigs::on_topic_config(const std::string& topic, cluster::ConfigPointer overrides) {
  LOG_INFO("topic {} config changed", topic);
  std::vector<std::string> warnings;
  (void)config::make_topic_config(current_.get()->log.topic_defaults, *overrides, &warnings);
  for (const std::string& warning : warnings) LOG_WARN("/config/topics/{}: {}", topic, warning);
  apply(topic);
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
  std::set<std::string> topics;
  for (const auto& log : logs_.all()) topics.insert(log->topic_partition().topic);
  for (const std::string& topic : topics) apply(topic);
}

void DynamicConfigs::apply(const std::string& topic) {
  logs_.update_config(topic, settings_.log(topic));
  const std::int32_t min_isr = settings_.topic(topic).min_insync_replicas;
  for (const auto& partition : partitions_.of_topic(topic)) {
    partition->set_min_insync_replicas(min_isr);
  }
}

}  // namespace server
