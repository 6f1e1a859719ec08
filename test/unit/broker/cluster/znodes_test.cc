// Goal: what is written is, byte for byte, what Kafka 3.9 (Scala 2.13) writes, and what any version
// of Kafka wrote is read. Method: golden JSON both ways, then documents that must be refused.
#include <doctest/doctest.h>

#include <time.h>

#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/admin_requests.h"
#include "broker/cluster/znodes/broker_info.h"
#include "broker/cluster/znodes/cluster_state.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "broker/cluster/znodes/controller_info.h"
#include "broker/cluster/znodes/notifications.h"
#include "broker/cluster/znodes/partition_state.h"
#include "broker/cluster/znodes/topic_assignment.h"

using namespace cluster;
using config::InterBrokerProtocol;
using config::SecurityProtocol;

namespace {

bool is_corrupt(const auto& result) {
  return !result.has_value() && result.error().is(base::Errc::corrupt);
}

BrokerInfo sample_broker() {
  BrokerInfo broker;
  broker.id = 1;
  broker.endpoints = {{"PLAINTEXT", SecurityProtocol::plaintext, "h1", 9092}};
  broker.timestamp_ms = 1700000000000;
  return broker;
}

}  // namespace

TEST_CASE("broker registration is written in the version of the inter-broker protocol") {
  BrokerInfo broker = sample_broker();
  CHECK(encode_broker_info(broker, InterBrokerProtocol::v3_9_iv0) ==
        R"({"features":{},"listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT"},)"
        R"("endpoints":["PLAINTEXT://h1:9092"],"jmx_port":-1,"port":9092,"host":"h1","version":5,)"
        R"("timestamp":"1700000000000"})");
  broker.rack = "r/1";
  broker.endpoints.insert(broker.endpoints.begin(),
                          {"IN", SecurityProtocol::sasl_ssl, "::1", 9093});
  CHECK(encode_broker_info(broker, InterBrokerProtocol::v2_4_iv1) ==
        R"({"listener_security_protocol_map":{"IN":"SASL_SSL","PLAINTEXT":"PLAINTEXT"},)"
        R"("endpoints":["IN://[::1]:9093","PLAINTEXT://h1:9092"],"rack":"r/1","jmx_port":-1,)"
        R"("port":9092,"host":"h1","version":4,"timestamp":"1700000000000"})");
  broker.endpoints.pop_back();
  CHECK(encode_broker_info(broker, InterBrokerProtocol::v0_10_0_iv0) ==
        R"({"endpoints":["IN://[::1]:9093"],"jmx_port":-1,"port":-1,"host":null,"version":2,)"
        R"("timestamp":"1700000000000"})");
}

TEST_CASE("broker registration is read in every version") {
  BrokerInfo broker = sample_broker();
  broker.rack = "r1";
  broker.features["f"] = {1, 3};
  broker.endpoints.push_back({"IN", SecurityProtocol::ssl, "::1", 9093});
  broker.version = 5;
  const auto again =
      decode_broker_info(1, encode_broker_info(broker, InterBrokerProtocol::v3_9_iv0));
  REQUIRE(again.has_value());
  CHECK(*again == broker);

  const auto v1 = decode_broker_info(
      3, R"({"jmx_port":9999,"timestamp":"17","host":"old","version":1,"port":9092})");
  REQUIRE(v1.has_value());
  CHECK(v1->endpoints ==
        std::vector<config::Listener>{{"PLAINTEXT", SecurityProtocol::plaintext, "old", 9092}});
  const auto v3 = decode_broker_info(
      3, R"({"jmx_port":-1,"host":null,"version":3,"port":-1,"endpoints":["SSL://a_b:1"],"x":1})");
  REQUIRE(v3.has_value());
  CHECK(v3->find_endpoint("SSL")->host == "a_b");
  CHECK(v3->find_endpoint("PLAINTEXT") == nullptr);
}

TEST_CASE("a broken broker registration is refused") {
  for (const char* text : {
           "",
           "{",
           "[]",
           R"({"version":0,"jmx_port":-1,"endpoints":[]})",
           R"({"version":5,"endpoints":[]})",
           R"({"version":2,"jmx_port":-1,"endpoints":["NAMED://h:1"]})",
           R"({"version":2,"jmx_port":-1,"endpoints":["SSL://h:port"]})",
           R"({"version":2,"jmx_port":-1,"endpoints":["SSL://h"]})",
           R"({"version":2,"jmx_port":-1,"endpoints":[7]})",
           R"({"version":5,"jmx_port":99999999999,"endpoints":[]})",
           R"({"version":4,"jmx_port":-1,"endpoints":["A://h:1"],)"
           R"("listener_security_protocol_map":{"A":"X"}})",
       }) {
    CAPTURE(text);
    CHECK(is_corrupt(decode_broker_info(1, text)));
  }
}

TEST_CASE("topic assignment") {
  TopicAssignment topic;
  topic.topic_id = base::Uuid::parse("qCqvWVu9Q6OJ_udtfKYegA");
  topic.partitions[0].replicas = {1};
  CHECK(encode_topic_assignment(topic) ==
        R"({"partitions":{"0":[1]},"topic_id":"qCqvWVu9Q6OJ_udtfKYegA","adding_replicas":{},)"
        R"("removing_replicas":{},"version":3})");
  topic.partitions[2] = {{3, 1}, {3}, {1}};
  topic.partitions[10] = {{4}, {}, {}};
  const std::string text = encode_topic_assignment(topic);
  CHECK(text == R"({"partitions":{"0":[1],"2":[3,1],"10":[4]},"topic_id":"qCqvWVu9Q6OJ_udtfKYegA",)"
                R"("adding_replicas":{"2":[3]},"removing_replicas":{"2":[1]},"version":3})");
  REQUIRE(decode_topic_assignment(text).has_value());
  CHECK(*decode_topic_assignment(text) == topic);
  CHECK(topic.partitions[2].originals() == ReplicaList{1});
  CHECK(topic.partitions[2].target() == ReplicaList{3});
  CHECK(topic.partitions[2].is_being_reassigned());

  const auto v1 = decode_topic_assignment(R"({"version":1,"partitions":{"0":[1,2],"1":[2,3]}})");
  REQUIRE(v1.has_value());
  CHECK(!v1->topic_id);
  CHECK(v1->partitions.at(1).replicas == ReplicaList{2, 3});
  for (const char* broken : {"{}", R"({"partitions":[]})", R"({"partitions":{"a":[1]}})",
                             R"({"partitions":{"0":["1"]}})", R"({"partitions":{"-1":[1]}})",
                             R"({"partitions":{},"topic_id":"short"})"}) {
    CAPTURE(broken);
    CHECK(is_corrupt(decode_topic_assignment(broken)));
  }
}

TEST_CASE("partition state") {
  PartitionState state{1, 7, {1, 2}, 5, false};
  CHECK(encode_partition_state(state) ==
        R"({"controller_epoch":5,"leader":1,"version":1,"leader_epoch":7,"isr":[1,2]})");
  state.recovering = true;
  const std::string text = encode_partition_state(state);
  CHECK(text.ends_with(R"("isr":[1,2],"leader_recovery_state":1})"));
  REQUIRE(decode_partition_state(text).has_value());
  CHECK(*decode_partition_state(text) == state);
  CHECK(is_corrupt(decode_partition_state(R"({"leader":1,"leader_epoch":7,"isr":[1,2]})")));
  CHECK(is_corrupt(
      decode_partition_state(R"({"controller_epoch":5,"leader":1,"leader_epoch":7,"isr":1})")));
}

TEST_CASE("controller") {
  const ControllerInfo info{1, 1700000000000, -1};
  CHECK(encode_controller_info(info) ==
        R"({"version":2,"brokerid":1,"timestamp":"1700000000000","kraftControllerEpoch":-1})");
  CHECK(*decode_controller_info(encode_controller_info(info)) == info);
  CHECK(*decode_controller_info(R"({"brokerid":4})") == ControllerInfo{4, 0, -1});
  CHECK(is_corrupt(decode_controller_info(R"({"brokerid":"4"})")));
  CHECK(encode_controller_epoch(12) == "12");
  CHECK(*decode_controller_epoch("12") == 12);
  CHECK(is_corrupt(decode_controller_epoch("")));
  CHECK(is_corrupt(decode_controller_epoch("1x")));
}

TEST_CASE("configs and their changes") {
  const config::ConfigMap config = {{"retention.ms", "1"}, {"ключ", "a\"b"}};
  CHECK(encode_config({}) == R"({"version":1,"config":{}})");
  CHECK(encode_config(config) == R"({"version":1,"config":{"retention.ms":"1","ключ":"a\"b"}})");
  CHECK(*decode_config(encode_config(config)) == config);
  CHECK(decode_config("")->empty());
  CHECK(decode_config(R"({"version":1})")->empty());
  CHECK(is_corrupt(decode_config(R"({"version":1,"config":["a"]})")));
  std::vector<std::string> dropped;
  CHECK(*decode_config(R"({"version":1,"config":{"a":1,"b":"2","c":null}})", &dropped) ==
        config::ConfigMap{{"b", "2"}});
  CHECK(dropped == std::vector<std::string>{"a", "c"});

  CHECK(encode_config_notification({"topics/t"}) == R"({"version":2,"entity_path":"topics/t"})");
  const auto change =
      decode_config_notification(R"({"version":2,"entity_path":"users/u/clients/c"})");
  REQUIRE(change.has_value());
  CHECK(change->type() == "users");
  CHECK(change->name() == "u/clients/c");
  CHECK(decode_config_notification(R"({"version":1,"entity_type":"topics","entity_name":"t"})")
            ->entity_path == "topics/t");
  CHECK(is_corrupt(
      decode_config_notification(R"({"version":1,"entity_type":"brokers","entity_name":"1"})")));
  CHECK(is_corrupt(decode_config_notification(R"({"version":3,"entity_path":"topics/t"})")));
  CHECK(is_corrupt(decode_config_notification(R"({"version":2,"entity_path":"topics"})")));
  CHECK(is_corrupt(decode_config_notification(R"({"version":2,"entity_path":"topics//t"})")));
}

TEST_CASE("notifications and admin requests") {
  const std::vector<base::TopicPartition> partitions = {{"t", 0}, {"u", 3}};
  const std::string list =
      R"({"version":1,"partitions":[{"topic":"t","partition":0},{"topic":"u","partition":3}]})";
  CHECK(encode_isr_change(partitions) == list);
  CHECK(*decode_isr_change(list) == partitions);
  CHECK(encode_preferred_election(partitions) == list);
  CHECK(*decode_preferred_election(list) == partitions);
  CHECK(is_corrupt(decode_isr_change(R"({"partitions":[{"topic":"t"}]})")));
  CHECK(encode_log_dir_event(1) == R"({"version":1,"broker":1,"event":1})");
  CHECK(*decode_log_dir_event(R"({"version":1,"broker":7,"event":1})") == 7);

  const Reassignments moves = {{{"t", 0}, {1, 2}}};
  const std::string text =
      R"({"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2]}]})";
  CHECK(encode_reassignments(moves) == text);
  CHECK(*decode_reassignments(text) == moves);
  // The tool's own JSON has log_dirs; Kafka refuses it here, and so must we.
  CHECK(is_corrupt(decode_reassignments(
      R"({"partitions":[{"topic":"t","partition":0,"replicas":[1],"log_dirs":["any"]}]})")));
  CHECK(is_corrupt(decode_reassignments(R"({"partitions":[],"x":1})")));
}

TEST_CASE("cluster id, producer id blocks, features") {
  CHECK(encode_cluster_id("abc") == R"({"version":"1","id":"abc"})");
  CHECK(*decode_cluster_id(R"({"version":"1","id":"abc"})") == "abc");
  CHECK(is_corrupt(decode_cluster_id(R"({"version":"1"})")));

  const ProducerIdBlock first = *next_producer_id_block(std::nullopt, 1);
  CHECK(encode_producer_id_block(first) ==
        R"({"version":1,"broker":1,"block_start":"0","block_end":"999"})");
  const ProducerIdBlock second = *next_producer_id_block(first, 2);
  CHECK(second == ProducerIdBlock{2, 1000, 1999});
  CHECK(**decode_producer_id_block(encode_producer_id_block(second)) == second);
  CHECK(!decode_producer_id_block("")->has_value());
  CHECK(is_corrupt(decode_producer_id_block(R"({"broker":1,"block_start":"5","block_end":"4"})")));
  CHECK(!next_producer_id_block(ProducerIdBlock{1, 0, std::numeric_limits<std::int64_t>::max()}, 1)
             .has_value());

  CHECK(encode_feature_node({}) == R"({"features":{},"version":2,"status":1})");
  FeatureNode old{1, false, {{"f", {1, 2}}}};
  const std::string text =
      R"({"features":{"f":{"min_version_level":1,"max_version_level":2}},"version":1,"status":0})";
  CHECK(encode_feature_node(old) == text);
  CHECK(*decode_feature_node(text) == old);
  CHECK(is_corrupt(decode_feature_node(R"({"features":{},"version":3,"status":1})")));
  CHECK(is_corrupt(decode_feature_node(R"({"features":{},"version":2})")));
}

TEST_CASE("paths and the numbers in them") {
  CHECK(paths::partition_state("t", 3) == "/brokers/topics/t/partitions/3/state");
  CHECK(paths::config("topics/t") == paths::topic_config("t"));
  CHECK(paths::parse_number("12") == 12);
  CHECK(!paths::parse_number("12a"));
  CHECK(!paths::parse_number("99999999999"));
  CHECK(paths::parse_sequence("config_change_0000000012", "config_change_") == 12);
  CHECK(!paths::parse_sequence("config_change_", "config_change_"));
  CHECK(!paths::parse_sequence("other_1", "config_change_"));
}

// Story: each partition's key was looked for among all before it; 10,000 partitions held the
// control loop for more than a second.
TEST_CASE("a topic of many partitions is written as fast as a small one, per partition") {
  const auto cost_ns = [](int partitions) {
    cluster::TopicAssignment assignment;
    for (int i = 0; i < partitions; ++i) assignment.partitions[i].replicas = {1, 2, 3};
    const auto cpu_ns = [] {
      timespec now{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
    };
    const auto begin = cpu_ns();
    const std::string json = cluster::encode_topic_assignment(assignment);
    const auto end = cpu_ns();
    CHECK(cluster::decode_topic_assignment(json)->partitions == assignment.partitions);
    return end - begin;
  };
  (void)cost_ns(500);
  const auto few = cost_ns(2'500);
  const auto many = cost_ns(20'000);
  CHECK(many < 24 * few);  // 64 times as much if it were quadratic
}
