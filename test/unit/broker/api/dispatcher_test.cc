// Goal: who gets which request, and what ApiVersions says. Method: requests as bytes through the
// dispatcher, without a connection; answers decoded as a client would.
#include "broker/api/dispatcher.h"

#include <doctest/doctest.h>

#include <string>

#include "broker/api/api_versions.h"
#include "protocol/error_code.h"
#include "protocol/gen/api_versions.h"
#include "protocol/gen/heartbeat.h"
#include "runtime/sim/sim_world.h"

namespace api {
namespace {

using protocol::ApiKey;
using protocol::ApiVersionsRequest;
using protocol::ApiVersionsResponse;

struct NamedHandler final : ApiHandler {
  runtime::Task<network::Reply> handle(network::RequestContext& context,
                                       std::int16_t version) override {
    last_version = version;
    CHECK(context.header.api_version == version);
    const auto request = decode_request<protocol::HeartbeatRequest>(context);
    if (!request) co_return network::close_reply();
    last_group = std::string(request->group_id);
    co_return network::reply(context, protocol::HeartbeatResponse{});
  }
  std::int16_t last_version = -1;
  std::string last_group;
};

struct Fixture {
  Fixture() {
    dispatcher.add(ApiKey::kHeartbeat, heartbeat, 3);
    dispatcher.add(ApiKey::kApiVersions, api_versions);
  }

  network::Reply send(ApiKey key, std::int16_t version, protocol::Writer body) {
    context.header = {.api_key = static_cast<std::int16_t>(key),
                      .api_version = version,
                      .correlation_id = 77,
                      .client_id = "client"};
    context.frame = body.take();
    context.body_offset = 0;
    context.listener = &listener;
    context.connection = &connection;
    return world.block_on(loop, dispatcher.handle(context));
  }
  template <class Request>
  network::Reply send(const Request& request, std::int16_t version) {
    protocol::Writer writer;
    request.encode(writer, version);
    return send(static_cast<ApiKey>(Request::kApiKey), version, std::move(writer));
  }
  static bool is_close(const network::Reply& reply) {
    return reply.response.close_connection && reply.response.output.empty();
  }
  // The answer to an ApiVersions request, read in `version`.
  static ApiVersionsResponse decode(const network::Reply& reply, std::int16_t version) {
    REQUIRE_FALSE(reply.response.close_connection);
    REQUIRE(reply.response.output.pieces().size() == 1);
    const base::Bytes frame = reply.response.output.pieces().front().bytes();
    protocol::Reader reader(frame);
    CHECK(reader.read_int32() == static_cast<std::int32_t>(frame.size() - 4));
    CHECK(reader.read_int32() == 77);  // header version 0, always
    auto response = ApiVersionsResponse::decode(reader, version);
    REQUIRE(response.has_value());
    CHECK(reader.remaining() == 0);
    return *response;
  }

  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  network::ListenerContext listener{.name = "PLAINTEXT"};
  network::ConnectionInfo connection;
  network::RequestContext context;
  Dispatcher dispatcher;
  NamedHandler heartbeat;
  std::optional<std::int64_t> epoch = 5;
  ApiVersionsApi api_versions{dispatcher, [this] { return epoch; }};
};

ApiVersionsRequest named(std::string name, std::string version) {
  ApiVersionsRequest request;
  request.client_software_name = std::move(name);
  request.client_software_version = std::move(version);
  return request;
}

TEST_CASE("a request goes to its handler, what nobody serves closes the connection") {
  Fixture test;
  protocol::HeartbeatRequest request;
  request.group_id = "group";
  for (std::int16_t version = 0; version <= 3; ++version) {
    CHECK_FALSE(Fixture::is_close(test.send(request, version)));
    CHECK(test.heartbeat.last_version == version);
    CHECK(test.heartbeat.last_group == "group");
  }
  CHECK(Fixture::is_close(test.send(request, 4)));  // the protocol knows it, this handler does not
  CHECK(Fixture::is_close(test.send(ApiKey::kHeartbeat, -1, {})));
  CHECK(Fixture::is_close(test.send(ApiKey::kHeartbeat, INT16_MAX, {})));
  CHECK(Fixture::is_close(test.send(ApiKey::kFetch, 0, {})));
  CHECK(Fixture::is_close(test.send(static_cast<ApiKey>(-1), 0, {})));
  CHECK(Fixture::is_close(test.send(static_cast<ApiKey>(INT16_MAX), 0, {})));
}

TEST_CASE("a body that cannot be decoded closes the connection") {
  Fixture test;
  CHECK(Fixture::is_close(test.send(ApiKey::kHeartbeat, 0, {})));
  protocol::Writer writer;
  writer.write_int16(1);
  CHECK(Fixture::is_close(test.send(ApiKey::kApiVersions, 3, std::move(writer))));
}

TEST_CASE("ApiVersions lists what is served, in every version") {
  Fixture test;
  for (std::int16_t version = 0; version <= 4; ++version) {
    const auto response = Fixture::decode(test.send(named("java", "3.9.0"), version), version);
    CHECK(response.error_code == 0);
    REQUIRE(response.api_keys.size() == 2);
    CHECK(response.api_keys[0].api_key == 12);
    CHECK(response.api_keys[0].min_version == 0);
    CHECK(response.api_keys[0].max_version == 3);
    CHECK(response.api_keys[1].api_key == 18);
    CHECK(response.api_keys[1].max_version == 4);
    CHECK(response.supported_features.empty());
    CHECK(response.finalized_features_epoch == (version >= 3 ? 5 : -1));
  }
  CHECK(test.connection.client_software_name == "java");
  CHECK(test.connection.client_software_version == "3.9.0");
}

// KIP-511: the client of tomorrow steps down, whatever its request looks like.
TEST_CASE("ApiVersions in an unknown version is answered in version 0 with our range") {
  Fixture test;
  for (const std::int16_t version : {std::int16_t{5}, std::int16_t{INT16_MAX}, std::int16_t{-1}}) {
    protocol::Writer body;
    body.write_int32(-1);
    const auto response =
        Fixture::decode(test.send(ApiKey::kApiVersions, version, std::move(body)), 0);
    CHECK(response.error_code == 35);
    REQUIRE(response.api_keys.size() == 1);
    CHECK(response.api_keys[0].api_key == 18);
    CHECK(response.api_keys[0].min_version == 0);
    CHECK(response.api_keys[0].max_version == 4);
  }
}

TEST_CASE("a client's software name is checked") {
  for (const char* name : {"a", "apache-kafka-java", "3.9.0", "0", "A.b-C"}) {
    CHECK(is_valid_software_name(name));
  }
  for (const char* name : {"", "-a", "a-", ".a", "a.", "a b", "a_b", "ä", "a\n"}) {
    CHECK_FALSE(is_valid_software_name(name));
  }
  Fixture test;
  for (const auto& request : {named("", "1"), named("java", ""), named("ja va", "1")}) {
    const auto response = Fixture::decode(test.send(request, 3), 3);
    CHECK(response.error_code == 42);
    CHECK(response.api_keys.empty());
  }
  CHECK(test.connection.client_software_name == "unknown");
}

}  // namespace
}  // namespace api
