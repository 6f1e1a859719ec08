// Purpose: cuts the bytes of a connection into frames (length | content).
#pragma once

#include <optional>

#include "base/buffer.h"
#include "base/result.h"

namespace zkclient {

// Plain code: the owner reads from its stream into spare() and says how much came.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_frame_bytes) : max_frame_bytes_(max_frame_bytes) {}

  // Room for the next read; never empty. The buffer grows with the bytes that have come, not with
  // the length that a frame claims.
  base::MutableBytes spare();
  void commit(std::size_t bytes) { buffer_.commit(bytes); }

  void set_max_frame_bytes(std::size_t max_frame_bytes) { max_frame_bytes_ = max_frame_bytes; }

  // The next whole frame's content, valid until the next call of spare(); nullopt: more bytes are
  // needed. Errc::corrupt or Errc::too_large for a length that makes no sense: the connection is
  // of no more use.
  base::Result<std::optional<base::Bytes>> next();

 private:
  std::size_t max_frame_bytes_;
  base::Buffer buffer_;
  std::size_t consumed_bytes_ = 0;  // of buffer_: frames handed out
};

}  // namespace zkclient
