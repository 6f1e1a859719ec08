// Goal: a fetcher asks for what has changed and for nothing else, takes answers only for what was
// asked, and brings every kind of log into agreement with its leader's in a bounded number of
// steps.
#include <doctest/doctest.h>

#include <algorithm>

#include "broker/replication/follower/fetch_core.h"

using base::LeaderEpoch;
using base::Offset;
using replication::follower::FetchCore;
using replication::follower::FetchPlan;
using replication::follower::FollowedPartition;
using replication::follower::LeaderRange;
using replication::follower::LogFacts;
using replication::follower::Phase;
using replication::follower::RangeStep;
using replication::follower::step_into_range;
using replication::follower::Trouble;
using replication::follower::truncate_by_epoch;
using replication::follower::TruncationStep;
using storage::EpochEndOffset;

namespace {

LogFacts facts(std::int64_t end, int epoch = 0, std::int64_t epoch_start = 0,
               std::int64_t high_watermark = 0, std::int64_t start = 0) {
  return {Offset(start), Offset(end), Offset(high_watermark), LeaderEpoch(epoch),
          Offset(epoch_start)};
}

EpochEndOffset end_of(int epoch, std::int64_t offset) {
  return {LeaderEpoch(epoch), Offset(offset)};
}

base::TopicPartition t(std::int32_t partition) { return {"t", partition}; }

base::TopicId topic_id(std::uint8_t number) {
  base::TopicId id;
  id.bytes[0] = static_cast<decltype(id.bytes)::value_type>(number);
  return id;
}

class Fixture {
 public:
  explicit Fixture(FetchCore::Options options = {}) : core(options) {}

  FollowedPartition& add(std::int32_t index, const LogFacts& log, int epoch = 1,
                         base::TopicId id = topic_id(1)) {
    core.add({t(index), id, LeaderEpoch(epoch), nullptr}, log);
    return *core.find(t(index));
  }
  // A fetch that the leader answers in session 7.
  FetchPlan fetch(std::int32_t session_id = 7) {
    auto plan = core.next_fetch(now_ms);
    REQUIRE(plan.has_value());
    REQUIRE(core.on_answer(session_id));
    return *std::move(plan);
  }
  static std::vector<std::int32_t> names(const FetchPlan& plan) {
    std::vector<std::int32_t> all;
    for (const auto* partition : plan.named) all.push_back(partition->id.partition);
    std::ranges::sort(all);
    return all;
  }
  static std::vector<std::int32_t> forgotten(const FetchPlan& plan) {
    std::vector<std::int32_t> all;
    for (const auto& partition : plan.forgotten) all.push_back(partition.id.partition);
    std::ranges::sort(all);
    return all;
  }
  using Indexes = std::vector<std::int32_t>;

  FetchCore core;
  std::int64_t now_ms = 1000;
};

}  // namespace

// --- what to ask ---------------------------------------------------------------------------------

TEST_CASE("the first fetch names all, the next ones what has moved") {
  Fixture fixture;
  for (int i = 0; i < 3; ++i) fixture.add(i, facts(10));
  const FetchPlan first = fixture.fetch();
  CHECK(first.is_full);
  CHECK_EQ(first.session_epoch, 0);
  CHECK_EQ(Fixture::names(first), Fixture::Indexes{0, 1, 2});
  const FetchPlan idle = fixture.fetch();
  CHECK_EQ(idle.session_id, 7);
  CHECK_EQ(idle.session_epoch, 1);
  CHECK(idle.named.empty());
  CHECK_EQ(idle.max_wait_ms, 500);
  FollowedPartition& moved = *fixture.core.find(t(1));
  REQUIRE(fixture.core.accepts(moved));
  fixture.core.on_appended(moved, facts(20));
  CHECK(!fixture.core.accepts(moved));  // until it has asked for what follows
  const FetchPlan next = fixture.fetch();
  CHECK_EQ(next.session_epoch, 2);
  CHECK_EQ(Fixture::names(next), Fixture::Indexes{1});
  CHECK(fixture.core.accepts(moved));
}

TEST_CASE("an answer without news names nothing") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(10, 0, 0, 5));
  (void)fixture.fetch();
  fixture.core.on_appended(partition, facts(10, 0, 0, 10));  // the high watermark alone
  CHECK(fixture.fetch().named.empty());
  fixture.core.on_appended(partition, facts(10, 0, 0, 10, 3));  // the log start is told
  CHECK_EQ(Fixture::names(fixture.fetch()), Fixture::Indexes{0});
}

TEST_CASE("a partition that is removed leaves the session, one that comes back joins after that") {
  Fixture fixture;
  for (int i = 0; i < 2; ++i) fixture.add(i, facts(10));
  (void)fixture.fetch();
  fixture.core.remove(t(0));
  fixture.add(0, facts(10), 2);
  const FetchPlan leaving = fixture.fetch();
  CHECK_EQ(Fixture::forgotten(leaving), Fixture::Indexes{0});
  CHECK(leaving.named.empty());  // what a request names and forgets is forgotten
  CHECK_EQ(leaving.max_wait_ms, 0);
  CHECK(!fixture.core.accepts(*fixture.core.find(t(0))));
  const FetchPlan joining = fixture.fetch();
  CHECK_EQ(Fixture::names(joining), Fixture::Indexes{0});
  CHECK(joining.forgotten.empty());
  CHECK_EQ(joining.max_wait_ms, 500);
}

TEST_CASE("an answer that crosses a change of leader epoch counts for nothing") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(10), 1);
  fixture.add(1, facts(10), 1);
  (void)fixture.fetch();
  const std::uint64_t turn = partition.turn;
  auto plan = fixture.core.next_fetch(fixture.now_ms);
  fixture.add(0, facts(10), 2);  // while it is under way
  REQUIRE(fixture.core.on_answer(7));
  CHECK(!fixture.core.accepts(*fixture.core.find(t(0))));
  CHECK(fixture.core.accepts(*fixture.core.find(t(1))));
  // Work of other threads neither.
  CHECK(fixture.core.find(t(0), turn) == nullptr);
  // What the leader has told in that answer it has to tell again.
  fixture.core.ignore(*fixture.core.find(t(0)));
  CHECK_EQ(Fixture::forgotten(fixture.fetch()), Fixture::Indexes{0});
  const FetchPlan joining = fixture.fetch();
  REQUIRE_EQ(Fixture::names(joining), Fixture::Indexes{0});
  CHECK_EQ(joining.named.front()->leader_epoch, LeaderEpoch(2));
}

TEST_CASE("a session that is lost begins anew with everything") {
  Fixture fixture;
  for (int i = 0; i < 2; ++i) fixture.add(i, facts(10));
  (void)fixture.fetch();
  (void)fixture.core.next_fetch(fixture.now_ms);
  fixture.core.on_session_lost(false);  // no answer came: it may be there yet
  const FetchPlan again = fixture.fetch(8);
  CHECK(again.is_full);
  CHECK_EQ(again.session_id, 7);
  CHECK_EQ(again.session_epoch, 0);
  CHECK_EQ(Fixture::names(again), Fixture::Indexes{0, 1});
  (void)fixture.core.next_fetch(fixture.now_ms);
  fixture.core.on_session_lost(true);
  CHECK_EQ(fixture.fetch(9).session_id, 0);
  // The answer of another session is none.
  (void)fixture.core.next_fetch(fixture.now_ms);
  CHECK(!fixture.core.on_answer(10));
}

TEST_CASE("a leader without room for a session is asked for everything each time") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(10));
  for (int i = 0; i < 3; ++i) {
    const FetchPlan plan = fixture.fetch(0);
    CHECK(plan.is_full);
    CHECK_EQ(plan.session_id, 0);
    CHECK_EQ(Fixture::names(plan), Fixture::Indexes{0});
    CHECK(fixture.core.accepts(partition));
  }
}

TEST_CASE("one partition without a topic id makes all go by name, in a session of their own") {
  Fixture fixture;
  fixture.add(0, facts(10));
  CHECK(fixture.fetch().by_topic_id);
  fixture.add(1, facts(10), 1, base::TopicId());
  const FetchPlan by_name = fixture.fetch();
  CHECK(!by_name.by_topic_id);
  CHECK(by_name.is_full);
  CHECK_EQ(Fixture::names(by_name), Fixture::Indexes{0, 1});
  fixture.add(1, facts(10), 1, topic_id(1));  // LeaderAndIsr has told it
  const FetchPlan by_id = fixture.fetch();
  CHECK(by_id.by_topic_id);
  CHECK(by_id.is_full);
  CHECK(fixture.core.find(topic_id(1), 1) == fixture.core.find(t(1)));
  CHECK(fixture.core.find(topic_id(2), 1) == nullptr);
}

// --- pauses --------------------------------------------------------------------------------------

TEST_CASE("a partition in trouble pauses longer each time, and the others go on") {
  Fixture fixture;
  for (int i = 0; i < 2; ++i) fixture.add(i, facts(10));
  (void)fixture.fetch();
  FollowedPartition& partition = *fixture.core.find(t(0));
  std::int64_t previous_ms = 0;
  for (int i = 0; i < 12; ++i) {
    fixture.core.pause(partition, Trouble::other, fixture.now_ms);
    const std::int64_t pause_ms = *fixture.core.next_due_ms() - fixture.now_ms;
    CHECK(pause_ms >= 1000);
    CHECK((pause_ms > previous_ms || pause_ms == 60'000));
    previous_ms = pause_ms;
    const FetchPlan plan = fixture.fetch();
    CHECK_EQ(Fixture::forgotten(plan), Fixture::Indexes{0});
    CHECK(fixture.core.accepts(*fixture.core.find(t(1))));
    fixture.now_ms += pause_ms;
    fixture.core.end_pauses(fixture.now_ms - 1);
    CHECK_EQ(partition.phase, Phase::paused);
    fixture.core.end_pauses(fixture.now_ms);
    CHECK_EQ(Fixture::names(fixture.fetch()), Fixture::Indexes{0});
  }
  CHECK_EQ(previous_ms, 60'000);
  fixture.core.on_appended(partition, facts(11));
  fixture.core.pause(partition, Trouble::other, fixture.now_ms);
  CHECK_EQ(*fixture.core.next_due_ms() - fixture.now_ms, 1000);
}

TEST_CASE("leaders that do not know of their epoch yet are asked again soon") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(10));
  fixture.core.pause(partition, Trouble::leadership, fixture.now_ms);
  CHECK_EQ(*fixture.core.next_due_ms() - fixture.now_ms, 25);
  CHECK(!fixture.core.next_fetch(fixture.now_ms));
  fixture.core.end_pauses(fixture.now_ms + 25);
  CHECK(fixture.core.next_fetch(fixture.now_ms + 25));
}

TEST_CASE("what waits for a worker keeps the leader from waiting long") {
  Fixture fixture;
  for (int i = 0; i < 2; ++i) fixture.add(i, facts(10));
  (void)fixture.fetch();
  FollowedPartition& partition = *fixture.core.find(t(0));
  fixture.core.hold(partition);
  CHECK(fixture.fetch().max_wait_ms <= 50);
  fixture.core.release(partition);
  CHECK_EQ(Fixture::names(fixture.fetch()), Fixture::Indexes{0});
  // Done before the next fetch: it never leaves.
  fixture.core.hold(partition);
  fixture.core.release(partition);
  const FetchPlan plan = fixture.fetch();
  CHECK(plan.forgotten.empty());
  CHECK_EQ(Fixture::names(plan), Fixture::Indexes{0});
}

// --- where to cut --------------------------------------------------------------------------------

TEST_CASE("where leader and follower know the epoch, the shorter end counts") {
  const LogFacts log = facts(150, 5, 100, 90);
  CHECK_EQ(truncate_by_epoch(end_of(5, 120), end_of(5, 150), log, Offset(90)),
           TruncationStep{Offset(120), true});
  CHECK_EQ(truncate_by_epoch(end_of(4, 130), end_of(4, 100), log, Offset(90)),
           TruncationStep{Offset(100), true});
  CHECK_EQ(truncate_by_epoch(end_of(5, 170), end_of(5, 150), log, Offset(90)),
           TruncationStep{Offset(150), true});
  // Below the high watermark: the leader decides.
  CHECK_EQ(truncate_by_epoch(end_of(4, 40), end_of(4, 100), log, Offset(90)),
           TruncationStep{Offset(40), true});
}

TEST_CASE("an epoch of the leader that the follower has not asks for another round") {
  const LogFacts log = facts(150, 5, 100, 90);
  CHECK_EQ(truncate_by_epoch(end_of(4, 130), end_of(2, 80), log, Offset(90)),
           TruncationStep{Offset(80), false});
}

TEST_CASE("without epochs on one side the offset counts, without an offset the high watermark") {
  const LogFacts log = facts(150, 5, 100, 90);
  CHECK_EQ(truncate_by_epoch(end_of(-1, 120), end_of(-1, -1), log, Offset(90)),
           TruncationStep{Offset(120), true});
  CHECK_EQ(truncate_by_epoch(end_of(3, 120), end_of(-1, -1), log, Offset(90)),
           TruncationStep{Offset(120), true});
  CHECK_EQ(truncate_by_epoch(end_of(-1, -1), end_of(-1, -1), log, Offset(90)),
           TruncationStep{Offset(90), true});
}

TEST_CASE("several rounds of OffsetForLeaderEpoch end where the logs agree") {
  FetchCore::Options options;
  options.truncates_on_fetch = false;
  Fixture fixture(options);
  FollowedPartition& partition = fixture.add(0, facts(150, 7, 120, 90), 9);
  CHECK(!fixture.core.next_fetch(fixture.now_ms));
  auto questions = fixture.core.epoch_questions(10);
  REQUIRE_EQ(questions.size(), 1);
  CHECK_EQ(questions[0].asked_epoch, LeaderEpoch(7));
  CHECK_EQ(questions[0].leader_epoch, LeaderEpoch(9));
  // The leader has 6, which the follower has not: its own 4 ends at 100.
  fixture.core.on_epoch_answer(partition, end_of(6, 130), end_of(4, 100), fixture.now_ms);
  auto cuts = fixture.core.take_cuts();
  REQUIRE_EQ(cuts.size(), 1);
  CHECK_EQ(cuts[0].offset, Offset(100));
  fixture.core.on_cut(partition, facts(100, 4, 60, 90));
  questions = fixture.core.epoch_questions(10);
  REQUIRE_EQ(questions.size(), 1);
  CHECK_EQ(questions[0].asked_epoch, LeaderEpoch(4));
  fixture.core.on_epoch_answer(partition, end_of(4, 80), end_of(4, 100), fixture.now_ms);
  cuts = fixture.core.take_cuts();
  REQUIRE_EQ(cuts.size(), 1);
  CHECK_EQ(cuts[0].offset, Offset(80));
  fixture.core.on_cut(partition, facts(80, 4, 60, 80));
  const FetchPlan plan = fixture.fetch();
  CHECK_EQ(plan.named.front()->log.log_end, Offset(80));
}

TEST_CASE("a follower that agrees is not cut") {
  FetchCore::Options options;
  options.truncates_on_fetch = false;
  Fixture fixture(options);
  FollowedPartition& partition = fixture.add(0, facts(150, 7, 120, 90), 9);
  fixture.core.on_epoch_answer(partition, end_of(7, 200), end_of(7, 150), fixture.now_ms);
  CHECK(fixture.core.take_cuts().empty());
  CHECK_EQ(partition.phase, Phase::fetching);
}

TEST_CASE("an answer about an epoch above the one asked for is nonsense") {
  FetchCore::Options options;
  options.truncates_on_fetch = false;
  Fixture fixture(options);
  FollowedPartition& partition = fixture.add(0, facts(150, 7, 120, 90), 9);
  fixture.core.on_epoch_answer(partition, end_of(8, 10), end_of(7, 150), fixture.now_ms);
  CHECK(fixture.core.take_cuts().empty());
  CHECK_EQ(partition.phase, Phase::paused);
  fixture.core.end_pauses(fixture.now_ms + 1000);
  CHECK_EQ(fixture.core.epoch_questions(10).size(), 1);  // asked again
}

TEST_CASE("diverging epochs of Fetch cut the log in rounds") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(150, 7, 120, 90), 9);
  (void)fixture.fetch();
  fixture.core.on_diverging(partition, end_of(6, 130), end_of(4, 100), fixture.now_ms);
  auto cuts = fixture.core.take_cuts();
  REQUIRE_EQ(cuts.size(), 1);
  CHECK_EQ(cuts[0].offset, Offset(100));
  CHECK(!fixture.core.accepts(partition));
  // Meanwhile it is out of the session.
  const auto waiting = fixture.core.next_fetch(fixture.now_ms);
  REQUIRE(waiting.has_value());
  CHECK_EQ(Fixture::forgotten(*waiting), Fixture::Indexes{0});
  REQUIRE(fixture.core.on_answer(0));  // nothing was left in it
  fixture.core.on_cut(partition, facts(100, 4, 60, 90));
  const FetchPlan plan = fixture.fetch();
  CHECK_EQ(plan.named.front()->log.latest_epoch, LeaderEpoch(4));
}

TEST_CASE("a divergence that would cut nothing is not believed") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(150, 7, 120, 90), 9);
  for (const auto& leader : {end_of(7, 200), end_of(8, 100), end_of(6, -1)}) {
    (void)fixture.fetch();
    fixture.core.on_diverging(partition, leader, end_of(7, 150), fixture.now_ms);
    CHECK(fixture.core.take_cuts().empty());
    CHECK_EQ(partition.phase, Phase::paused);
    fixture.now_ms = *fixture.core.next_due_ms();
    fixture.core.end_pauses(fixture.now_ms);
  }
  // But an epoch without a record goes, and with it the question.
  fixture.core.on_appended(partition, facts(150, 7, 150, 90));
  fixture.core.on_diverging(partition, end_of(6, 180), end_of(6, 150), fixture.now_ms);
  const auto cuts = fixture.core.take_cuts();
  REQUIRE_EQ(cuts.size(), 1);
  CHECK_EQ(cuts[0].offset, Offset(150));
}

TEST_CASE("a log without epochs begins at its high watermark") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(150, -1, -1, 90));
  const auto cuts = fixture.core.take_cuts();
  REQUIRE_EQ(cuts.size(), 1);
  CHECK_EQ(cuts[0].offset, Offset(90));
  // The cut fails: it is still to be done when the pause is over.
  fixture.core.pause(partition, Trouble::other, fixture.now_ms);
  CHECK(!fixture.core.next_fetch(fixture.now_ms));
  fixture.core.end_pauses(fixture.now_ms + 1000);
  REQUIRE_EQ(fixture.core.take_cuts().size(), 1);
  fixture.core.on_cut(partition, facts(90, -1, -1, 90));
  CHECK_EQ(Fixture::names(fixture.fetch()), Fixture::Indexes{0});
  // An empty one has nothing to cut.
  fixture.add(1, facts(0, -1, -1, 0));
  CHECK(fixture.core.take_cuts().empty());
  CHECK_EQ(Fixture::names(fixture.fetch()), Fixture::Indexes{1});
}

// --- out of range --------------------------------------------------------------------------------

TEST_CASE("the leader's range decides what becomes of a log that is out of it") {
  using Kind = RangeStep::Kind;
  const LogFacts log = facts(150, 5, 100, 90, 50);
  const auto step = [&log](std::int64_t start, std::int64_t end, bool again = false) {
    return step_into_range({Offset(start), Offset(end)}, log, again);
  };
  CHECK_EQ(step(0, 120), RangeStep{Kind::truncate, Offset(120)});
  CHECK_EQ(step(0, 20), RangeStep{Kind::truncate, Offset(20)});  // below the own log start
  CHECK_EQ(step(151, 400), RangeStep{Kind::start_over, Offset(151)});
  CHECK_EQ(step(150, 400).kind, Kind::fetch_on);
  CHECK_EQ(step(0, 150).kind, Kind::fetch_on);
  CHECK_EQ(step(0, 400, true), RangeStep{Kind::drop_epoch, Offset(100)});
  CHECK_EQ(step(-1, 400).kind, Kind::make_no_sense);
  CHECK_EQ(step(0, -1).kind, Kind::make_no_sense);
  CHECK_EQ(step(10, 5).kind, Kind::make_no_sense);
}

TEST_CASE("epochs above all of the leader's are dropped one after the other") {
  // A topic that was made anew while this broker was away, without ids: its epochs begin at 0.
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(150, 8, 120, 150), 0);
  (void)fixture.fetch();
  const LeaderRange leader{Offset(0), Offset(1000)};
  fixture.core.on_out_of_range(partition);
  CHECK_EQ(fixture.core.range_questions(10).size(), 1);
  fixture.core.on_range_answer(partition, leader, fixture.now_ms);
  CHECK_EQ(partition.phase, Phase::fetching);  // the leader's end may just have passed ours
  fixture.core.on_out_of_range(partition);
  fixture.core.on_range_answer(partition, leader, fixture.now_ms);
  auto cuts = fixture.core.take_cuts();
  REQUIRE_EQ(cuts.size(), 1);
  CHECK_EQ(cuts[0].offset, Offset(120));
  fixture.core.on_cut(partition, facts(120, 6, 0, 120));
  for (int i = 0; i < 2; ++i) {
    fixture.core.on_out_of_range(partition);
    fixture.core.on_range_answer(partition, leader, fixture.now_ms);
  }
  cuts = fixture.core.take_cuts();
  REQUIRE_EQ(cuts.size(), 1);
  CHECK_EQ(cuts[0].offset, Offset(0));
  fixture.core.on_cut(partition, facts(0, -1, -1, 0));
  CHECK_EQ(partition.phase, Phase::fetching);
  CHECK_EQ(partition.log.log_end, Offset(0));
}

TEST_CASE("a refusal counts as the second only if nothing was taken since the first") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(150, 8, 120, 150));
  (void)fixture.fetch();
  const LeaderRange leader{Offset(0), Offset(150)};
  for (int i = 0; i < 2; ++i) {
    fixture.core.on_out_of_range(partition);
    fixture.core.on_range_answer(partition, leader, fixture.now_ms);
    CHECK_EQ(partition.phase, Phase::fetching);
    // The leader has nothing new: the log stays as it is.
    fixture.core.on_appended(partition, facts(150, 8, 120, 150));
  }
}

TEST_CASE("a log that the leader begins behind starts over there") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(150, 5, 100, 90));
  (void)fixture.fetch();
  fixture.core.on_out_of_range(partition);
  fixture.core.on_range_answer(partition, {Offset(200), Offset(400)}, fixture.now_ms);
  const auto cuts = fixture.core.take_cuts();
  REQUIRE_EQ(cuts.size(), 1);
  CHECK(cuts[0].starts_over);
  CHECK_EQ(cuts[0].offset, Offset(200));
}

TEST_CASE("a batch that straddles the end is taken from its beginning") {
  Fixture fixture;
  FollowedPartition& partition = fixture.add(0, facts(150, 5, 100, 90, 40));
  (void)fixture.fetch();
  fixture.core.on_straddling(partition, Offset(145), fixture.now_ms);
  const auto cuts = fixture.core.take_cuts();
  REQUIRE_EQ(cuts.size(), 1);
  CHECK_EQ(cuts[0].offset, Offset(145));
  fixture.core.on_cut(partition, facts(145, 5, 100, 90, 40));
  fixture.core.on_straddling(partition, Offset(39), fixture.now_ms);  // below the log's start
  CHECK(fixture.core.take_cuts().empty());
  CHECK_EQ(partition.phase, Phase::paused);
}
