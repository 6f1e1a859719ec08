// Goal: what a broker, or a controller, has missed is made good: orders that were dropped, topics
// that came, went or were closed meanwhile.
#include <doctest/doctest.h>

#include "test/unit/broker/controller/cluster_fixture.h"

namespace controller {
namespace {

TEST_CASE_FIXTURE(ClusterFixture, "a broker that answers again is told everything") {
  create("going", {{1, 2}});
  create("u", {{3, 1}});
  start();
  tell_storage_error(2, 1, ErrorCode::kKafkaStorageError);
  mark_for_deletion("going");
  sent.all.clear();
  channels.dropped[2] = {{"gone", 0}, {"u", 7}};
  REQUIRE(run(brokers.on_answering_again(2)));
  CHECK(channels.full_orders.empty());
  std::vector<UpdateMetadataRequest> updates;
  for (auto& [broker, request] : sent.of<UpdateMetadataRequest>()) {
    if (broker == 2) updates.push_back(std::move(request));
  }
  REQUIRE(updates.size() >= 2);
  // First what is gone, then what is there.
  std::vector<std::string> gone;
  for (const auto& topic : updates[0].topic_states) {
    gone.push_back(topic.topic_name);
    for (const auto& partition : topic.partition_states) CHECK(partition.leader == -2);
  }
  CHECK(gone == std::vector<std::string>{"going", "gone", "u"});
  REQUIRE(updates[1].topic_states.size() == 2);
  CHECK(updates[1].topic_states[0].topic_name == "t");
  CHECK(updates[1].topic_states[1].topic_name == "u");
  const auto orders = sent.of<LeaderAndIsrRequest>();
  REQUIRE(orders.size() == 1);
  CHECK(orders[0].first == 2);
  REQUIRE(orders[0].second.topic_states.size() == 1);
  REQUIRE(orders[0].second.topic_states[0].partition_states.size() == 1);
  CHECK(orders[0].second.topic_states[0].partition_states[0].partition_index == 0);
  // The failed replica stays stopped; the deletion still waits for this broker.
  const auto stops = sent.of<StopReplicaRequest>();
  REQUIRE(stops.size() == 1);
  REQUIRE(stops[0].second.topic_states.size() == 2);
  CHECK(stops[0].second.topic_states[0].topic_name == "going");
  CHECK(stops[0].second.topic_states[0].partition_states[0].delete_partition);
  CHECK(stops[0].second.topic_states[1].topic_name == "t");
  CHECK(!stops[0].second.topic_states[1].partition_states[0].delete_partition);

  // Nothing was dropped, as for a broker that has registered again meanwhile.
  sent.all.clear();
  REQUIRE(run(brokers.on_answering_again(2)));
  CHECK(sent.all.empty());
}

TEST_CASE_FIXTURE(ClusterFixture,
                  "a topic whose znodes are closed to us costs nothing but itself") {
  start();
  store.closed_topics = {"u"};
  create("u", {{1, 2}});  // its id cannot be written
  CHECK(env.context.is_unreadable("u"));
  CHECK(std::as_const(env.context).find_topic("u") == nullptr);
  create("v", {{1, 2}});
  CHECK(state("v", 0).state.leader == 1);
  mark_for_deletion("u");  // waits until it is known what it is
  CHECK(store.deletion_markers.contains("u"));
  store.closed_topics = {"t"};
  sent.all.clear();
  mark_for_deletion("t");
  mark_for_deletion("v");
  confirm_deletions();
  CHECK(!store.topics.contains("v"));
  CHECK(store.topics.contains("t"));
  CHECK(store.deletion_markers.contains("t"));
  CHECK(env.context.find_topic("t")->removal_refused);
  // Opened again, which no watch tells.
  store.closed_topics.clear();
  REQUIRE(run(topics.retry_refused()));
  CHECK(!store.topics.contains("t"));
  CHECK(!store.deletion_markers.contains("t"));
  CHECK(!env.context.is_unreadable("u"));
  CHECK(store.states.contains({"u", 0}));
  CHECK(env.context.is_queued_for_deletion("u"));
  confirm_deletions();
  CHECK(!store.topics.contains("u"));
}

TEST_CASE_FIXTURE(ClusterFixture, "a new controller removes what is left of a deleted topic") {
  start();
  store.deletion_markers = {"gone"};
  env.context.clear();
  env.context.epoch = 2;
  REQUIRE(take_over());
  CHECK(store.deletion_markers.empty());
}

TEST_CASE_FIXTURE(ClusterFixture, "topics come and go between two looks") {
  for (const char* name : {"b", "d", "f", "z"}) store.add_topic(name, {{1}});
  start();
  store.topics.erase("b");
  store.topics.erase("z");
  store.topics.erase("d");
  for (const char* name : {"a", "e", "y"}) store.add_topic(name, {{1}});
  REQUIRE(run(topics.on_topics_changed()));
  std::string known;
  for (const auto& [name, topic] : env.context.topics()) known += name;
  CHECK(known == "aefty");
  for (const char* name : {"a", "e", "y"}) CHECK(state(name).state.leader == 1);
}

}  // namespace
}  // namespace controller
