// kafka-verifiable-producer: counting numbers as records, and a JSON line for each that says
// whether it was acknowledged. Source: VerifiableProducer.java (3.9; 2.4 knows --broker-list only).
#include <fmt/core.h>

#include <algorithm>
#include <chrono>

#include "base/result.h"
#include "tools/console/rdkafka_client.h"
#include "tools/java_exception.h"
#include "tools/properties_arguments.h"
#include "tools/tool.h"
#include "tools/verifiable/command_line.h"
#include "tools/verifiable/event.h"

namespace tools {

namespace {

using console::RdKafkaClient;
using verifiable::event;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kProgram = "verifiable-producer";

constexpr OptionSpec kOptions[] = {
    {"topic", "REQUIRED: the topic to produce to.", ValueKind::text, "TOPIC"},
    {"bootstrap-server", "REQUIRED: the brokers to connect to.", ValueKind::text,
     "HOST1:PORT1[,HOST2:PORT2[...]]"},
    {"broker-list", "The older name of --bootstrap-server.", ValueKind::text,
     "HOST1:PORT1[,HOST2:PORT2[...]]"},
    {"max-messages", "How many records to produce; -1: until the process is ended.",
     ValueKind::int32, "MAX-MESSAGES", "-1"},
    {"throughput", "About how many records to produce a second; -1: as many as possible.",
     ValueKind::int32, "THROUGHPUT", "-1"},
    {"acks", "0, 1 or -1.", ValueKind::int32, "ACKS", "-1"},
    {"producer.config", "A properties file for the producer.", ValueKind::text, "CONFIG_FILE"},
    {"message-create-time", "The first record's time, in ms; -1: the time of day.",
     ValueKind::int64, "CREATETIME", "-1"},
    {"value-prefix", "A number to put before each value, with a dot.", ValueKind::int32,
     "VALUE-PREFIX"},
    {"repeating-keys", "Keys 0, 1, ... up to this number, without it, and again from 0.",
     ValueKind::int32, "REPEATING-KEYS"},
};
constexpr OptionTable kTable{
    "This tool produces increasing integers to the specified topic and prints JSON metadata to "
    "stdout on each \"send\" request, making externally visible which messages have been acked and "
    "which have not.",
    kOptions, Syntax::argparse4j};

std::string exception_class(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      // What Java says when it waited for metadata in vain.
      return java_exception_class(protocol::ErrorCode::kRequestTimedOut);
    default: break;
  }
  if (code < RD_KAFKA_RESP_ERR_UNKNOWN) return "org.apache.kafka.common.KafkaException";
  return java_exception_class(protocol::error_code_from_wire(static_cast<std::int16_t>(code)));
}

class VerifiableProducer {
 public:
  explicit VerifiableProducer(const Options& options)
      : topic_(*options.given("topic")),
        messages_max_(*options.number("max-messages")),
        throughput_(*options.number("throughput")),
        value_prefix_(options.number("value-prefix")),
        repeating_keys_(options.number("repeating-keys")),
        create_time_ms_(*options.number("message-create-time")) {}

  Outcome<> run(const config::Properties& properties) {
    TRY_ASSIGN(client_,
               RdKafkaClient::create(
                   JavaClient::producer, properties,
                   {.opaque = this, .on_delivery = on_delivery, .reports_successes = true}));
    client_->warn_from_now_on();
    printer_.print(event("startup_complete"));
    printer_.flush();
    produce();
    while (rd_kafka_outq_len(client_->handle()) > 0) poll(100);
    printer_.print(event("shutdown_complete"));
    const std::chrono::duration<double> elapsed = Clock::now() - started_at_;
    printer_.print(event("tool_data")
                       .add("sent", sent_)
                       .add("acked", acked_)
                       .add("target_throughput", throughput_)
                       .add("avg_throughput", static_cast<double>(acked_) / elapsed.count()));
    printer_.flush();
    return {};
  }

 private:
  static constexpr std::int64_t kPollEvery = 100;

  void produce() {
    for (std::int64_t number = 0; messages_max_ < 0 || number < messages_max_; ++number) {
      if (verifiable::received_signal() != 0) return;
      send(number);
      wait_for_turn(number + 1);
      if (number % kPollEvery == 0) poll(0);
    }
  }

  void poll(int timeout_ms) {
    client_->poll(timeout_ms);
    printer_.flush();
  }

  // Until it is time for another record behind the first `count`; a throughput of 0 allows no more
  // than one.
  void wait_for_turn(std::int64_t count) {
    if (throughput_ < 0) return;
    while (verifiable::received_signal() == 0) {
      const auto due_at =
          started_at_ +
          std::chrono::nanoseconds(1'000'000'000 / std::max<std::int64_t>(throughput_, 1) * count);
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_at - Clock::now()).count();
      if (throughput_ > 0 && left <= 0) return;
      poll(static_cast<int>(throughput_ == 0 ? kIdlePollMs : std::min(left, kIdlePollMs)));
    }
  }

  std::optional<std::string> next_key() {
    if (!repeating_keys_) return std::nullopt;
    std::string key = fmt::format("{}", key_counter_++);
    if (key_counter_ == *repeating_keys_) key_counter_ = 0;
    return key;
  }

  void send(std::int64_t number) {
    const std::optional<std::string> key = next_key();
    const std::string value =
        value_prefix_ ? fmt::format("{}.{}", *value_prefix_, number) : fmt::format("{}", number);
    std::int64_t timestamp_ms = 0;  // librdkafka takes the time of day
    if (create_time_ms_ >= 0) {
      // Kafka's tool adds the time since its start after each record.
      timestamp_ms = create_time_ms_;
      create_time_ms_ +=
          std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started_at_).count();
    }
    ++sent_;
    const void* key_data = key ? key->data() : nullptr;
    const std::size_t key_size = key ? key->size() : 0;
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    do {
      code = rd_kafka_producev(client_->handle(), RD_KAFKA_V_TOPIC(topic_.c_str()),
                               RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                               RD_KAFKA_V_KEY(key_data, key_size),
                               RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                               RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_END);
      if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) poll(10);
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && verifiable::received_signal() == 0);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      print_failure(key ? std::optional<std::string_view>(*key) : std::nullopt, value, code);
    }
  }

  void print_failure(std::optional<std::string_view> key, std::optional<std::string_view> value,
                     rd_kafka_resp_err_t code) {
    printer_.print(
        event("producer_send_error")
            .add("key", key)
            .add("value", value)
            .add("topic", std::optional<std::string_view>(topic_))
            .add("exception", std::optional<std::string_view>("class " + exception_class(code)))
            .add("message", std::optional<std::string_view>(rd_kafka_err2str(code))));
  }

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* client) {
    auto* self = static_cast<VerifiableProducer*>(RdKafkaClient::opaque_of(client));
    const auto field = [](const void* data, std::size_t size) -> std::optional<std::string_view> {
      if (data == nullptr) return std::nullopt;
      return std::string_view(static_cast<const char*>(data), size);
    };
    const auto key = field(message->key, message->key_len);
    const auto value = field(message->payload, message->len);
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      self->print_failure(key, value, message->err);
      return;
    }
    ++self->acked_;
    self->printer_.print(event("producer_send_success")
                             .add("key", key)
                             .add("value", value)
                             .add("topic", std::optional<std::string_view>(self->topic_))
                             .add("partition", message->partition)
                             .add("offset", message->offset));
  }

  static constexpr std::int64_t kIdlePollMs = 100;

  const std::string topic_;
  const std::int64_t messages_max_;
  const std::int64_t throughput_;
  const std::optional<std::int64_t> value_prefix_;
  const std::optional<std::int64_t> repeating_keys_;
  const Clock::time_point started_at_ = Clock::now();
  std::int64_t create_time_ms_;
  std::int64_t key_counter_ = 0;
  std::int64_t sent_ = 0;
  std::int64_t acked_ = 0;
  std::unique_ptr<RdKafkaClient> client_;
  verifiable::EventPrinter printer_;
};

Outcome<config::Properties> producer_properties(const Options& options) {
  config::Properties properties;
  verifiable::set_bootstrap(properties, options);
  properties.set("acks", fmt::format("{}", *options.number("acks")));
  properties.set("retries", "0");  // each record is tried once
  // Java's own defaults, where librdkafka's differ.
  properties.set("client.id", "producer-1");
  properties.set("linger.ms", "0");
  properties.set("buffer.memory", "33554432");
  properties.set("delivery.timeout.ms", "120000");
  if (const auto path = options.given("producer.config")) {
    TRY_ASSIGN(const config::Properties from_file, load_properties(*path));
    for (const config::Property& property : from_file.entries()) properties.set(property);
  }
  return properties;
}

}  // namespace

int kafka_verifiable_producer(const Arguments& arguments) {
  const auto options = verifiable::read_options(kProgram, kTable, arguments, {"topic"});
  if (!options) return options.error();
  const std::int64_t acks = *options->number("acks");
  if (acks < -1 || acks > 1) {
    return verifiable::usage_error(
        kProgram,
        fmt::format("argument --acks: invalid choice: '{}' (choose from {{0,1,-1}})", acks));
  }
  const auto properties = producer_properties(*options);
  if (!properties) return verifiable::usage_error(kProgram, properties.error().message);
  verifiable::watch_signals();
  const auto outcome = VerifiableProducer(*options).run(*properties);
  if (!outcome) fmt::print(stderr, "{}\n", outcome.error().message);
  if (const int signal = verifiable::received_signal(); signal != 0) return 128 + signal;
  return outcome ? 0 : 1;
}

}  // namespace tools
