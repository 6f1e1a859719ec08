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

class GroupSource final : public RecordSource {
 public:
  GroupSource(RdKafkaClient& client, const ConsumerSettings& settings)
      : client_(client), settings_(settings) {
    // Events of the client arrive through next() as well.
    rd_kafka_poll_set_consumer(client.handle());
  }

  Outcome<> look() override {
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

  RdKafkaPtr<rd_kafka_message_t> next(int timeout_ms) override {
    return RdKafkaPtr<rd_kafka_message_t>(rd_kafka_consumer_poll(client_.handle(), timeout_ms));
  }

  void stop() override { client_.close_consumer(); }

 private:
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
  Clock::time_point next_look_at_{};
};

}  // namespace

std::unique_ptr<RecordSource> make_group_source(RdKafkaClient& client,
                                                const ConsumerSettings& settings) {
  return std::make_unique<GroupSource>(client, settings);
}

}  // namespace console
