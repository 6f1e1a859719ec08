// kafka-console-producer: every line of stdin becomes a record.
// Source: ConsoleProducer.scala (3.9).
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>

#include "base/result.h"
#include "tools/console/line_reader.h"
#include "tools/console/rdkafka_client.h"
#include "tools/option_parser.h"
#include "tools/properties_arguments.h"
#include "tools/tool.h"

namespace tools {

namespace {

using console::LineReader;
using console::LineRecord;
using console::LineSource;
using console::RdKafkaClient;

constexpr std::string_view kLineReaders[] = {
    "kafka.tools.ConsoleProducer$LineMessageReader",
    "kafka.producer.ConsoleProducer$LineMessageReader",
    "org.apache.kafka.tools.LineMessageReader",
};

constexpr OptionSpec kOptions[] = {
    {"topic", "REQUIRED: the topic to produce to.", ValueKind::text, "topic"},
    {"bootstrap-server", "REQUIRED (or --broker-list): the brokers to connect to.", ValueKind::text,
     "server to connect to"},
    {"broker-list", "The older name of --bootstrap-server.", ValueKind::text, "broker-list"},
    {"sync", "Wait for each record to be acknowledged before the next one is read."},
    {.name = "compression-codec",
     .description = "none, gzip, snappy, lz4 or zstd; gzip when no value is given.",
     .kind = ValueKind::text,
     .value_name = "compression-codec",
     .is_value_optional = true},
    {"batch-size", "Bytes of a batch of records (batch.size).", ValueKind::int32, "size", "16384"},
    {"message-send-max-retries", "How often sending is tried again (retries).", ValueKind::int32,
     "", "3"},
    {"retry-backoff-ms", "How long to wait before that (retry.backoff.ms).", ValueKind::int64, "",
     "100"},
    {"timeout", "How long a record waits for others to fill a batch (linger.ms).", ValueKind::int64,
     "timeout_ms", "1000"},
    {"request-required-acks", "0, 1, -1 or all (acks).", ValueKind::text, "request required acks",
     "-1"},
    {"request-timeout-ms", "How long a broker may take to answer (request.timeout.ms).",
     ValueKind::int32, "request timeout ms", "1500"},
    {"metadata-expiry-ms", "How old metadata may get (metadata.max.age.ms).", ValueKind::int64,
     "metadata expiration interval", "300000"},
    {"max-block-ms", "Accepted and of no effect.", ValueKind::int64, "max block on send", "60000"},
    {"max-memory-bytes", "How much is buffered for sending (buffer.memory).", ValueKind::int64,
     "total memory in bytes", "33554432"},
    {"max-partition-memory-bytes", "Bytes of a batch of records (batch.size).", ValueKind::int32,
     "memory in bytes per partition", "16384"},
    {"line-reader", "The class that reads lines; only Kafka's own is there.", ValueKind::text,
     "reader_class", kLineReaders[0]},
    {"socket-buffer-size", "The socket's send buffer (send.buffer.bytes).", ValueKind::int32,
     "size", "102400"},
    {.name = "property",
     .description = "A property of the line reader, key=value, several times if needed: parse.key, "
                    "key.separator, parse.headers, headers.delimiter, headers.separator, "
                    "headers.key.separator, ignore.error, null.marker.",
     .kind = ValueKind::text,
     .value_name = "prop",
     .is_repeatable = true},
    {"reader-config", "A properties file for the line reader; --property wins.", ValueKind::text,
     "config file"},
    {.name = "producer-property",
     .description = "A property of the producer, key=value, several times if needed.",
     .kind = ValueKind::text,
     .value_name = "producer_prop",
     .is_repeatable = true},
    {"producer.config", "A properties file for the producer; --producer-property wins.",
     ValueKind::text, "config file"},
};
constexpr OptionTable kTable{
    "This tool helps to read data from standard input and publish it to Kafka.", kOptions};

// An option overrides a property; its default stands in for one that is missing.
void merge(config::Properties& properties, const Options& options, std::string_view option,
           std::string key) {
  if (!options.has(option) && properties.contains(key)) return;
  if (auto value = options.value(option)) properties.set(std::move(key), std::move(*value));
}

// Java's default, which gives way to what the rest of the settings needs; librdkafka's is five
// minutes. Source: KafkaProducer.configureDeliveryTimeout.
std::int64_t delivery_timeout_ms(const config::Properties& properties) {
  std::int64_t needed_ms = 0;
  for (const std::string_view key : {"linger.ms", "request.timeout.ms"}) {
    const std::string_view text = properties.value_or(key, "0");
    std::int64_t ms = 0;
    std::from_chars(text.data(), text.data() + text.size(), ms);
    needed_ms += std::clamp<std::int64_t>(ms, 0, INT32_MAX);
  }
  return std::clamp<std::int64_t>(needed_ms, 120'000, INT32_MAX);
}

Outcome<config::Properties> producer_properties(const Options& options) {
  config::Properties properties;
  if (const auto path = options.given("producer.config")) {
    TRY_ASSIGN(properties, load_properties(*path));
  }
  add_key_values(properties, options.values("producer-property"));
  const bool has_bootstrap = options.has("bootstrap-server");
  properties.set("bootstrap.servers",
                 *options.given(has_bootstrap ? "bootstrap-server" : "broker-list"));
  const std::string codec = options.given("compression-codec").value_or("gzip");
  properties.set("compression.type", options.has("compression-codec") ? codec : "none");
  if (!properties.contains("client.id")) properties.set("client.id", "console-producer");
  merge(properties, options, "timeout", "linger.ms");
  merge(properties, options, "request-required-acks", "acks");
  merge(properties, options, "request-timeout-ms", "request.timeout.ms");
  if (!properties.contains("delivery.timeout.ms")) {
    properties.set("delivery.timeout.ms", fmt::to_string(delivery_timeout_ms(properties)));
  }
  merge(properties, options, "message-send-max-retries", "retries");
  merge(properties, options, "retry-backoff-ms", "retry.backoff.ms");
  merge(properties, options, "socket-buffer-size", "send.buffer.bytes");
  merge(properties, options, "max-memory-bytes", "buffer.memory");
  merge(properties, options, "batch-size", "batch.size");
  merge(properties, options, "max-partition-memory-bytes", "batch.size");
  merge(properties, options, "metadata-expiry-ms", "metadata.max.age.ms");
  // Idempotence is on by default where acks and retries allow it, as in Kafka 3.
  if (!properties.contains("enable.idempotence")) {
    const std::string_view acks = properties.value_or("acks", "all");
    const bool allows =
        (acks == "-1" || acks == "all") && properties.value_or("retries", "") != "0";
    properties.set("enable.idempotence", allows ? "true" : "false");
  }
  return properties;
}

// Sends lines; librdkafka batches and retries behind it.
class ConsoleProducer {
 public:
  ConsoleProducer(std::string topic, LineReader reader, bool is_sync)
      : topic_name_(std::move(topic)), reader_(std::move(reader)), is_sync_(is_sync) {}

  Outcome<> run(const config::Properties& properties) {
    TRY_ASSIGN(client_, RdKafkaClient::create(JavaClient::producer, properties,
                                              {.opaque = this, .on_delivery = on_delivery}));
    TRY(client_->check_reachable());
    topic_.reset(rd_kafka_topic_new(client_->handle(), topic_name_.c_str(), nullptr));
    if (topic_ == nullptr) return failure(rd_kafka_err2str(rd_kafka_last_error()));
    const auto outcome = send_lines();
    // What was read before a bad line is sent all the same.
    while (rd_kafka_outq_len(client_->handle()) > 0) rd_kafka_flush(client_->handle(), 1'000);
    topic_.reset();
    return outcome;
  }

 private:
  static constexpr int kPollEveryLines = 1'000;

  Outcome<> send_lines() {
    const bool is_terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
    LineSource lines(STDIN_FILENO);
    LineRecord record;
    for (std::int64_t number = 1;; ++number) {
      if (is_terminal) {
        fmt::print(">");
        std::fflush(stdout);
      }
      const auto line = lines.next();
      if (!line) return {};
      TRY(reader_.parse(*line, number, record));
      TRY(send(record));
      if (is_terminal || number % kPollEveryLines == 0) client_->poll(0);
      if (is_sync_) TRY(wait_for_delivery());
    }
  }

  // Waits while the buffer is full.
  Outcome<> send(const LineRecord& record) {
    while (true) {
      const auto code = produce(record);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
      if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        const std::string reason = rd_kafka_err2str(code);
        if (is_sync_) return failure(reason);
        report_failure(record.key, record.value, reason);
        return {};
      }
      client_->poll(10);
    }
  }

  rd_kafka_resp_err_t produce(const LineRecord& record) {
    const auto data = [](const LineRecord::Field& field) -> void* {
      // An empty field is not null: it needs some address.
      static char empty;
      if (!field) return nullptr;
      return field->empty() ? &empty : const_cast<char*>(field->data());
    };
    const auto size = [](const LineRecord::Field& field) { return field ? field->size() : 0; };
    if (record.headers.empty()) {
      const int result = rd_kafka_produce(topic_.get(), RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY,
                                          data(record.value), size(record.value), data(record.key),
                                          size(record.key), nullptr);
      return result == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
    }
    rd_kafka_headers_t* headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [key, value] : record.headers) {
      rd_kafka_header_add(headers, key.data(), static_cast<ssize_t>(key.size()), data(value),
                          value ? static_cast<ssize_t>(value->size()) : -1);
    }
    const auto code = rd_kafka_producev(client_->handle(), RD_KAFKA_V_RKT(topic_.get()),
                                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                        RD_KAFKA_V_VALUE(data(record.value), size(record.value)),
                                        RD_KAFKA_V_KEY(data(record.key), size(record.key)),
                                        RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) rd_kafka_headers_destroy(headers);
    return code;
  }

  Outcome<> wait_for_delivery() {
    while (rd_kafka_outq_len(client_->handle()) > 0) rd_kafka_flush(client_->handle(), 1'000);
    if (last_failure_.empty()) return {};
    return failure(std::exchange(last_failure_, {}));
  }

  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* client) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    auto* self = static_cast<ConsoleProducer*>(RdKafkaClient::opaque_of(client));
    const std::string reason = rd_kafka_err2str(message->err);
    if (self->is_sync_) {
      self->last_failure_ = reason;
      return;
    }
    const auto field = [](void* data, std::size_t size) -> LineRecord::Field {
      if (data == nullptr) return std::nullopt;
      return std::string_view(static_cast<const char*>(data), size);
    };
    self->report_failure(field(message->key, message->key_len),
                         field(message->payload, message->len), reason);
  }

  void report_failure(const LineRecord::Field& key, const LineRecord::Field& value,
                      std::string_view reason) const {
    const auto size = [](const LineRecord::Field& field) {
      return field ? fmt::format("{} bytes", field->size()) : "null";
    };
    fmt::print(stderr,
               "ERROR Error when sending message to topic {} with key: {}, value: {} with error: "
               "{}\n",
               topic_name_, size(key), size(value), reason);
  }

  const std::string topic_name_;
  const LineReader reader_;
  const bool is_sync_;
  std::string last_failure_;
  std::unique_ptr<RdKafkaClient> client_;
  console::RdKafkaPtr<rd_kafka_topic_t> topic_;
};

Outcome<> run(const Options& options) {
  const std::string reader_class = *options.value("line-reader");
  if (reader_class != kLineReaders[0] && reader_class != kLineReaders[1]) {
    return failure(fmt::format("The line reader {} is not available in this tool", reader_class));
  }
  config::Properties reader_properties;
  if (const auto path = options.given("reader-config")) {
    TRY_ASSIGN(reader_properties, load_properties(*path));
  }
  add_key_values(reader_properties, options.values("property"));
  TRY_ASSIGN(LineReader reader, LineReader::create(reader_properties));
  TRY_ASSIGN(const config::Properties properties, producer_properties(options));
  ConsoleProducer producer(*options.given("topic"), std::move(reader), options.has("sync"));
  return producer.run(properties);
}

}  // namespace

int kafka_console_producer(const Arguments& arguments) {
  auto options = parse_options(kTable, arguments);
  if (!options) return report(options.error(), kTable);
  auto checked = require(*options, {"topic"});
  if (checked && !options->has("broker-list")) checked = require(*options, {"bootstrap-server"});
  if (!checked) return report(checked.error(), kTable);
  const auto outcome = run(*options);
  if (outcome) return 0;
  fmt::print(stderr, "{}\n", outcome.error().message);
  return 1;
}

}  // namespace tools
