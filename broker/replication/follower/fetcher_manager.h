// Purpose: which fetcher follows which partition: num.replica.fetchers of them for each leader,
// each on one data loop, made when they are first needed.
//
// Any thread. Source: AbstractFetcherManager, ReplicaFetcherManager (3.9).
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "broker/replication/follower/follower_fetcher.h"
#include "broker/replication/follower/followership.h"

namespace replication::follower {

// As Apache Kafka spreads them: 31 times the topic's Java hash plus the partition.
std::int32_t fetcher_index(const base::TopicPartition& id, std::int32_t fetchers_per_leader);

class FetcherManager final : public Followership {
 public:
  FetcherManager(FetcherEnvironment environment, std::vector<runtime::Loop*> loops);

  void follow(const std::shared_ptr<Partition>& partition) override EXCLUDES(mutex_);
  void unfollow(const base::TopicPartition& id) override EXCLUDES(mutex_);
  // num.replica.fetchers: partitions move to the fetchers that are theirs now.
  void set_fetchers_per_leader(std::int32_t count) EXCLUDES(mutex_);
  // Ends all fetchers; nothing is followed afterwards.
  runtime::Task<void> stop();

 private:
  struct Followed {
    std::shared_ptr<Partition> partition;
    FollowerFetcher* fetcher = nullptr;
  };
  void assign(const std::shared_ptr<Partition>& partition) REQUIRES(mutex_);
  FollowerFetcher& fetcher_for(base::BrokerId leader, std::int32_t index) REQUIRES(mutex_);
  std::vector<FollowerFetcher*> close_entry() EXCLUDES(mutex_);

  const FetcherEnvironment environment_;
  const std::vector<runtime::Loop*> loops_;
  base::Mutex mutex_;  // before a fetcher's inbox
  std::int32_t fetchers_per_leader_ GUARDED_BY(mutex_);
  std::map<std::pair<base::BrokerId, std::int32_t>, std::unique_ptr<FollowerFetcher>> fetchers_
      GUARDED_BY(mutex_);
  std::unordered_map<base::TopicPartition, Followed> followed_ GUARDED_BY(mutex_);
  bool is_stopped_ GUARDED_BY(mutex_) = false;
};

}  // namespace replication::follower
