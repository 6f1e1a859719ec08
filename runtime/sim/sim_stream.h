// Purpose: a simulated connection: two pipes of bytes, and the Stream at each end.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "runtime/loop.h"
#include "runtime/stream.h"

namespace runtime {

class SimNetwork;

// One direction. Bytes are under way, then arrive; the reader takes what has arrived.
struct SimPipe {
  SimNetwork* network = nullptr;
  std::string from_ip;
  std::string to_ip;
  std::string under_way;
  std::string arrived;
  bool writer_closed = false;
  bool reader_closed = false;
  bool end_arrived = false;
  bool delivery_scheduled = false;
  ReadyCallback* reader = nullptr;
  ReadyCallback* writer = nullptr;

  // Whether the writer can know by now that the reader has closed.
  bool refusal_is_known() const;
  void wake_reader();
  void wake_writer();
};

// Side 0 connected, side 1 accepted; side i writes pipe i and reads the other.
struct SimConnection : std::enable_shared_from_this<SimConnection> {
  std::array<SimPipe, 2> pipes;
  std::array<SocketAddress, 2> addresses;
  bool is_reset = false;

  base::Result<std::size_t> read(int side, base::MutableBytes into);
  base::Result<std::size_t> write(int side, base::Bytes bytes);
  void close(int side);
  void reset();
  // Lets what a cut has held back go on.
  void resume_delivery();
  bool is_over() const { return is_reset || (pipes[0].writer_closed && pipes[1].writer_closed); }

 private:
  void schedule_delivery(int pipe_index);
  void deliver(int pipe_index);
};

class SimStream final : public Stream {
 public:
  SimStream(Loop& loop, std::shared_ptr<SimConnection> connection, int side)
      : loop_(loop), connection_(std::move(connection)), side_(side) {}
  ~SimStream() override;

  base::Result<std::size_t> try_read(base::MutableBytes into) override;
  base::Result<std::size_t> try_write(OutputList& output) override;
  void set_read_waiter(ReadyCallback* waiter) override;
  void set_write_waiter(ReadyCallback* waiter) override;
  void close() override;
  bool is_closed() const override { return closed_; }
  Loop& loop() const override { return loop_; }
  SocketAddress peer_address() const override { return connection_->addresses[1 - side_]; }
  SocketAddress local_address() const override { return connection_->addresses[side_]; }

 private:
  SimPipe& incoming() { return connection_->pipes[1 - side_]; }
  SimPipe& outgoing() { return connection_->pipes[side_]; }

  Loop& loop_;
  const std::shared_ptr<SimConnection> connection_;
  const int side_;
  bool closed_ = false;
};

}  // namespace runtime
