// Purpose: the JSON of /brokers/topics/T: which brokers hold which partition.
// Source: TopicZNode in ZkData.scala (3.9); versions 1 to 3 are read, 3 is written.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace cluster {

using ReplicaList = std::vector<std::int32_t>;  // broker ids; the first is the preferred leader

// Under reassignment `replicas` is the target followed by those originals that are leaving.
struct ReplicaAssignment {
  ReplicaList replicas;
  ReplicaList adding;
  ReplicaList removing;

  bool is_being_reassigned() const { return !adding.empty() || !removing.empty(); }
  ReplicaList originals() const;  // replicas - adding
  ReplicaList target() const;     // replicas - removing
  friend bool operator==(const ReplicaAssignment&, const ReplicaAssignment&) = default;
};

struct TopicAssignment {
  std::optional<base::TopicId> topic_id;  // absent below IBP 2.8, or dropped by an old controller
  std::map<std::int32_t, ReplicaAssignment> partitions;
  friend bool operator==(const TopicAssignment&, const TopicAssignment&) = default;
};

std::string encode_topic_assignment(const TopicAssignment& assignment);
// Errors: Errc::corrupt.
base::Result<TopicAssignment> decode_topic_assignment(std::string_view json);

}  // namespace cluster
