// Purpose: long lists of partitions in pieces, so that no event holds the loop for long, brokers
// hear of the first thousand while the others are written, and no request grows without bound.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/types.h"
#include "broker/controller/controller_context.h"

namespace controller {

inline constexpr std::size_t kChunkPartitions = 1000;

inline const std::string& topic_of(const TopicPartition& partition) { return partition.topic; }
inline const std::string& topic_of(const Replica& replica) { return replica.partition.topic; }

// Takes the next piece off a list: `kChunkPartitions` items, and what follows them of the same
// topic, so that a topic is told whole.
template <class Item>
class Chunks {
 public:
  explicit Chunks(std::vector<Item> items) : items_(std::move(items)) {}

  bool empty() const { return next_ == items_.size(); }
  std::vector<Item> next() {
    std::size_t end = std::min(next_ + kChunkPartitions, items_.size());
    while (end < items_.size() && topic_of(items_[end]) == topic_of(items_[end - 1])) ++end;
    std::vector<Item> chunk;
    chunk.reserve(end - next_);
    for (; next_ < end; ++next_) chunk.push_back(std::move(items_[next_]));
    return chunk;
  }

 private:
  std::vector<Item> items_;
  std::size_t next_ = 0;
};

}  // namespace controller
