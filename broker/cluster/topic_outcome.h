// Purpose: the answer to an administrative request, with the error code Kafka gives.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/types.h"
#include "config/properties.h"
#include "protocol/error_code.h"

namespace cluster {

struct TopicOutcome {
  protocol::ErrorCode error = protocol::ErrorCode::kNone;
  std::string message;  // empty on success
  // On success, of a topic that was made or has grown.
  base::TopicId topic_id;
  std::int32_t partitions = 0;  // in total
  std::int16_t replication_factor = 0;
  config::ConfigMap configs;  // the overrides

  bool ok() const { return error == protocol::ErrorCode::kNone; }
};

inline TopicOutcome refuse(protocol::ErrorCode error, std::string message) {
  TopicOutcome outcome;
  outcome.error = error;
  outcome.message = std::move(message);
  return outcome;
}

}  // namespace cluster
