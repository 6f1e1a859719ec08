// Purpose: the logs of a broker by partition and by topic, so that a question about one topic
// visits its logs alone. Plain data: the owner guards it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "storage/partition_log.h"

namespace storage {

class LogTable {
 public:
  using Pointer = std::shared_ptr<PartitionLog>;
  using Pointers = std::vector<Pointer>;

  Pointer find(const base::TopicPartition& partition) const;
  // What stands there already stays.
  void put(Pointer log);
  // Null if there is none.
  Pointer take(const base::TopicPartition& partition);
  Pointers take_all_in(const std::string& log_dir);

  Pointers all() const;
  Pointers all_in(const std::string& log_dir) const;
  Pointers of_topic(const std::string& topic) const;
  std::vector<std::string> topics() const;
  bool has_topic(const std::string& topic) const { return by_topic_.contains(topic); }

 private:
  using Logs = std::unordered_map<base::TopicPartition, Pointer>;
  using Numbers = std::unordered_map<std::int32_t, PartitionLog*>;

  void forget(const PartitionLog& log);

  Logs logs_;
  std::unordered_map<std::string, Numbers> by_topic_;  // no empty ones
};

}  // namespace storage
