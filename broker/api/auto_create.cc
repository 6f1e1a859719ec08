#include "broker/api/auto_create.h"

#include "base/log.h"
#include "broker/cluster/topic_name.h"
#include "runtime/wait.h"

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

runtime::Task<void> look_up(cluster::TopicAdmin* admin, std::string topic,
                            runtime::Sender<std::optional<bool>> sender) {
  const auto found = co_await admin->topic_exists(std::move(topic));
  sender.complete(found ? std::optional(*found) : std::nullopt);
}

}  // namespace

ErrorCode AutoCreate::create(const std::string& topic) {
  ErrorCode answer = ErrorCode::kLeaderNotAvailable;
  if (!begin(topic, control_scope_.loop().now_ms(), answer)) return answer;
  control_scope_.loop().post([this, topic] {
    if (control_scope_.cancelled()) return;  // the broker stops
    control_scope_.spawn(run(topic));
  });
  return answer;
}

runtime::Task<void> AutoCreate::run(std::string topic) {
  const cluster::TopicOutcome outcome = co_await admin_.create_topic(admin_.auto_created(topic));
  if (outcome.ok()) {
    LOG_INFO("topic {} created on first use partitions={} replication_factor={}", topic,
             outcome.partitions, outcome.replication_factor);
  } else if (outcome.error != ErrorCode::kTopicAlreadyExists) {
    warn_not_created(topic, outcome);
  }
  end(topic, outcome.error, control_scope_.loop().now_ms());
}

runtime::Task<std::optional<bool>> AutoCreate::exists(std::string topic) {
  auto [sender, receiver] = runtime::one_shot<std::optional<bool>>(*runtime::Loop::current());
  control_scope_.loop().post([scope = &control_scope_, admin = &admin_, topic = std::move(topic),
                              sender = std::move(sender)]() mutable {
    if (scope->cancelled()) return;  // the broker stops
    scope->spawn(look_up(admin, std::move(topic), std::move(sender)));
  });
  const auto answer = co_await receiver.wait(kAnswerMs);
  co_return answer ? *answer : std::nullopt;
}

bool AutoCreate::begin(const std::string& topic, std::int64_t now_ms, ErrorCode& answer) {
  base::LockGuard guard(mutex_);
  const auto failure = failures_.find(topic);
  if (failure != failures_.end()) {
    if (now_ms < failure->second.until_ms) {
      answer = failure->second.code;
      return false;
    }
    failures_.erase(failure);
  }
  if (in_flight_.size() >= kInFlightMax) return false;
  return in_flight_.insert(topic).second;
}

void AutoCreate::end(const std::string& topic, ErrorCode code, std::int64_t now_ms) {
  base::LockGuard guard(mutex_);
  in_flight_.erase(topic);
  // Written by somebody else, or ZooKeeper is away: asked again, it is looked at again.
  const bool is_final = code != ErrorCode::kNone && code != ErrorCode::kTopicAlreadyExists &&
                        code != ErrorCode::kRequestTimedOut;
  if (!is_final) return;
  if (failures_.size() >= kFailuresMax) {
    std::erase_if(failures_, [now_ms](const auto& item) { return item.second.until_ms <= now_ms; });
    if (failures_.size() >= kFailuresMax) return;
  }
  failures_[topic] = {code, now_ms + kFailureMs};
}

}  // namespace api
