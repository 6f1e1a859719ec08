// Purpose: topics created on first use (auto.create.topics.enable), by whichever broker is asked.
#pragma once

#include <set>
#include <string>

#include "base/mutex.h"
#include "broker/cluster/topic_admin.h"
#include "protocol/error_code.h"

namespace api {

// Any thread.
class AutoCreate {
 public:
  AutoCreate(bool enabled, cluster::TopicAdmin& admin, runtime::TaskScope& control_scope)
      : enabled_(enabled), admin_(admin), control_scope_(control_scope) {}

  bool enabled() const { return enabled_; }
  // What Metadata answers for a topic that is not there: LEADER_NOT_AVAILABLE once it is written
  // (or somebody else wrote it), UNKNOWN_TOPIC_OR_PARTITION while another request of this broker
  // writes it, the creation's own error otherwise.
  runtime::Task<protocol::ErrorCode> create(std::string topic);
  // As ZooKeeper says; no without a session.
  runtime::Task<bool> exists(std::string topic);

 private:
  bool begin(const std::string& topic) EXCLUDES(mutex_);
  void end(const std::string& topic) EXCLUDES(mutex_);

  const bool enabled_;
  cluster::TopicAdmin& admin_;
  runtime::TaskScope& control_scope_;
  base::Mutex mutex_;
  std::set<std::string> in_flight_ GUARDED_BY(mutex_);
};

}  // namespace api
