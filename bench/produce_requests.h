// Purpose: Produce requests that are built once and sent many times.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/buffer.h"
#include "base/result.h"
#include "bench/loads.h"

namespace bench {

class PreparedProduce {
 public:
  static base::Result<PreparedProduce> make(std::string_view topic, std::int32_t partition,
                                            const BatchShape& shape);

  base::Bytes frame() const { return frame_.bytes(); }
  void set_correlation_id(std::int32_t id);
  // Puts the time into the first record's value and the checksum right. Uncompressed batches only.
  void stamp(std::int64_t sent_ns);
  std::size_t batch_bytes() const { return batch_bytes_; }

 private:
  base::Buffer frame_;
  std::size_t batch_at_ = 0;
  std::size_t batch_bytes_ = 0;
  std::size_t value_at_ = 0;
};

// The time that stamp() left in a batch.
std::int64_t stamped_ns(base::Bytes batch);

// Errc::internal unless the response has an offset for its one partition.
base::Result<void> check_produced(base::Bytes frame);

}  // namespace bench
