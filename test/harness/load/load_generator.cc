// Produces numbered records at a steady rate through librdkafka, and writes down every
// acknowledgement, so that a test can say what a broker must still have.
//
// Usage: load_generator BROKERS TOPIC PARTITIONS ACKED_FILE [--rate N] [--size BYTES] [--records N]
//   [-X key=value]...
// Stops at --records (records of all partitions), or at SIGTERM; then waits for what is in flight.
// A record's key is its number within its partition. ACKED_FILE: "partition number offset" a line.
// stdout: "acked=N" every 100 ms while there is news, at the end "done produced=N acked=N
// failed=N slowest_ms=N".

#include <fmt/core.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t g_stop = 0;

struct Options {
  std::string brokers;
  std::string topic;
  std::int32_t partition_count = 1;
  std::string acked_file;
  std::int64_t rate_per_s = 5000;
  std::size_t size_bytes = 1024;
  std::int64_t record_count = INT64_MAX;
  std::vector<std::pair<std::string, std::string>> settings;
};

struct Tally {
  std::FILE* acked_file = nullptr;
  std::int64_t produced = 0;
  std::int64_t acked = 0;
  std::int64_t failed = 0;
  std::int64_t slowest_ms = 0;
};

[[noreturn]] void fail(const std::string& text) {
  fmt::print(stderr, "{}\n", text);
  std::exit(1);
}

Options parse(int argc, char** argv) {
  if (argc < 5) fail("USAGE: load_generator BROKERS TOPIC PARTITIONS ACKED_FILE [option value]...");
  Options options;
  options.brokers = argv[1];
  options.topic = argv[2];
  options.partition_count = std::atoi(argv[3]);
  options.acked_file = argv[4];
  for (int i = 5; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--rate") {
      options.rate_per_s = std::atoll(value.c_str());
    } else if (name == "--size") {
      options.size_bytes = static_cast<std::size_t>(std::atoll(value.c_str()));
    } else if (name == "--records") {
      options.record_count = std::atoll(value.c_str());
    } else if (name == "-X" && value.find('=') != std::string::npos) {
      const auto at = value.find('=');
      options.settings.emplace_back(value.substr(0, at), value.substr(at + 1));
    } else {
      fail("unknown option " + name);
    }
  }
  if (options.partition_count < 1 || options.rate_per_s < 1) fail("PARTITIONS and --rate are >= 1");
  return options;
}

void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& tally = *static_cast<Tally*>(opaque);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (++tally.failed == 1) fmt::print("first failure: {}\n", rd_kafka_err2str(message->err));
    return;
  }
  ++tally.acked;
  tally.slowest_ms =
      std::max<std::int64_t>(tally.slowest_ms, rd_kafka_message_latency(message) / 1000);
  const std::string number(static_cast<const char*>(message->key), message->key_len);
  fmt::print(tally.acked_file, "{} {} {}\n", message->partition, number, message->offset);
}

rd_kafka_t* make_producer(const Options& options, Tally& tally) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  auto settings = options.settings;
  settings.emplace_back("bootstrap.servers", options.brokers);
  for (const auto& [key, value] : settings) {
    if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), error, sizeof(error)) !=
        RD_KAFKA_CONF_OK) {
      fail(error);
    }
  }
  rd_kafka_conf_set_dr_msg_cb(conf, &on_delivery);
  rd_kafka_conf_set_opaque(conf, &tally);
  rd_kafka_t* producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
  if (producer == nullptr) fail(error);
  return producer;
}

// Waits for room in the client's queue as long as it takes: a broker that is away is the test's
// subject.
bool produce(rd_kafka_t* producer, const Options& options, std::int32_t partition,
             std::int64_t number, const std::string& value) {
  const std::string key = std::to_string(number);
  while (g_stop == 0) {
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(options.topic.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.data(), key.size()),
        RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()), RD_KAFKA_V_END);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) fail(rd_kafka_err2str(error));
    rd_kafka_poll(producer, 50);
  }
  return false;
}

void tell(const Tally& tally, std::int64_t& told) {
  if (tally.acked == told) return;
  told = tally.acked;
  std::fflush(tally.acked_file);
  fmt::print("acked={}\n", told);
  std::fflush(stdout);
}

void run(rd_kafka_t* producer, const Options& options, Tally& tally) {
  const std::string value(options.size_bytes, 'v');
  const auto began = Clock::now();
  auto next_word = began;
  std::int64_t told = 0;
  while (g_stop == 0 && tally.produced < options.record_count) {
    const auto partition = static_cast<std::int32_t>(tally.produced % options.partition_count);
    const std::int64_t number = tally.produced / options.partition_count;
    if (!produce(producer, options, partition, number, value)) break;
    ++tally.produced;
    const auto due =
        began + std::chrono::microseconds(tally.produced * 1'000'000 / options.rate_per_s);
    do {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - Clock::now()).count();
      rd_kafka_poll(producer, static_cast<int>(std::clamp<std::int64_t>(left, 0, 50)));
    } while (g_stop == 0 && Clock::now() < due);
    if (Clock::now() >= next_word) {
      tell(tally, told);
      next_word = Clock::now() + std::chrono::milliseconds(100);
    }
  }
  for (int i = 0; i < 600 && rd_kafka_outq_len(producer) > 0; ++i) {
    rd_kafka_flush(producer, 100);
    tell(tally, told);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  std::signal(SIGTERM, [](int) { g_stop = 1; });
  Tally tally;
  tally.acked_file = std::fopen(options.acked_file.c_str(), "w");
  if (tally.acked_file == nullptr) fail("cannot write " + options.acked_file);
  rd_kafka_t* producer = make_producer(options, tally);
  run(producer, options, tally);
  const std::int64_t open = rd_kafka_outq_len(producer);
  std::fclose(tally.acked_file);
  fmt::print("done produced={} acked={} failed={} slowest_ms={}\n", tally.produced, tally.acked,
             tally.failed + open, tally.slowest_ms);
  std::fflush(stdout);
  // What is still in flight after a minute is given up with the process.
  std::_Exit(0);
}
