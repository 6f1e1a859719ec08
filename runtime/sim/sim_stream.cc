#include "runtime/sim/sim_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/sim/sim_network.h"
#include "runtime/sim/sim_world.h"

namespace runtime {
namespace {

constexpr std::size_t kSliceReadBytes = 16 * 1024;

base::Error connection_reset() {
  return base::Error(std::errc::connection_reset, "simulated connection");
}

// A piece's next bytes, read from its file if it is one.
base::Result<base::Bytes> next_bytes(const OutputList::Piece& piece,
                                     std::array<std::byte, kSliceReadBytes>& copy) {
  if (!piece.is_file()) return piece.bytes();
  const FileSlice& slice = piece.slice;
  if (!slice.is_current()) return base::fail(base::Errc::closed, "a log was truncated");
  const base::MutableBytes into(copy.data(), std::min(slice.size_bytes, copy.size()));
  TRY_ASSIGN(const std::size_t count, slice.file->pread(into, slice.position));
  if (count < into.size()) return base::fail(base::Errc::closed, "a file is too short");
  return base::Bytes(into);
}

}  // namespace

bool SimPipe::refusal_is_known() const { return reader_closed && !network->is_cut(to_ip, from_ip); }

void SimPipe::wake_reader() {
  if (auto* waiter = std::exchange(reader, nullptr)) waiter->on_ready();
}

void SimPipe::wake_writer() {
  if (auto* waiter = std::exchange(writer, nullptr)) waiter->on_ready();
}

base::Result<std::size_t> SimConnection::read(int side, base::MutableBytes into) {
  SimPipe& pipe = pipes[1 - side];
  if (is_reset) return base::fail(connection_reset());
  if (pipe.arrived.empty()) {
    return base::fail(pipe.end_arrived ? base::Errc::end_of_stream : base::Errc::would_block);
  }
  const std::size_t count = std::min(into.size(), pipe.arrived.size());
  std::memcpy(into.data(), pipe.arrived.data(), count);
  pipe.arrived.erase(0, count);
  pipe.wake_writer();
  return count;
}

base::Result<std::size_t> SimConnection::write(int side, base::Bytes bytes) {
  SimPipe& pipe = pipes[side];
  if (is_reset) return base::fail(connection_reset());
  if (pipe.refusal_is_known()) {
    return base::fail(base::Error(std::errc::broken_pipe, "simulated connection"));
  }
  const SimNetworkOptions& options = pipe.network->options;
  const std::size_t held = pipe.under_way.size() + pipe.arrived.size();
  if (held >= options.pipe_bytes) return base::fail(base::Errc::would_block);
  std::size_t count = std::min(bytes.size(), options.pipe_bytes - held);
  if (options.cut_bytes) count = 1 + pipe.network->world().random().below(count);
  pipe.under_way.append(base::as_text(bytes.first(count)));
  schedule_delivery(side);
  return count;
}

void SimConnection::schedule_delivery(int pipe_index) {
  SimPipe& pipe = pipes[pipe_index];
  if (std::exchange(pipe.delivery_scheduled, true)) return;
  pipe.network->world().schedule(
      pipe.network->draw_delay_ns(),
      [self = shared_from_this(), pipe_index] { self->deliver(pipe_index); });
}

void SimConnection::deliver(int pipe_index) {
  SimPipe& pipe = pipes[pipe_index];
  pipe.delivery_scheduled = false;
  if (is_reset || pipe.network->is_cut(pipe.from_ip, pipe.to_ip)) return;
  if (!pipe.under_way.empty()) {
    std::size_t count = pipe.under_way.size();
    if (pipe.network->options.cut_bytes) count = 1 + pipe.network->world().random().below(count);
    pipe.arrived.append(pipe.under_way, 0, count);
    pipe.under_way.erase(0, count);
  }
  if (!pipe.under_way.empty()) {
    schedule_delivery(pipe_index);
  } else if (pipe.writer_closed) {
    pipe.end_arrived = true;
  }
  pipe.wake_reader();
}

void SimConnection::close(int side) {
  SimPipe& outgoing = pipes[side];
  outgoing.writer_closed = true;
  schedule_delivery(side);
  SimPipe& incoming = pipes[1 - side];
  incoming.reader_closed = true;
  if (incoming.refusal_is_known()) incoming.wake_writer();
}

void SimConnection::reset() {
  is_reset = true;
  for (SimPipe& pipe : pipes) {
    pipe.under_way.clear();
    pipe.arrived.clear();
    pipe.wake_reader();
    pipe.wake_writer();
  }
}

void SimConnection::resume_delivery() {
  for (int i = 0; i < 2; ++i) {
    if (!pipes[i].under_way.empty() || pipes[i].writer_closed) schedule_delivery(i);
    if (pipes[i].refusal_is_known()) pipes[i].wake_writer();
  }
}

SimStream::~SimStream() {
  if (closed_) return;
  VERIFY(incoming().reader == nullptr && outgoing().writer == nullptr,
         "a stream was destroyed under its waiters");
  close();
}

base::Result<std::size_t> SimStream::try_read(base::MutableBytes into) {
  VERIFY(!into.empty());
  if (closed_) return base::fail(base::Errc::closed);
  return connection_->read(side_, into);
}

base::Result<std::size_t> SimStream::try_write(OutputList& output) {
  if (closed_) return base::fail(base::Errc::closed);
  std::array<std::byte, kSliceReadBytes> copy;
  std::size_t total_bytes = 0;
  while (!output.empty()) {
    const auto bytes = next_bytes(output.pieces().front(), copy);
    auto sent = bytes ? connection_->write(side_, *bytes)
                      : base::Result<std::size_t>(base::fail(bytes.error()));
    if (!sent) {
      if (total_bytes > 0) break;
      return sent;
    }
    output.consume(*sent);
    total_bytes += *sent;
    if (*sent < bytes->size()) break;
  }
  return total_bytes;
}

void SimStream::set_read_waiter(ReadyCallback* waiter) {
  SimPipe& pipe = incoming();
  VERIFY(waiter == nullptr || pipe.reader == nullptr, "two readers wait on one stream");
  pipe.reader = waiter;
  if (closed_ || connection_->is_reset || pipe.end_arrived || !pipe.arrived.empty()) {
    pipe.wake_reader();
  }
}

void SimStream::set_write_waiter(ReadyCallback* waiter) {
  SimPipe& pipe = outgoing();
  VERIFY(waiter == nullptr || pipe.writer == nullptr, "two writers wait on one stream");
  pipe.writer = waiter;
  const bool has_room =
      pipe.under_way.size() + pipe.arrived.size() < pipe.network->options.pipe_bytes;
  if (closed_ || connection_->is_reset || has_room || pipe.refusal_is_known()) pipe.wake_writer();
}

void SimStream::close() {
  if (std::exchange(closed_, true)) return;
  connection_->close(side_);
  incoming().wake_reader();
  outgoing().wake_writer();
}

}  // namespace runtime
