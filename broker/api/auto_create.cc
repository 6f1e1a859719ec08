#include "broker/api/auto_create.h"

#include "base/log.h"
#include "broker/cluster/topic_name.h"
#include "runtime/cross_loop.h"

namespace api {

using protocol::ErrorCode;

namespace {

constexpr std::int64_t kWarnIntervalMs = 1000;
// Every consumer asks several times a second for as long as its group cannot work.
constexpr std::int64_t kOffsetsTopicIntervalMs = 60'000;

void warn_not_created(const std::string& topic, const cluster::TopicOutcome& outcome) {
  if (topic != cluster::kGroupMetadataTopic ||
      outcome.error != ErrorCode::kInvalidReplicationFactor) {
    LOG_WARN_EVERY(kWarnIntervalMs, "topic {} not created on first use: {}", topic,
                   outcome.message);
    return;
  }
  LOG_WARN_EVERY(kOffsetsTopicIntervalMs,
                 "topic {} cannot be created, and without it no consumer group works: start as "
                 "many brokers as offsets.topic.replication.factor says, or set that key to the "
                 "number of brokers and restart ({})",
                 topic, outcome.message);
}

}  // namespace

runtime::Task<ErrorCode> AutoCreate::create(std::string topic) {
  if (!begin(topic)) co_return ErrorCode::kUnknownTopicOrPartition;
  cluster::TopicAdmin* admin = &admin_;
  const auto outcome = co_await runtime::call_on(
      control_scope_, [admin, topic] { return admin->create_topic(admin->auto_created(topic)); });
  end(topic);
  if (!outcome) co_return ErrorCode::kLeaderNotAvailable;  // stopping, or no session: ask again
  if (outcome->ok()) {
    LOG_INFO("topic {} created on first use partitions={} replication_factor={}", topic,
             outcome->partitions, outcome->replication_factor);
    co_return ErrorCode::kLeaderNotAvailable;
  }
  if (outcome->error == ErrorCode::kTopicAlreadyExists ||
      outcome->error == ErrorCode::kRequestTimedOut) {
    co_return ErrorCode::kLeaderNotAvailable;
  }
  warn_not_created(topic, *outcome);
  co_return outcome->error;
}

runtime::Task<bool> AutoCreate::exists(std::string topic) {
  const auto found = co_await runtime::call_on(
      control_scope_, [admin = &admin_, topic] { return admin->topic_exists(topic); });
  co_return found && *found;
}

bool AutoCreate::begin(const std::string& topic) {
  base::LockGuard guard(mutex_);
  return in_flight_.insert(topic).second;
}

void AutoCreate::end(const std::string& topic) {
  base::LockGuard guard(mutex_);
  in_flight_.erase(topic);
}

}  // namespace api
