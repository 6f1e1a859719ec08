#include "broker/replication/follower/fetcher_manager.h"

#include <algorithm>

#include "base/java_string.h"
#include "runtime/cross_loop.h"

namespace replication::follower {

std::int32_t fetcher_index(const base::TopicPartition& id, std::int32_t fetchers_per_leader) {
  // Wraps like Java, whose absolute value of the least number is 0 here.
  const std::uint32_t hash = 31 * static_cast<std::uint32_t>(base::java_hash_code(id.topic)) +
                             static_cast<std::uint32_t>(id.partition);
  const auto wrapped = static_cast<std::int32_t>(hash);
  if (wrapped == INT32_MIN) return 0;
  return (wrapped < 0 ? -wrapped : wrapped) % std::max(fetchers_per_leader, 1);
}

FetcherManager::FetcherManager(FetcherEnvironment environment, std::vector<runtime::Loop*> loops)
    : environment_(std::move(environment)),
      loops_(std::move(loops)),
      fetchers_per_leader_(environment_.replication.num_replica_fetchers) {}

void FetcherManager::follow(const std::shared_ptr<Partition>& partition) {
  base::LockGuard guard(mutex_);
  if (!is_stopped_) assign(partition);
}

void FetcherManager::assign(const std::shared_ptr<Partition>& partition) {
  const LeaderState state = partition->leader_state();
  const base::TopicPartition& id = partition->id();
  FollowerFetcher& fetcher = fetcher_for(state.leader, fetcher_index(id, fetchers_per_leader_));
  Followed& followed = followed_[id];
  if (followed.fetcher != nullptr && followed.fetcher != &fetcher) followed.fetcher->unfollow(id);
  followed = {partition, &fetcher};
  fetcher.follow(
      {id, partition->log().topic_id().value_or(base::TopicId()), state.leader_epoch, partition});
}

FollowerFetcher& FetcherManager::fetcher_for(base::BrokerId leader, std::int32_t index) {
  auto& fetcher = fetchers_[{leader, index}];
  if (fetcher == nullptr) {
    runtime::Loop& loop = *loops_[(fetchers_.size() - 1) % loops_.size()];
    fetcher = std::make_unique<FollowerFetcher>(loop, leader, index, environment_);
    loop.post([fetcher = fetcher.get()] { fetcher->start(); });
  }
  return *fetcher;
}

void FetcherManager::unfollow(const base::TopicPartition& id) {
  base::LockGuard guard(mutex_);
  const auto found = followed_.find(id);
  if (found == followed_.end()) return;
  found->second.fetcher->unfollow(id);
  followed_.erase(found);
}

void FetcherManager::set_fetchers_per_leader(std::int32_t count) {
  base::LockGuard guard(mutex_);
  if (is_stopped_ || count == fetchers_per_leader_) return;
  fetchers_per_leader_ = count;
  std::vector<std::shared_ptr<Partition>> partitions;
  partitions.reserve(followed_.size());
  for (const auto& [id, followed] : followed_) partitions.push_back(followed.partition);
  for (const auto& partition : partitions) assign(partition);
}

std::vector<FollowerFetcher*> FetcherManager::close_entry() {
  base::LockGuard guard(mutex_);
  is_stopped_ = true;
  followed_.clear();
  std::vector<FollowerFetcher*> fetchers;
  for (const auto& [key, fetcher] : fetchers_) fetchers.push_back(fetcher.get());
  return fetchers;
}

runtime::Task<void> FetcherManager::stop() {
  const std::vector<FollowerFetcher*> fetchers = close_entry();
  for (FollowerFetcher* fetcher : fetchers) {
    fetcher->scope().loop().post([fetcher] { fetcher->close(); });
  }
  for (FollowerFetcher* fetcher : fetchers) (void)co_await runtime::stop_scope(fetcher->scope());
}

}  // namespace replication::follower
