// Goal: what generated messages promise beyond equal bytes: views into the frame, splices that
// stand where the records would, skipped unknown tags, silently dropped ignorable fields.
#include <doctest/doctest.h>

#include <string>

#include "protocol/gen/api_versions.h"
#include "protocol/gen/fetch.h"
#include "protocol/gen/metadata.h"
#include "protocol/gen/produce.h"

using protocol::FetchRequest;
using protocol::FetchResponse;
using protocol::Reader;
using protocol::Writer;

namespace {

bool points_into(base::Bytes frame, const void* pointer) {
  const auto* at = static_cast<const std::byte*>(pointer);
  return at >= frame.data() && at < frame.data() + frame.size();
}

}  // namespace

TEST_CASE("a Produce request's names and records are views into the frame") {
  protocol::ProduceRequest request;
  auto& topic = request.topic_data.emplace_back();
  topic.name = "orders";
  topic.partition_data.emplace_back().records = base::as_bytes("batch");
  for (const std::int16_t version : {3, 9}) {
    Writer writer;
    request.encode(writer, version);
    const base::Buffer frame = writer.take();
    Reader reader(frame.bytes());
    const auto decoded = protocol::ProduceRequest::decode(reader, version);
    REQUIRE(decoded.has_value());
    const auto& decoded_topic = decoded->topic_data.at(0);
    CHECK_EQ(decoded_topic.name, "orders");
    CHECK(points_into(frame.bytes(), decoded_topic.name.data()));
    const auto& records = decoded_topic.partition_data.at(0).records;
    REQUIRE(records.has_value());
    CHECK_EQ(base::as_text(*records), "batch");
    CHECK(points_into(frame.bytes(), records->data()));
  }
}

TEST_CASE("a Fetch response with spliced records has the bytes of one with inline records") {
  const std::string first(300, 'a');
  const std::string second(7, 'b');
  FetchResponse inlined;
  FetchResponse spliced;
  for (const std::string* records : {&first, &second}) {
    auto& topic = inlined.responses.emplace_back();
    topic.topic = "orders";
    topic.partitions.emplace_back().records.inline_bytes = base::as_bytes(*records);
    spliced.responses.push_back(topic);
    spliced.responses.back().partitions[0].records = {
        .external_size_bytes = static_cast<std::uint32_t>(records->size())};
  }
  for (const std::int16_t version : {4, 12}) {
    Writer whole;
    inlined.encode(whole, version);
    Writer parts;
    spliced.encode(parts, version);
    REQUIRE_EQ(parts.splices().size(), 2);
    CHECK_EQ(parts.position(), spliced.size_bytes(version));
    CHECK_EQ(parts.wire_size_bytes(), inlined.size_bytes(version));

    std::string joined;
    std::size_t from = 0;
    const std::string* sources[] = {&first, &second};
    for (std::size_t i = 0; i < 2; ++i) {
      const std::size_t to = parts.splices()[i].position_in_buffer;
      joined += base::as_text(parts.written().subspan(from, to - from));
      joined += *sources[i];
      from = to;
    }
    joined += base::as_text(parts.written().subspan(from));
    CHECK_EQ(joined, base::as_text(whole.written()));
  }
}

TEST_CASE("tagged fields of a newer peer are skipped, known ones beside them are read") {
  FetchRequest request;
  request.cluster_id = "c";
  Writer writer;
  request.encode(writer, 12);
  // Replace the tag section (count 1, tag 0, size 2, "c") by the same and an unknown tag 99.
  std::string bytes(base::as_text(writer.written()));
  bytes.resize(bytes.size() - 5);
  bytes += std::string(
      "\x02\x00\x02\x02"
      "c\x63\x03xyz",
      10);
  Reader reader(base::as_bytes(bytes));
  const auto decoded = FetchRequest::decode(reader, 12);
  REQUIRE(decoded.has_value());
  CHECK_EQ(*decoded, request);
  CHECK_EQ(reader.remaining(), 0);
}

TEST_CASE("an ignorable field is dropped where the version lacks it and decodes as its default") {
  FetchRequest request;
  request.max_bytes = 1000;
  request.rack_id = "rack";
  Writer writer;
  request.encode(writer, 2);
  CHECK_EQ(writer.position(), request.size_bytes(2));
  Reader reader(writer.written());
  const auto decoded = FetchRequest::decode(reader, 2);
  REQUIRE(decoded.has_value());
  CHECK_EQ(decoded->max_bytes, 0x7fffffff);
  CHECK_EQ(decoded->rack_id, "");
}

TEST_CASE("Metadata: null topics are all topics from version 1 on, and malformed in version 0") {
  Writer writer;
  protocol::MetadataRequest everything{.topics = std::nullopt};
  everything.encode(writer, 1);
  Reader reader(writer.written());
  CHECK(!protocol::MetadataRequest::decode(reader, 1)->topics.has_value());
  Reader again(writer.written());
  CHECK(protocol::MetadataRequest::decode(again, 0).error().is(base::Errc::corrupt));
}

TEST_CASE("ApiVersions: the answer of version 0 is what a client of any version can read") {
  protocol::ApiVersionsResponse response{.error_code = 35};
  response.api_keys.push_back({.api_key = 18, .min_version = 0, .max_version = 4});
  Writer writer;
  response.encode(writer, 0);
  CHECK_EQ(base::as_text(writer.written()), std::string_view("\0\x23\0\0\0\1\0\x12\0\0\0\4", 12));
}
