// Goal: batches built by us read back the same under every codec, and hostile bytes are refused.
// The golden batch was written down from Kafka's own format definition, byte by byte.
#include <doctest/doctest.h>

#include <string>

#include "protocol/record_batch.h"
#include "protocol/record_batch_builder.h"

using base::as_bytes;
using base::as_text;
using protocol::Codec;
using protocol::RecordBatchView;

namespace {

constexpr std::size_t kLimit = 1 << 26;

base::Buffer sample(Codec codec, int records, std::size_t value_bytes) {
  protocol::BatchOptions options;
  options.codec = codec;
  options.producer_id = 7;
  options.producer_epoch = 1;
  options.base_sequence = 10;
  protocol::RecordBatchBuilder builder(options);
  for (int i = 0; i < records; ++i) {
    const std::string key = "key-" + std::to_string(i);
    const std::string value(value_bytes, static_cast<char>('a' + i % 26));
    builder.append(1000 + i, as_bytes(key), as_bytes(value), {{"h", as_bytes("x")}, {"n", {}}});
  }
  return builder.build().value();
}

}  // namespace

TEST_CASE("a batch reads back what was put in, under every codec") {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    CAPTURE(static_cast<int>(codec));
    const base::Buffer built = sample(codec, 500, 700);
    const auto batch = protocol::frame_batch(built.bytes()).value();
    CHECK(batch.is_checksum_right());
    CHECK_EQ(batch.record_count(), 500);
    CHECK_EQ(batch.last_offset_delta(), 499);
    CHECK_EQ(batch.max_timestamp(), 1499);
    CHECK_EQ(batch.last_sequence(), 509);
    CHECK_EQ(batch.codec(), codec);
    const auto plain = protocol::decompress(codec, batch.records(), kLimit).value();
    protocol::RecordReader reader(batch, plain.bytes());
    int count = 0;
    for (;;) {
      const auto record = reader.next().value();
      if (!record) break;
      CHECK_EQ(record->offset.value(), count);
      CHECK_EQ(record->timestamp_ms, 1000 + count);
      CHECK_EQ(as_text(*record->key), "key-" + std::to_string(count));
      CHECK_EQ(record->value->size(), 700);
      protocol::HeaderReader headers(*record);
      CHECK_EQ(headers.next().value()->key, "h");
      CHECK(!headers.next().value()->value.has_value());
      ++count;
    }
    CHECK_EQ(count, 500);
  }
}

TEST_CASE("the bytes of a one-record batch are Kafka's") {
  protocol::RecordBatchBuilder builder({});
  builder.append(5, std::nullopt, as_bytes("v"));
  const base::Buffer built = builder.build().value();
  REQUIRE_EQ(built.size(), 69);
  const unsigned char record[] = {0x0e, 0, 0, 0, 0x01, 0x02, 'v', 0};
  CHECK_EQ(as_text(built.bytes().subspan(61)),
           std::string_view(reinterpret_cast<const char*>(record), sizeof record));
}

TEST_CASE("every cut and every flipped byte is an error or an honest batch, never a crash") {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const base::Buffer built = sample(codec, 20, 50);
    for (std::size_t cut = 0; cut < built.size(); ++cut) {
      CHECK(!protocol::frame_batch(built.bytes().first(cut)).has_value());
      if (cut > protocol::kBatchHeaderBytes) {
        const auto part = built.bytes().subspan(61, cut - 61);
        (void)protocol::decompress(codec, part, kLimit);
      }
    }
    for (std::size_t at = 0; at < built.size(); ++at) {
      base::Buffer bad = base::Buffer::copy_of(built.bytes());
      bad.mutable_data()[at] ^= std::byte{0x41};
      const auto batch = protocol::frame_batch(bad.bytes());
      if (!batch) continue;
      if (at >= protocol::kBatchChecksummedAt) CHECK(!batch->is_checksum_right());
      if (!batch->codec()) continue;
      const auto plain = protocol::decompress(*batch->codec(), batch->records(), kLimit);
      if (!plain) continue;
      protocol::RecordReader reader(*batch, plain->bytes());
      for (;;) {
        const auto record = reader.next();
        if (!record || !*record) break;
      }
    }
  }
}

TEST_CASE("output limits hold") {
  const std::string zeros(8 << 20, '\0');
  for (const Codec codec : {Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd}) {
    const auto packed = protocol::compress(codec, as_bytes(zeros)).value();
    CHECK(packed.size() < zeros.size() / 10);
    const auto plain = protocol::decompress(codec, packed.bytes(), 1 << 20);
    REQUIRE(!plain.has_value());
    CHECK(plain.error().is(base::Errc::too_large));
    const auto whole = protocol::decompress(codec, packed.bytes(), kLimit);
    if (!whole) FAIL(whole.error().to_string());
    CHECK_EQ(whole->size(), zeros.size());
  }
}

TEST_CASE("an LZ4 frame with dependent blocks, which Java cannot read, is refused") {
  auto packed = protocol::compress(Codec::lz4, as_bytes(std::string(1000, 'x'))).value();
  packed.mutable_data()[4] &= std::byte{0xdf};
  CHECK(!protocol::decompress(Codec::lz4, packed.bytes(), kLimit).has_value());
}

TEST_CASE("snappy without xerial's header is one raw block, as librdkafka once sent it") {
  const auto packed = protocol::compress(Codec::snappy, as_bytes("hello hello hello")).value();
  const auto raw = packed.bytes().subspan(20);
  CHECK_EQ(as_text(protocol::decompress(Codec::snappy, raw, kLimit)->bytes()), "hello hello hello");
}

TEST_CASE("sequences wrap to 0") {
  CHECK_EQ(protocol::sequence_plus(INT32_MAX, 1), 0);
  CHECK_EQ(protocol::sequence_plus(INT32_MAX - 1, 3), 1);
}

TEST_CASE("a transaction marker round trip") {
  const auto built = protocol::build_end_transaction_marker({true, 9}, 3, 4, 77);
  const auto batch = protocol::frame_batch(built.bytes()).value();
  CHECK(batch.is_control());
  CHECK(batch.is_transactional());
  const auto marker = protocol::read_end_transaction_marker(batch).value();
  REQUIRE(marker.has_value());
  CHECK(marker->is_commit);
  CHECK_EQ(marker->coordinator_epoch, 9);
}

TEST_CASE("legacy magic is told apart from garbage") {
  base::Buffer built = sample(Codec::none, 1, 1);
  built.mutable_data()[16] = std::byte{1};
  CHECK(protocol::frame_batch(built.bytes()).error().is(base::Errc::unsupported));
  built.mutable_data()[16] = std::byte{3};
  CHECK(protocol::frame_batch(built.bytes()).error().is(base::Errc::corrupt));
}
