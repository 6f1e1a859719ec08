// Purpose: the incoming half of a connection: reads the socket, cuts frames, gets their memory.
//
// It never waits where a request that came whole could go on: waiting for bytes is the caller's
// step, so that a small request costs one read and no coroutine here.
//
//   while (auto frame = reader.next()) ...
//   if (reader.needs_memory()) co_await reader.get_memory(token);
//   switch (reader.prepare_read()) ...      wait until readable, give others a turn, or nothing
//   reader.read();
#pragma once

#include <cstdint>
#include <optional>

#include "broker/network/connection_shared.h"
#include "broker/network/deadlines.h"
#include "broker/network/frame_assembler.h"
#include "broker/network/frame_pace.h"
#include "runtime/stream.h"

namespace network {

// One loop; not thread-safe.
class RequestReader {
 public:
  using Frame = FrameAssembler::Frame;
  enum class BeforeRead { nothing, wait_for_bytes, give_turn };

  // All outlive it.
  RequestReader(runtime::Stream& stream, const ConnectionShared& shared, const ConnectionInfo& info,
                Deadlines& deadlines);

  // The next complete frame, nullopt if more bytes are needed. Errors as FrameAssembler::next():
  // the stream makes no sense any more.
  base::Result<std::optional<Frame>> next() { return assembler_.next(); }

  bool needs_memory() const { return assembler_.charge_needed() > 0; }
  // Waits in turn. Errc::cancelled.
  runtime::Task<base::Result<void>> get_memory(runtime::CancelToken token);
  // Begins the next read(): what has to happen before it. Others on the loop get a turn after 1 MB
  // of one sender that is always ahead.
  BeforeRead prepare_read();
  // One read of the socket; it may bring nothing. What a peer sent before it went can be read.
  base::Result<void> read();

  // What a frame of this connection is to the budget.
  MemoryBudget::Use memory_use() const;
  bool is_waiting_for_memory() const { return is_waiting_for_memory_; }
  bool holds_memory() const { return assembler_.charge().bytes() > 0; }
  std::int64_t last_read_ns() const { return last_read_ns_; }
  std::int64_t frame_progress_ns() const { return pace_.progress_ns(); }
  // Measures the pace of the half-read frame, if there is one. True: it has to go, because others
  // wait for its memory. `is_reading`: the connection takes what comes, so that only the sender
  // holds the frame up.
  bool measure_frame(bool is_reading, std::int64_t now_ns);

 private:
  runtime::Stream& stream_;
  const ConnectionShared& shared_;
  const ConnectionInfo& info_;
  Deadlines& deadlines_;
  FrameAssembler assembler_;
  FramePace pace_;
  bool is_waiting_for_memory_ = false;
  bool last_read_filled_room_ = false;
  std::size_t turn_bytes_ = 0;  // read since the loop's other work had its turn
  std::int64_t last_read_ns_;
};

}  // namespace network
