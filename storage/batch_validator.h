// Purpose: what a leader checks before a batch may enter its log, without touching the log: frame,
// size, checksum, header rules, every record. Pure: no clock, no I/O, no lock, so it can run on
// any thread before the append lock is taken.
// Source: UnifiedLog.analyzeAndValidateRecords, LogValidator (contract: rules per origin).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/result.h"
#include "protocol/record_batch.h"
#include "storage/log_config.h"

namespace storage {

enum class AppendOrigin {
  client,       // a producer: every rule
  coordinator,  // group and transaction coordinators: no sequences, control batches allowed
  replication,  // a follower's fetch: offsets are given
};

// A record that made its batch fail; indexes count from 0 (Produce 8+ RecordErrors).
struct RecordError {
  std::int32_t index = 0;
  std::string message;
};

struct ValidationRules {
  AppendOrigin origin = AppendOrigin::client;
  std::int64_t now_ms = 0;
  bool zstd_allowed = true;
  std::int32_t max_message_bytes = INT32_MAX;
  bool is_compacted = false;
  std::optional<protocol::Codec> compression;  // nullopt: as the producer sent it
  std::optional<int> compression_level;
  protocol::TimestampType timestamp_type = protocol::TimestampType::create_time;
  std::int64_t timestamp_before_max_ms = INT64_MAX;
  std::int64_t timestamp_after_max_ms = INT64_MAX;

  static ValidationRules from(const LogConfig& config, AppendOrigin origin, std::int64_t now_ms);
};

// A batch that only waits for its offsets and leader epoch. Points into the request's frame unless
// it had to be built anew.
struct ValidatedBatch {
  base::MutableBytes bytes;
  base::Buffer rebuilt;  // holds `bytes` after recompression; else empty
  AppendOrigin origin = AppendOrigin::client;
  std::int64_t log_append_time_ms = -1;  // set under LogAppendTime only

  protocol::MutableRecordBatch batch() const { return protocol::MutableRecordBatch(bytes); }
};

// `records`: the records field of one partition in a Produce request; must hold exactly one whole
// batch of magic 2 (a cut-off second one is ignored, as in Kafka). Max timestamp and timestamp
// type are set in place. Errors: LogError; `record_errors` (may be null) gets at most
// kRecordErrorsMax entries.
inline constexpr std::size_t kRecordErrorsMax = 1000;
base::Result<ValidatedBatch> validate_batch(base::MutableBytes records,
                                            const ValidationRules& rules,
                                            std::vector<RecordError>* record_errors);

// Batches that validate in a few milliseconds are validated where they arrive: compressed ones up
// to this size, whose codec cannot make more than kInlineOutputBytesMax of them, and all of up to
// so many records. A compressed size alone says little: 41 KB of zstd can be 70 million records.
inline constexpr std::size_t kInlineCompressedBytesMax = 64 * 1024;
inline constexpr std::size_t kInlineOutputBytesMax = 16 * 1024 * 1024;
inline constexpr std::int32_t kInlineRecordsMax = 50'000;
// True if validating `records` is worth a worker's time.
bool is_validation_heavy(base::Bytes records, const ValidationRules& rules);

}  // namespace storage
