#include "storage/batch_validator.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/record_batch_builder.h"
#include "storage/log_error.h"
#include "storage/record_walk.h"

namespace storage {
namespace {

using protocol::Codec;
using protocol::MutableRecordBatch;
using protocol::RecordBatchView;
using protocol::TimestampType;

// A walk needs no memory, only time: so much for any batch, more for one that is large itself.
// Building a batch anew needs its records in memory.
constexpr std::size_t kWalkedBytesAlways = std::size_t{128} << 20;
constexpr std::size_t kWalkedBytesMax = std::size_t{1} << 30;
constexpr std::size_t kWalkedBytesPerByte = 32;
constexpr std::size_t kRebuiltBytesMax = std::size_t{128} << 20;

std::size_t walked_bytes_max(base::Bytes compressed) {
  return std::clamp(compressed.size() * kWalkedBytesPerByte, kWalkedBytesAlways, kWalkedBytesMax);
}

std::unexpected<base::Error> invalid(std::string what) {
  return base::fail(LogError::invalid_record, std::move(what));
}

// Exactly one whole batch of magic 2 (ProduceRequest.validateRecords).
base::Result<MutableRecordBatch> only_batch(base::MutableBytes records) {
  const auto batch = protocol::frame_batch(records);
  if (!batch) {
    const base::Error& error = batch.error();
    if (error.is(base::Errc::end_of_stream)) return invalid("no whole record batch");
    if (error.is(base::Errc::unsupported)) return invalid(error.context());
    return base::fail(LogError::corrupt_message, error.context());
  }
  const base::MutableBytes rest = records.subspan(batch->bytes().size());
  const auto second = protocol::frame_batch(rest);
  if (second || !second.error().is(base::Errc::end_of_stream)) {
    return invalid("more than one record batch");
  }
  return MutableRecordBatch(records.first(batch->bytes().size()));
}

base::Result<void> check_client_header(const RecordBatchView& batch) {
  const std::int64_t count_from_offsets = std::int64_t{batch.last_offset_delta()} + 1;
  if (count_from_offsets <= 0 || batch.record_count() <= 0 ||
      count_from_offsets != batch.record_count()) {
    return invalid(fmt::format("last offset delta {} and record count {}",
                               batch.last_offset_delta(), batch.record_count()));
  }
  if (batch.is_control()) return invalid("clients may not write control records");
  if (batch.has_producer_id() && batch.base_sequence() < 0) {
    return invalid(fmt::format("base sequence {} with a producer id", batch.base_sequence()));
  }
  return {};
}

base::Result<Codec> check_header(const RecordBatchView& batch, const ValidationRules& rules) {
  if (rules.origin == AppendOrigin::client && batch.base_offset() != base::Offset(0)) {
    return invalid(fmt::format("base offset {} of a produced batch", batch.base_offset()));
  }
  if (batch.size_bytes() > rules.max_message_bytes) {
    return base::fail(
        LogError::message_too_large,
        fmt::format("batch of {} bytes, limit {}", batch.size_bytes(), rules.max_message_bytes));
  }
  if (!batch.is_checksum_right()) {
    return base::fail(LogError::corrupt_message, "checksum does not match");
  }
  const auto codec = batch.codec();
  if (!codec) return invalid("unknown compression codec");
  if (*codec == Codec::zstd && !rules.zstd_allowed) {
    return base::fail(LogError::unsupported_compression_type, "zstd needs Produce 7");
  }
  if (rules.origin == AppendOrigin::client) TRY(check_client_header(batch));
  if (batch.record_count() < 0 || batch.last_offset_delta() < 0) {
    return invalid("negative record count or offset delta");
  }
  return *codec;
}

// Java's arithmetic, which wraps.
bool is_timestamp_out_of_range(std::int64_t timestamp_ms, const ValidationRules& rules) {
  const auto difference = static_cast<std::int64_t>(static_cast<std::uint64_t>(rules.now_ms) -
                                                    static_cast<std::uint64_t>(timestamp_ms));
  const auto ahead = static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(difference));
  return difference > rules.timestamp_before_max_ms || ahead > rules.timestamp_after_max_ms;
}

// Gathers what is wrong with single records; the batch fails as a whole.
class RecordChecks {
 public:
  RecordChecks(const RecordBatchView& batch, const ValidationRules& rules,
               std::vector<RecordError>* errors)
      : batch_(batch), rules_(rules), errors_(errors) {}

  void check(const WalkedRecord& record, std::int32_t index) {
    if (rules_.is_compacted && !record.has_key) {
      note(index, "Compacted topic cannot accept message without key.");
      return;
    }
    const bool is_checked = rules_.timestamp_type == TimestampType::create_time &&
                            record.timestamp_ms != protocol::kNoTimestamp;
    if (is_checked) {
      if (!is_timestamp_out_of_range(record.timestamp_ms, rules_)) return;
      note(index, fmt::format("Timestamp {} of message is out of range.", record.timestamp_ms));
      has_bad_timestamp_ = true;
    } else if (batch_.timestamp_type() == TimestampType::log_append_time) {
      note(index, "Producers may not set the timestamp type to LogAppendTime.");
      has_bad_timestamp_ = true;
    }
  }

  base::Result<void> result() const {
    if (count_ == 0) return {};
    if (has_bad_timestamp_) {
      return base::fail(LogError::invalid_timestamp,
                        "One or more records have been rejected due to invalid timestamp");
    }
    return invalid(
        fmt::format("One or more records have been rejected due to {} record errors", count_));
  }

 private:
  void note(std::int32_t index, std::string message) {
    ++count_;
    if (errors_ != nullptr && errors_->size() < kRecordErrorsMax) {
      errors_->push_back({index, std::move(message)});
    }
  }

  const RecordBatchView& batch_;
  const ValidationRules& rules_;
  std::vector<RecordError>* const errors_;
  std::int64_t count_ = 0;
  bool has_bad_timestamp_ = false;
};

struct WalkResult {
  std::int64_t max_timestamp_ms = protocol::kNoTimestamp;
  bool has_dense_offsets = true;
};

base::Result<WalkResult> walk_records(const RecordBatchView& batch, Codec codec,
                                      const ValidationRules& rules,
                                      std::vector<RecordError>* errors) {
  std::optional<protocol::DecompressStream> stream;
  if (codec != Codec::none)
    stream.emplace(codec, batch.records(), walked_bytes_max(batch.records()));
  RecordWalk walk(batch, stream ? &*stream : nullptr);
  RecordChecks checks(batch, rules, errors);
  WalkResult result;
  const std::int32_t count = batch.record_count();
  for (std::int32_t i = 0; i < count; ++i) {
    TRY_ASSIGN(const WalkedRecord record, walk.next());
    checks.check(record, i);
    if (record.timestamp_ms > result.max_timestamp_ms)
      result.max_timestamp_ms = record.timestamp_ms;
    if (record.offset_delta != i) result.has_dense_offsets = false;
  }
  TRY(walk.expect_end());
  TRY(checks.result());
  return result;
}

// Another codec is wanted, or offsets have to be laid out anew: the records go through a builder.
base::Result<base::Buffer> rebuild(const RecordBatchView& batch, Codec from, Codec to,
                                   const ValidationRules& rules) {
  auto plain = protocol::decompress(from, batch.records(), kRebuiltBytesMax);
  if (!plain && plain.error().is(base::Errc::too_large)) {
    return base::fail(LogError::message_too_large, plain.error().to_string());
  }
  if (!plain) return invalid(plain.error().to_string());
  protocol::BatchOptions options;
  options.codec = to;
  options.level = rules.compression_level;
  options.timestamp_type = rules.timestamp_type;
  options.log_append_time_ms = rules.now_ms;
  options.producer_id = batch.producer_id();
  options.producer_epoch = batch.producer_epoch();
  options.base_sequence = batch.base_sequence();
  options.is_transactional = batch.is_transactional();
  options.is_control = batch.is_control();
  protocol::RecordBatchBuilder builder(options);
  protocol::RecordReader reader(batch, plain->bytes());
  for (std::int32_t i = 0;; ++i) {
    const auto record = reader.next();
    if (!record) return invalid(record.error().to_string());
    if (!*record) break;
    builder.append_record(**record, i);
  }
  return builder.build();
}

}  // namespace

ValidationRules ValidationRules::from(const LogConfig& config, AppendOrigin origin,
                                      std::int64_t now_ms) {
  ValidationRules rules;
  rules.origin = origin;
  rules.now_ms = now_ms;
  rules.max_message_bytes = config.max_message_bytes;
  rules.is_compacted = config.cleanup_compact;
  rules.compression = config.compression;
  rules.compression_level = config.compression_level;
  rules.timestamp_type = config.timestamp_type;
  rules.timestamp_before_max_ms = config.timestamp_before_max_ms;
  rules.timestamp_after_max_ms = config.timestamp_after_max_ms;
  return rules;
}

base::Result<ValidatedBatch> validate_batch(base::MutableBytes records,
                                            const ValidationRules& rules,
                                            std::vector<RecordError>* record_errors) {
  TRY_ASSIGN(MutableRecordBatch batch, only_batch(records));
  TRY_ASSIGN(const Codec codec, check_header(batch, rules));
  TRY_ASSIGN(const WalkResult walked, walk_records(batch, codec, rules, record_errors));

  ValidatedBatch validated;
  validated.origin = rules.origin;
  const bool is_append_time = rules.timestamp_type == TimestampType::log_append_time;
  if (is_append_time) validated.log_append_time_ms = rules.now_ms;

  // Markers stay as they are on a compressed topic.
  const Codec target = batch.is_control() ? codec : rules.compression.value_or(codec);
  if (target != codec || !walked.has_dense_offsets) {
    TRY_ASSIGN(validated.rebuilt, rebuild(batch, codec, target, rules));
    validated.bytes = validated.rebuilt.mutable_bytes();
    if (static_cast<std::int64_t>(validated.bytes.size()) > rules.max_message_bytes) {
      return base::fail(LogError::message_too_large,
                        fmt::format("batch of {} bytes after compression, limit {}",
                                    validated.bytes.size(), rules.max_message_bytes));
    }
    return validated;
  }

  validated.bytes = records.first(batch.bytes().size());
  const bool has_new_type = batch.set_timestamp_type(rules.timestamp_type);
  const bool has_new_time =
      batch.set_max_timestamp(is_append_time ? rules.now_ms : walked.max_timestamp_ms);
  if (has_new_type || has_new_time) batch.update_crc();
  return validated;
}

bool is_validation_heavy(base::Bytes records, const ValidationRules& rules) {
  const auto header = protocol::frame_header(records);
  if (!header) return false;
  const auto codec = header->codec();
  if (!codec) return false;
  if (header->record_count() > kInlineRecordsMax) return true;
  if (*codec == Codec::none && rules.compression.value_or(*codec) == *codec) return false;
  if (records.size() > kInlineCompressedBytesMax) return true;
  const base::Bytes compressed = records.subspan(protocol::kBatchHeaderBytes);
  return protocol::decompressed_bytes_bound(*codec, compressed) > kInlineOutputBytesMax;
}

}  // namespace storage
