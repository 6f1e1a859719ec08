// Purpose: finding an error code anywhere in a response, whatever the response's type: at the top,
// per topic, per group, per partition. For retries that do not care which part was refused.
#pragma once

#include <cstdint>

#include "protocol/error_code.h"

namespace client {

template <class Node, class Predicate>
bool any_error_code(const Node& node, const Predicate& matches);

namespace detail {

template <class Container, class Predicate>
bool any_error_code_in(const Container& nodes, const Predicate& matches) {
  for (const auto& node : nodes) {
    if (any_error_code(node, matches)) return true;
  }
  return false;
}

}  // namespace detail

template <class Node, class Predicate>
bool any_error_code(const Node& node, const Predicate& matches) {
  if constexpr (requires { node.error_code; }) {
    if (matches(static_cast<protocol::ErrorCode>(node.error_code))) return true;
  }
  if constexpr (requires { node.topics.begin(); }) {
    if (detail::any_error_code_in(node.topics, matches)) return true;
  }
  if constexpr (requires { node.results.begin(); }) {
    if (detail::any_error_code_in(node.results, matches)) return true;
  }
  if constexpr (requires { node.responses.begin(); }) {
    if (detail::any_error_code_in(node.responses, matches)) return true;
  }
  if constexpr (requires { node.groups.begin(); }) {
    if (detail::any_error_code_in(node.groups, matches)) return true;
  }
  if constexpr (requires { node.partitions.begin(); }) {
    if (detail::any_error_code_in(node.partitions, matches)) return true;
  }
  return false;
}

inline bool is_wrong_controller(protocol::ErrorCode code) {
  return code == protocol::ErrorCode::kNotController;
}
inline bool is_wrong_leader(protocol::ErrorCode code) {
  return code == protocol::ErrorCode::kNotLeaderOrFollower ||
         code == protocol::ErrorCode::kFencedLeaderEpoch ||
         code == protocol::ErrorCode::kUnknownLeaderEpoch ||
         code == protocol::ErrorCode::kLeaderNotAvailable;
}
inline bool is_wrong_coordinator(protocol::ErrorCode code) {
  return code == protocol::ErrorCode::kNotCoordinator ||
         code == protocol::ErrorCode::kCoordinatorNotAvailable ||
         code == protocol::ErrorCode::kCoordinatorLoadInProgress;
}

}  // namespace client
