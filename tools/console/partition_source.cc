// One partition, read by librdkafka's simple consumer: the consumer that knows groups would look
// for a group coordinator even where no group is joined.
#include <fmt/core.h>

#include <chrono>

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
      : client_(client),
        partition_(*settings.partition),
        start_(settings.start),
        topic_(rd_kafka_topic_new(client.handle(), settings.topic->c_str(), nullptr)) {}

  Outcome<> look() override {
    client_.poll(0);
    if (is_started_ || Clock::now() < next_look_at_) return {};
    next_look_at_ = Clock::now() + kLookWaiting;
    // No answer now: the next look will do.
    const auto metadata = client_.metadata(topic_.get(), kMetadataTimeoutMs);
    if (!metadata || (*metadata)->topic_cnt != 1) return {};
    const rd_kafka_metadata_topic_t& topic = (*metadata)->topics[0];
    if (topic.err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
        topic.err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
      return failure(fmt::format("{}: {}", topic.topic, rd_kafka_err2str(topic.err)));
    }
    for (int i = 0; i < topic.partition_cnt; ++i) {
      if (topic.partitions[i].id == partition_) return start();
    }
    if (!has_told_ && Clock::now() - began_ > kPatience) {
      has_told_ = true;
      fmt::print(stderr, "WARN Waiting for partition {} of topic {}: there is none yet\n",
                 partition_, topic.topic);
    }
    return {};
  }

  RdKafkaPtr<rd_kafka_message_t> next(int timeout_ms) override {
    if (!is_started_) {
      client_.poll(timeout_ms);
      return nullptr;
    }
    return RdKafkaPtr<rd_kafka_message_t>(rd_kafka_consume(topic_.get(), partition_, timeout_ms));
  }

  void stop() override {
    if (is_started_) rd_kafka_consume_stop(topic_.get(), partition_);
    topic_.reset();
  }

 private:
  Outcome<> start() {
    const std::int64_t offset = start_ == kEarliest ? RD_KAFKA_OFFSET_BEGINNING
                                : start_ == kLatest ? RD_KAFKA_OFFSET_END
                                                    : start_;
    if (rd_kafka_consume_start(topic_.get(), partition_, offset) != 0) {
      return failure(fmt::format("{}-{}: {}", rd_kafka_topic_name(topic_.get()), partition_,
                                 rd_kafka_err2str(rd_kafka_last_error())));
    }
    is_started_ = true;
    return {};
  }

  RdKafkaClient& client_;
  const std::int32_t partition_;
  const std::int64_t start_;
  RdKafkaPtr<rd_kafka_topic_t> topic_;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point next_look_at_{};
  bool has_told_ = false;
  bool is_started_ = false;
};

}  // namespace

std::unique_ptr<RecordSource> make_partition_source(RdKafkaClient& client,
                                                    const ConsumerSettings& settings) {
  return std::make_unique<PartitionSource>(client, settings);
}

}  // namespace console
