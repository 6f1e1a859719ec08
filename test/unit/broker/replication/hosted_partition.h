// What the replication tests share: a partition with a real log in a temporary directory.
#pragma once

#include <deque>
#include <functional>
#include <memory>

#include "broker/replication/partition.h"
#include "test/unit/storage/log_fixture.h"

namespace replication_test {

class HostedPartition {
 public:
  // With flush.messages below the default the flushes stand in jobs() until run_jobs().
  explicit HostedPartition(std::int64_t flush_messages = INT64_MAX, std::int32_t index = 0) {
    fixture_.config.flush_messages = flush_messages;
    fixture_.environment.run_on_disk = [this](const std::string&, auto job) {
      jobs_.push_back(std::move(job));
    };
    fixture_.open();
    partition_ = std::make_shared<replication::Partition>(
        base::TopicPartition{"topic", index}, base::BrokerId(1),
        std::shared_ptr<storage::PartitionLog>(fixture_.log.get(), [](storage::PartitionLog*) {}));
  }

  replication::Partition& operator*() { return *partition_; }
  replication::Partition* operator->() { return partition_.get(); }
  const std::shared_ptr<replication::Partition>& shared() { return partition_; }

  static replication::LeaderState state(int leader, int epoch, std::vector<int> isr,
                                        std::vector<int> replicas) {
    replication::LeaderState state;
    state.leader = base::BrokerId(leader);
    state.leader_epoch = base::LeaderEpoch(epoch);
    for (const int id : isr) state.isr.emplace_back(id);
    for (const int id : replicas) state.replicas.emplace_back(id);
    return state;
  }

  base::Result<replication::AppendOutcome> append(int records, std::int16_t acks = 1) {
    base::Buffer batch = storage_test::make_batch(records);
    storage::AppendRequest request;
    request.records = batch.mutable_bytes();
    request.now_ms = fixture_.now_ms;
    TRY_ASSIGN(const auto validated, partition_->log().validate(request));
    return partition_->append(validated, acks, fixture_.now_ms);
  }

  std::size_t jobs() const { return jobs_.size(); }
  void run_jobs() {
    while (!jobs_.empty()) {
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      job();
    }
  }

  storage_test::LogFixture& fixture() { return fixture_; }

  // A follower's fetch, of the session with this clock: everything below `offset` is on its disk.
  base::Result<replication::ReadOutcome> follower_fetch(
      int id, std::int64_t offset,
      const std::shared_ptr<replication::FollowerClock>* clock = nullptr) {
    replication::ReadParams params;
    params.fetch_offset = base::Offset(offset);
    params.replica_id = base::BrokerId(id);
    params.max_bytes = 1 << 20;
    params.now_ms = fixture_.now_ms;
    params.follower_clock = clock;
    if (clock != nullptr) (*clock)->last_fetch_ms.store(fixture_.now_ms);
    return partition_->read(params);
  }

 private:
  std::deque<std::move_only_function<void()>> jobs_;
  storage_test::LogFixture fixture_;
  std::shared_ptr<replication::Partition> partition_;
};

}  // namespace replication_test
