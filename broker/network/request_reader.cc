#include "broker/network/request_reader.h"

#include <utility>

#include "runtime/loop.h"

namespace network {
namespace {

constexpr std::size_t kBytesPerTurn = 1024 * 1024;

}  // namespace

RequestReader::RequestReader(runtime::Stream& stream, const ConnectionShared& shared,
                             const ConnectionInfo& info, Deadlines& deadlines)
    : stream_(stream),
      shared_(shared),
      info_(info),
      deadlines_(deadlines),
      assembler_(shared.options.request_max_bytes),
      pace_(shared.budget, shared.options),
      last_read_ns_(stream.loop().now_ns()) {}

MemoryBudget::Use RequestReader::memory_use() const {
  const bool is_broker = shared_.is_broker_address && shared_.is_broker_address(info_.peer_host);
  return is_broker ? MemoryBudget::Use::inter_broker : MemoryBudget::Use::client;
}

runtime::Task<base::Result<void>> RequestReader::get_memory(runtime::CancelToken token) {
  runtime::Loop& loop = stream_.loop();
  const std::int64_t bytes = assembler_.charge_needed();
  const MemoryBudget::Use use = memory_use();
  // What was measured of an earlier frame says nothing of this one.
  if (!holds_memory()) pace_.restart(loop.now_ns());
  if (shared_.budget.try_grow(assembler_.charge(), bytes, use)) {
    pace_.note_progress(loop.now_ns());
  } else {
    is_waiting_for_memory_ = true;
    const auto grown = co_await shared_.budget.grow(assembler_.charge(), bytes, use, token);
    is_waiting_for_memory_ = false;
    CO_TRY(grown);
    pace_.restart(loop.now_ns());
  }
  deadlines_.watch_frame();
  co_return base::Result<void>();
}

// The last read left nothing behind, or the frame is complete: then waiting comes first, which
// saves a read that would find nothing.
RequestReader::BeforeRead RequestReader::prepare_read() {
  const bool expects_more = last_read_filled_room_ && assembler_.has_partial();
  if (expects_more && turn_bytes_ < kBytesPerTurn) return BeforeRead::nothing;
  turn_bytes_ = 0;
  return expects_more ? BeforeRead::give_turn : BeforeRead::wait_for_bytes;
}

base::Result<void> RequestReader::read() {
  const base::MutableBytes room = assembler_.room(shared_.scratch);
  const auto count = stream_.try_read(room);
  assembler_.received(count ? *count : 0);
  last_read_filled_room_ = count && *count == room.size();
  if (!count) {
    if (count.error().is(base::Errc::would_block)) return {};
    return base::fail(count.error());
  }
  last_read_ns_ = stream_.loop().now_ns();
  deadlines_.note_activity();
  turn_bytes_ += *count;
  pace_.note_bytes(*count, last_read_ns_);
  return {};
}

bool RequestReader::measure_frame(bool is_reading, std::int64_t now_ns) {
  if (!holds_memory() && !pace_.is_slow()) return false;
  std::optional<FramePace::Frame> frame;
  if (is_reading && holds_memory() && !is_waiting_for_memory_) {
    frame = {static_cast<std::int64_t>(assembler_.announced_bytes().value_or(0)),
             assembler_.charge().bytes()};
  }
  return pace_.measure(frame, now_ns);
}

}  // namespace network
