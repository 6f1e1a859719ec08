#include "storage/batch_file_reader.h"

#include <algorithm>

namespace storage {

base::Result<StoredBatch> StoredBatch::from_header(base::Bytes bytes) {
  if (bytes.size() <= protocol::kBatchMagicAt) return base::fail(base::Errc::end_of_stream);
  const StoredBatch batch(bytes);
  if (batch.magic() == 0 || batch.magic() == 1) {
    TRY(protocol::frame_legacy_header(bytes));
  } else {
    TRY(protocol::frame_header(bytes));
  }
  return batch;
}

BatchPlace BatchPlace::of(const StoredBatch& batch, std::int64_t position) {
  BatchPlace place;
  place.position = position;
  place.size_bytes = batch.size_bytes();
  place.base_offset = batch.base_offset();
  place.last_offset = batch.last_offset();
  place.leader_epoch = batch.leader_epoch();
  place.max_timestamp_ms = batch.max_timestamp();
  place.magic = batch.magic();
  place.has_records = batch.has_records();
  return place;
}

BatchHeaderReader::BatchHeaderReader(std::shared_ptr<runtime::File> file, std::int64_t position,
                                     std::int64_t end_position, bool may_block)
    : file_(std::move(file)),
      position_(position),
      end_position_(end_position),
      may_block_(may_block) {}

base::Result<std::optional<BatchPlace>> BatchHeaderReader::next() {
  if (position_ >= end_position_) return std::optional<BatchPlace>();
  const auto wanted = static_cast<std::size_t>(
      std::min<std::int64_t>(protocol::kBatchHeaderBytes, end_position_ - position_));
  const bool is_in_chunk =
      position_ >= chunk_position_ && position_ + static_cast<std::int64_t>(wanted) <=
                                          chunk_position_ + static_cast<std::int64_t>(chunk_bytes_);
  if (!is_in_chunk) {
    const auto size_bytes =
        static_cast<std::size_t>(std::min<std::int64_t>(kChunkBytes, end_position_ - position_));
    const base::MutableBytes into(chunk_.data(), size_bytes);
    TRY_ASSIGN(chunk_bytes_,
               may_block_ ? file_->pread(into, position_) : file_->pread_nowait(into, position_));
    chunk_position_ = position_;
  }
  const auto at = static_cast<std::size_t>(position_ - chunk_position_);
  const base::Bytes header(chunk_.data() + at,
                           std::min(protocol::kBatchHeaderBytes, chunk_bytes_ - at));
  TRY_ASSIGN(const StoredBatch batch, StoredBatch::from_header(header));
  if (batch.size_bytes() > end_position_ - position_) {
    return base::fail(base::Errc::end_of_stream);
  }
  header_ = batch;
  const BatchPlace place = BatchPlace::of(batch, position_);
  position_ += batch.size_bytes();
  return std::optional<BatchPlace>(place);
}

BatchFileReader::BatchFileReader(std::shared_ptr<runtime::File> file, std::int64_t position,
                                 std::int64_t end_position)
    : file_(std::move(file)), position_(position), end_position_(end_position) {}

// As many bytes as are wanted, fewer only at the end.
base::Result<base::Bytes> BatchFileReader::bytes_at(std::int64_t position, std::size_t size_bytes) {
  const std::int64_t chunk_end = chunk_position_ + static_cast<std::int64_t>(chunk_.size());
  const bool is_in_chunk =
      position >= chunk_position_ && position + static_cast<std::int64_t>(size_bytes) <= chunk_end;
  if (!is_in_chunk) {
    const std::int64_t left = end_position_ - position;
    const auto length = static_cast<std::size_t>(
        std::min<std::int64_t>(left, static_cast<std::int64_t>(std::max(size_bytes, kChunkBytes))));
    chunk_.resize(length);
    TRY_ASSIGN(const std::size_t read_bytes, file_->pread(chunk_, position));
    chunk_.resize(read_bytes);
    chunk_position_ = position;
  }
  const auto at = static_cast<std::size_t>(position - chunk_position_);
  return base::Bytes(chunk_).subspan(at, std::min(size_bytes, chunk_.size() - at));
}

base::Result<std::optional<StoredBatch>> BatchFileReader::next() {
  if (position_ >= end_position_) return std::optional<StoredBatch>();
  TRY_ASSIGN(const base::Bytes header, bytes_at(position_, protocol::kBatchHeaderBytes));
  TRY_ASSIGN(const StoredBatch framed, StoredBatch::from_header(header));
  const std::int64_t size_bytes = framed.size_bytes();
  if (size_bytes > end_position_ - position_) return base::fail(base::Errc::end_of_stream);
  TRY_ASSIGN(const base::Bytes whole, bytes_at(position_, static_cast<std::size_t>(size_bytes)));
  if (static_cast<std::int64_t>(whole.size()) < size_bytes) {
    return base::fail(base::Errc::end_of_stream);
  }
  batch_position_ = position_;
  position_ += size_bytes;
  return std::optional<StoredBatch>(StoredBatch(whole));
}

}  // namespace storage
