// Purpose: cuts a stream of bytes into frames (int32 length, then so many bytes). No I/O.
//
// Where bytes land decides what is copied. Small frames are read into the loop's scratch buffer
// (one read may bring many) and copied out. When the frames of a connection are larger, the next
// read goes into a buffer of the expected size, and if that holds exactly one frame it becomes the
// frame itself; the rest of a frame that is larger than one read always goes there. That buffer
// grows with what has arrived: a length is only a promise.
//
//   for (;;) {
//     while (auto frame = assembler.next()) ...          complete frames
//     if (assembler.charge_needed() > 0) ...             get memory for the next step
//     const auto room = assembler.room(scratch);
//     assembler.received(stream.try_read(room));         at least 1; nothing suspends in between
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/buffer.h"
#include "base/result.h"
#include "broker/network/memory_budget.h"

namespace network {

class FrameAssembler {
 public:
  struct Frame {
    base::Buffer buffer;
    std::size_t offset = 0;  // of the frame's first byte behind its length
    MemoryBudget::Charge charge;
  };

  explicit FrameAssembler(std::size_t frame_max_bytes) : frame_max_bytes_(frame_max_bytes) {}

  // The next complete frame, nullopt if more bytes are needed. Errc::corrupt for a negative length,
  // Errc::too_large for one above the limit: the stream makes no sense any more.
  base::Result<std::optional<Frame>> next();

  // Bytes that the frame's charge has to cover before room() may be called; 0: none, or covered.
  std::int64_t charge_needed() const;
  MemoryBudget::Charge& charge() { return charge_; }
  const MemoryBudget::Charge& charge() const { return charge_; }
  // The bytes that the frame which is being read will have, with its length; nullopt: not known or
  // not valid yet.
  std::optional<std::size_t> announced_bytes() const;

  // Where the next read goes; never empty. Ask again after a suspension.
  base::MutableBytes room(base::MutableBytes scratch);
  // So many bytes of the last room() were filled.
  void received(std::size_t size_bytes);

  // A frame has begun and isn't complete.
  bool has_partial() const { return input_.size() > consumed_; }

 private:
  enum class Landing { none, scratch, input };

  base::Bytes unread() const { return input_.bytes().subspan(consumed_); }  // the bytes at hand
  std::size_t capacity_needed() const;
  bool reads_into_scratch(std::size_t scratch_bytes) const;
  bool has_had_frame() const { return expected_bytes_ > 0; }

  const std::size_t frame_max_bytes_;
  base::Buffer input_;        // read and not handed out; begins with the length of a frame
  std::size_t consumed_ = 0;  // bytes of input_ that were handed out
  MemoryBudget::Charge charge_;
  std::size_t expected_bytes_ = 0;  // size of the last frame
  Landing landing_ = Landing::none;
  base::MutableBytes scratch_;  // of the last room(), with carried_ bytes of input_ in front
  std::size_t carried_ = 0;
};

}  // namespace network
