// Goal: a group goes on from its record, also from one that no broker should have written; what it
// tells about itself; subscriptions and histories.
#include "broker/groups/subscription.h"
#include "test/unit/broker/groups/group_bench.h"

using namespace groups;
using protocol::ErrorCode;

namespace {

GroupRecord a_record(std::vector<std::string> ids) {
  GroupRecord record;
  record.protocol_type = "consumer";
  record.generation = 7;
  record.protocol = "range";
  record.leader = "b";
  record.state_timestamp_ms = 1234;
  for (const std::string& each : ids) {
    record.members.push_back({.member_id = each,
                              .client_id = "c",
                              .client_host = "/h",
                              .rebalance_timeout_ms = 60'000,
                              .session_timeout_ms = 10'000,
                              .subscription = subscription_to({"t-" + each}),
                              .assignment = "of " + each});
  }
  return record;
}

void load(Bench& bench, GroupRecord record) {
  bench.group =
      std::make_unique<Group>("g", bench.settings, bench.store, std::move(record), bench.now);
}

}  // namespace

TEST_CASE("a loaded group is stable, and each member has a session from then on") {
  Bench bench;
  load(bench, a_record({"a", "b"}));
  CHECK_EQ(bench.group->state(), GroupState::stable);
  CHECK_EQ(bench.group->record().leader, "b");
  CHECK_EQ(bench.group->state_timestamp_ms(), 1234);
  CHECK_EQ(bench.sync("a")->get().assignment, "of a");
  bench.pass(9999);
  CHECK_EQ(bench.beat("a"), ErrorCode::kNone);
  bench.pass(1);
  CHECK_EQ(bench.group->member_count(), 1);
}

TEST_CASE("a loaded group without members is empty") {
  Bench bench;
  load(bench, a_record({}));
  CHECK_EQ(bench.group->state(), GroupState::empty);
  CHECK_EQ(bench.group->generation(), 7);
  CHECK_EQ(bench.group->next_deadline_ms(), Group::kNever);
  CHECK(bench.group->subscribed_topics().value().empty());
}

TEST_CASE("a loaded group above group.max.size rebalances at once") {
  Bench bench({.max_size = 1});
  load(bench, a_record({"a", "b"}));
  CHECK_EQ(bench.group->state(), GroupState::preparing_rebalance);
  const Joined first = bench.join(a_join("a"));
  CHECK_EQ(bench.join(a_join("b"))->error(), ErrorCode::kGroupMaxSizeReached);
  CHECK_EQ(first->get().generation, 8);
}

TEST_CASE("a loaded group of group.max.size is stable") {
  Bench bench({.max_size = 2});
  load(bench, a_record({"a", "b"}));
  CHECK_EQ(bench.group->state(), GroupState::stable);
}

TEST_CASE("a damaged record: ids twice, a leader that is no member, no protocol, odd numbers") {
  Bench bench;
  GroupRecord record = a_record({"a", "b", "a", "d"});
  record.members[1].instance_id = record.members[3].instance_id = "i";
  record.members[0].session_timeout_ms = -5;
  record.members[0].rebalance_timeout_ms = -5;
  record.leader = "z";
  record.protocol.reset();
  record.generation = std::numeric_limits<std::int32_t>::max();
  load(bench, std::move(record));
  CHECK_EQ(bench.group->member_count(), 2);
  CHECK_EQ(bench.group->record().leader, "a");
  bench.pass(100'000);
  CHECK_EQ(bench.group->state(), GroupState::empty);
  CHECK_EQ(bench.group->generation(), 1);
}

TEST_CASE("metadata and assignments are shown in Stable only") {
  Bench bench;
  load(bench, a_record({"a", "b"}));
  GroupDescription shown = bench.group->describe();
  CHECK_EQ(shown.protocol, "range");
  CHECK_EQ(shown.members[0].assignment, "of a");
  CHECK_EQ(shown.members[0].subscription, subscription_to({"t-a"}));
  bench.join(a_join("b"));
  shown = bench.group->describe();
  CHECK_EQ(shown.state, GroupState::preparing_rebalance);
  CHECK_EQ(shown.protocol, "");
  CHECK_EQ(shown.protocol_type, "consumer");
  CHECK_EQ(shown.members[0].assignment, "");
  CHECK_EQ(shown.members[0].subscription, "");
  CHECK_EQ(shown.members[0].client_host, "/h");
}

TEST_CASE("subscribed topics are the union of what members told, if all can be read") {
  Bench bench;
  CHECK(!bench.group->subscribed_topics());  // it has no type yet
  load(bench, a_record({"a", "b"}));
  CHECK_EQ(bench.group->subscribed_topics().value(), std::set<std::string>{"t-a", "t-b"});
  GroupRecord damaged = a_record({"a", "b"});
  damaged.members[1].subscription = "?";
  load(bench, std::move(damaged));
  CHECK(!bench.group->subscribed_topics());
  GroupRecord connect = a_record({"a"});
  connect.protocol_type = "connect";
  load(bench, std::move(connect));
  CHECK(!bench.group->subscribed_topics());
}

TEST_CASE("a subscription of any version; cut short anywhere it is an error") {
  std::string bytes = subscription_to({"one", "two"});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK(!parse_subscribed_topics(std::string_view(bytes).substr(0, size)));
  }
  for (const char version : {'\0', '\1', '\3', '\x63'}) {
    bytes[1] = version;
    const auto topics = parse_subscribed_topics(bytes + "what later versions add");
    REQUIRE(topics);
    CHECK_EQ(*topics, std::vector<std::string>{"one", "two"});
  }
  CHECK(!parse_subscribed_topics(std::string("\0\0\xff\xff\xff\xff", 6)));      // null array
  CHECK(!parse_subscribed_topics(std::string("\0\0\x7f\xff\xff\xff\0\0", 8)));  // more than fit
  CHECK(!parse_subscribed_topics(std::string("\0\0\0\0\0\0\xff\xff\xff\xfe", 10)));
}

TEST_CASE("a rebalance told in one line") {
  Bench bench;
  const auto ids = bench.stable(2);
  CHECK_EQ(describe("g", bench.group->history().rebalances().back()),
           "group g rebalanced: generation 0 -> 1, 2 members, join 6000 ms (last: c-2 after 0 ms), "
           "sync 0 ms; because c-1 (client c, host /10.0.0.1) is new; c-2 (client c, host "
           "/10.0.0.1) is new");
  bench.leave({ids[1], {}, "line\nbreak"});
  const std::string ongoing = describe("g", bench.group->history().rebalances().back());
  CHECK_EQ(ongoing,
           "group g rebalances: from generation 1; because c-2 (client c, host /10.0.0.1) left "
           "(line?break)");
}

TEST_CASE("a history is bounded and its JSON is always valid") {
  RebalanceHistory history;
  for (int i = 0; i < 30; ++i) {
    history.begin(i, {.now_ms = i, .wall_ms = i});
    for (int cause = 0; cause < 20; ++cause) {
      history.add_cause({.member_id = std::string(1000, '\xc3'), .reason = "\xff\""});
    }
  }
  CHECK_EQ(history.rebalances().size(), RebalanceHistory::kKept);
  CHECK_EQ(history.rebalances().front().from_generation, 10);
  CHECK_EQ(history.rebalances().back().causes.size(), RebalanceHistory::kCausesKept);
  CHECK_EQ(history.rebalances().back().dropped_causes, 4);
  const std::string json = to_json(history);
  CHECK_EQ(json.find('\xc3'), std::string::npos);
  CHECK_NE(json.find("\"kind\":\"member_joined\""), std::string::npos);
  CHECK_NE(json.find("\"to_generation\":-1"), std::string::npos);
  CHECK_EQ(to_json(RebalanceHistory()), "[]");
}
