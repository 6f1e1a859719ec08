#include "broker/controller/topic_deletion.h"

#include <algorithm>

#include "base/log.h"
#include "broker/controller/chunks.h"
#include "runtime/turn_budget.h"

namespace controller {

namespace {

std::set<std::string> topics_of(const std::vector<Replica>& replicas) {
  std::set<std::string> topics;
  for (const Replica& replica : replicas) topics.insert(replica.partition.topic);
  return topics;
}

}  // namespace

runtime::Task<base::Result<void>> TopicDeletion::load(std::set<std::string> marked) {
  if (!env_.settings.delete_topic_enable) {
    if (marked.empty()) co_return base::Result<void>();
    LOG_INFO("deletion markers are removed, delete.topic.enable is false count={}", marked.size());
    co_return co_await env_.store.remove_deletion_markers({marked.begin(), marked.end()});
  }
  // The controller before this one came as far as the topic's own nodes.
  std::vector<std::string> without_topic;
  for (const std::string& name : marked) {
    if (!is_known(name)) without_topic.push_back(name);
  }
  if (!without_topic.empty()) {
    CO_TRY(co_await env_.store.remove_topics(std::move(without_topic)));
  }
  queue(marked);
  std::set<std::string> halted;
  for (const std::string& name : marked) {
    const TopicEntry* topic = std::as_const(env_.context).find_topic(name);
    if (topic == nullptr) continue;
    const bool is_reassigned = std::ranges::any_of(
        topic->partitions, [](const auto& item) { return item.second.being_reassigned; });
    const bool has_offline =
        std::ranges::any_of(env_.context.replicas_of_topic(name), [this](const Replica& replica) {
          return !env_.context.is_replica_online(replica.broker, replica.partition);
        });
    if (is_reassigned || has_offline) halted.insert(name);
  }
  mark_ineligible(halted, "an offline replica or a reassignment");
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicDeletion::enqueue(std::set<std::string> marked) {
  std::vector<std::string> without_topic;
  std::set<std::string> reassigned;
  for (const std::string& name : marked) {
    const TopicEntry* topic = std::as_const(env_.context).find_topic(name);
    if (topic == nullptr) {
      if (!is_known(name)) without_topic.push_back(name);
    } else if (std::ranges::any_of(topic->partitions,
                                   [](const auto& item) { return item.second.being_reassigned; })) {
      reassigned.insert(name);
    }
  }
  if (!without_topic.empty()) {
    LOG_WARN("deletion markers of topics that do not exist are removed count={}",
             without_topic.size());
    for (const std::string& name : without_topic) marked.erase(name);
    CO_TRY(co_await env_.store.remove_deletion_markers(std::move(without_topic)));
  }
  if (!env_.settings.delete_topic_enable) co_return co_await load(std::move(marked));
  if (marked.empty()) co_return base::Result<void>();
  std::set<std::string> added = queue(marked);
  mark_ineligible(reassigned, "a reassignment");
  co_return co_await advance(std::move(added));
}

std::set<std::string> TopicDeletion::queue(const std::set<std::string>& topics) {
  std::set<std::string> added;
  for (const std::string& name : topics) {
    TopicEntry* topic = env_.context.find_topic(name);
    if (topic == nullptr || std::exchange(topic->queued_for_deletion, true)) continue;
    added.insert(name);
  }
  return added;
}

void TopicDeletion::mark_ineligible(const std::set<std::string>& topics, std::string_view reason) {
  if (!env_.settings.delete_topic_enable) return;
  for (const std::string& name : topics) {
    TopicEntry* topic = env_.context.find_topic(name);
    if (topic == nullptr || !topic->queued_for_deletion) continue;
    topic->ineligible_for_deletion = true;
    LOG_INFO("deletion of topic {} halted by {}", name, reason);
  }
}

bool TopicDeletion::is_known(const std::string& name) const {
  return std::as_const(env_.context).find_topic(name) != nullptr ||
         env_.context.is_unreadable(name);
}

bool TopicDeletion::may_start(std::string_view name) const {
  const TopicEntry* topic = std::as_const(env_.context).find_topic(name);
  return topic != nullptr && topic->queued_for_deletion && !topic->ineligible_for_deletion &&
         !env_.context.any_replica_in_phase(name, ReplicaPhase::deletion_started);
}

runtime::Task<base::Result<void>> TopicDeletion::resume(std::set<std::string> topics) {
  std::erase_if(topics, [this](const std::string& name) {
    TopicEntry* topic = env_.context.find_topic(name);
    if (topic == nullptr || !topic->queued_for_deletion) return true;
    topic->ineligible_for_deletion = false;
    return false;
  });
  co_return co_await advance(std::move(topics));
}

std::vector<Replica> TopicDeletion::queued_only(std::vector<Replica> replicas) const {
  std::erase_if(replicas, [this](const Replica& replica) {
    return !env_.context.is_queued_for_deletion(replica.partition.topic);
  });
  return replicas;
}

runtime::Task<base::Result<void>> TopicDeletion::fail(std::vector<Replica> replicas) {
  const std::vector<Replica> failed = queued_only(std::move(replicas));
  if (failed.empty()) co_return base::Result<void>();
  replicas_.to_deletion_ineligible(failed);
  std::set<std::string> topics = topics_of(failed);
  mark_ineligible(topics, "a replica that could not be deleted");
  co_return co_await advance(std::move(topics));
}

runtime::Task<base::Result<void>> TopicDeletion::complete(std::vector<Replica> replicas) {
  const std::vector<Replica> deleted = queued_only(std::move(replicas));
  replicas_.to_deletion_successful(deleted);
  co_return co_await advance(topics_of(deleted));
}

runtime::Task<base::Result<void>> TopicDeletion::on_stop_replica_response(
    std::int32_t broker, protocol::StopReplicaRequest request,
    protocol::StopReplicaResponse response) {
  // From version 3 on the request says for each partition whether it was a deletion.
  std::set<TopicPartition> kept;
  for (const auto& topic : request.topic_states) {
    for (const auto& state : topic.partition_states) {
      if (!state.delete_partition) kept.insert({topic.topic_name, state.partition_index});
    }
  }
  const bool is_flag_per_partition = !request.topic_states.empty();
  std::vector<Replica> deleted;
  std::vector<Replica> failed;
  for (auto& error : response.partition_errors) {
    TopicPartition partition{std::move(error.topic_name), error.partition_index};
    const TopicEntry* topic = std::as_const(env_.context).find_topic(partition.topic);
    const bool was_deletion =
        is_flag_per_partition ? !kept.contains(partition) : request.delete_partitions;
    if (topic == nullptr || !topic->deletion_started || !was_deletion) continue;
    const bool has_failed = response.error_code != 0 || error.error_code != 0;
    (has_failed ? failed : deleted).push_back({std::move(partition), broker});
  }
  if (!failed.empty()) {
    LOG_WARN("broker {} could not delete replicas count={}", broker, failed.size());
    CO_TRY(co_await fail(std::move(failed)));
  }
  if (!deleted.empty()) CO_TRY(co_await complete(std::move(deleted)));
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicDeletion::advance() {
  std::set<std::string> queued;
  for (const auto& [name, topic] : env_.context.topics()) {
    if (topic.queued_for_deletion) queued.insert(name);
  }
  co_return co_await advance(std::move(queued));
}

runtime::Task<base::Result<void>> TopicDeletion::advance(std::set<std::string> topics) {
  runtime::TurnBudget turn;
  std::vector<std::string> some;
  std::size_t partitions = 0;
  for (const std::string& name : topics) {
    const TopicEntry* topic = std::as_const(env_.context).find_topic(name);
    if (topic == nullptr || !topic->queued_for_deletion) continue;
    some.push_back(name);
    partitions += topic->partitions.size();
    if (partitions < kChunkPartitions) continue;
    CO_TRY(co_await advance_some(std::exchange(some, {})));
    partitions = 0;
    co_await turn.yield();
  }
  co_return co_await advance_some(std::move(some));
}

runtime::Task<base::Result<void>> TopicDeletion::advance_some(std::vector<std::string> topics) {
  std::vector<std::string> done;
  std::vector<Replica> to_retry;
  std::set<std::string> to_start;
  for (std::string& name : topics) {
    if (env_.context.all_replicas_in_phase(name, ReplicaPhase::deletion_successful)) {
      done.push_back(std::move(name));
      continue;
    }
    if (!env_.context.any_replica_in_phase(name, ReplicaPhase::deletion_started)) {
      std::vector<Replica> ineligible =
          env_.context.replicas_in_phase(name, ReplicaPhase::deletion_ineligible);
      to_retry.insert(to_retry.end(), ineligible.begin(), ineligible.end());
    }
    if (may_start(name)) to_start.insert(std::move(name));
  }
  if (!done.empty()) CO_TRY(co_await finish(std::move(done)));
  if (!to_retry.empty()) CO_TRY(co_await replicas_.to_offline(std::move(to_retry)));
  if (!to_start.empty()) CO_TRY(co_await start(std::move(to_start)));
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicDeletion::start(std::set<std::string> topics) {
  std::vector<TopicPartition> all;
  std::vector<TopicPartition> unseen;
  for (const std::string& name : topics) {
    const std::vector<TopicPartition> partitions = env_.context.partitions_of(name);
    all.insert(all.end(), partitions.begin(), partitions.end());
    TopicEntry& topic = *env_.context.find_topic(name);
    if (!std::exchange(topic.deletion_started, true)) {
      unseen.insert(unseen.end(), partitions.begin(), partitions.end());
    }
    LOG_INFO("deletion of topic {} started partitions={}", name, partitions.size());
  }
  if (!unseen.empty()) {
    partitions_.to_offline(unseen);
    partitions_.to_non_existent(unseen);
  }
  // Leader -2: brokers and clients forget the topic now.
  env_.send_update_metadata(env_.context.live_or_shutting_down_ids(), all);
  co_return co_await delete_replicas(std::move(topics));
}

runtime::Task<base::Result<void>> TopicDeletion::delete_replicas(std::set<std::string> topics) {
  std::vector<Replica> dead;
  std::vector<Replica> alive;
  std::set<std::string> halted;
  for (const std::string& name : topics) {
    for (Replica& replica : env_.context.replicas_of_topic(name)) {
      if (!env_.context.is_replica_online(replica.broker, replica.partition)) {
        halted.insert(name);
        dead.push_back(std::move(replica));
      } else if (env_.context.phase_of(replica) != ReplicaPhase::deletion_successful) {
        alive.push_back(std::move(replica));
      }
    }
  }
  replicas_.to_deletion_ineligible(dead);
  // First nobody fetches any more, then the data goes.
  CO_TRY(co_await replicas_.to_offline(alive));
  replicas_.to_deletion_started(alive);
  mark_ineligible(halted, "an offline replica");
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> TopicDeletion::retry_refused() {
  std::set<std::string> refused;
  for (const auto& [name, topic] : env_.context.topics()) {
    if (topic.removal_refused) refused.insert(name);
  }
  co_return co_await advance(std::move(refused));
}

runtime::Task<base::Result<void>> TopicDeletion::finish(std::vector<std::string> topics) {
  for (const std::string& topic : topics) {
    replicas_.to_non_existent(
        env_.context.replicas_in_phase(topic, ReplicaPhase::deletion_successful));
  }
  CO_TRY_ASSIGN(const RefusedTopics refused, co_await env_.store.remove_topics(topics));
  for (const std::string& topic : topics) {
    if (const auto found = refused.find(topic); found != refused.end()) {
      TopicEntry* entry = env_.context.find_topic(topic);
      if (entry == nullptr || std::exchange(entry->removal_refused, true)) continue;
      LOG_ERROR(
          "topic {} is deleted but for its znodes, which is tried again from time to time: {}",
          topic, found->second.to_string());
      continue;
    }
    env_.context.remove_topic(topic);
    LOG_INFO("deletion of topic {} completed", topic);
  }
  co_return base::Result<void>();
}

}  // namespace controller
