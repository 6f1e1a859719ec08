// kafka-verifiable-consumer: a group member that prints what it is assigned, consumes and commits
// as JSON lines. Source: VerifiableConsumer.java (3.9; 2.4 knows --broker-list only).
#include <fmt/core.h>

#include <map>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "tools/console/rdkafka_client.h"
#include "tools/properties_arguments.h"
#include "tools/tool.h"
#include "tools/verifiable/command_line.h"
#include "tools/verifiable/event.h"

namespace tools {

namespace {

using base::TopicPartition;
using console::RdKafkaClient;
using console::RdKafkaPtr;
using verifiable::event;
using Text = std::optional<std::string_view>;
using PartitionList = RdKafkaPtr<rd_kafka_topic_partition_list_t>;

constexpr std::string_view kProgram = "verifiable-consumer";

constexpr OptionSpec kOptions[] = {
    {"bootstrap-server", "REQUIRED: the brokers to connect to.", ValueKind::text,
     "HOST1:PORT1[,HOST2:PORT2[...]]"},
    {"broker-list", "The older name of --bootstrap-server.", ValueKind::text,
     "HOST1:PORT1[,HOST2:PORT2[...]]"},
    {"topic", "REQUIRED: the topic to consume.", ValueKind::text, "TOPIC"},
    {"group-protocol", "The group protocol: classic.", ValueKind::text, "GROUP_PROTOCOL",
     "classic"},
    {"group-remote-assignor", "Accepted and of no effect with the classic protocol.",
     ValueKind::text, "GROUP_REMOTE_ASSIGNOR"},
    {"group-id", "REQUIRED: the consumer group to join.", ValueKind::text, "GROUP_ID"},
    {"group-instance-id", "Makes this a static member; None is the same as no such option.",
     ValueKind::text, "GROUP_INSTANCE_ID"},
    {"max-messages", "How many records to consume; -1: until the process is ended.",
     ValueKind::int32, "MAX-MESSAGES", "-1"},
    {"session-timeout", "How long the group misses this member before it goes on without.",
     ValueKind::int32, "TIMEOUT_MS", "30000"},
    {"verbose", "Print each record."},
    {"enable-autocommit", "Commit from time to time instead of after each batch of records."},
    {"reset-policy", "Where to begin without a committed offset: earliest, latest or none.",
     ValueKind::text, "RESETPOLICY", "earliest"},
    {"assignment-strategy", "The class of the assignor.", ValueKind::text, "ASSIGNMENTSTRATEGY",
     "org.apache.kafka.clients.consumer.RangeAssignor"},
    {"consumer.config", "A properties file for the consumer; the other options win.",
     ValueKind::text, "CONFIG_FILE"},
};
constexpr OptionTable kTable{
    "This tool consumes messages from a specific topic and emits consumer events (e.g. group "
    "rebalances, received messages, and offsets committed) as JSON objects to STDOUT.",
    kOptions, Syntax::argparse4j};

Text text_of(const void* data, std::size_t size) {
  if (data == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(data), size);
}

JsonObject partition_json(std::string_view topic, std::int32_t partition) {
  JsonObject json;
  json.add("topic", Text(topic)).add("partition", partition);
  return json;
}

std::string partitions_json(const rd_kafka_topic_partition_list_t& list) {
  std::vector<std::string> objects;
  for (int i = 0; i < list.cnt; ++i) {
    objects.push_back(partition_json(list.elems[i].topic, list.elems[i].partition).text());
  }
  return json_array(objects);
}

class VerifiableConsumer {
 public:
  VerifiableConsumer(const Options& options)
      : topic_(*options.given("topic")),
        messages_max_(*options.number("max-messages")),
        commits_each_batch_(!options.has("enable-autocommit")),
        is_verbose_(options.has("verbose")) {}

  Outcome<> run(const config::Properties& properties) {
    TRY_ASSIGN(client_, RdKafkaClient::create(JavaClient::consumer, properties,
                                              {.opaque = this, .on_rebalance = on_rebalance}));
    client_->warn_from_now_on();
    rd_kafka_poll_set_consumer(client_->handle());
    print(event("startup_complete"));
    const auto outcome = subscribe();
    if (outcome) consume();
    client_->close_consumer();  // tells what is revoked
    print(event("shutdown_complete"));
    return outcome;
  }

 private:
  static constexpr int kPollMs = 100;
  static constexpr std::size_t kBatchMax = 500;  // Java's max.poll.records

  Outcome<> subscribe() {
    const PartitionList topics(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(topics.get(), topic_.c_str(), RD_KAFKA_PARTITION_UA);
    const auto code = rd_kafka_subscribe(client_->handle(), topics.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return failure(rd_kafka_err2str(code));
    return {};
  }

  void consume() {
    while (!has_enough() && verifiable::received_signal() == 0) {
      int timeout_ms = kPollMs;
      while (batch_.size() < kBatchMax) {
        RdKafkaPtr<rd_kafka_message_t> message(
            rd_kafka_consumer_poll(client_->handle(), timeout_ms));
        if (message == nullptr) break;
        timeout_ms = 0;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
          batch_.push_back(std::move(message));
        } else if (!may_go_on(*message)) {
          return;
        }
      }
      finish_batch();
    }
  }

  bool has_enough() const { return messages_max_ >= 0 && consumed_ >= messages_max_; }

  // What the brokers refuse for good ends the consumer; the rest librdkafka tries again.
  static bool may_go_on(const rd_kafka_message_t& message) {
    switch (message.err) {
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      case RD_KAFKA_RESP_ERR_INVALID_GROUP_ID:
      case RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
      case RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL:
      case RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED:
      case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
      case RD_KAFKA_RESP_ERR__AUTHENTICATION:
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
      case RD_KAFKA_RESP_ERR__FATAL: break;
      default: return true;
    }
    fmt::print(stderr, "ERROR Error during processing, terminating consumer process: {}\n",
               rd_kafka_message_errstr(&message));
    return false;
  }

  // Tells what the batch held and commits it. A batch never outlives the assignment it came from:
  // offsets of revoked partitions could not be committed any more.
  void finish_batch() {
    if (batch_.empty()) return;
    std::map<TopicPartition, std::vector<const rd_kafka_message_t*>> by_partition;
    for (const auto& message : batch_) {
      by_partition[{rd_kafka_topic_name(message->rkt), message->partition}].push_back(
          message.get());
    }
    std::map<TopicPartition, std::int64_t> next_offsets;
    std::vector<std::string> summaries;
    for (auto& [partition, messages] : by_partition) {
      const auto allowed = static_cast<std::size_t>(messages_max_ - consumed_);
      if (messages_max_ >= 0 && messages.size() > allowed) messages.resize(allowed);
      if (messages.empty()) break;
      if (is_verbose_) {
        for (const rd_kafka_message_t* message : messages) print_record(*message);
      }
      const auto count = static_cast<std::int64_t>(messages.size());
      consumed_ += count;
      next_offsets[partition] = messages.back()->offset + 1;
      summaries.push_back(partition_json(partition.topic, partition.partition)
                              .add("count", count)
                              .add("minOffset", messages.front()->offset)
                              .add("maxOffset", messages.back()->offset)
                              .text());
    }
    print(event("records_consumed")
              .add("count", static_cast<std::int64_t>(batch_.size()))
              .add_raw("partitions", json_array(summaries)));
    batch_.clear();
    if (commits_each_batch_) commit(next_offsets);
  }

  void print_record(const rd_kafka_message_t& message) {
    printer_.print(event("record_data")
                       .add("key", text_of(message.key, message.key_len))
                       .add("value", text_of(message.payload, message.len))
                       .add("topic", Text(rd_kafka_topic_name(message.rkt)))
                       .add("partition", message.partition)
                       .add("offset", message.offset));
  }

  void commit(const std::map<TopicPartition, std::int64_t>& next_offsets) {
    const PartitionList list(
        rd_kafka_topic_partition_list_new(static_cast<int>(next_offsets.size())));
    std::vector<std::string> objects;
    for (const auto& [partition, offset] : next_offsets) {
      rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)
          ->offset = offset;
      objects.push_back(
          partition_json(partition.topic, partition.partition).add("offset", offset).text());
    }
    const auto code = rd_kafka_commit(client_->handle(), list.get(), 0);
    JsonObject json = event("offsets_committed");
    json.add_raw("offsets", json_array(objects));
    const bool is_done = code == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!is_done) json.add("error", Text(rd_kafka_err2str(code)));
    print(json.add("success", is_done));
  }

  static void on_rebalance(rd_kafka_t* handle, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* partitions, void* client) {
    auto* self = static_cast<VerifiableConsumer*>(RdKafkaClient::opaque_of(client));
    self->finish_batch();
    const bool is_cooperative =
        std::string_view(rd_kafka_rebalance_protocol(handle)) == "COOPERATIVE";
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      self->print(event("partitions_assigned").add_raw("partitions", partitions_json(*partitions)));
      if (is_cooperative) {
        rd_kafka_error_destroy(rd_kafka_incremental_assign(handle, partitions));
      } else {
        rd_kafka_assign(handle, partitions);
      }
      return;
    }
    if (partitions->cnt > 0) {
      self->print(event("partitions_revoked").add_raw("partitions", partitions_json(*partitions)));
    }
    if (is_cooperative) {
      rd_kafka_error_destroy(rd_kafka_incremental_unassign(handle, partitions));
    } else {
      rd_kafka_assign(handle, nullptr);
    }
  }

  void print(const JsonObject& json) {
    printer_.print(json);
    printer_.flush();
  }

  const std::string topic_;
  const std::int64_t messages_max_;
  const bool commits_each_batch_;
  const bool is_verbose_;
  std::int64_t consumed_ = 0;
  std::unique_ptr<RdKafkaClient> client_;
  std::vector<RdKafkaPtr<rd_kafka_message_t>> batch_;
  verifiable::EventPrinter printer_;
};

Outcome<config::Properties> consumer_properties(const Options& options) {
  config::Properties properties;
  if (const auto path = options.given("consumer.config")) {
    TRY_ASSIGN(properties, load_properties(*path));
  }
  if (options.value("group-protocol") == "consumer") {
    return failure("the group protocol consumer is not available in this tool");
  }
  verifiable::set_bootstrap(properties, options);
  properties.set("partition.assignment.strategy", *options.value("assignment-strategy"));
  properties.set("group.id", *options.given("group-id"));
  if (!properties.contains("client.id")) {
    properties.set("client.id", fmt::format("consumer-{}-1", *options.given("group-id")));
  }
  // Kafka 2.4's scripts write None for none.
  const auto instance = options.given("group-instance-id");
  if (instance && *instance != "None") properties.set("group.instance.id", *instance);
  properties.set("enable.auto.commit", options.has("enable-autocommit") ? "true" : "false");
  properties.set("auto.offset.reset", *options.value("reset-policy"));
  properties.set("session.timeout.ms", *options.value("session-timeout"));
  if (!properties.contains("allow.auto.create.topics")) {
    properties.set("allow.auto.create.topics", "true");
  }
  return properties;
}

}  // namespace

int kafka_verifiable_consumer(const Arguments& arguments) {
  const auto options = verifiable::read_options(kProgram, kTable, arguments, {"topic", "group-id"});
  if (!options) return options.error();
  const auto properties = consumer_properties(*options);
  if (!properties) return verifiable::usage_error(kProgram, properties.error().message);
  verifiable::watch_signals();
  const auto outcome = VerifiableConsumer(*options).run(*properties);
  if (!outcome) fmt::print(stderr, "{}\n", outcome.error().message);
  if (const int signal = verifiable::received_signal(); signal != 0) return 128 + signal;
  return outcome ? 0 : 1;
}

}  // namespace tools
