// Purpose: a TCP connection as a Stream: recv, sendmsg and sendfile on readiness.
//
// A request and its response on a warm connection cost epoll_wait, recv and sendmsg.
#pragma once

#include <memory>

#include "runtime/loop.h"
#include "runtime/posix/file_descriptor.h"
#include "runtime/stream.h"
#include "runtime/uv/uv_socket.h"

namespace runtime {

class UvStream final : public Stream {
 public:
  UvStream(std::unique_ptr<UvSocket> socket, SocketAddress peer)
      : socket_(std::move(socket)), peer_(peer) {}

  base::Result<std::size_t> try_read(base::MutableBytes into) override;
  base::Result<std::size_t> try_write(OutputList& output) override;
  void set_read_waiter(ReadyCallback* waiter) override { socket_->set_read_waiter(waiter); }
  void set_hangup_callback(ReadyCallback* callback) override {
    socket_->set_hangup_callback(callback);
  }
  void set_write_waiter(ReadyCallback* waiter) override { socket_->set_write_waiter(waiter); }
  void close() override { socket_->close(); }
  bool is_closed() const override { return socket_->is_closed(); }
  Loop& loop() const override { return socket_->loop(); }
  SocketAddress peer_address() const override { return peer_; }
  SocketAddress local_address() const override;

  int descriptor() const { return socket_->descriptor(); }

 private:
  base::Result<std::size_t> send_gathered(const OutputList& output, std::size_t& offered_bytes);
  base::Result<std::size_t> send_file(const FileSlice& slice);
  base::Result<std::size_t> send_copy(const FileSlice& slice);
  base::Result<void> read_slice(const FileSlice& slice, base::MutableBytes into) const;

  const std::unique_ptr<UvSocket> socket_;
  const SocketAddress peer_;
};

// An accepted socket on its way to its loop.
class UvAcceptedConnection final : public AcceptedConnection {
 public:
  UvAcceptedConnection(FileDescriptor descriptor, SocketAddress peer)
      : descriptor_(std::move(descriptor)), peer_(peer) {}
  SocketAddress peer_address() const override { return peer_; }
  FileDescriptor take_descriptor() { return std::move(descriptor_); }

 private:
  FileDescriptor descriptor_;
  const SocketAddress peer_;
};

// Loop's connect() and adopt() on libuv.
Task<base::Result<std::unique_ptr<Stream>>> connect_uv_stream(UvLoop& loop, SocketAddress to,
                                                              std::int64_t timeout_ms,
                                                              CancelToken token);
base::Result<std::unique_ptr<Stream>> adopt_uv_stream(
    UvLoop& loop, std::unique_ptr<AcceptedConnection> connection);

}  // namespace runtime
