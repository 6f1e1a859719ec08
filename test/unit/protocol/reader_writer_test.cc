// Goal: the wire primitives have the bytes that Kafka's have, and hostile lengths end in an error.
#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <vector>

#include "protocol/gen/find_coordinator.h"
#include "protocol/gen/leave_group.h"
#include "protocol/gen/metadata.h"
#include "protocol/gen/offset_fetch.h"
#include "protocol/reader.h"
#include "protocol/writer.h"

using protocol::Reader;
using protocol::Writer;

namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

std::vector<std::byte> written_by(const Writer& writer) {
  return {writer.written().begin(), writer.written().end()};
}

}  // namespace

TEST_CASE("unsigned varints: the bytes of KIP-482's examples, and back") {
  for (const std::uint32_t value : {0u, 1u, 127u, 128u, 300u, 16383u, 16384u, 2097151u, 2097152u,
                                    268435455u, 268435456u, 0xffffffffu}) {
    Writer writer;
    writer.write_unsigned_varint(value);
    CHECK_EQ(writer.position(), protocol::unsigned_varint_size(value));
    Reader reader(writer.written());
    CHECK_EQ(reader.read_unsigned_varint(), value);
    CHECK(reader.ok());
    CHECK_EQ(reader.remaining(), 0);
  }
  Writer writer;
  writer.write_unsigned_varint(300);
  CHECK(written_by(writer) == bytes_of({0xac, 0x02}));
}

TEST_CASE("zigzag varints and varlongs keep the extremes") {
  for (const std::int64_t value :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1}, std::int64_t{63}, std::int64_t{-64},
        std::int64_t{64}, std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::max()}) {
    Writer writer;
    writer.write_varlong(value);
    writer.write_varint(static_cast<std::int32_t>(value));
    Reader reader(writer.written());
    CHECK_EQ(reader.read_varlong(), value);
    CHECK_EQ(reader.read_varint(), static_cast<std::int32_t>(value));
    CHECK(reader.ok());
  }
}

TEST_CASE("a varint that is too long or cut off fails") {
  for (const auto& raw :
       {bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x01}), bytes_of({0xff, 0xff, 0xff, 0xff, 0x7f}),
        bytes_of({0x80}), bytes_of({})}) {
    Reader reader{base::Bytes(raw)};
    CHECK_EQ(reader.read_unsigned_varint(), 0);
    CHECK(!reader.ok());
  }
}

TEST_CASE("strings: both forms, null, and the lengths that no string may have") {
  for (const bool compact : {false, true}) {
    Writer writer;
    writer.write_string("topic", compact);
    writer.write_nullable_string(std::nullopt, compact);
    CHECK_EQ(writer.position(), protocol::string_size("topic", compact) +
                                    protocol::nullable_string_size(std::nullopt, compact));
    Reader reader(writer.written());
    CHECK_EQ(reader.read_string_view(compact), "topic");
    CHECK(!reader.read_nullable_string_view(compact).has_value());
    CHECK(reader.status().has_value());
    CHECK_EQ(reader.remaining(), 0);

    Reader again(writer.written());
    again.read_string(compact);
    again.read_string(compact);  // the null
    CHECK(again.status().error().is(base::Errc::corrupt));
  }
  const auto negative = bytes_of({0xff, 0xfe, 0, 0});
  Reader reader{base::Bytes(negative)};
  CHECK_EQ(reader.read_string(false), "");
  CHECK(!reader.ok());
}

TEST_CASE("a string beyond the wire's limit is cut, and its size agrees") {
  const std::string text(40000, 'x');
  for (const bool compact : {false, true}) {
    Writer writer;
    writer.write_string(text, compact);
    CHECK_EQ(writer.position(), protocol::string_size(text, compact));
    Reader reader(writer.written());
    CHECK_EQ(reader.read_string_view(compact).size(), 32767);
    CHECK(reader.ok());
  }
}

TEST_CASE("an array count that cannot fit in the rest fails before anything is allocated") {
  const auto raw = bytes_of({0x00, 0x00, 0x00, 0x03, 1, 2, 3, 4, 5, 6, 7, 8});
  Reader fits{base::Bytes(raw)};
  CHECK_EQ(fits.read_count(false, 2), 3);
  Reader too_many{base::Bytes(raw)};
  CHECK_EQ(too_many.read_count(false, 4), 0);
  CHECK(!too_many.ok());
  const auto negative = bytes_of({0x80, 0x00, 0x00, 0x00, 0x00});
  Reader below_zero{base::Bytes(negative)};
  CHECK_EQ(below_zero.read_count(false, 1), 0);
  CHECK(!below_zero.ok());
}

TEST_CASE("elements are limited by what they take in memory before any is made") {
  // One byte each on the wire, a string each in memory: a megabyte becomes 32.
  const std::vector<std::byte> ones(1'000'000, std::byte{1});
  protocol::Writer writer;
  writer.write_unsigned_varint(1'000'001);
  writer.write_raw(ones);
  const std::size_t needed = 1'000'000 * sizeof(std::string);
  Reader unlimited{writer.written()};
  CHECK_EQ(unlimited.read_count(true, 1, sizeof(std::string)), 1'000'000);
  CHECK_EQ(unlimited.decoded_bytes(), needed);
  Reader enough{writer.written(), needed};
  CHECK_EQ(enough.read_count(true, 1, sizeof(std::string)), 1'000'000);
  Reader too_little{writer.written(), needed - 1};
  CHECK_EQ(too_little.read_count(true, 1, sizeof(std::string)), 0);
  CHECK(!too_little.ok());
}

TEST_CASE("a message of many elements is refused by its decoder, nested arrays included") {
  protocol::FindCoordinatorRequest keys;
  keys.coordinator_keys.resize(10'000);
  protocol::OffsetFetchRequest groups;
  groups.groups.resize(1000);
  for (auto& group : groups.groups) group.topics.emplace().resize(10);
  const auto decodes = [](const auto& message, std::int16_t version, std::size_t limit) {
    protocol::Writer writer;
    message.encode(writer, version);
    Reader reader{writer.written(), limit};
    return std::remove_cvref_t<decltype(message)>::decode(reader, version).has_value();
  };
  CHECK(decodes(keys, 4, 10'000 * sizeof(std::string)));
  CHECK_FALSE(decodes(keys, 4, 9'999 * sizeof(std::string)));
  CHECK(decodes(groups, 8, 10'000'000));
  CHECK_FALSE(decodes(groups, 8, 100'000));
}

TEST_CASE("unknown tagged fields count like elements") {
  protocol::Writer writer;
  writer.write_unsigned_varint(100'000);
  for (int i = 0; i < 100'000; ++i) writer.write_uint16(0x0500);  // tag 5, no bytes
  Reader reader{writer.written(), 64 * 1024};
  reader.skip_tagged_fields();
  CHECK(!reader.ok());
}

TEST_CASE("what a version cannot carry fails the writer, not the process") {
  protocol::Writer fine;
  protocol::LeaveGroupRequest leave;
  leave.member_id = "a";
  leave.encode(fine, 2);
  CHECK(fine.ok());
  protocol::Writer absent;
  leave.encode(absent, 3);  // members instead of one member id
  CHECK_EQ(absent.failure(),
           "LeaveGroupRequest.member_id is set, but the version cannot carry it (version 3)");
  protocol::Writer null;
  protocol::MetadataRequest metadata;
  metadata.topics.reset();
  metadata.encode(null, 0);
  CHECK_FALSE(null.ok());
  protocol::Writer version;
  leave.encode(version, 99);
  CHECK_FALSE(version.ok());
}

TEST_CASE("after the first failure everything reads as zero and the first reason stays") {
  const auto raw = bytes_of({0x00, 0x05});
  Reader reader{base::Bytes(raw)};
  CHECK_EQ(reader.read_string_view(false), "");
  CHECK_EQ(reader.read_int64(), 0);
  CHECK(reader.read_uuid().is_zero());
  CHECK_EQ(reader.status().error().context(), "message ends early");
}

TEST_CASE("a tagged field must have the size it announces; unknown ones are skipped") {
  const auto raw = bytes_of({0x02, 0x00, 0x02, 0xaa, 0xbb, 0x07, 0x01, 0xcc, 0x55});
  Reader skipping{base::Bytes(raw)};
  skipping.skip_tagged_fields();
  CHECK_EQ(skipping.read_int8(), 0x55);
  CHECK(skipping.ok());

  Reader reader{base::Bytes(raw)};
  CHECK_EQ(reader.read_unsigned_varint(), 2);
  const Reader::Tag tag = reader.begin_tag();
  reader.read_int8();  // one byte of two
  reader.end_tag(tag);
  CHECK(!reader.ok());
}

TEST_CASE("records from a file leave a splice between the parts of the buffer") {
  for (const bool compact : {false, true}) {
    Writer writer;
    writer.write_int32(7);
    writer.write_records_field({.external_size_bytes = 1000}, compact);
    writer.write_int8(1);
    const std::size_t length_size = compact ? 2 : 4;
    REQUIRE_EQ(writer.splices().size(), 1);
    CHECK_EQ(writer.splices()[0].position_in_buffer, 4 + length_size);
    CHECK_EQ(writer.splices()[0].size_bytes, 1000);
    CHECK_EQ(writer.wire_size_bytes(), 4 + length_size + 1000 + 1);
    CHECK_EQ(writer.take().size(), 5 + length_size);
  }
}

TEST_CASE("a writer that was given too little room grows and loses nothing") {
  Writer writer(base::Buffer::copy_of(base::as_bytes("ab")));
  for (std::int32_t i = 0; i < 1000; ++i) writer.write_int32(i);
  const base::Buffer buffer = writer.take();
  REQUIRE_EQ(buffer.size(), 4002);
  Reader reader(buffer.bytes());
  CHECK_EQ(base::as_text(reader.read_view(2)), "ab");
  for (std::int32_t i = 0; i < 1000; ++i) REQUIRE_EQ(reader.read_int32(), i);
  CHECK_EQ(writer.position(), 0);
}
