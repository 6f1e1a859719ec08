// Purpose: topics created on first use (auto.create.topics.enable), by whichever broker is asked.
//
// Nobody waits for the creation: the client is told LEADER_NOT_AVAILABLE and asks again, so a
// ZooKeeper that is away costs a request nothing. What could not be created says why to those who
// ask again soon.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/mutex.h"
#include "broker/cluster/topic_admin.h"
#include "protocol/error_code.h"

namespace api {

// Any thread.
class AutoCreate {
 public:
  static constexpr std::size_t kInFlightMax = 100;
  static constexpr std::size_t kFailuresMax = 1000;
  static constexpr std::int64_t kFailureMs = 5000;
  static constexpr std::int64_t kAnswerMs = 500;

  AutoCreate(bool enabled, cluster::TopicAdmin& admin, runtime::TaskScope& control_scope)
      : enabled_(enabled), admin_(admin), control_scope_(control_scope) {}

  bool enabled() const { return enabled_; }
  // Begins the creation, unless it is under way or too many are, and answers what Metadata says of
  // a topic that is not there: LEADER_NOT_AVAILABLE, or why its last creation failed.
  protocol::ErrorCode create(const std::string& topic) EXCLUDES(mutex_);
  // As ZooKeeper says; nullopt if it does not say within a moment.
  runtime::Task<std::optional<bool>> exists(std::string topic);

 private:
  struct Failure {
    protocol::ErrorCode code = protocol::ErrorCode::kNone;
    std::int64_t until_ms = 0;
  };
  // Whether the caller has to create it; else `answer` is what is said.
  bool begin(const std::string& topic, std::int64_t now_ms, protocol::ErrorCode& answer)
      EXCLUDES(mutex_);
  void end(const std::string& topic, protocol::ErrorCode code, std::int64_t now_ms)
      EXCLUDES(mutex_);
  runtime::Task<void> run(std::string topic);

  const bool enabled_;
  cluster::TopicAdmin& admin_;
  runtime::TaskScope& control_scope_;
  base::Mutex mutex_;
  std::set<std::string> in_flight_ GUARDED_BY(mutex_);
  std::map<std::string, Failure> failures_ GUARDED_BY(mutex_);
};

}  // namespace api
