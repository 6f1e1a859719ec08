// Purpose: a byte connection and its output list. One loop owns a stream for life.
//
// I/O is "try, then wait until ready": no coroutine frame and no allocation on the path where data
// is there. One waiter per direction. Implementations: runtime/uv (sockets), runtime/sim (memory);
// TLS will be a third that wraps another.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "runtime/address.h"
#include "runtime/file.h"

namespace runtime {

class Loop;

// What is still to be sent: parts of buffers and of files, in order. Plaintext streams send them
// with writev and sendfile; a stream that must touch the bytes reads the slices.
class OutputList {
 public:
  struct Piece {
    base::Buffer buffer;     // the bytes to send, if slice.file is null
    std::size_t offset = 0;  // into buffer
    FileSlice slice;
    std::size_t size_bytes = 0;  // left of this piece
    bool is_file() const { return slice.file != nullptr; }
    base::Bytes bytes() const { return buffer.bytes().subspan(offset, size_bytes); }
  };

  OutputList() = default;
  OutputList(OutputList&& other) noexcept
      : pieces_(std::move(other.pieces_)),
        sent_count_(std::exchange(other.sent_count_, 0)),
        total_bytes_(std::exchange(other.total_bytes_, 0)) {
    other.pieces_.clear();
  }
  OutputList& operator=(OutputList&& other) noexcept {
    pieces_ = std::move(other.pieces_);
    sent_count_ = std::exchange(other.sent_count_, 0);
    total_bytes_ = std::exchange(other.total_bytes_, 0);
    other.pieces_.clear();
    return *this;
  }

  void add(base::Buffer buffer) {
    const std::size_t size = buffer.size();
    add(std::move(buffer), 0, size);
  }
  void add(base::Buffer buffer, std::size_t offset, std::size_t size_bytes) {
    if (size_bytes == 0) return;
    total_bytes_ += size_bytes;
    pieces_.push_back({std::move(buffer), offset, {}, size_bytes});
  }
  void add(FileSlice slice) {
    const std::size_t size = slice.size_bytes;
    if (size == 0) return;
    total_bytes_ += size;
    pieces_.push_back({{}, 0, std::move(slice), size});
  }
  void append(OutputList&& other) {
    for (std::size_t i = other.sent_count_; i < other.pieces_.size(); ++i) {
      pieces_.push_back(std::move(other.pieces_[i]));
    }
    total_bytes_ += other.total_bytes_;
    other.clear();
  }

  bool empty() const { return total_bytes_ == 0; }
  std::size_t total_bytes() const { return total_bytes_; }
  std::span<const Piece> pieces() const { return std::span(pieces_).subspan(sent_count_); }
  // Drops the first `size_bytes`, which have been sent.
  void consume(std::size_t size_bytes);

 private:
  void clear() {
    pieces_.clear();
    sent_count_ = total_bytes_ = 0;
  }

  // Not a deque: most lists are one piece, and an empty or moved list shall cost no allocation.
  std::vector<Piece> pieces_;
  std::size_t sent_count_ = 0;  // pieces at the front that are wholly sent, and empty
  std::size_t total_bytes_ = 0;
};

// Told when a direction of a stream may go on; must only put something on the ready queue.
class ReadyCallback {
 public:
  virtual void on_ready() noexcept = 0;

 protected:
  ~ReadyCallback() = default;
};

class Stream {
 public:
  virtual ~Stream() = default;  // closes

  // At least one byte, or Errc::would_block, Errc::end_of_stream, or the socket's error.
  virtual base::Result<std::size_t> try_read(base::MutableBytes into) = 0;
  // Sends from the front of the list and consumes what went out; returns the bytes sent, which may
  // be fewer than all. Errc::would_block if nothing could be sent. Errc::closed if a file slice is
  // stale or its file too short: the promise to the peer can't be kept, close the connection.
  virtual base::Result<std::size_t> try_write(OutputList& output) = 0;

  // Registers the one waiter of a direction: called back once, on the loop, when the direction may
  // have become ready, failed, or the stream was closed; that may be before this returns. Null
  // takes it back (timeout, cancellation). Use the awaiters of runtime/stream_io.h, not these.
  virtual void set_read_waiter(ReadyCallback* waiter) = 0;
  virtual void set_write_waiter(ReadyCallback* waiter) = 0;

  // Called once, on the loop, when the peer sends no more or the connection broke, also while
  // nobody reads; what it sent before can still be read. Null takes it back. A stream that cannot
  // tell never calls.
  virtual void set_hangup_callback(ReadyCallback* /*callback*/) {}

  // Idempotent. Wakes both waiters; every later try answers Errc::closed.
  virtual void close() = 0;
  virtual bool is_closed() const = 0;

  virtual Loop& loop() const = 0;
  virtual SocketAddress peer_address() const = 0;
  virtual SocketAddress local_address() const = 0;
};

}  // namespace runtime
