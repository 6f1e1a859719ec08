// Goal: headers carry what their version says, and the tables of APIs and error codes are Kafka's.
#include <doctest/doctest.h>

#include "protocol/api_key.h"
#include "protocol/error_code.h"
#include "protocol/gen/api_versions.h"
#include "protocol/gen/controlled_shutdown.h"
#include "protocol/gen/fetch.h"
#include "protocol/headers.h"

using protocol::ApiKey;
using protocol::ErrorCode;
using protocol::Reader;
using protocol::RequestHeader;
using protocol::Writer;

TEST_CASE("header versions follow the API's first flexible version, with Kafka's two exceptions") {
  CHECK_EQ(protocol::request_header_version(1, 11), 1);
  CHECK_EQ(protocol::request_header_version(1, 12), 2);
  CHECK_EQ(protocol::response_header_version(1, 12), 1);
  CHECK_EQ(protocol::request_header_version(7, 0), 0);
  CHECK_EQ(protocol::request_header_version(7, 1), 1);
  CHECK_EQ(protocol::request_header_version(18, 99), 2);
  CHECK_EQ(protocol::response_header_version(18, 3), 0);
  CHECK_EQ(protocol::request_header_version(17, 1), 1);
  CHECK(protocol::request_header_version(999, 0) == std::nullopt);
}

TEST_CASE("a request header survives encode and decode in every version") {
  for (const auto& [key, version] : {std::pair{7, 0}, std::pair{1, 4}, std::pair{1, 17}}) {
    const RequestHeader header{.api_key = static_cast<std::int16_t>(key),
                               .api_version = static_cast<std::int16_t>(version),
                               .correlation_id = 42,
                               .client_id = "console"};
    Writer writer;
    header.encode(writer);
    CHECK_EQ(writer.position(), header.size_bytes());
    Reader reader(writer.written());
    const auto decoded = RequestHeader::decode(reader);
    REQUIRE(decoded.has_value());
    CHECK_EQ(decoded->correlation_id, 42);
    CHECK_EQ(decoded->client_id.has_value(), key != 7);
    CHECK_EQ(reader.remaining(), 0);
  }
}

TEST_CASE("an unknown API key and a cut header are told apart") {
  Writer writer;
  writer.write_int16(999);
  writer.write_int16(0);
  writer.write_int32(1);
  Reader unknown(writer.written());
  CHECK(RequestHeader::decode(unknown).error().is(base::Errc::unsupported));
  Reader cut(writer.written().first(5));
  CHECK(RequestHeader::decode(cut).error().is(base::Errc::corrupt));
}

TEST_CASE("a frame's length counts spliced records, and the buffer is allocated once") {
  protocol::FetchResponse response;
  auto& topic = response.responses.emplace_back();
  topic.topic = "orders";
  topic.partitions.emplace_back().records.external_size_bytes = 5000;
  Writer writer = protocol::encode_response_frame(9, response, 11);
  const std::size_t header_size = 4;
  CHECK_EQ(writer.position(), 4 + header_size + response.size_bytes(11));
  REQUIRE_EQ(writer.splices().size(), 1);
  CHECK_EQ(writer.splices()[0].position_in_buffer, writer.position());
  const base::Buffer buffer = writer.take();
  CHECK_EQ(buffer.capacity(), buffer.size());
  Reader reader(buffer.bytes());
  CHECK_EQ(static_cast<std::size_t>(reader.read_int32()), buffer.size() - 4 + 5000);
}

TEST_CASE("find_api knows what a broker in ZooKeeper mode serves") {
  REQUIRE(protocol::find_api(ApiKey::kFetch) != nullptr);
  CHECK_EQ(protocol::find_api(1)->name, "Fetch");
  CHECK_EQ(protocol::find_api(1)->max_version, 17);
  CHECK(protocol::find_api(1)->supports(17));
  CHECK(!protocol::find_api(1)->supports(18));
  CHECK(protocol::find_api(-1) == nullptr);
  CHECK(protocol::find_api(52) == nullptr);  // KRaft
  CHECK(protocol::find_api(75) == nullptr);
  CHECK(protocol::find_api(32767) == nullptr);
  std::int16_t last = -1;
  for (const auto& api : protocol::all_apis()) {
    CHECK(static_cast<std::int16_t>(api.key) > last);
    last = static_cast<std::int16_t>(api.key);
    CHECK_EQ(protocol::find_api(api.key), &api);
  }
}

TEST_CASE("error codes have Kafka's names and retriability") {
  CHECK_EQ(protocol::name(ErrorCode::kNone), "NONE");
  CHECK_EQ(protocol::name(ErrorCode::kUnknownServerError), "UNKNOWN_SERVER_ERROR");
  CHECK_EQ(protocol::name(ErrorCode::kTransactionAbortable), "TRANSACTION_ABORTABLE");
  CHECK_EQ(protocol::name(protocol::error_code_from_wire(999)), "UNKNOWN_SERVER_ERROR");
  CHECK_EQ(protocol::name(protocol::error_code_from_wire(-7)), "UNKNOWN_SERVER_ERROR");
  CHECK(protocol::is_retriable(ErrorCode::kNotLeaderOrFollower));
  CHECK(!protocol::is_retriable(ErrorCode::kMessageTooLarge));
  CHECK_EQ(protocol::to_wire(ErrorCode::kFencedLeaderEpoch), 74);
}
