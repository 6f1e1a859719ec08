// Purpose: librdkafka's C API with owners, its configuration from Java properties, and its errors
// as lines for the user.
//
// librdkafka has threads of its own and is the one thing in tools/ that does its own network I/O.
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <string>

#include "config/properties.h"
#include "tools/java_properties.h"
#include "tools/tool.h"

namespace console {

struct RdKafkaDelete {
  // A consumer is closed before, or given up: see RdKafkaClient::close_consumer.
  void operator()(rd_kafka_t* client) const {
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
  void operator()(rd_kafka_topic_t* topic) const { rd_kafka_topic_destroy(topic); }
  void operator()(rd_kafka_queue_t* queue) const { rd_kafka_queue_destroy(queue); }
  void operator()(rd_kafka_message_t* message) const { rd_kafka_message_destroy(message); }
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
  void operator()(const rd_kafka_metadata_t* metadata) const {
    rd_kafka_metadata_destroy(metadata);
  }
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
template <class T>
using RdKafkaPtr = std::unique_ptr<T, RdKafkaDelete>;

// Called while the client is polled or closed, on that thread. Their last argument is the client's:
// RdKafkaClient::opaque_of() gives what was set here.
struct RdKafkaCallbacks {
  using Delivery = void (*)(rd_kafka_t*, const rd_kafka_message_t*, void* client);
  using Rebalance = void (*)(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*,
                             void* client);

  void* opaque = nullptr;
  Delivery on_delivery = nullptr;
  bool reports_successes = false;    // on_delivery not only for what failed
  Rebalance on_rebalance = nullptr;  // null: librdkafka takes what the group assigns
};

class RdKafkaClient {
 public:
  // `properties` are Java's. Unknown ones are warned about on stderr. Connects to nothing yet.
  static tools::Outcome<std::unique_ptr<RdKafkaClient>> create(tools::JavaClient kind,
                                                               const config::Properties& properties,
                                                               const RdKafkaCallbacks& callbacks);
  RdKafkaClient(const RdKafkaClient&) = delete;
  RdKafkaClient& operator=(const RdKafkaClient&) = delete;
  // Waits for librdkafka's threads, unless close_consumer() gave up on them: then they end with the
  // process.
  ~RdKafkaClient();

  rd_kafka_t* handle() { return handle_.get(); }
  // Serves callbacks, waiting for some up to `timeout_ms`.
  void poll(int timeout_ms) { rd_kafka_poll(handle_.get(), timeout_ms); }
  // Waits for any broker to answer; fails with one line after kConnectTimeoutMs.
  tools::Outcome<> check_reachable();
  // Of one topic (null: of none, only the brokers), or of all.
  tools::Outcome<RdKafkaPtr<const rd_kafka_metadata_t>> metadata(rd_kafka_topic_t* topic,
                                                                 int timeout_ms,
                                                                 bool of_all_topics = false);
  // Leaves the group, with what is to be committed; calls on_rebalance for what was assigned. Gives
  // up with a warning after kCloseTimeoutMs, so that a user need not wait for brokers that are gone
  // (Kafka's consumer: 30 s).
  void close_consumer();
  // Warns of brokers that cannot be reached although none has answered yet: for a tool that does
  // without check_reachable() and waits.
  void warn_from_now_on() { is_quiet_ = false; }
  // Serves callbacks without a word about brokers that are gone (at the end).
  void be_quiet() { is_quiet_ = true; }

  // What a callback's `opaque` was given as.
  static void* opaque_of(void* client) { return static_cast<RdKafkaClient*>(client)->opaque_; }

 private:
  static constexpr int kConnectTimeoutMs = 5'000;
  static constexpr int kCloseTimeoutMs = 5'000;
  static constexpr int kClosePollMs = 50;

  RdKafkaClient() = default;
  tools::Outcome<> configure(rd_kafka_conf_t* conf, tools::JavaClient kind,
                             const config::Properties& properties);
  void serve_while_closing(rd_kafka_queue_t* queue);
  static void on_error(rd_kafka_t* handle, int code, const char* reason, void* self);

  std::string bootstrap_;
  std::string last_error_;
  void* opaque_ = nullptr;
  RdKafkaCallbacks::Rebalance on_rebalance_ = nullptr;
  bool is_quiet_ = true;       // until some broker has answered, or warn_from_now_on()
  bool is_abandoned_ = false;  // it did not close in time
  RdKafkaPtr<rd_kafka_t> handle_;
};

}  // namespace console
