// Purpose: a `.log` file as batches of any format (magic 0, 1 and 2), and batches as records, for
// kafka-dump-log. Takes damaged files: what makes no sense is reported, never trusted.
// Source: FileLogInputStream, AbstractLegacyRecordBatch, DefaultRecordBatch (3.9).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "protocol/compression.h"
#include "protocol/record_batch.h"
#include "runtime/file.h"
#include "tools/tool.h"

namespace dump_log {

enum class TimestampType : std::uint8_t { none, create_time, log_append_time };
std::string_view name_of(TimestampType type);  // as Kafka prints it

// One batch, or one message (compressed or not) of the formats before batches.
class Batch {
 public:
  Batch(std::int64_t position, std::vector<std::byte> bytes)
      : position_(position), bytes_(std::move(bytes)) {}

  std::int64_t position() const { return position_; }
  std::int64_t size_bytes() const { return static_cast<std::int64_t>(bytes_.size()); }
  base::Bytes bytes() const { return bytes_; }
  std::int8_t magic() const { return static_cast<std::int8_t>(bytes_[protocol::kBatchMagicAt]); }
  bool is_legacy() const { return magic() < protocol::kBatchMagic; }
  // Format 2 only, and only if the batch is long enough for its header.
  protocol::RecordBatchView view() const { return protocol::RecordBatchView(bytes_); }

  std::int64_t last_offset() const;
  TimestampType timestamp_type() const;
  std::int64_t max_timestamp_ms() const;
  std::optional<protocol::Codec> codec() const;
  std::uint32_t crc() const;
  bool is_valid() const;  // long enough, and the checksum is right

 private:
  const std::int64_t position_;
  const std::vector<std::byte> bytes_;
};

struct Record {
  using Field = std::optional<std::string_view>;
  std::int64_t offset = 0;
  std::int64_t timestamp_ms = -1;
  Field key;
  Field value;
  std::int32_t sequence = -1;                 // format 2
  std::vector<std::string_view> header_keys;  // format 2
  std::uint32_t crc = 0;                      // formats 0 and 1
  bool is_valid = true;                       // formats 0 and 1
};

// Calls `consume` for each record; the views live as long as the call.
tools::Outcome<> for_each_record(const Batch& batch,
                                 const std::function<void(const Record&)>& consume);

class BatchFile {
 public:
  static tools::Outcome<BatchFile> open(runtime::FileSystem& files, const std::string& path);

  std::int64_t size_bytes() const { return size_bytes_; }
  // The batch at `position`; nullopt if none fits between there and `end` or the file's end.
  tools::Outcome<std::optional<Batch>> batch_at(std::int64_t position, std::int64_t end) const;

 private:
  BatchFile(std::unique_ptr<runtime::File> file, std::int64_t size_bytes)
      : file_(std::move(file)), size_bytes_(size_bytes) {}
  std::unique_ptr<runtime::File> file_;
  std::int64_t size_bytes_;
};

}  // namespace dump_log
