// Purpose: which partitions this broker hosts. Any thread; look-ups on the data path take one short
// lock of one shard and allocate nothing.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "broker/replication/partition.h"

namespace replication {

class PartitionTable {
 public:
  std::shared_ptr<Partition> find(std::string_view topic, std::int32_t partition) const;
  // Replaces and returns what stood there.
  std::shared_ptr<Partition> put(std::shared_ptr<Partition> partition);
  std::shared_ptr<Partition> erase(const base::TopicPartition& id);
  std::vector<std::shared_ptr<Partition>> all() const;
  std::vector<std::shared_ptr<Partition>> of_topic(std::string_view topic) const;
  std::size_t size() const;
  // all() in pieces: the shards are numbered from 0.
  static constexpr std::size_t kShards = 64;
  std::vector<std::shared_ptr<Partition>> of_shard(std::size_t number) const;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  using ByNumber = std::unordered_map<std::int32_t, std::shared_ptr<Partition>>;
  struct Shard {
    mutable base::Mutex mutex;
    std::unordered_map<std::string, ByNumber, TextHash, std::equal_to<>> topics GUARDED_BY(mutex);
  };

  Shard& shard_of(std::string_view topic) const {
    return shards_[std::hash<std::string_view>()(topic) % kShards];
  }
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace replication
