// Purpose: one log of the floor server: what a broker cannot do without. A checksum over what came,
// one pwrite, and a list in memory of where each batch begins. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace bench {

class FloorLog {
 public:
  static base::Result<FloorLog> create(const std::string& path);
  FloorLog(FloorLog&& other) noexcept;
  FloorLog& operator=(FloorLog&&) = delete;
  ~FloorLog();

  // One batch; its offset is written into it. Returns that offset.
  base::Result<std::int64_t> append(base::MutableBytes batch);

  struct Slice {
    std::int64_t position = 0;
    std::int64_t size_bytes = 0;
  };
  // Whole batches from the one that holds `offset` on, at most so many bytes but at least one.
  Slice slice(std::int64_t offset, std::int64_t max_bytes) const;
  std::int64_t end_offset() const { return end_offset_; }
  int descriptor() const { return descriptor_; }

 private:
  struct Batch {
    std::int64_t base_offset;
    std::int64_t position;
  };
  explicit FloorLog(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
  std::vector<Batch> batches_;
  std::int64_t end_offset_ = 0;
  std::int64_t size_bytes_ = 0;
};

}  // namespace bench
