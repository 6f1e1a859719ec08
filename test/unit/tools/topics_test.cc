// Goal: kafka-topics reads its command line as Kafka does and describes topics line by line as
// Kafka 2.4 and 3.9 do.
#include <doctest/doctest.h>

#include "tools/topic_filter.h"
#include "tools/topics/command.h"
#include "tools/topics/description.h"
#include "tools/topics/placement.h"

namespace {

using tools::Arguments;

std::string usage_error(Arguments arguments) {
  const auto options = tools::parse_options(topics::option_table(), arguments);
  if (!options) return options.error().message;
  const auto checked = topics::check_options(*options);
  return checked ? "" : checked.error().message;
}

tools::Outcome<topics::Command> read(Arguments arguments) {
  return topics::read_command(*tools::parse_options(topics::option_table(), arguments));
}

topics::TopicDescription sample() {
  topics::TopicDescription topic;
  topic.name = "t";
  topic.id = *base::Uuid::parse("qCqvWVu9Q6OJ_udtfKYegA");
  topic.configs = {{"retention.ms", "1000"}, {"cleanup.policy", "compact"}};
  topic.min_insync_replicas = 2;
  topic.partitions = {{0, 1, {1, 2}, {1, 2}}, {1, 2, {2, 1}, {2}}, {2, std::nullopt, {3, 1}, {}}};
  return topic;
}

}  // namespace

TEST_CASE("combinations of options") {
  CHECK(usage_error({"--list", "--bootstrap-server", "h:1"}).empty());
  CHECK(usage_error({"--list"}) == "--bootstrap-server must be specified");
  CHECK(usage_error({"--list", "--create"}) ==
        "Command must include exactly one action: --list, --describe, --create, --alter or "
        "--delete");
  CHECK(usage_error({"--create", "--zookeeper", "h:1", "--topic", "t"}) ==
        "Missing required argument \"[partitions]\"");
  CHECK(usage_error({"--create", "--bootstrap-server", "h:1", "--topic", "t"}).empty());
  CHECK(usage_error({"--delete", "--bootstrap-server", "h:1"}) ==
        "Missing required argument \"[topic]\"");
  CHECK(usage_error({"--create", "--bootstrap-server", "h:1", "--topic", "t",
                     "--replica-assignment", "0", "--partitions", "1"}) ==
        "Option \"[replica-assignment]\" can't be used with option \"[partitions]\"");
}

TEST_CASE("assignments and configs") {
  const auto assignment = topics::parse_assignment("0:1,1:2, 2 : 0");
  REQUIRE(assignment);
  CHECK(assignment->at(2) == cluster::ReplicaList{2, 0});
  CHECK(topics::parse_assignment("0:0").error().message ==
        "Partition replica lists may not contain duplicate entries: 0");
  CHECK(topics::parse_assignment("0:1,2").error().message ==
        "Partition 1 has different replication factor: [2]");
  CHECK_FALSE(topics::parse_assignment("0,x"));
  CHECK(topics::parse_configs({"a = b", "c=d=e"})->at("a") == "b");
  CHECK_FALSE(topics::parse_configs({"a"}));
  CHECK(read({"--config", "nope=1"}).error().message == "Unknown topic config name: nope");
  CHECK(read({"--config", "retention.ms=5"})->configs.at("retention.ms") == "5");
}

TEST_CASE("topics by regular expression") {
  const auto matches = [](const char* pattern, const char* topic, bool exclude_internal = false) {
    return tools::TopicFilter::compile(pattern, exclude_internal)->matches(topic);
  };
  CHECK(matches("test", "test"));
  CHECK_FALSE(matches("test", "test2"));
  CHECK(matches("test.*", "test2"));
  CHECK(matches("a,b", "b"));
  CHECK(matches("\"test\\.topic\"", "test.topic"));
  CHECK_FALSE(matches("test\\.topic", "testxtopic"));
  CHECK_FALSE(matches(".*", "__consumer_offsets", true));
  CHECK(matches(".*", "__consumer_offsets"));
  CHECK(tools::TopicFilter::compile("(", false).error().message == "( is an invalid regex.");
}

TEST_CASE("describe") {
  const auto topic = sample();
  CHECK(topics::describe(topic, {}, {1, 2}, topics::Form::kafka_2_4) ==
        "Topic: t\tPartitionCount: 3\tReplicationFactor: 2\tConfigs: "
        "retention.ms=1000,cleanup.policy=compact\n"
        "\tTopic: t\tPartition: 0\tLeader: 1\tReplicas: 1,2\tIsr: 1,2\n"
        "\tTopic: t\tPartition: 1\tLeader: 2\tReplicas: 2,1\tIsr: 2\n"
        "\tTopic: t\tPartition: 2\tLeader: none\tReplicas: 3,1\tIsr: \n");
  CHECK(topics::describe(topic, {.overridden_only = true}, {}, topics::Form::kafka_3_9) ==
        "Topic: t\tTopicId: qCqvWVu9Q6OJ_udtfKYegA\tPartitionCount: 3\tReplicationFactor: "
        "2\tConfigs: retention.ms=1000,cleanup.policy=compact\n");
  const std::string last =
      "\tTopic: t\tPartition: 2\tLeader: none\tReplicas: 3,1\tIsr: \tElr: N/A\tLastKnownElr: "
      "N/A\n";
  const std::string second =
      "\tTopic: t\tPartition: 1\tLeader: 2\tReplicas: 2,1\tIsr: 2\tElr: N/A\tLastKnownElr: N/A\n";
  const auto filtered = [&](topics::DescribeFilter filter) {
    return topics::describe(topic, filter, {1}, topics::Form::kafka_3_9);
  };
  CHECK(filtered({.under_replicated = true}) == second + last);
  CHECK(filtered({.unavailable = true}) == second + last);
  CHECK(filtered({.under_min_isr = true}) == second + last);
  CHECK(filtered({.at_min_isr = true}).starts_with("\tTopic: t\tPartition: 0"));
}

TEST_CASE("partitions added through ZooKeeper") {
  cluster::TopicAssignment existing;
  existing.partitions[0].replicas = {1, 0};
  const std::vector<cluster::AssignableBroker> live{{0, {}}, {1, {}}, {2, {}}};
  const auto added = topics::place_more_partitions("t", existing, live, 3, {});
  REQUIRE(added);
  CHECK(added->size() == 2);
  CHECK(added->begin()->first == 1);
  CHECK(topics::place_more_partitions("t", existing, live, 1, {}).error().message ==
        "The number of partitions for a topic can only be increased. Topic t currently has 1 "
        "partitions, 1 would not be an increase.");
  CHECK_FALSE(topics::place_more_partitions("t", existing, live, 2, {{0, {1, 0}}, {1, {7, 8}}}));
}
