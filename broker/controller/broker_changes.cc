#include "broker/controller/broker_changes.h"

#include <algorithm>

#include "base/log.h"
#include "broker/controller/chunks.h"
#include "protocol/error_code.h"
#include "runtime/turn_budget.h"

namespace controller {

namespace {

std::set<std::int32_t> ids_of(const std::vector<LiveBroker>& brokers) {
  std::set<std::int32_t> ids;
  for (const LiveBroker& broker : brokers) ids.insert(broker.info.id);
  return ids;
}

std::string list_of(const std::set<std::int32_t>& ids) {
  return to_string(std::vector<std::int32_t>(ids.begin(), ids.end()));
}

}  // namespace

BrokerDifference compare_brokers(const std::map<std::int32_t, LiveBroker>& known,
                                 std::vector<RegisteredBroker> registered) {
  BrokerDifference difference;
  std::set<std::int32_t> present;
  for (RegisteredBroker& broker : registered) {
    const auto found = known.find(broker.id);
    if (found == known.end()) {
      if (broker.info) {
        difference.appeared.push_back({std::move(*broker.info), broker.epoch});
      } else {
        difference.unreadable.push_back(broker.id);
      }
      continue;
    }
    // An unreadable registration of a known broker leaves it as it is, unless it bounced.
    if (broker.epoch > found->second.epoch) {
      if (!broker.info) {
        difference.unreadable.push_back(broker.id);
        continue;  // not present: it counts as vanished
      }
      difference.bounced.push_back({std::move(*broker.info), broker.epoch});
    }
    present.insert(broker.id);
  }
  for (const auto& [id, broker] : known) {
    if (!present.contains(id)) difference.vanished.insert(id);
  }
  return difference;
}

runtime::Task<base::Result<void>> BrokerChanges::on_brokers_changed() {
  CO_TRY_ASSIGN(std::vector<RegisteredBroker> registered, co_await env_.store.read_brokers());
  BrokerDifference difference =
      compare_brokers(env_.context.live_or_shutting_down(), std::move(registered));
  for (const std::int32_t id : difference.unreadable) {
    LOG_ERROR("broker {} is ignored: its registration /brokers/ids/{} is unreadable", id, id);
  }
  if (difference.empty()) co_return base::Result<void>();
  const std::set<std::int32_t> appeared = ids_of(difference.appeared);
  const std::set<std::int32_t> bounced = ids_of(difference.bounced);
  LOG_INFO("brokers changed new=[{}] dead=[{}] bounced=[{}]", list_of(appeared),
           list_of(difference.vanished), list_of(bounced));

  for (const LiveBroker& broker : difference.appeared) channels_.open(broker.info);
  for (const LiveBroker& broker : difference.bounced) {
    channels_.close(broker.info.id);
    channels_.open(broker.info);
  }
  for (const std::int32_t id : difference.vanished) channels_.close(id);

  if (!appeared.empty()) {
    for (LiveBroker& broker : difference.appeared) env_.context.put_broker(std::move(broker));
    CO_TRY(co_await start_up(appeared));
  }
  if (!bounced.empty()) {
    for (const std::int32_t id : bounced) env_.context.remove_broker(id);
    CO_TRY(co_await fail(bounced));
    for (LiveBroker& broker : difference.bounced) env_.context.put_broker(std::move(broker));
    CO_TRY(co_await start_up(bounced));
  }
  if (!difference.vanished.empty()) {
    for (const std::int32_t id : difference.vanished) env_.context.remove_broker(id);
    CO_TRY(co_await fail(difference.vanished));
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> BrokerChanges::start_up(std::set<std::int32_t> brokers) {
  for (const std::int32_t id : brokers) env_.context.forget_offline_dirs(id);
  BrokerIds others = env_.context.live_or_shutting_down_ids();
  std::erase_if(others, [&](std::int32_t id) { return brokers.contains(id); });
  env_.send_update_metadata(others, {});
  // The newcomers learn about all partitions before they are told which of them are theirs.
  co_await send_all_metadata({brokers.begin(), brokers.end()});
  const std::vector<Replica> theirs = env_.context.replicas_on(brokers);
  co_await machines_.replicas.to_online(theirs);
  CO_TRY(co_await machines_.partitions.trigger_online());
  std::set<std::string> deleting;
  for (const Replica& replica : theirs) {
    if (env_.context.is_queued_for_deletion(replica.partition.topic)) {
      deleting.insert(replica.partition.topic);
    }
  }
  co_return co_await machines_.deletion.resume(std::move(deleting));
}

runtime::Task<void> BrokerChanges::send_all_metadata(BrokerIds brokers) {
  Chunks<TopicPartition> chunks(env_.context.partitions_with_leaders());
  runtime::TurnBudget turn;
  do {
    env_.send_update_metadata(brokers, chunks.next());
    co_await turn.yield();
  } while (!chunks.empty());
}

runtime::Task<base::Result<void>> BrokerChanges::on_answering_again(std::int32_t broker) {
  auto gone = channels_.begin_full_order(broker);
  if (!gone) co_return base::Result<void>();
  const std::vector<Replica> theirs = env_.context.replicas_on({broker});
  LOG_INFO("broker {} answers again and is told everything partitions={} gone={}", broker,
           theirs.size(), gone->size());
  // Those whose deletion is under way are not among the partitions with leaders.
  for (const auto& [name, topic] : env_.context.topics()) {
    if (!topic.deletion_started) continue;
    for (const auto& [number, partition] : topic.partitions) gone->insert({name, number});
  }
  // First what is gone: a topic may be there again under its name.
  env_.batch.add_deleted_metadata(broker, *gone);
  env_.flush();
  co_await send_all_metadata({broker});
  Chunks<Replica> chunks(theirs);
  runtime::TurnBudget turn;
  while (!chunks.empty()) {
    for (const Replica& replica : chunks.next()) add_orders(replica);
    env_.flush();
    co_await turn.yield();
  }
  channels_.end_full_order(broker);
  co_return base::Result<void>();
}

void BrokerChanges::add_orders(const Replica& replica) {
  const std::int32_t to[] = {replica.broker};
  switch (env_.context.phase_of(replica)) {
    case ReplicaPhase::created:
    case ReplicaPhase::online:
      env_.batch.add_leader_and_isr(to, replica.partition, /*is_new=*/false);
      break;
    case ReplicaPhase::offline:
      env_.batch.add_stop_replica(replica.broker, replica.partition, /*remove=*/false);
      break;
    case ReplicaPhase::deletion_started:
      // The deletion waits for its answer.
      env_.batch.add_stop_replica(replica.broker, replica.partition, /*remove=*/true);
      break;
    case ReplicaPhase::non_existent:
    case ReplicaPhase::deletion_successful:
    case ReplicaPhase::deletion_ineligible: break;
  }
}

runtime::Task<base::Result<void>> BrokerChanges::fail(std::set<std::int32_t> brokers) {
  for (const std::int32_t id : brokers) {
    env_.context.forget_offline_dirs(id);
    if (env_.context.clear_shutting_down(id)) LOG_INFO("broker {} has shut down", id);
  }
  co_return co_await take_offline(env_.context.replicas_on(brokers));
}

runtime::Task<base::Result<void>> BrokerChanges::take_offline(std::vector<Replica> replicas) {
  std::vector<Replica> deleting;
  std::vector<Replica> staying;
  for (Replica& replica : replicas) {
    const bool is_queued = env_.context.is_queued_for_deletion(replica.partition.topic);
    (is_queued ? deleting : staying).push_back(std::move(replica));
  }
  machines_.partitions.to_offline(env_.context.partitions_with_offline_leader());
  CO_TRY_ASSIGN(const ElectionOutcomes outcomes, co_await machines_.partitions.trigger_online());
  const bool nothing_moved = staying.empty();
  CO_TRY(co_await machines_.replicas.to_offline(std::move(staying)));
  // A replica that waits for its deletion will not answer: the deletion has to be retried later.
  CO_TRY(co_await machines_.deletion.fail(std::move(deleting)));
  const bool somebody_elected = std::ranges::any_of(outcomes, [](const auto& item) {
    return item.second.kind == ElectionOutcome::Kind::elected;
  });
  // Otherwise the brokers have already heard who is there.
  if (nothing_moved && !somebody_elected) {
    env_.send_update_metadata(env_.context.live_or_shutting_down_ids(), {});
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> BrokerChanges::on_broker_modified(std::int32_t id) {
  CO_TRY_ASSIGN(std::optional<RegisteredBroker> registered, co_await env_.store.read_broker(id));
  const LiveBroker* known = env_.context.find_broker(id);
  // One that made no sense may do so now.
  if (known == nullptr && registered && registered->info) co_return co_await on_brokers_changed();
  if (known == nullptr || !registered || !registered->info) co_return base::Result<void>();
  if (registered->info->endpoints == known->info.endpoints &&
      registered->info->features == known->info.features) {
    co_return base::Result<void>();
  }
  LOG_INFO("broker {} changed its endpoints or features", id);
  env_.context.put_broker({std::move(*registered->info), known->epoch});
  env_.send_update_metadata(env_.context.live_or_shutting_down_ids(), {});
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> BrokerChanges::on_log_dir_events() {
  CO_TRY_ASSIGN(Notifications events, co_await env_.store.read_log_dir_events());
  if (events.children.empty()) co_return base::Result<void>();
  LOG_INFO("log directory failure brokers=[{}]", list_of(events.brokers));
  co_await machines_.replicas.to_online(env_.context.replicas_on(events.brokers));
  co_return co_await env_.store.remove_log_dir_events(std::move(events.children));
}

runtime::Task<base::Result<void>> BrokerChanges::on_leader_and_isr_response(
    std::int32_t broker, protocol::LeaderAndIsrResponse response) {
  if (response.error_code != 0) {
    LOG_ERROR("broker {} refused LeaderAndIsr error_code={}", broker, response.error_code);
    co_return base::Result<void>();
  }
  std::vector<Replica> newly_offline;
  auto& offline = env_.context.offline_dir_replicas(broker);
  const auto note = [&](TopicPartition partition, std::int16_t error_code) {
    if (error_code == static_cast<std::int16_t>(protocol::ErrorCode::kKafkaStorageError)) {
      if (offline.insert(partition).second) newly_offline.push_back({std::move(partition), broker});
    } else if (error_code == 0) {
      offline.erase(partition);
    }
  };
  for (const auto& error : response.partition_errors) {
    note({error.topic_name, error.partition_index}, error.error_code);
  }
  for (const auto& topic : response.topics) {
    const std::string* name = env_.context.topic_name(topic.topic_id);
    if (name == nullptr) continue;
    for (const auto& error : topic.partition_errors) {
      note({*name, error.partition_index}, error.error_code);
    }
  }
  if (newly_offline.empty()) co_return base::Result<void>();
  LOG_WARN("broker {} has replicas in failed log directories count={}", broker,
           newly_offline.size());
  co_return co_await take_offline(std::move(newly_offline));
}

}  // namespace controller
