#include "broker/network/frame_assembler.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/big_endian.h"
#include "base/check.h"
#include "broker/network/foreign_protocol.h"
#include "protocol/headers.h"

namespace network {
namespace {

using protocol::kFrameLengthSize;

// From here on reading into the frame's own buffer beats a copy out of scratch.
constexpr std::size_t kDirectBytes = 8 * 1024;
// What is carried from read to read in scratch; more would make a dribbling sender cost copies.
constexpr std::size_t kCarryBytesMax = 1024;
// Room is given for twice what has arrived, or, to a connection that has sent a frame as large
// before, for this many times as much, up to a limit.
constexpr std::size_t kStepBytesMin = 4 * 1024;
constexpr std::size_t kTrustFactor = 16;
constexpr std::size_t kTrustedBytesMax = 1024 * 1024;

std::size_t round_up(std::size_t bytes, std::size_t step) {
  return (bytes + step - 1) / step * step;
}

}  // namespace

std::optional<std::size_t> FrameAssembler::announced_bytes() const {
  const base::Bytes bytes = unread();
  if (bytes.size() < kFrameLengthSize) return std::nullopt;
  const auto length = base::load_be<std::int32_t>(bytes.data());
  if (length < 0 || static_cast<std::size_t>(length) > frame_max_bytes_) return std::nullopt;
  return kFrameLengthSize + static_cast<std::size_t>(length);
}

base::Result<std::optional<FrameAssembler::Frame>> FrameAssembler::next() {
  const base::Bytes bytes = unread();
  if (bytes.size() < kFrameLengthSize) return std::nullopt;
  if (!has_had_frame()) {
    if (const auto sentence = foreign_protocol(bytes)) {
      return base::fail(base::Errc::corrupt, std::string(*sentence));
    }
  }
  const auto length = base::load_be<std::int32_t>(bytes.data());
  if (length < 0) {
    return base::fail(base::Errc::corrupt, "frame of length " + std::to_string(length));
  }
  if (static_cast<std::size_t>(length) > frame_max_bytes_) {
    return base::fail(base::Errc::too_large, "frame of " + std::to_string(length) +
                                                 " bytes, socket.request.max.bytes is " +
                                                 std::to_string(frame_max_bytes_));
  }
  const std::size_t total_bytes = kFrameLengthSize + static_cast<std::size_t>(length);
  if (bytes.size() < total_bytes) return std::nullopt;
  expected_bytes_ = total_bytes;
  if (input_.size() == total_bytes) {
    return Frame{std::exchange(input_, {}), kFrameLengthSize, std::move(charge_)};
  }
  Frame frame{base::Buffer::copy_of(bytes.first(total_bytes).subspan(kFrameLengthSize)), 0, {}};
  consumed_ += total_bytes;
  if (consumed_ == input_.size()) {
    input_ = {};
    consumed_ = 0;
  }
  return frame;
}

bool FrameAssembler::reads_into_scratch(std::size_t scratch_bytes) const {
  if (!has_partial()) return expected_bytes_ < kDirectBytes;
  if (unread().size() > kCarryBytesMax) return false;
  const auto announced = announced_bytes();
  return !announced || *announced <= scratch_bytes / 2;
}

// The room of the frame's own buffer after the next step.
std::size_t FrameAssembler::capacity_needed() const {
  const std::size_t held_bytes = unread().size();
  const std::size_t announced = announced_bytes().value_or(0);
  // A buffer that has room is used as it is.
  if (consumed_ == 0 && held_bytes < input_.capacity()) return input_.capacity();
  const std::size_t trusted =
      std::min({expected_bytes_, kTrustedBytesMax, kTrustFactor * held_bytes});
  const std::size_t step = std::max({kStepBytesMin, 2 * held_bytes, trusted});
  return std::min(announced, step);
}

std::int64_t FrameAssembler::charge_needed() const {
  if (!announced_bytes()) return 0;
  const auto needed = static_cast<std::int64_t>(capacity_needed());
  const bool is_free = needed <= static_cast<std::int64_t>(MemoryBudget::kFreeBytes);
  return is_free || charge_.bytes() >= needed ? 0 : needed;
}

base::MutableBytes FrameAssembler::room(base::MutableBytes scratch) {
  if (reads_into_scratch(scratch.size())) {
    landing_ = Landing::scratch;
    scratch_ = scratch;
    carried_ = unread().size();
    if (carried_ > 0) std::memcpy(scratch.data(), unread().data(), carried_);
    return scratch.subspan(carried_);
  }
  landing_ = Landing::input;
  if (!has_partial()) {
    const std::size_t expected = round_up(expected_bytes_ + expected_bytes_ / 8, 4096);
    input_ = base::Buffer::with_capacity(std::min(expected, MemoryBudget::kFreeBytes));
    consumed_ = 0;
    return input_.spare();
  }
  if (consumed_ > 0) {
    base::Buffer rest = base::Buffer::with_capacity(capacity_needed());
    rest.append(unread());
    input_ = std::move(rest);
    consumed_ = 0;
  }
  input_.reserve(capacity_needed());
  // Not beyond the frame, so that the buffer can become the frame.
  const auto announced = announced_bytes();
  VERIFY(announced && *announced > input_.size(), "a complete frame was not taken");
  const base::MutableBytes spare = input_.spare();
  return spare.first(std::min(spare.size(), *announced - input_.size()));
}

void FrameAssembler::received(std::size_t size_bytes) {
  const Landing landing = std::exchange(landing_, Landing::none);
  VERIFY(landing != Landing::none, "bytes without room");
  if (landing == Landing::input) {
    input_.commit(size_bytes);
    if (input_.empty()) input_ = {};  // nothing came: an idle connection holds no buffer
  } else if (size_bytes > 0) {
    input_ = base::Buffer::copy_of(scratch_.first(carried_ + size_bytes));
    consumed_ = 0;
  }
}

}  // namespace network
