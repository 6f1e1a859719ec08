// Goal: which commit counts, and when an offset has outlived its retention.
#include <doctest/doctest.h>

#include "broker/groups/group_offsets.h"

using namespace groups;
using base::Offset;

namespace {

CommittedOffset committed(std::int64_t offset, std::int64_t commit_ms = 0) {
  CommittedOffset value;
  value.offset = offset;
  value.commit_timestamp_ms = commit_ms;
  return value;
}

std::int64_t offset_of(const GroupOffsets& offsets, std::string_view topic, int partition) {
  const auto* found = offsets.find(topic, partition);
  return found == nullptr ? -1 : found->offset;
}

}  // namespace

TEST_CASE("a commit shows when it is finished, and not when it failed") {
  GroupOffsets offsets;
  offsets.stage("t", 0, 1);
  CHECK_EQ(offset_of(offsets, "t", 0), -1);
  CHECK(offsets.has_pending("t", 0));
  CHECK(!offsets.empty());
  CHECK_EQ(offsets.size(), 0);
  offsets.finish("t", 0, 1, committed(5), Offset(10));
  CHECK_EQ(offset_of(offsets, "t", 0), 5);
  CHECK(!offsets.has_pending("t", 0));
  offsets.stage("t", 0, 2);
  offsets.fail("t", 0, 2);
  CHECK_EQ(offset_of(offsets, "t", 0), 5);
  offsets.stage("t", 1, 3);
  offsets.fail("t", 1, 3);
  CHECK_EQ(offsets.size(), 1);
}

TEST_CASE("of two commits the later one in the log counts, however they finish") {
  GroupOffsets offsets;
  offsets.stage("t", 0, 1);
  offsets.stage("t", 0, 2);
  offsets.finish("t", 0, 2, committed(20), Offset(11));
  offsets.finish("t", 0, 1, committed(10), Offset(10));
  CHECK_EQ(offset_of(offsets, "t", 0), 20);
}

// The later one's batch was refused while the earlier one's waited for its replicas; the earlier
// one was answered with NONE and could not be read.
TEST_CASE("a commit that failed takes no other one with it") {
  GroupOffsets offsets;
  offsets.stage("t", 0, 1);
  offsets.stage("t", 0, 2);
  offsets.fail("t", 0, 2);
  CHECK(offsets.has_pending("t", 0));
  offsets.finish("t", 0, 1, committed(10), Offset(10));
  CHECK_EQ(offset_of(offsets, "t", 0), 10);
  CHECK(!offsets.has_pending("t", 0));
}

TEST_CASE("a commit from before a removal does not count behind it") {
  GroupOffsets offsets;
  offsets.stage("t", 0, 1);
  CHECK(!offsets.remove("t", 0));
  offsets.stage("t", 0, 2);
  offsets.finish("t", 0, 1, committed(10), Offset(10));
  CHECK_EQ(offset_of(offsets, "t", 0), -1);
  offsets.fail("t", 0, 2);
  CHECK(offsets.empty());
}

TEST_CASE("what was removed does not come back with a commit under way") {
  GroupOffsets offsets;
  offsets.stage("t", 0, 1);
  CHECK(!offsets.remove("t", 0));
  offsets.finish("t", 0, 1, committed(10), Offset(10));
  CHECK(offsets.empty());
  offsets.load("t", 0, committed(1), Offset(1));
  offsets.load("t", 3, committed(3), Offset(2));
  CHECK(offsets.remove("t", 0));
  CHECK_EQ(offsets.remove_all(), std::vector<base::TopicPartition>{{"t", 3}});
  CHECK(offsets.empty());
}

TEST_CASE("transactional offsets wait for their marker and give way to newer ones") {
  const base::ProducerId producer(7);
  GroupOffsets offsets;
  offsets.load_pending(producer, "t", 0, committed(10), Offset(1));
  offsets.load_pending(producer, "t", 1, committed(11), Offset(1));
  offsets.load("t", 1, committed(99), Offset(5));
  CHECK(offsets.has_pending("t", 0));
  CHECK_EQ(offset_of(offsets, "t", 0), -1);
  offsets.end_transaction(producer, true);
  CHECK_EQ(offset_of(offsets, "t", 0), 10);
  CHECK_EQ(offset_of(offsets, "t", 1), 99);
  offsets.load_pending(producer, "t", 0, committed(50), Offset(9));
  offsets.end_transaction(producer, false);
  CHECK_EQ(offset_of(offsets, "t", 0), 10);
  CHECK(!offsets.has_pending("t", 0));
}

TEST_CASE("the table of expiry") {
  const std::set<std::string> subscribed = {"used"};
  struct Case {
    const char* what;
    GroupState state;
    std::string_view type;
    std::optional<std::int64_t> state_ms;
    const std::set<std::string>* topics;
    const char* topic;
    std::int64_t commit_ms;
    std::int64_t expire_ms;
    bool expires;
  };
  // Now is 1000, the retention 100.
  const Case cases[] = {
      {"standalone, old", GroupState::empty, "", std::nullopt, nullptr, "t", 900, -1, true},
      {"standalone, young", GroupState::empty, "", std::nullopt, nullptr, "t", 901, -1, false},
      {"empty for long, young commit", GroupState::empty, "consumer", 900, nullptr, "t", 999, -1,
       true},
      {"empty since shortly, old commit", GroupState::empty, "consumer", 901, nullptr, "t", 1, -1,
       false},
      {"empty, unknown since when", GroupState::empty, "consumer", std::nullopt, nullptr, "t", 900,
       -1, true},
      {"empty, other type", GroupState::empty, "connect", 900, nullptr, "t", 999, -1, true},
      {"stable, subscribed", GroupState::stable, "consumer", 1, &subscribed, "used", 1, -1, false},
      {"stable, not subscribed, old", GroupState::stable, "consumer", 1, &subscribed, "t", 900, -1,
       true},
      {"stable, not subscribed, young", GroupState::stable, "consumer", 1, &subscribed, "t", 901,
       -1, false},
      {"stable, subscription unknown", GroupState::stable, "consumer", 1, nullptr, "t", 1, -1,
       false},
      {"stable, other type", GroupState::stable, "connect", 1, &subscribed, "t", 1, -1, false},
      {"preparing", GroupState::preparing_rebalance, "consumer", 1, &subscribed, "t", 1, -1, false},
      {"completing", GroupState::completing_rebalance, "consumer", 1, &subscribed, "t", 1, -1,
       false},
      {"given time has come", GroupState::empty, "consumer", 999, nullptr, "t", 999, 1000, true},
      {"given time has not come", GroupState::empty, "consumer", 1, nullptr, "t", 1, 1001, false},
      {"given time, but subscribed", GroupState::stable, "consumer", 1, &subscribed, "used", 1, 500,
       false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CommittedOffset offset = committed(1, c.commit_ms);
    offset.expire_timestamp_ms = c.expire_ms;
    GroupOffsets offsets;
    offsets.load(c.topic, 0, offset, Offset(1));
    ExpiryView view;
    view.state = c.state;
    view.protocol_type = c.type;
    view.state_timestamp_ms = c.state_ms;
    view.subscribed_topics = c.topics;
    view.wall_ms = 1000;
    view.retention_ms = 100;
    CHECK_EQ(offsets.take_expired(view).size(), c.expires ? 1 : 0);
    CHECK_EQ(offsets.empty(), c.expires);
  }
}

TEST_CASE("an offset does not expire under a commit") {
  GroupOffsets offsets;
  offsets.load("t", 0, committed(1, 1), Offset(1));
  offsets.stage("t", 0, 9);
  ExpiryView view;
  view.wall_ms = 1000;
  view.retention_ms = 100;
  CHECK(offsets.take_expired(view).empty());
  offsets.fail("t", 0, 9);
  CHECK_EQ(offsets.take_expired(view).size(), 1);
}
