#include "zkclient/frame_reader.h"

#include <string>

#include "base/big_endian.h"

namespace zkclient {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kKeptCapacityBytes = 256 * 1024;

base::MutableBytes FrameReader::spare() {
  const base::Bytes rest = buffer_.bytes().subspan(consumed_bytes_);
  if (consumed_bytes_ > 0) {
    if (rest.empty() && buffer_.capacity() <= kKeptCapacityBytes) {
      buffer_.clear();
    } else if (buffer_.capacity() - buffer_.size() < kReadBytes) {
      base::Buffer moved = base::Buffer::with_capacity(rest.size() + kReadBytes);
      moved.append(rest);
      buffer_ = std::move(moved);
    } else {
      return buffer_.spare();
    }
    consumed_bytes_ = 0;
  }
  if (buffer_.capacity() == buffer_.size()) {
    buffer_.reserve(std::max(kReadBytes, 2 * buffer_.capacity()));
  }
  return buffer_.spare();
}

base::Result<std::optional<base::Bytes>> FrameReader::next() {
  const base::Bytes rest = buffer_.bytes().subspan(consumed_bytes_);
  if (rest.size() < kLengthBytes) return std::optional<base::Bytes>();
  const auto length = base::load_be<std::int32_t>(rest.data());
  if (length < 0) {
    return base::fail(base::Errc::corrupt, "frame length " + std::to_string(length));
  }
  const auto size = static_cast<std::size_t>(length);
  if (size > max_frame_bytes_) {
    return base::fail(base::Errc::too_large,
                      "reply of " + std::to_string(size) + " bytes, " +
                          std::to_string(max_frame_bytes_) +
                          " are allowed: take children away or write less into the znode");
  }
  if (rest.size() - kLengthBytes < size) return std::optional<base::Bytes>();
  consumed_bytes_ += kLengthBytes + size;
  return std::optional<base::Bytes>(rest.subspan(kLengthBytes, size));
}

}  // namespace zkclient
