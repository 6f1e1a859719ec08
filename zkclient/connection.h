// Purpose: one TCP connection to a ZooKeeper server as frames in and frames out.
#pragma once

#include <memory>
#include <string>

#include "runtime/stream_io.h"
#include "zkclient/frame_reader.h"

namespace zkclient {

// One loop. One reader and one writer at a time.
class Connection {
 public:
  Connection(std::unique_ptr<runtime::Stream> stream, std::size_t max_frame_bytes)
      : stream_(std::move(stream)), reader_(max_frame_bytes) {}

  // A frame that has come already; nullopt: fill() first. Valid until fill() is called.
  base::Result<std::optional<base::Bytes>> next_frame() { return reader_.next(); }
  // For the frame that comes next.
  void set_max_frame_bytes(std::size_t bytes) { reader_.set_max_frame_bytes(bytes); }
  // Waits for more bytes until `deadline_ms` on the loop's clock. Errc::timed_out, end_of_stream,
  // cancelled, or the socket's error.
  runtime::Task<base::Result<void>> fill(std::int64_t deadline_ms, runtime::CancelToken token);
  // Both steps. Not for more than one frame at a time.
  runtime::Task<base::Result<base::Bytes>> read_frame(std::int64_t deadline_ms,
                                                      runtime::CancelToken token);

  void queue(base::Buffer frame) {
    queued_bytes_ += frame.size();
    output_.add(std::move(frame));
  }
  std::size_t unwritten_bytes() const { return output_.total_bytes(); }
  std::uint64_t queued_bytes() const { return queued_bytes_; }  // in all, written or not
  std::uint64_t written_bytes() const { return queued_bytes_ - output_.total_bytes(); }
  // Writes what the socket takes now; false if it takes no more for the moment.
  base::Result<bool> try_flush();
  runtime::ReadyAwaiter writable(runtime::CancelToken token) {
    return runtime::writable(*stream_, runtime::kNoTimeout, token);
  }
  runtime::Task<base::Result<void>> flush(std::int64_t timeout_ms, runtime::CancelToken token);

  void close() { stream_->close(); }
  bool is_closed() const { return stream_->is_closed(); }
  std::string peer() const { return stream_->peer_address().to_string(); }

 private:
  std::unique_ptr<runtime::Stream> stream_;
  FrameReader reader_;
  runtime::OutputList output_;
  std::uint64_t queued_bytes_ = 0;
};

}  // namespace zkclient
