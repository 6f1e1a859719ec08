// Goal: the high watermark counts exactly the replicas that Kafka's rules count.
#include "broker/replication/isr.h"

#include <doctest/doctest.h>

using base::BrokerId;
using base::Offset;
using namespace replication;

namespace {

Isr isr_of(std::vector<int> committed, std::vector<int> replicas) {
  Isr isr;
  for (const int id : committed) isr.committed.emplace_back(id);
  for (const int id : replicas) isr.replicas.emplace_back(id);
  return isr;
}

HighWatermarkInput input(std::int64_t end, std::int64_t current, std::int32_t min_isr = 1) {
  HighWatermarkInput in;
  in.local_end = Offset(end);
  in.current = Offset(current);
  in.now_ms = 100'000;
  in.lag_max_ms = 30'000;
  in.min_insync_replicas = min_isr;
  return in;
}

FollowerState follower_at(std::int64_t end, std::int64_t caught_up_ms = 0) {
  FollowerState state;
  state.log_end_offset = Offset(end);
  state.last_caught_up_ms = caught_up_ms;
  return state;
}

}  // namespace

TEST_CASE("a leader alone commits what it has") {
  CHECK_EQ(leader_high_watermark(isr_of({1}, {1}), input(10, 4)), Offset(10));
}

TEST_CASE("an ISR member that never fetched holds the high watermark") {
  Isr isr = isr_of({1, 2}, {1, 2});
  isr.followers[BrokerId(2)] = FollowerState{};
  CHECK_EQ(leader_high_watermark(isr, input(10, 4)), Offset(4));
  isr.followers[BrokerId(2)] = follower_at(7);
  CHECK_EQ(leader_high_watermark(isr, input(10, 4)), Offset(7));
}

TEST_CASE("a proposed member counts before it is confirmed, a proposed removal counts after") {
  Isr isr = isr_of({1, 2}, {1, 2, 3});
  isr.followers[BrokerId(2)] = follower_at(8);
  isr.followers[BrokerId(3)] = follower_at(6);
  CHECK_EQ(leader_high_watermark(isr, input(10, 4)), Offset(8));
  isr.proposed = {BrokerId(1), BrokerId(2), BrokerId(3)};
  CHECK_EQ(leader_high_watermark(isr, input(10, 4)), Offset(6));
  isr.proposed = {BrokerId(1), BrokerId(3)};
  CHECK_EQ(isr.maximal_size(), 3);
}

TEST_CASE("a follower outside the ISR counts while it is caught up") {
  Isr isr = isr_of({1}, {1, 2});
  isr.followers[BrokerId(2)] = follower_at(5, 90'000);
  CHECK_EQ(leader_high_watermark(isr, input(10, 4)), Offset(5));
  isr.followers[BrokerId(2)] = follower_at(5, 10'000);
  CHECK_EQ(leader_high_watermark(isr, input(10, 4)), Offset(10));
}

TEST_CASE("below the minimum ISR the high watermark stands still, and it never goes back") {
  CHECK_EQ(leader_high_watermark(isr_of({1}, {1, 2}), input(10, 4, 2)), Offset(4));
  CHECK_EQ(isr_of({1}, {1}).effective_min_isr(3), 1);
  CHECK_EQ(leader_high_watermark(isr_of({1}, {1}), input(3, 4)), Offset(4));
}

TEST_CASE("caught up: at the end now, or at the end of the fetch before") {
  FollowerState follower;
  follower.on_fetch(Offset(5), Offset(0), Offset(10), 1000);
  CHECK_EQ(follower.last_caught_up_ms, 0);
  follower.on_fetch(Offset(10), Offset(0), Offset(20), 2000);
  CHECK_EQ(follower.last_caught_up_ms, 1000);
  follower.on_fetch(Offset(20), Offset(0), Offset(20), 3000);
  CHECK_EQ(follower.last_caught_up_ms, 3000);
}

TEST_CASE("a fetch of the session counts for each partition that the follower has whole") {
  FollowerState follower = follower_at(20, 3000);
  const auto clock = std::make_shared<FollowerClock>();
  clock->last_fetch_ms = 90'000;
  follower.note_caught_up(Offset(20));  // nobody fetches
  CHECK_EQ(follower.last_caught_up_ms, 3000);
  follower.clock = clock;
  follower.note_caught_up(Offset(21));  // it lacks a record
  CHECK_EQ(follower.last_caught_up_ms, 3000);
  follower.note_caught_up(Offset(20));
  CHECK_EQ(follower.last_caught_up_ms, 90'000);
  clock->last_fetch_ms = 10;  // time does not go back
  follower.note_caught_up(Offset(20));
  CHECK_EQ(follower.last_caught_up_ms, 90'000);
}
