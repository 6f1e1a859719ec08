// Goal: kafka-get-offsets picks the partitions that its rules name, kafka-broker-api-versions
// prints ranges as Kafka 3.9 does, properties come from arguments as from files.
#include <doctest/doctest.h>

#include "tools/broker_api_versions.h"
#include "tools/partition_filter.h"
#include "tools/properties_arguments.h"

TEST_CASE("partitions by topic and list") {
  const auto filter = tools::PartitionFilter::of_topic("t.*", "0,2");
  REQUIRE(filter);
  CHECK(filter->matches("t1", 2));
  CHECK_FALSE(filter->matches("t1", 1));
  CHECK_FALSE(filter->matches("u", 2));
  CHECK(tools::PartitionFilter::of_topic(std::nullopt, "")->matches("any", 9));
  CHECK_FALSE(tools::PartitionFilter::of_topic("t", "0,x"));
}

TEST_CASE("partitions by rules") {
  const auto filter = tools::PartitionFilter::of_rules("t:0-3,u:1,:5-,w:-1,x");
  REQUIRE(filter);
  CHECK(filter->matches("t", 2));
  CHECK_FALSE(filter->matches("t", 3));  // the upper bound is exclusive
  CHECK(filter->matches("u", 1));
  CHECK_FALSE(filter->matches("u", 2));
  CHECK(filter->matches("any", 5));
  CHECK(filter->matches("w", 0));
  CHECK_FALSE(filter->matches("w", 1));
  CHECK(filter->matches("x", 0));
  CHECK_FALSE(tools::PartitionFilter::of_rules("t:a"));
  CHECK_FALSE(tools::PartitionFilter::of_rules("t:1-x"));
}

TEST_CASE("API versions") {
  client::ApiVersionRanges ranges;
  ranges.set(0, {0, 99});
  ranges.set(7, {3, 3});
  ranges.set(1, {90, 99});
  ranges.set(999, {1, 2});
  const std::string text = tools::format_api_versions(ranges);
  CHECK(
      text.starts_with("(\n\tProduce(0): 0 to 99 [usable: 11],\n\tFetch(1): 90 to 99 [unusable: "
                       "node too new],\n\tListOffsets(2): UNSUPPORTED,\n"));
  CHECK(text.find("\tControlledShutdown(7): 3 [usable: 3],\n") != std::string::npos);
  CHECK(text.find("\tDescribeTopicPartitions(75): UNSUPPORTED,\n") != std::string::npos);
  CHECK(text.ends_with(",\n\tUNKNOWN(999): 1 to 2\n)"));
}

TEST_CASE("properties as arguments") {
  config::Properties properties;
  tools::add_key_values(properties, {"a=1", "b=x=y", "c", "a=2"});
  CHECK(properties.value_or("a", "") == "2");
  CHECK(properties.value_or("b", "") == "x=y");
  CHECK(properties.contains("c"));
}
