#include "broker/controller/failover.h"

#include "base/log.h"

namespace controller {

namespace {

// What leaders and brokers told the controller before this one: everything is read anyway.
runtime::Task<base::Result<void>> drop_notifications(Environment& env) {
  CO_TRY_ASSIGN(Notifications events, co_await env.store.read_log_dir_events());
  CO_TRY(co_await env.store.remove_log_dir_events(std::move(events.children)));
  CO_TRY_ASSIGN(Notifications changes, co_await env.store.read_isr_changes());
  CO_TRY(co_await env.store.remove_isr_changes(std::move(changes.children)));
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> load_brokers(Environment& env) {
  CO_TRY_ASSIGN(std::vector<RegisteredBroker> registered, co_await env.store.read_brokers());
  for (RegisteredBroker& broker : registered) {
    if (!broker.info) {
      LOG_ERROR("broker {} is ignored: its registration is unreadable", broker.id);
      continue;
    }
    env.context.put_broker({std::move(*broker.info), broker.epoch});
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> load_topics(Environment& env, TopicChanges& topics) {
  CO_TRY_ASSIGN(std::vector<std::string> names, co_await env.store.read_topics());
  CO_TRY_ASSIGN(const std::vector<TopicPartition> partitions,
                co_await topics.load(std::move(names)));
  CO_TRY(co_await topics.load_states(partitions));
  co_return base::Result<void>();
}

}  // namespace

runtime::Task<base::Result<void>> take_over(FailoverParts parts) {
  Environment& env = parts.env;
  CO_TRY(co_await set_up_features(env));
  CO_TRY(co_await drop_notifications(env));
  CO_TRY(co_await load_brokers(env));
  CO_TRY(co_await load_topics(env, parts.topics));
  for (const auto& [id, broker] : env.context.live_or_shutting_down()) {
    parts.channels.open(broker.info);
  }
  CO_TRY_ASSIGN(std::set<std::string> marked, co_await env.store.read_deletion_markers());
  CO_TRY(co_await parts.machines.deletion.load(std::move(marked)));
  LOG_INFO("controller loaded the cluster epoch={} brokers={} topics={} partitions={}",
           env.context.epoch, env.context.live_or_shutting_down().size(),
           env.context.topics().size(), env.context.all_partitions().size());
  // Brokers must know each other before they are told whom to follow.
  env.send_update_metadata(env.context.live_or_shutting_down_ids(), {});
  CO_TRY(co_await parts.machines.replicas.start_up(env.context.all_partitions()));
  CO_TRY(co_await parts.machines.partitions.start_up(env.context.all_partitions()));
  CO_TRY(co_await parts.machines.deletion.advance());
  CO_TRY(co_await parts.elections.on_znode());
  LOG_INFO("controller is ready epoch={}", env.context.epoch);
  co_return base::Result<void>();
}

}  // namespace controller
