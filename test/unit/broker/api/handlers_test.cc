// Goal: no request makes a handler end the process or leave a directory from which no broker can
// start; what is answered is an answer of that API in that version. Method: the handlers themselves
// over a simulated disk; requests of every version with values that make no sense, and damaged
// ones.
#include <doctest/doctest.h>

#include "base/log.h"
#include "protocol/gen/all_messages.h"
#include "runtime/xoshiro.h"
#include "test/unit/broker/api/handlers_bench.h"

namespace {

using api_test::HandlersBench;

// The body of a request that says nothing, in one version.
struct EncodeDefaults {
  std::int16_t key;
  std::int16_t version;
  std::string& body;

  template <class Message>
  void operator()(std::string_view, std::string_view kind) const {
    if (kind != "request" || Message::kApiKey != key) return;
    protocol::Writer writer;
    Message{}.encode(writer, version);
    body = std::string(base::as_text(writer.take().bytes()));
  }
};

// Whether it reads as the answer of that API, to its end.
struct DecodeAnswer {
  std::int16_t key;
  std::int16_t version;
  std::string_view answer;
  bool& is_right;

  template <class Message>
  void operator()(std::string_view, std::string_view kind) const {
    if (kind != "response" || Message::kApiKey != key) return;
    protocol::Reader reader(base::as_bytes(answer));
    is_right = reader.read_int32() == 77;
    if (version >= Message::kFirstFlexible) is_right = is_right && reader.read_int8() == 0;
    is_right = is_right && Message::decode(reader, version).has_value() && reader.remaining() == 0;
  }
};

void check_answer(std::int16_t key, std::int16_t version, std::string_view answer) {
  CAPTURE(key);
  CAPTURE(version);
  bool is_right = false;
  protocol::for_each_message(DecodeAnswer{key, version, answer, is_right});
  CHECK(is_right);
}

void damage(std::string& body, runtime::Xoshiro& random) {
  for (std::uint64_t i = 0; i <= random.next() % 4; ++i) {
    const std::size_t at = random.next() % (body.size() + 1);
    constexpr char kBytes[] = {0, 1, 2, 't', 0x7f, '\x80', '\xff'};
    const char byte = kBytes[random.next() % sizeof kBytes];
    if (random.next() % 3 == 0) {
      body.insert(at, 1 + random.next() % 8, byte);
    } else if (at < body.size()) {
      body[at] = byte;
    }
  }
}

}  // namespace

TEST_CASE("requests that say nothing are answered, in every version") {
  base::set_log_level(base::LogLevel::off);
  HandlersBench bench(1);
  int answered = 0;
  for (const api::AdvertisedApi& api : bench.apis()) {
    for (std::int16_t version = api.min_version; version <= api.max_version; ++version) {
      std::string body;
      protocol::for_each_message(EncodeDefaults{static_cast<std::int16_t>(api.key), version, body});
      const std::string answer =
          bench.send(static_cast<std::int16_t>(api.key), version, base::as_bytes(body));
      if (answer.empty()) continue;  // acks=0, which is the default
      ++answered;
      check_answer(static_cast<std::int16_t>(api.key), version, answer);
    }
  }
  CHECK(answered > 60);
  CHECK(bench.can_restart());
  base::set_log_level(base::LogLevel::info);
}

TEST_CASE("damaged requests end nothing, and a broker can start from what they left") {
  base::set_log_level(base::LogLevel::off);
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    runtime::Xoshiro random(seed);
    HandlersBench bench(seed);
    for (int i = 0; i < 100; ++i) {
      const auto& api = bench.apis()[random.next() % bench.apis().size()];
      const auto key = static_cast<std::int16_t>(api.key);
      const auto version = static_cast<std::int16_t>(
          api.min_version +
          static_cast<std::int16_t>(
              random.next() % static_cast<std::uint64_t>(api.max_version - api.min_version + 1)));
      std::string body;
      protocol::for_each_message(EncodeDefaults{key, version, body});
      damage(body, random);
      const std::string answer = bench.send(key, version, base::as_bytes(body));
      if (!answer.empty()) check_answer(key, version, answer);
    }
    CHECK(bench.can_restart());
  }
  base::set_log_level(base::LogLevel::info);
}

TEST_CASE("a request for very many partitions gives the loop's other work its turn") {
  base::set_log_level(base::LogLevel::off);
  HandlersBench bench(1);
  constexpr std::int32_t kMany = 10'000;
  const auto check = [&](auto request, auto add, std::int16_t version) {
    add(request, 0);
    const std::int64_t of_one = bench.turns_beside(request, version);
    for (std::int32_t index = 1; index < kMany; ++index) add(request, index);
    // One for each 4,096 at the latest.
    CHECK(bench.turns_beside(request, version) >= of_one + 2);
  };
  protocol::ProduceRequest produce;
  produce.acks = 1;
  produce.topic_data.emplace_back().name = "missing";
  check(
      produce,
      [](auto& request, std::int32_t index) {
        request.topic_data[0].partition_data.emplace_back().index = index;
      },
      9);
  protocol::ListOffsetsRequest list;
  list.topics.emplace_back().name = "missing";
  check(
      list,
      [](auto& request, std::int32_t index) {
        request.topics[0].partitions.emplace_back().partition_index = index;
      },
      7);
  protocol::OffsetForLeaderEpochRequest epochs;
  epochs.topics.emplace_back().topic = "missing";
  check(
      epochs,
      [](auto& request, std::int32_t index) {
        request.topics[0].partitions.emplace_back().partition = index;
      },
      4);
  base::set_log_level(base::LogLevel::info);
}

// A negative partition made a directory that refused the next start.
TEST_CASE("a controller's order for a partition that cannot be leaves nothing behind") {
  for (const std::int32_t index : {-1, INT32_MIN}) {
    HandlersBench bench(3);
    protocol::LeaderAndIsrRequest order;
    order.controller_id = HandlersBench::kBrokerId;
    order.controller_epoch = 1;
    order.broker_epoch = 5;
    auto& topic = order.topic_states.emplace_back();
    topic.topic_name = "t";
    auto& state = topic.partition_states.emplace_back();
    state.partition_index = index;
    state.controller_epoch = 1;
    state.leader = HandlersBench::kBrokerId;
    state.isr = {HandlersBench::kBrokerId};
    state.replicas = {HandlersBench::kBrokerId};
    (void)bench.send(order, 4);
    CHECK(bench.can_restart());
  }
}
