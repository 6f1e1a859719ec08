// What a consumer group assigns to this member. A regular expression is matched here, so that
// --include means the same with and without a group; the group sees the list of topics.
#include <fmt/core.h>

#include <chrono>
#include <set>

#include "base/result.h"
#include "tools/console/record_source.h"

namespace console {

using tools::failure;
using tools::Outcome;
using Clock = std::chrono::steady_clock;

namespace {

constexpr std::string_view kOffsetsTopic = "__consumer_offsets";

class GroupSource final : public RecordSource {
 public:
  GroupSource(RdKafkaClient& client, const ConsumerSettings& settings)
      : client_(client), settings_(settings) {
    // Events of the client arrive through next() as well.
    rd_kafka_poll_set_consumer(client.handle());
  }

  Outcome<> look() override {
    TRY(look_for_topics());
    if (!is_settled_) look_for_partitions();
    return {};
  }

  RdKafkaPtr<rd_kafka_message_t> next(int timeout_ms) override {
    return RdKafkaPtr<rd_kafka_message_t>(rd_kafka_consumer_poll(client_.handle(), timeout_ms));
  }

  void stop() override { client_.close_consumer(); }

 private:
  Outcome<> look_for_topics() {
    if (settings_.topic) {
      if (!subscribed_.empty()) return {};
      return subscribe({*settings_.topic});
    }
    if (Clock::now() < next_look_at_) return {};
    const auto metadata = client_.metadata(nullptr, kMetadataTimeoutMs, true);
    std::set<std::string> topics;
    for (int i = 0; metadata && i < (*metadata)->topic_cnt; ++i) {
      const rd_kafka_metadata_topic_t& topic = (*metadata)->topics[i];
      if (settings_.include.matches(topic.topic)) topics.emplace(topic.topic);
    }
    // Without an answer now the next look will do.
    if (metadata && topics != subscribed_) TRY(subscribe(std::move(topics)));
    next_look_at_ = Clock::now() + (subscribed_.empty() ? kLookWaiting : kLookRunning);
    return {};
  }

  // Until this member has partitions, or a user who waits in vain has been told why.
  void look_for_partitions() {
    rd_kafka_topic_partition_list_t* assigned = nullptr;
    if (rd_kafka_assignment(client_.handle(), &assigned) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const RdKafkaPtr<rd_kafka_topic_partition_list_t> owner(assigned);
      is_settled_ = assigned->cnt > 0;
    }
    if (is_settled_ || Clock::now() - began_ <= kPatience) return;
    is_settled_ = true;
    const auto metadata = client_.metadata(nullptr, kMetadataTimeoutMs, true);
    if (metadata) fmt::print(stderr, "WARN Waiting for {}\n", what_is_awaited(**metadata));
  }

  std::string what_is_awaited(const rd_kafka_metadata_t& metadata) const {
    bool has_topic = false;
    bool has_offsets_topic = false;
    for (int i = 0; i < metadata.topic_cnt; ++i) {
      const std::string_view name = metadata.topics[i].topic;
      has_topic |= settings_.topic ? name == *settings_.topic : settings_.include.matches(name);
      has_offsets_topic |= name == kOffsetsTopic;
    }
    const std::string group(settings_.properties.value_or("group.id", ""));
    if (!has_topic) {
      return settings_.topic ? fmt::format("topic {}: there is none yet", *settings_.topic)
                             : "a topic that matches: there is none yet";
    }
    if (!has_offsets_topic) {
      return fmt::format(
          "the coordinator of group {}: the brokers have not created {}. They cannot while there "
          "are fewer of them than offsets.topic.replication.factor says; their log tells more.",
          group, kOffsetsTopic);
    }
    return fmt::format(
        "a partition: group {} is rebalancing, has no coordinator, or its other members have all "
        "partitions. See kafka-consumer-groups.sh --describe --group {} --members",
        group, group);
  }

  Outcome<> subscribe(std::set<std::string> topics) {
    const RdKafkaPtr<rd_kafka_topic_partition_list_t> list(
        rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
    for (const std::string& topic : topics) {
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    }
    const auto code = topics.empty() ? rd_kafka_unsubscribe(client_.handle())
                                     : rd_kafka_subscribe(client_.handle(), list.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return failure(rd_kafka_err2str(code));
    subscribed_ = std::move(topics);
    return {};
  }

  RdKafkaClient& client_;
  const ConsumerSettings& settings_;
  std::set<std::string> subscribed_;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point next_look_at_{};
  bool is_settled_ = false;
};

}  // namespace

std::unique_ptr<RecordSource> make_group_source(RdKafkaClient& client,
                                                const ConsumerSettings& settings) {
  return std::make_unique<GroupSource>(client, settings);
}

}  // namespace console
