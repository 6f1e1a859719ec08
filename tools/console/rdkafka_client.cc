#include "tools/console/rdkafka_client.h"

#include <fmt/core.h>

#include <chrono>

#include "base/result.h"

namespace console {

using tools::failure;
using tools::JavaClient;
using tools::Outcome;
using tools::TranslatedProperty;

namespace {

// librdkafka's own lines say little to a user; on_error() has what matters.
void drop_log(const rd_kafka_t*, int, const char*, const char*) {}

Outcome<> set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char reason[512];
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason) !=
      RD_KAFKA_CONF_OK) {
    return failure(reason);
  }
  return {};
}

}  // namespace

Outcome<std::unique_ptr<RdKafkaClient>> RdKafkaClient::create(JavaClient kind,
                                                              const config::Properties& properties,
                                                              const RdKafkaCallbacks& callbacks) {
  std::unique_ptr<RdKafkaClient> client(new RdKafkaClient());
  client->bootstrap_ = properties.value_or("bootstrap.servers", "");
  client->opaque_ = callbacks.opaque;
  client->on_rebalance_ = callbacks.on_rebalance;
  RdKafkaPtr<rd_kafka_conf_t> conf(rd_kafka_conf_new());
  TRY(client->configure(conf.get(), kind, properties));
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_log_cb(conf.get(), drop_log);
  rd_kafka_conf_set_error_cb(conf.get(), on_error);
  if (callbacks.on_delivery != nullptr) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), callbacks.on_delivery);
    const bool only_errors = !callbacks.reports_successes;
    TRY(set(conf.get(), "delivery.report.only.error", only_errors ? "true" : "false"));
  }
  if (callbacks.on_rebalance != nullptr) {
    rd_kafka_conf_set_rebalance_cb(conf.get(), callbacks.on_rebalance);
  }
  char reason[512];
  const auto type = kind == JavaClient::producer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
  client->handle_.reset(rd_kafka_new(type, conf.get(), reason, sizeof reason));
  if (client->handle_ == nullptr) return failure(reason);
  static_cast<void>(conf.release());  // owned by the client now
  return client;
}

RdKafkaClient::~RdKafkaClient() {
  if (is_abandoned_) static_cast<void>(handle_.release());
}

Outcome<> RdKafkaClient::configure(rd_kafka_conf_t* conf, JavaClient kind,
                                   const config::Properties& properties) {
  if (kind == JavaClient::producer) {
    // Java's partitioner, so that a key goes to the same partition whoever sends it. What is
    // buffered is bounded by bytes alone, as in Java.
    TRY(set(conf, "partitioner", "murmur2_random"));
    TRY(set(conf, "queue.buffering.max.messages", "10000000"));
  }
  for (const config::Property& property : properties.entries()) {
    TRY_ASSIGN(const TranslatedProperty translated,
               tools::translate_java_property(kind, property.key, property.value));
    if (translated.kind == TranslatedProperty::Kind::set) {
      TRY(set(conf, translated.name, translated.value));
    } else if (translated.kind == TranslatedProperty::Kind::unknown) {
      fmt::print(stderr, "WARN {}: {} is not known here and has no effect\n", property.where(),
                 property.key);
    }
  }
  return {};
}

void RdKafkaClient::on_error(rd_kafka_t*, int code, const char* reason, void* self) {
  auto* client = static_cast<RdKafkaClient*>(self);
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    if (!client->is_quiet_) {
      fmt::print(stderr, "WARN No broker can be reached ({}), trying on\n", client->last_error_);
    }
    return;
  }
  // Without "(after 0ms in state CONNECT, 1 identical error(s) suppressed)" and guesses about
  // security.protocol.
  std::string_view text(reason);
  text = text.substr(0, text.find(" (after "));
  client->last_error_ = text.substr(0, text.find(": verify that "));
}

Outcome<> RdKafkaClient::check_reachable() {
  const auto answer = metadata(nullptr, kConnectTimeoutMs);
  poll(0);  // collects the reason
  if (answer) {
    is_quiet_ = false;
    return {};
  }
  return failure(fmt::format(
      "No broker could be reached at {} ({}): is one running there? Check the address.", bootstrap_,
      last_error_.empty() ? fmt::format("no answer within {} s", kConnectTimeoutMs / 1000)
                          : last_error_));
}

void RdKafkaClient::close_consumer() {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(kCloseTimeoutMs);
  is_quiet_ = true;
  const RdKafkaPtr<rd_kafka_queue_t> queue(rd_kafka_queue_new(handle_.get()));
  rd_kafka_error_t* error = rd_kafka_consumer_close_queue(handle_.get(), queue.get());
  if (error != nullptr) {
    rd_kafka_error_destroy(error);  // it never joined
    return;
  }
  while (rd_kafka_consumer_closed(handle_.get()) == 0) {
    if (Clock::now() >= deadline) {
      fmt::print(stderr, "WARN No broker answers: the group was left without a word\n");
      is_abandoned_ = true;
      return;
    }
    serve_while_closing(queue.get());
  }
}

// Records that were fetched and not yet asked for lie in the same queue. Taken out as messages they
// would count as consumed and be committed, so events are taken, and theirs is dropped unopened.
void RdKafkaClient::serve_while_closing(rd_kafka_queue_t* queue) {
  const RdKafkaPtr<rd_kafka_event_t> event(rd_kafka_queue_poll(queue, kClosePollMs));
  if (rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) return;
  if (on_rebalance_ != nullptr) {
    on_rebalance_(handle_.get(), rd_kafka_event_error(event.get()),
                  rd_kafka_event_topic_partition_list(event.get()), this);
  } else {
    rd_kafka_assign(handle_.get(), nullptr);
  }
}

Outcome<RdKafkaPtr<const rd_kafka_metadata_t>> RdKafkaClient::metadata(rd_kafka_topic_t* topic,
                                                                       int timeout_ms,
                                                                       bool of_all_topics) {
  const rd_kafka_metadata_t* metadata = nullptr;
  const auto code =
      rd_kafka_metadata(handle_.get(), of_all_topics ? 1 : 0, topic, &metadata, timeout_ms);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return failure(rd_kafka_err2str(code));
  return RdKafkaPtr<const rd_kafka_metadata_t>(metadata);
}

}  // namespace console
