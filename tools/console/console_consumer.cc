// kafka-console-consumer: records of a topic as lines on stdout, without a consumer group: every
// partition is read by itself. Source: ConsoleConsumer.java (3.9).
//
// librdkafka's simple consumer reads the partitions into one queue; the consumer that knows groups
// would look for a group coordinator even where no group is joined.
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <set>

#include "base/result.h"
#include "tools/console/consumer_options.h"
#include "tools/console/rdkafka_client.h"
#include "tools/tool.h"

namespace tools {

namespace {

using console::ConsumedRecord;
using console::ConsumerSettings;
using console::RdKafkaClient;
using console::RdKafkaPtr;
using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t g_signal = 0;

void watch_signals() {
  struct sigaction action{};
  action.sa_handler = [](int signal) { g_signal = signal; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed stdout shows as a failed write
}

ConsumedRecord to_record(const rd_kafka_message_t& message, bool with_headers) {
  const auto field = [](const void* data, std::size_t size) -> ConsumedRecord::Field {
    if (data == nullptr) return std::nullopt;
    return std::string_view(static_cast<const char*>(data), size);
  };
  ConsumedRecord record;
  record.partition = message.partition;
  record.offset = message.offset;
  record.key = field(message.key, message.key_len);
  record.value = field(message.payload, message.len);
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.timestamp_ms = rd_kafka_message_timestamp(&message, &type);
  using TimestampType = ConsumedRecord::TimestampType;
  record.timestamp_type = type == RD_KAFKA_TIMESTAMP_CREATE_TIME ? TimestampType::create_time
                          : type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME
                              ? TimestampType::log_append_time
                              : TimestampType::none;
  rd_kafka_headers_t* headers = nullptr;
  if (!with_headers || rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return record;
  }
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    record.headers.emplace_back(name, field(value, size));
  }
  return record;
}

class ConsoleConsumer {
 public:
  explicit ConsoleConsumer(ConsumerSettings settings) : settings_(std::move(settings)) {}

  // Fails if consuming could not begin or a record could not be printed.
  Outcome<> run() {
    TRY_ASSIGN(client_,
               RdKafkaClient::create(JavaClient::consumer, settings_.properties, nullptr, nullptr));
    TRY(client_->check_reachable());
    queue_.reset(rd_kafka_queue_new(client_->handle()));
    last_message_at_ = Clock::now();
    const auto outcome = consume();
    flush();
    stop_partitions();
    return outcome;
  }
  // Some broker has answered.
  bool has_started() const { return queue_ != nullptr || has_stopped_; }
  std::int64_t message_count() const { return message_count_; }

 private:
  static constexpr int kPollMs = 100;
  static constexpr int kMetadataTimeoutMs = 10'000;
  static constexpr std::size_t kFlushBytes = 64 * 1024;
  // How often to look for topics and partitions: often while the topic is awaited.
  static constexpr std::chrono::milliseconds kLookWaiting{250};
  static constexpr std::chrono::milliseconds kLookRunning{30'000};

  Outcome<> consume() {
    while (g_signal == 0 && !is_stdout_closed_) {
      TRY(look_for_partitions());
      if (has_enough()) return {};
      // Waits for one message, then takes those that are there already.
      int timeout_ms = kPollMs;
      while (!has_enough() && g_signal == 0) {
        const RdKafkaPtr<rd_kafka_message_t> message(
            rd_kafka_consume_queue(queue_.get(), timeout_ms));
        if (message == nullptr) break;
        timeout_ms = 0;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
          if (!may_go_on(*message)) return {};
          continue;
        }
        TRY(print(*message));
      }
      flush();  // nothing more at once: what is there is shown
      client_->poll(0);
      if (has_enough() || has_timed_out()) return {};
    }
    return {};
  }

  bool has_enough() const {
    return settings_.messages_max >= 0 && message_count_ >= settings_.messages_max;
  }
  bool has_timed_out() const {
    return settings_.timeout_ms >= 0 &&
           Clock::now() - last_message_at_ > std::chrono::milliseconds(settings_.timeout_ms);
  }

  Outcome<> print(const rd_kafka_message_t& message) {
    ++message_count_;
    last_message_at_ = Clock::now();
    const std::size_t size_before = output_.size();
    const auto outcome = settings_.formatter.append(
        to_record(message, settings_.formatter.needs_headers()), output_);
    if (!outcome && !settings_.skip_message_on_error) return outcome;
    if (!outcome) {
      output_.resize(size_before);
      fmt::print(stderr, "ERROR Error processing message, skipping this message: {}\n",
                 outcome.error().message);
    }
    if (output_.size() >= kFlushBytes) flush();
    return {};
  }

  void flush() {
    if (output_.empty()) return;
    const bool is_written =
        std::fwrite(output_.data(), 1, output_.size(), stdout) == output_.size() &&
        std::fflush(stdout) == 0;
    output_.clear();
    if (is_written || is_stdout_closed_) return;
    is_stdout_closed_ = true;
    fmt::print(stderr, "Unable to write to standard out, closing consumer.\n");
  }

  // What the brokers refuse for good ends the consumer; the rest librdkafka tries again.
  bool may_go_on(const rd_kafka_message_t& message) const {
    switch (message.err) {
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      case RD_KAFKA_RESP_ERR__FATAL: break;
      default: return true;
    }
    fmt::print(stderr, "ERROR Error processing message, terminating consumer process: {}\n",
               rd_kafka_message_errstr(&message));
    return false;
  }

  // Starts reading what the command asks for and is not read yet.
  Outcome<> look_for_partitions() {
    const auto now = Clock::now();
    if (now < next_look_at_) return {};
    if (settings_.topic) {
      TRY(look_at_topic(*settings_.topic));
    } else {
      const auto metadata = client_->metadata(nullptr, kMetadataTimeoutMs, true);
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

  Outcome<> look_at_topic(const std::string& name) {
    // No answer now: the next look will do.
    const auto metadata = client_->metadata(topic_handle(name), kMetadataTimeoutMs);
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
    const std::int64_t start =
        is_first_look_ || settings_.partition ? settings_.start : console::kEarliest;
    const std::int64_t offset = start == console::kEarliest ? RD_KAFKA_OFFSET_BEGINNING
                                : start == console::kLatest ? RD_KAFKA_OFFSET_END
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
      handle.reset(rd_kafka_topic_new(client_->handle(), name.c_str(), nullptr));
    }
    return handle.get();
  }

  void stop_partitions() {
    for (const auto& [topic, partition] : started_) {
      rd_kafka_consume_stop(topic_handle(topic), partition);
    }
    has_stopped_ = true;
    queue_.reset();
    topics_.clear();
  }

  const ConsumerSettings settings_;
  std::unique_ptr<RdKafkaClient> client_;
  std::map<std::string, RdKafkaPtr<rd_kafka_topic_t>> topics_;
  RdKafkaPtr<rd_kafka_queue_t> queue_;
  std::set<std::pair<std::string, std::int32_t>> started_;
  Clock::time_point next_look_at_{};
  Clock::time_point last_message_at_{};
  bool is_first_look_ = true;
  bool has_stopped_ = false;
  bool is_stdout_closed_ = false;
  std::int64_t message_count_ = 0;
  std::string output_;
};

}  // namespace

int kafka_console_consumer(const Arguments& arguments) {
  const OptionTable& table = console::consumer_option_table();
  auto options = parse_options(table, arguments);
  if (!options) return report(options.error(), table);
  auto settings = console::read_consumer_options(*options);
  if (!settings) return report(settings.error(), table);
  const bool has_systest_events = settings->has_systest_events;
  watch_signals();
  ConsoleConsumer consumer(std::move(*settings));
  const auto outcome = consumer.run();
  if (!outcome) fmt::print(stderr, "{}\n", outcome.error().message);
  if (consumer.has_started()) {
    fmt::print(stderr, "Processed a total of {} messages\n", consumer.message_count());
  }
  if (has_systest_events) fmt::print("shutdown_complete\n");
  if (g_signal != 0) return 128 + g_signal;
  return outcome ? 0 : 1;
}

}  // namespace tools
