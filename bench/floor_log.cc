#include "bench/floor_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "protocol/record_batch.h"

namespace bench {

base::Result<FloorLog> FloorLog::create(const std::string& path) {
  FloorLog log(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (log.descriptor_ < 0) return base::fail_errno("open " + path);
  return log;
}

FloorLog::FloorLog(FloorLog&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      batches_(std::move(other.batches_)),
      end_offset_(other.end_offset_),
      size_bytes_(other.size_bytes_) {}

FloorLog::~FloorLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

base::Result<std::int64_t> FloorLog::append(base::MutableBytes bytes) {
  TRY_ASSIGN(const protocol::RecordBatchView framed, protocol::frame_batch(bytes));
  if (!framed.is_checksum_right()) return base::fail(base::Errc::corrupt, "checksum");
  protocol::MutableRecordBatch batch(bytes);
  batch.set_base_offset(base::Offset(end_offset_));
  const auto size = static_cast<ssize_t>(bytes.size());
  if (::pwrite(descriptor_, bytes.data(), bytes.size(), size_bytes_) != size) {
    return base::fail_errno("write");
  }
  batches_.push_back({end_offset_, size_bytes_});
  size_bytes_ += size;
  return std::exchange(end_offset_, batch.next_offset().value());
}

FloorLog::Slice FloorLog::slice(std::int64_t offset, std::int64_t max_bytes) const {
  if (offset >= end_offset_ || offset < 0) return {};
  const auto after = std::ranges::upper_bound(batches_, offset, {}, &Batch::base_offset);
  const auto first = after - 1;
  if (size_bytes_ - first->position <= max_bytes) {
    return {first->position, size_bytes_ - first->position};
  }
  // The first batch that no longer fits whole ends the slice.
  const auto beyond = std::ranges::upper_bound(after, batches_.end(), first->position + max_bytes,
                                               {}, &Batch::position);
  const auto end = beyond == after ? after : beyond - 1;
  const std::int64_t stop = end == batches_.end() ? size_bytes_
                            : end == first        ? after->position
                                                  : end->position;
  return {first->position, stop - first->position};
}

}  // namespace bench
