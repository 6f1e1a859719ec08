// Purpose: reads the batches of a `.log` file one after the other: headers only (a few small reads,
// for lookups), or whole batches (large reads, for recovery and time lookups).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"
#include "storage/stored_batch.h"

namespace storage {

// A batch's header and where it lies.
struct BatchPlace {
  std::int64_t position = 0;
  std::int64_t size_bytes = 0;
  base::Offset base_offset;
  base::Offset last_offset;
  base::LeaderEpoch leader_epoch;
  std::int64_t max_timestamp_ms = -1;
  std::int8_t magic = protocol::kBatchMagic;
  bool has_records = true;

  static BatchPlace of(const StoredBatch& batch, std::int64_t position);
  std::int64_t end_position() const { return position + size_bytes; }
};

// The bytes make no sense, or end too early: nothing that another try would mend.
inline bool is_bad_content(const base::Error& error) {
  return error.is(base::Errc::corrupt) || error.is(base::Errc::end_of_stream);
}

// Both readers: `position` is a batch boundary; nullopt once `end_position` is reached.
// Errors: end_of_stream for a batch that does not end before it, corrupt for bytes that are no
// batch, would_block for headers without `may_block`, and errno.
class BatchHeaderReader {
 public:
  BatchHeaderReader(std::shared_ptr<runtime::File> file, std::int64_t position,
                    std::int64_t end_position, bool may_block = true);
  base::Result<std::optional<BatchPlace>> next();
  std::int64_t position() const { return position_; }
  // Of the batch that next() gave last, valid until the next call.
  const StoredBatch& header() const { return header_; }

 private:
  static constexpr std::size_t kChunkBytes = 2048;

  const std::shared_ptr<runtime::File> file_;
  std::int64_t position_;
  const std::int64_t end_position_;
  const bool may_block_;
  std::int64_t chunk_position_ = 0;
  std::size_t chunk_bytes_ = 0;
  std::array<std::byte, kChunkBytes> chunk_;
  StoredBatch header_;
};

class BatchFileReader {
 public:
  BatchFileReader(std::shared_ptr<runtime::File> file, std::int64_t position,
                  std::int64_t end_position);
  // Valid until the next call. The checksum is the caller's business.
  base::Result<std::optional<StoredBatch>> next();
  // Of the batch that next() gave last.
  std::int64_t batch_position() const { return batch_position_; }
  // Behind it: where the first bytes lie that next() could not make sense of.
  std::int64_t position() const { return position_; }

 private:
  static constexpr std::size_t kChunkBytes = 256 * 1024;

  base::Result<base::Bytes> bytes_at(std::int64_t position, std::size_t size_bytes);

  const std::shared_ptr<runtime::File> file_;
  std::int64_t position_;
  std::int64_t batch_position_ = 0;
  const std::int64_t end_position_;
  std::int64_t chunk_position_ = 0;
  std::vector<std::byte> chunk_;
};

}  // namespace storage
