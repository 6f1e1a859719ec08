// Purpose: a consumer of one partition with a fetch session of its own (KIP-227), as a Java
// consumer has it: the first fetch names the partition, later ones its new position.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "bench/wire_connection.h"

namespace bench {

struct FetchLimits {
  std::int32_t max_wait_ms = 500;
  std::int32_t min_bytes = 1;
  std::int32_t max_bytes = 1 << 20;
};

class Fetcher {
 public:
  Fetcher(WireConnection connection, std::string topic, std::int32_t partition, FetchLimits limits)
      : connection_(std::move(connection)),
        topic_(std::move(topic)),
        partition_(partition),
        limits_(limits) {}

  struct Fetched {
    base::Bytes records;  // valid until the next fetch
    std::int64_t high_watermark = -1;
  };
  // The next records; moves the position behind the last whole batch of them.
  base::Result<Fetched> fetch();

  std::int64_t position() const { return position_; }
  void seek(std::int64_t position) { position_ = position; }

 private:
  WireConnection connection_;
  const std::string topic_;
  const std::int32_t partition_;
  const FetchLimits limits_;
  std::int64_t position_ = 0;
  std::int64_t high_watermark_ = -1;
  std::int32_t session_id_ = 0;
  std::int32_t session_epoch_ = 0;
};

}  // namespace bench
