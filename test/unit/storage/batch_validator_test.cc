// Goal: a leader refuses what Kafka refuses, with the same cause, and changes in place no more than
// it must.
#include <doctest/doctest.h>

#include "protocol/compression.h"
#include "storage/batch_validator.h"
#include "storage/log_error.h"
#include "test/unit/storage/log_fixture.h"

using protocol::Codec;
using protocol::MutableRecordBatch;
using protocol::TimestampType;
using storage::LogError;
using storage::validate_batch;
using storage::ValidationRules;
using storage_test::make_batch;

namespace {

constexpr Codec kCodecs[] = {Codec::none, Codec::gzip, Codec::snappy, Codec::lz4, Codec::zstd};

base::Error error_of(const base::Buffer& original, const ValidationRules& rules,
                     std::vector<storage::RecordError>* errors = nullptr) {
  base::Buffer batch = base::Buffer::copy_of(original.bytes());
  const auto validated = validate_batch(batch.mutable_bytes(), rules, errors);
  REQUIRE(!validated.has_value());
  return validated.error();
}

// `change` edits the header, then the checksum is made right again.
template <class Change>
base::Buffer changed(const base::Buffer& original, Change change) {
  base::Buffer batch = base::Buffer::copy_of(original.bytes());
  change(batch.mutable_data());
  MutableRecordBatch(batch.mutable_bytes()).update_crc();
  return batch;
}

}  // namespace

TEST_CASE("a good batch passes under every codec and keeps its bytes") {
  for (const Codec codec : kCodecs) {
    base::Buffer batch = make_batch(20, 1000, "value", codec);
    const base::Buffer before = base::Buffer::copy_of(batch.bytes());
    const auto validated = validate_batch(batch.mutable_bytes(), {}, nullptr).value();
    CHECK(validated.rebuilt.empty());
    CHECK_EQ(base::as_text(validated.bytes), base::as_text(before.bytes()));
  }
}

TEST_CASE("size, checksum, count and offsets each have their cause") {
  ValidationRules rules;
  rules.max_message_bytes = 100;
  CHECK(error_of(make_batch(20), rules).is(LogError::message_too_large));

  base::Buffer flipped = make_batch(3);
  flipped.mutable_data()[70] ^= std::byte{1};
  CHECK(error_of(flipped, {}).is(LogError::corrupt_message));

  const auto with_int32 = [](std::size_t at, std::int32_t value) {
    return changed(make_batch(3), [=](std::byte* bytes) { base::store_be(bytes + at, value); });
  };
  CHECK(error_of(with_int32(57, 4), {}).is(LogError::invalid_record));  // record count
  CHECK(error_of(with_int32(57, -1), {}).is(LogError::invalid_record));
  CHECK(error_of(with_int32(23, 7), {}).is(LogError::invalid_record));   // last offset delta
  CHECK(error_of(with_int32(4, 9), {}).is(LogError::invalid_record));    // base offset
  CHECK(error_of(with_int32(8, 10), {}).is(LogError::corrupt_message));  // length
  base::Buffer empty;
  CHECK(error_of(empty, {}).is(LogError::invalid_record));
  base::Buffer two = make_batch(1);
  two.append(make_batch(1).bytes());
  CHECK(error_of(two, {}).is(LogError::invalid_record));
  base::Buffer legacy = make_batch(1);
  legacy.mutable_data()[16] = std::byte{1};
  CHECK(error_of(legacy, {}).is(LogError::invalid_record));
}

TEST_CASE("records that lie about their length or number are refused, compressed or not") {
  for (const Codec codec : kCodecs) {
    const auto batch = make_batch(5, 1000, "value", codec);
    const auto fewer = changed(batch, [](std::byte* bytes) {
      base::store_be<std::int32_t>(bytes + 57, 4);
      base::store_be<std::int32_t>(bytes + 23, 3);
    });
    CHECK(error_of(fewer, {}).is(LogError::invalid_record));
  }
  const auto longer = changed(make_batch(2), [](std::byte* bytes) { bytes[61] ^= std::byte{2}; });
  CHECK(error_of(longer, {}).is(LogError::invalid_record));
}

TEST_CASE("clients may not write control batches, nor a producer id without sequence") {
  auto marker = protocol::build_end_transaction_marker({true, 1}, 5, 0, 10);
  CHECK(error_of(marker, {}).is(LogError::invalid_record));
  ValidationRules rules;
  rules.origin = storage::AppendOrigin::coordinator;
  CHECK(validate_batch(marker.mutable_bytes(), rules, nullptr).has_value());
  CHECK(error_of(make_batch(1, 1, "v", Codec::none, {5, 0, -1}), {}).is(LogError::invalid_record));
}

TEST_CASE("each rule by itself: an empty batch, a control batch like any other, the largest size") {
  base::Buffer empty = base::Buffer::copy_of(make_batch(1).bytes().first(61));
  empty = changed(empty, [](std::byte* bytes) {
    base::store_be<std::int32_t>(bytes + 8, 49);   // length
    base::store_be<std::int32_t>(bytes + 23, -1);  // last offset delta
    base::store_be<std::int32_t>(bytes + 57, 0);   // record count
  });
  CHECK(error_of(empty, {}).is(LogError::invalid_record));

  const auto with_sequence = make_batch(1, 1, "v", Codec::none, {5, 0, 0});
  const auto control = changed(with_sequence, [](std::byte* bytes) {
    bytes[22] |= std::byte{0x20};  // attributes
  });
  CHECK(error_of(control, {}).is(LogError::invalid_record));

  base::Buffer largest = make_batch(3);
  ValidationRules rules;
  rules.max_message_bytes = static_cast<std::int32_t>(largest.bytes().size());
  CHECK(validate_batch(largest.mutable_bytes(), rules, nullptr).has_value());
}

TEST_CASE("offset deltas with a gap are given anew") {
  auto gap = changed(make_batch(2), [](std::byte* bytes) {
    const auto first_bytes = std::to_integer<std::size_t>(bytes[61]) >> 1U;  // a varint of one byte
    bytes[61 + 1 + first_bytes + 3] = std::byte{4};  // of the second record: 2 instead of 1
  });
  const auto validated = validate_batch(gap.mutable_bytes(), {}, nullptr).value();
  CHECK(!validated.rebuilt.empty());
}

TEST_CASE("zstd needs Produce 7") {
  ValidationRules rules;
  rules.zstd_allowed = false;
  CHECK(error_of(make_batch(1, 1, "v", Codec::zstd), rules)
            .is(LogError::unsupported_compression_type));
}

TEST_CASE("timestamps outside the limits are named record by record and win over null keys") {
  ValidationRules rules;
  rules.now_ms = 10'000;
  rules.timestamp_after_max_ms = 500;
  rules.timestamp_before_max_ms = 500;
  std::vector<storage::RecordError> errors;
  CHECK(error_of(make_batch(3, 10'499), rules, &errors).is(LogError::invalid_timestamp));
  REQUIRE_EQ(errors.size(), 1);
  CHECK_EQ(errors[0].index, 2);
  CHECK(error_of(make_batch(1, 9'499), rules).is(LogError::invalid_timestamp));
  base::Buffer without = make_batch(1, -1);
  CHECK(validate_batch(without.mutable_bytes(), rules, nullptr).has_value());

  rules.is_compacted = true;
  errors.clear();
  protocol::RecordBatchBuilder builder({});
  builder.append(10'000, std::nullopt, base::as_bytes("v"));
  CHECK(error_of(builder.build().value(), rules, &errors).is(LogError::invalid_record));
  CHECK_EQ(errors.size(), 1);
}

TEST_CASE("log append time stamps the batch and nothing else") {
  ValidationRules rules;
  rules.timestamp_type = TimestampType::log_append_time;
  rules.now_ms = 77'000;
  for (const Codec codec : kCodecs) {
    base::Buffer batch = make_batch(3, 1000, "value", codec);
    const auto validated = validate_batch(batch.mutable_bytes(), rules, nullptr).value();
    CHECK_EQ(validated.log_append_time_ms, 77'000);
    CHECK_EQ(validated.batch().max_timestamp(), 77'000);
    CHECK_EQ(validated.batch().timestamp_type(), TimestampType::log_append_time);
    CHECK(validated.batch().is_checksum_right());
  }
}

TEST_CASE("another compression.type builds the batch anew with the same records") {
  for (const Codec from : kCodecs) {
    for (const Codec to : kCodecs) {
      ValidationRules rules;
      rules.compression = to;
      base::Buffer batch = make_batch(30, 1000, "value", from, {9, 2, 40});
      const auto validated = validate_batch(batch.mutable_bytes(), rules, nullptr).value();
      CHECK_EQ(validated.rebuilt.empty(), from == to);
      const auto result = validated.batch();
      CHECK(result.is_checksum_right());
      CHECK_EQ(result.codec(), to);
      CHECK_EQ(result.record_count(), 30);
      CHECK_EQ(result.producer_id(), 9);
      CHECK_EQ(result.base_sequence(), 40);
      CHECK_EQ(result.max_timestamp(), 1029);
      const auto plain = protocol::decompress(to, result.records(), 1 << 20).value();
      protocol::RecordReader reader(result, plain.bytes());
      for (int i = 0; i < 30; ++i) CHECK_EQ(reader.next().value()->offset.value(), i);
      CHECK(!reader.next().value().has_value());
    }
  }
}

TEST_CASE("a decompression bomb ends at the limit, and its producer is told to split") {
  const auto error_of_zeros = [](std::size_t mebibytes, std::optional<Codec> wanted) {
    const std::string zeros(mebibytes << 20, '\0');
    base::Buffer bomb = make_batch(1, 1, zeros, Codec::zstd);
    CHECK(bomb.size() < 100'000);
    ValidationRules rules;
    rules.compression = wanted;
    const auto validated = validate_batch(bomb.mutable_bytes(), rules, nullptr);
    return validated ? std::optional<base::Error>() : validated.error();
  };
  CHECK_FALSE(error_of_zeros(100, std::nullopt));
  REQUIRE(error_of_zeros(150, std::nullopt));
  CHECK(error_of_zeros(150, std::nullopt)->is(LogError::message_too_large));
  CHECK(error_of_zeros(150, Codec::lz4)->is(LogError::message_too_large));
}

TEST_CASE("a batch goes to a worker for what it holds, not for how small it was compressed") {
  const auto is_heavy = [](const base::Buffer& batch, std::optional<Codec> wanted = std::nullopt) {
    ValidationRules rules;
    rules.compression = wanted;
    return storage::is_validation_heavy(batch.bytes(), rules);
  };
  for (const Codec codec : kCodecs) CHECK_FALSE(is_heavy(make_batch(200, 1000, "value", codec)));
  const base::Buffer zeros = make_batch(1, 1, std::string(50 << 20, '\0'), Codec::zstd);
  CHECK(zeros.size() < storage::kInlineCompressedBytesMax);
  CHECK(is_heavy(zeros));
  const base::Buffer many = make_batch(storage::kInlineRecordsMax + 1, 1, "", Codec::zstd);
  CHECK(is_heavy(many));
  CHECK(is_heavy(make_batch(storage::kInlineRecordsMax + 1, 1, "")));
  CHECK(is_heavy(make_batch(1, 1, std::string(100'000, 'x')), Codec::lz4));
  CHECK_FALSE(is_heavy(make_batch(1, 1, std::string(100'000, 'x'))));
}

TEST_CASE("what compressed bytes may become is bounded without decompressing them") {
  for (const Codec codec : kCodecs) {
    for (const std::size_t size : {0, 1, 1000, 300'000, 5'000'000}) {
      const std::string plain(size, 'z');
      const auto packed = protocol::compress(codec, base::as_bytes(plain), std::nullopt).value();
      const std::size_t bound = protocol::decompressed_bytes_bound(codec, packed.bytes());
      CHECK(bound >= size);
      if (codec == Codec::zstd) CHECK(bound <= size + 128 * 1024);
    }
  }
  // Bytes that are no Zstandard, and headers that are cut off anywhere.
  const auto packed =
      protocol::compress(Codec::zstd, base::as_bytes(std::string(300'000, 'z')), {}).value();
  for (std::size_t size = 0; size < packed.size(); ++size) {
    (void)protocol::decompressed_bytes_bound(Codec::zstd, packed.bytes().first(size));
  }
}
