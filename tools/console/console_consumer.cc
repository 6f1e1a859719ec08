// kafka-console-consumer: records of a topic as lines on stdout, as a member of a consumer group or
// from one partition. Source: ConsoleConsumer.java (3.9).
#include <fmt/core.h>

#include <chrono>
#include <csignal>
#include <cstdio>

#include "base/result.h"
#include "tools/console/consumer_options.h"
#include "tools/console/rdkafka_client.h"
#include "tools/console/record_source.h"
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
    TRY_ASSIGN(client_, RdKafkaClient::create(JavaClient::consumer, settings_.properties, {}));
    TRY(client_->check_reachable());
    source_ = settings_.partition ? console::make_partition_source(*client_, settings_)
                                  : console::make_group_source(*client_, settings_);
    last_message_at_ = Clock::now();
    const auto outcome = consume();
    flush();
    source_->stop();
    return outcome;
  }
  // Some broker has answered.
  bool has_started() const { return source_ != nullptr; }
  std::int64_t message_count() const { return message_count_; }

 private:
  static constexpr int kPollMs = 100;
  static constexpr std::size_t kFlushBytes = 64 * 1024;

  Outcome<> consume() {
    while (g_signal == 0 && !is_stdout_closed_) {
      TRY(source_->look());
      if (has_enough()) return {};
      // Waits for one message, then takes those that are there already.
      int timeout_ms = kPollMs;
      while (!has_enough() && g_signal == 0 && !is_stdout_closed_) {
        const auto message = source_->next(timeout_ms);
        if (message == nullptr) break;
        timeout_ms = 0;
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
          if (!may_go_on(*message)) return {};
          continue;
        }
        TRY(print(*message));
      }
      flush();  // nothing more at once: what is there is shown
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
      case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
      case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
      case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      case RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED:
      case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
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

  const ConsumerSettings settings_;
  std::unique_ptr<RdKafkaClient> client_;
  std::unique_ptr<console::RecordSource> source_;
  Clock::time_point last_message_at_{};
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
