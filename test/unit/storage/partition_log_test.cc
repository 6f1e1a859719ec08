// Goal: a log gives back what was appended, across segments, reopening and truncation.
#include <doctest/doctest.h>

#include "test/unit/storage/log_fixture.h"

using base::Offset;
using storage::LogError;
using storage_test::LogFixture;
using storage_test::make_batch;

TEST_CASE("appended batches get offsets in place and read back, also after a clean reopen") {
  LogFixture fixture;
  fixture.open();
  const auto first = fixture.append(make_batch(3), 5).value();
  CHECK_EQ(first.base_offset.value(), 0);
  CHECK_EQ(first.last_offset.value(), 2);
  const auto second = fixture.append(make_batch(2, 2000, "zwei"), 6).value();
  CHECK_EQ(second.base_offset.value(), 3);
  CHECK_EQ(fixture.log->log_end_offset().value(), 5);
  CHECK_EQ(fixture.read_all(0).size(), 5);
  CHECK_EQ(fixture.read_all(4)[0], std::pair<std::int64_t, std::string>(4, "zwei"));
  CHECK_EQ(fixture.log->end_offset_for_epoch(base::LeaderEpoch(5)).end_offset.value(), 3);

  fixture.reopen_clean();
  CHECK_EQ(fixture.log->log_end_offset().value(), 5);
  CHECK_EQ(fixture.log->recovery_point().value(), 5);
  CHECK_EQ(fixture.read_all(0).size(), 5);
  CHECK_EQ(fixture.log->latest_epoch(), base::LeaderEpoch(6));
  CHECK_EQ(fixture.append(make_batch(1), 6)->base_offset.value(), 5);
  CHECK(fixture.files().exists(fixture.path("00000000000000000005.snapshot")));
}

TEST_CASE("segments roll by size; reads cross them, in any piece size") {
  LogFixture fixture;
  fixture.config.segment_bytes = 1000;
  fixture.config.index_interval_bytes = 100;
  fixture.open();
  for (int i = 0; i < 100; ++i)
    REQUIRE(fixture.append(make_batch(2, 1000 + i, "v" + std::to_string(i))).has_value());
  CHECK(fixture.log->segment_count() > 5);
  for (const std::int64_t piece : {1, 100, 500, 100'000}) {
    const auto all = fixture.read_all(0, piece);
    REQUIRE_EQ(all.size(), 200);
    for (int i = 0; i < 200; ++i) CHECK_EQ(all[i].second, "v" + std::to_string(i / 2));
  }
  for (int from = 0; from < 200; ++from) CHECK_EQ(fixture.read_all(from, 300).size(), 200 - from);
  fixture.reopen_clean();
  for (int from = 0; from < 200; from += 7)
    CHECK_EQ(fixture.read_all(from, 300).size(), 200 - from);
}

TEST_CASE("reads stop at the bound and refuse what lies outside the log") {
  LogFixture fixture;
  fixture.open();
  for (int i = 0; i < 5; ++i) REQUIRE(fixture.append(make_batch(2)).has_value());
  const auto bounded = fixture.log->plan_read({Offset(0), Offset(4), 1 << 20}).value();
  REQUIRE_EQ(bounded.slices.size(), 1);
  CHECK_EQ(bounded.size_bytes, 2 * static_cast<std::int64_t>(make_batch(2).size()));
  CHECK(fixture.log->plan_read({Offset(10), Offset(10), 100})->slices.empty());
  CHECK(fixture.log->plan_read({Offset(0), Offset(10), 10})->slices.empty());
  CHECK_EQ(fixture.log->plan_read({Offset(0), Offset(10), 10, true})->size_bytes,
           static_cast<std::int64_t>(make_batch(2).size()));
  CHECK(fixture.log->plan_read({Offset(11), Offset(12), 100})
            .error()
            .is(LogError::offset_out_of_range));
}

TEST_CASE("truncation cuts whole batches, moves offsets back and old slices stop being current") {
  LogFixture fixture;
  fixture.config.segment_bytes = 500;
  fixture.config.index_interval_bytes = 50;
  fixture.open();
  for (int i = 0; i < 40; ++i) REQUIRE(fixture.append(make_batch(2, 1000 + i), i / 10).has_value());
  fixture.log->set_high_watermark(Offset(80));
  const auto plan = fixture.log->plan_read({Offset(0), Offset(80), 1 << 20}).value();
  CHECK(plan.slices[0].is_current());
  CHECK(!fixture.log->truncate_to(Offset(80), 0).value());
  CHECK(fixture.log->truncate_to(Offset(33), 0).value());
  CHECK(!plan.slices[0].is_current());
  CHECK_EQ(fixture.log->log_end_offset().value(), 33);
  CHECK_EQ(fixture.log->high_watermark().value(), 33);
  CHECK_EQ(fixture.log->latest_epoch(), base::LeaderEpoch(1));
  CHECK_EQ(fixture.log->plan_read({Offset(32), Offset(33), 1 << 20})->slices.size(), 0);
  CHECK_EQ(fixture.append(make_batch(1), 9)->base_offset.value(), 33);
  fixture.reopen_clean();
  CHECK_EQ(fixture.log->log_end_offset().value(), 34);
  REQUIRE(fixture.log->truncate_fully_and_start_at(Offset(500), 0).has_value());
  CHECK_EQ(fixture.log->log_start_offset().value(), 500);
  CHECK_EQ(fixture.append(make_batch(1), 10)->base_offset.value(), 500);
  fixture.reopen_clean();
  CHECK_EQ(fixture.log->log_end_offset().value(), 501);
}

TEST_CASE("followers take offsets as given, gaps too, and refuse what they have") {
  LogFixture leader;
  leader.open();
  for (int i = 0; i < 4; ++i) REQUIRE(leader.append(make_batch(3), i).has_value());
  const auto bytes = leader.log->read({Offset(0), Offset(12), 1 << 20}).value();
  LogFixture follower;
  follower.open();
  const auto cut = bytes.bytes().first(bytes.size() - 5);
  const auto info = follower.log->append_as_follower(cut, 0).value();
  CHECK_EQ(info.last_offset.value(), 8);
  CHECK(follower.log->append_as_follower(bytes.bytes(), 0)
            .error()
            .is(LogError::unexpected_append_offset));
  CHECK_EQ(follower.log->end_offset_for_epoch(base::LeaderEpoch(1)).end_offset.value(), 6);
  const auto tail = leader.log->read({Offset(9), Offset(12), 1 << 20}).value();
  CHECK_EQ(follower.log->append_as_follower(tail.bytes(), 0)->last_offset.value(), 11);
  CHECK_EQ(follower.read_all(0).size(), 12);

  LogFixture empty;
  empty.open();
  REQUIRE(empty.log->truncate_fully_and_start_at(Offset(10), 0).has_value());
  CHECK_EQ(empty.log->append_as_follower(tail.bytes(), 0)->base_offset.value(), 9);
  CHECK_EQ(empty.log->log_start_offset().value(), 9);
}

TEST_CASE("a follower's fetch larger than a segment is spread over segments") {
  LogFixture leader;
  leader.open();
  for (int i = 0; i < 50; ++i) REQUIRE(leader.append(make_batch(1)).has_value());
  LogFixture follower;
  follower.config.segment_bytes = 300;
  follower.open();
  const auto bytes = leader.log->read({Offset(0), Offset(50), 1 << 20}).value();
  REQUIRE(follower.log->append_as_follower(bytes.bytes(), 0).has_value());
  CHECK(follower.log->segment_count() > 5);
  CHECK_EQ(follower.read_all(0).size(), 50);
}
