// Purpose: where kafka-console-consumer's records come from: one partition read by itself, or what
// a consumer group assigns. Both on librdkafka, in the caller's thread.
#pragma once

#include <chrono>
#include <memory>

#include "tools/console/consumer_options.h"
#include "tools/console/rdkafka_client.h"
#include "tools/tool.h"

namespace console {

class RecordSource {
 public:
  virtual ~RecordSource() = default;

  // Looks from time to time for topics and partitions that the command means and that are not read
  // yet; to be called before each run of next().
  virtual tools::Outcome<> look() = 0;
  // The next record, or an error in a record's place; null when none came for `timeout_ms`.
  virtual RdKafkaPtr<rd_kafka_message_t> next(int timeout_ms) = 0;
  // Ends reading. Once, before the client is destroyed. A group's offsets up to the last record
  // that next() gave are committed if enable.auto.commit says so.
  virtual void stop() = 0;
};

// How often sources look: often while the topic is awaited.
inline constexpr std::chrono::milliseconds kLookWaiting{250};
inline constexpr std::chrono::milliseconds kLookRunning{30'000};
inline constexpr int kMetadataTimeoutMs = 10'000;
// Who has got no partition for so long is told once what is awaited.
inline constexpr std::chrono::milliseconds kPatience{5'000};

// `client` and `settings` must outlive the result.
// Of `settings.partition`, which must be there.
std::unique_ptr<RecordSource> make_partition_source(RdKafkaClient& client,
                                                    const ConsumerSettings& settings);
std::unique_ptr<RecordSource> make_group_source(RdKafkaClient& client,
                                                const ConsumerSettings& settings);

}  // namespace console
