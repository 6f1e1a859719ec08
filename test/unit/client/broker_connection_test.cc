// Goal: requests are pipelined, every one of them is answered once, and a connection whose answers
// make no sense or do not come is closed.
#include "client/broker_connection.h"

#include "test/unit/client/scripted_broker.h"

namespace client {
namespace {

using base::Errc;
using protocol::ApiVersionsRequest;
using protocol::MetadataRequest;
using protocol::MetadataResponse;

constexpr std::int16_t kVersion = 9;

// The controller id tells which request an answer belongs to.
MetadataResponse numbered(int number) {
  MetadataResponse response;
  response.controller_id = number;
  return response;
}

runtime::Task<base::Result<std::int32_t>> ask(BrokerConnection& connection) {
  auto reply = co_await connection.request<MetadataResponse>(MetadataRequest(), kVersion);
  if (!reply) co_return base::fail(reply.error());
  co_return reply->value.controller_id;
}

runtime::Task<void> ask_and_note(BrokerConnection& connection,
                                 std::vector<base::Result<std::int32_t>>& answers) {
  answers.push_back(co_await ask(connection));
}

TEST_CASE_FIXTURE(ClientFixture, "requests are pipelined and answered in order") {
  std::vector<protocol::RequestHeader> held;
  std::vector<std::string> client_ids;
  // Answers only once three have come.
  ScriptedBroker broker(broker_loop, kBrokerIp, 9092, [&](const auto& header, auto&) {
    client_ids.emplace_back(header.client_id.value_or(""));
    held.push_back(header);
    Scripted scripted;
    if (held.size() == 3) {
      for (const auto& one : held) {
        scripted.frames.push_back(respond(one, numbered(100 + one.correlation_id)));
      }
    }
    return scripted;
  });
  auto connection = connect();
  std::vector<base::Result<std::int32_t>> answers;
  runtime::TaskScope callers(loop, "callers");
  for (int i = 0; i < 3; ++i) callers.spawn(ask_and_note(*connection, answers));
  REQUIRE(world.run_until([&] { return callers.task_count() == 0; }));
  REQUIRE(answers.size() == 3);
  for (int i = 0; i < 3; ++i) CHECK(answers[static_cast<std::size_t>(i)].value() == 100 + i);
  CHECK(client_ids == std::vector<std::string>{"test", "test", "test"});
  run(connection->close());
  stop(broker);
}

TEST_CASE_FIXTURE(ClientFixture, "no answer in time: unknown outcome, and closed") {
  ScriptedBroker broker(broker_loop, kBrokerIp, 9092,
                        [](const auto&, auto&) { return Scripted(); });
  auto connection = connect();
  const std::int64_t begin_ms = world.clock().monotonic_ms();
  std::vector<base::Result<std::int32_t>> answers;
  runtime::TaskScope callers(loop, "callers");
  for (int i = 0; i < 2; ++i) callers.spawn(ask_and_note(*connection, answers));
  REQUIRE(world.run_until([&] { return callers.task_count() == 0; }));
  CHECK(world.clock().monotonic_ms() - begin_ms >= 1'000);
  for (const auto& answer : answers) CHECK(answer.error().is(Errc::outcome_unknown));
  CHECK(connection->is_closed());
  CHECK(run(ask(*connection)).error().is(Errc::closed));
  run(connection->close());
  stop(broker);
}

TEST_CASE_FIXTURE(ClientFixture, "answers that make no sense close the connection") {
  for (const int fault : {0, 1, 2, 3}) {
    CAPTURE(fault);
    ScriptedBroker broker(broker_loop, kBrokerIp, 9092, [fault](auto header, auto&) {
      Scripted scripted;
      protocol::Writer writer;
      switch (fault) {
        case 0:  // out of turn
          ++header.correlation_id;
          scripted.frames.push_back(respond(header, numbered(1)));
          break;
        case 1:  // longer than allowed
          writer.write_int32(0x7fffffff);
          scripted.frames.push_back(writer.take());
          break;
        case 2:  // negative length
          writer.write_int32(-1);
          scripted.frames.push_back(writer.take());
          break;
        case 3:  // ends within a frame
          writer.write_int32(100);
          writer.write_int32(0);
          scripted.frames.push_back(writer.take());
          scripted.hang_up = true;
          break;
      }
      return scripted;
    });
    auto connection = connect();
    CHECK(run(ask(*connection)).error().is(Errc::outcome_unknown));
    CHECK(connection->is_closed());
    run(connection->close());
    stop(broker);
  }
}

TEST_CASE_FIXTURE(ClientFixture, "an undecodable body is that request's error") {
  ScriptedBroker broker(broker_loop, kBrokerIp, 9092, [](const auto& header, auto&) {
    protocol::Writer writer;
    writer.write_int32(6);
    writer.write_int32(header.correlation_id);
    writer.write_int16(0);
    Scripted scripted;
    scripted.frames.push_back(writer.take());
    return scripted;
  });
  auto connection = connect();
  CHECK(run(ask(*connection)).error().is(Errc::corrupt));
  run(connection->close());
  stop(broker);
}

TEST_CASE_FIXTURE(ClientFixture, "a large answer arrives in pieces") {
  MetadataResponse large;
  for (int i = 0; i < 5'000; ++i) {
    auto& topic = large.topics.emplace_back();
    topic.name = "a topic with a name that takes some room " + std::to_string(i);
  }
  ScriptedBroker broker(broker_loop, kBrokerIp, 9092, [&](const auto& header, auto&) {
    Scripted scripted;
    scripted.frames.push_back(respond(header, large));
    return scripted;
  });
  auto connection = connect();
  const auto reply =
      run(connection->request<MetadataResponse>(MetadataRequest(), kVersion, 60'000));
  REQUIRE(reply);
  CHECK(reply->value == large);
  run(connection->close());
  stop(broker);
}

TEST_CASE_FIXTURE(ClientFixture, "close ends what waits") {
  ScriptedBroker broker(broker_loop, kBrokerIp, 9092,
                        [](const auto&, auto&) { return Scripted(); });
  auto connection = connect();
  std::vector<base::Result<std::int32_t>> answers;
  runtime::TaskScope callers(loop, "callers");
  callers.spawn(ask_and_note(*connection, answers));
  world.run_for(10);
  run(connection->close());
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].error().is(Errc::cancelled));
  stop(broker);
}

TEST_CASE_FIXTURE(ClientFixture, "nobody listens") {
  const auto connection =
      run(BrokerConnection::connect(loop, resolver, "10.0.0.77", 1, {.connect_timeout_ms = 500}));
  CHECK(!connection);
}

// KIP-511: a broker that does not know our ApiVersions answers in version 0 with the error.
TEST_CASE_FIXTURE(ClientFixture, "version negotiation") {
  for (const std::int16_t known :
       {std::int16_t{0}, std::int16_t{2}, std::int16_t{3}, ApiVersionsRequest::kMaxVersion}) {
    CAPTURE(known);
    std::vector<std::int16_t> asked;
    ScriptedBroker broker(broker_loop, kBrokerIp, 9092, [&](const auto& header, auto& body) {
      asked.push_back(header.api_version);
      Scripted scripted;
      auto response = api_versions_of(7, known);
      if (header.api_version > known) {
        response.error_code = 35;
        scripted.frames.push_back(respond(header, response, std::int16_t{0}));
      } else {
        if (header.api_version >= 3) {
          CHECK(ApiVersionsRequest::decode(body, header.api_version)->client_software_name ==
                "barnabas");
        }
        scripted.frames.push_back(respond(header, response));
      }
      return scripted;
    });
    auto connection = connect();
    const auto ranges = run(connection->negotiate());
    REQUIRE(ranges);
    CHECK(ranges->highest_common<MetadataRequest>().value() == 7);
    CHECK(asked.back() == known);
    CHECK(asked.size() <= 2);
    run(connection->close());
    stop(broker);
  }
}

}  // namespace
}  // namespace client
