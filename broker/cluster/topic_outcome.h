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
  base::TopicId topic_id;
  std::int32_t partitions = -1;  // in total
  std::int16_t replication_factor = -1;
  config::ConfigMap configs;  // the overrides, of a new topic

  bool ok() const { return error == protocol::ErrorCode::kNone; }
};

inline TopicOutcome refuse(protocol::ErrorCode error, std::string message) {
  TopicOutcome outcome;
  outcome.error = error;
  outcome.message = std::move(message);
  return outcome;
}

}  // namespace cluster
