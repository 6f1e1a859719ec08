// Partitions read by librdkafka's simple consumer into one queue: the consumer that knows groups
// would look for a group coordinator even where no group is joined.
#include <fmt/core.h>

#include <chrono>
#include <map>
#include <set>

#include "base/result.h"
#include "tools/console/record_source.h"

namespace console {

using tools::failure;
using tools::Outcome;
using Clock = std::chrono::steady_clock;

namespace {

class PartitionSource final : public RecordSource {
 public:
  PartitionSource(RdKafkaClient& client, const ConsumerSettings& settings)
      : client_(client), settings_(settings), queue_(rd_kafka_queue_new(client.handle())) {}

  Outcome<> look() override {
    client_.poll(0);
    if (Clock::now() < next_look_at_) return {};
    if (settings_.topic) {
      TRY(look_at_topic(*settings_.topic));
    } else {
      const auto metadata = client_.metadata(nullptr, kMetadataTimeoutMs, true);
      if (metadata) {
        for (int i = 0; i < (*metadata)->topic_cnt; ++i) {
          const rd_kafka_metadata_topic_t& topic = (*metadata)->topics[i];
          if (settings_.include.matches(topic.topic)) TRY(start_partitions(topic));
        }
      }
    }
    next_look_at_ = Clock::now() + (started_.empty() ? kLookWaiting : kLookRunning);
    is_first_look_ = false;
    return {};
  }

  RdKafkaPtr<rd_kafka_message_t> next(int timeout_ms) override {
    return RdKafkaPtr<rd_kafka_message_t>(rd_kafka_consume_queue(queue_.get(), timeout_ms));
  }

  void stop() override {
    for (const auto& [topic, partition] : started_) {
      rd_kafka_consume_stop(topic_handle(topic), partition);
    }
    queue_.reset();
    topics_.clear();
  }

 private:
  Outcome<> look_at_topic(const std::string& name) {
    // No answer now: the next look will do.
    const auto metadata = client_.metadata(topic_handle(name), kMetadataTimeoutMs);
    if (!metadata || (*metadata)->topic_cnt != 1) return {};
    return start_partitions((*metadata)->topics[0]);
  }

  Outcome<> start_partitions(const rd_kafka_metadata_topic_t& topic) {
    if (topic.err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
        topic.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
      return failure(fmt::format("{}: {}", topic.topic, rd_kafka_err2str(topic.err)));
    }
    for (int i = 0; i < topic.partition_cnt; ++i) {
      const std::int32_t partition = topic.partitions[i].id;
      if (settings_.partition && partition != *settings_.partition) continue;
      if (started_.contains({topic.topic, partition})) continue;
      TRY(start(topic.topic, partition));
    }
    return {};
  }

  Outcome<> start(const std::string& topic, std::int32_t partition) {
    // Partitions that appear later are new: nothing of them has been missed yet.
    const std::int64_t start = is_first_look_ || settings_.partition ? settings_.start : kEarliest;
    const std::int64_t offset = start == kEarliest ? RD_KAFKA_OFFSET_BEGINNING
                                : start == kLatest ? RD_KAFKA_OFFSET_END
                                                   : start;
    if (rd_kafka_consume_start_queue(topic_handle(topic), partition, offset, queue_.get()) != 0) {
      return failure(
          fmt::format("{}-{}: {}", topic, partition, rd_kafka_err2str(rd_kafka_last_error())));
    }
    started_.emplace(topic, partition);
    return {};
  }

  rd_kafka_topic_t* topic_handle(const std::string& name) {
    auto& handle = topics_[name];
    if (handle == nullptr) {
      handle.reset(rd_kafka_topic_new(client_.handle(), name.c_str(), nullptr));
    }
    return handle.get();
  }

  RdKafkaClient& client_;
  const ConsumerSettings& settings_;
  std::map<std::string, RdKafkaPtr<rd_kafka_topic_t>> topics_;
  RdKafkaPtr<rd_kafka_queue_t> queue_;
  std::set<std::pair<std::string, std::int32_t>> started_;
  Clock::time_point next_look_at_{};
  bool is_first_look_ = true;
};

}  // namespace

std::unique_ptr<RecordSource> make_partition_source(RdKafkaClient& client,
                                                    const ConsumerSettings& settings) {
  return std::make_unique<PartitionSource>(client, settings);
}

}  // namespace console
