#include "broker/api/auto_create.h"

#include "base/log.h"
#include "runtime/cross_loop.h"

namespace api {

using protocol::ErrorCode;

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
  LOG_WARN_EVERY(1000, "topic {} not created on first use: {}", topic, outcome->message);
  co_return outcome->error;
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
