#include "runtime/uv/uv_stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "runtime/posix/io_vector.h"
#include "runtime/stream_io.h"

namespace runtime {
namespace {

constexpr std::size_t kMaxParts = 64;
// One call sends no more, so that a fast reader of a long response does not hold the loop.
constexpr std::size_t kMaxBytesPerCall = 1 << 20;
constexpr std::size_t kCopyBytes = 64 * 1024;
// A file's piece of at most so many bytes is read and sent with its neighbours: one pread and one
// sendmsg for a fetch at the tail, instead of sendmsg, sendfile, sendmsg.
constexpr std::size_t kSmallSliceBytes = 16 * 1024;

bool is_would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

std::unexpected<base::Error> socket_failure(const char* operation, const SocketAddress& peer) {
  if (is_would_block(errno)) return base::fail(base::Errc::would_block);
  return base::fail_errno(std::string(operation) + " " + peer.to_string());
}

// As Kafka's Selector.configureSocketChannel. Answers are written as one list, so waiting for more
// bytes (Nagle) would only delay them; keep-alive finds peers that vanished without a word.
void set_options(int descriptor) {
  const int on = 1;
  (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

}  // namespace

base::Result<std::size_t> UvStream::try_read(base::MutableBytes into) {
  VERIFY(!into.empty());
  if (is_closed()) return base::fail(base::Errc::closed);
  ssize_t count;
  do {
    count = ::recv(descriptor(), into.data(), into.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count <= 0 || static_cast<std::size_t>(count) < into.size()) socket_->read_drained();
  if (count < 0) return socket_failure("read from", peer_);
  if (count == 0) return base::fail(base::Errc::end_of_stream);
  return static_cast<std::size_t>(count);
}

base::Result<std::size_t> UvStream::try_write(OutputList& output) {
  if (is_closed()) return base::fail(base::Errc::closed);
  std::size_t total_bytes = 0;
  while (!output.empty()) {
    if (total_bytes >= kMaxBytesPerCall) {
      socket_->write_may_go_on();
      break;
    }
    const OutputList::Piece& front = output.pieces().front();
    const bool by_file = front.is_file() && front.size_bytes > kSmallSliceBytes;
    std::size_t offered_bytes = front.size_bytes;
    const auto sent = by_file ? send_file(front.slice) : send_gathered(output, offered_bytes);
    if (!sent) {
      // What went out before counts; the next call meets the same error again.
      if (total_bytes > 0) break;
      return sent;
    }
    output.consume(*sent);
    total_bytes += *sent;
    if (*sent < offered_bytes && !by_file) break;  // the socket's buffer is full
  }
  return total_bytes;
}

// Buffers and small file slices up to the first piece that needs sendfile, in one call.
base::Result<std::size_t> UvStream::send_gathered(const OutputList& output,
                                                  std::size_t& offered_bytes) {
  std::array<iovec, kMaxParts> parts;
  std::array<std::byte, kSmallSliceBytes> copies;
  std::size_t copied_bytes = 0;
  std::size_t count = 0;
  offered_bytes = 0;
  auto piece = output.pieces().begin();
  for (; piece != output.pieces().end() && count < kMaxParts; ++piece) {
    if (!piece->is_file()) {
      const base::Bytes bytes = piece->bytes();
      parts[count++] = io_vector(bytes);
    } else {
      if (piece->size_bytes > copies.size() - copied_bytes) break;
      const base::MutableBytes into(copies.data() + copied_bytes, piece->size_bytes);
      TRY(read_slice(piece->slice, into));
      copied_bytes += into.size();
      parts[count++] = {into.data(), into.size()};
    }
    offered_bytes += piece->size_bytes;
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  // A file's bytes that follow shall share the packet with the header before them.
  const int more = piece != output.pieces().end() ? MSG_MORE : 0;
  ssize_t sent;
  do {
    sent = ::sendmsg(descriptor(), &message, MSG_NOSIGNAL | more);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return socket_failure("write to", peer_);
  return static_cast<std::size_t>(sent);
}

base::Result<void> UvStream::read_slice(const FileSlice& slice, base::MutableBytes into) const {
  TRY_ASSIGN(const std::size_t read_bytes, slice.file->pread(into, slice.position));
  if (read_bytes < into.size()) {
    return base::fail(base::Errc::closed,
                      "a file is shorter than a response to " + peer_.to_string() + " promised");
  }
  // Asked behind the read: what was read before a truncation is what was promised.
  if (!slice.is_current()) {
    return base::fail(base::Errc::closed,
                      "the log was truncated under a response to " + peer_.to_string());
  }
  return {};
}

base::Result<std::size_t> UvStream::send_file(const FileSlice& slice) {
  if (!slice.is_current()) {
    return base::fail(base::Errc::closed,
                      "the log was truncated under a response to " + peer_.to_string());
  }
  const std::optional<int> file = slice.file->descriptor();
  if (!file) return send_copy(slice);
  off_t position = slice.position;
  ssize_t sent;
  do {
    sent = ::sendfile(descriptor(), *file, &position, std::min(slice.size_bytes, kMaxBytesPerCall));
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return socket_failure("send a file to", peer_);
  if (sent == 0) {
    return base::fail(base::Errc::closed,
                      "a file is shorter than a response to " + peer_.to_string() + " promised");
  }
  return static_cast<std::size_t>(sent);
}

// For files without a descriptor (the simulated disk).
base::Result<std::size_t> UvStream::send_copy(const FileSlice& slice) {
  std::array<std::byte, kCopyBytes> copy;
  const base::MutableBytes into(copy.data(), std::min(slice.size_bytes, copy.size()));
  TRY(read_slice(slice, into));
  ssize_t sent;
  do {
    sent = ::send(descriptor(), into.data(), into.size(), MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return socket_failure("write to", peer_);
  return static_cast<std::size_t>(sent);
}

SocketAddress UvStream::local_address() const {
  sockaddr_storage native{};
  socklen_t length = sizeof native;
  if (is_closed() ||
      ::getsockname(descriptor(), reinterpret_cast<sockaddr*>(&native), &length) != 0) {
    return {};
  }
  return SocketAddress::from_native(reinterpret_cast<const sockaddr*>(&native), length);
}

Task<base::Result<std::unique_ptr<Stream>>> connect_uv_stream(UvLoop& loop, SocketAddress to,
                                                              std::int64_t timeout_ms,
                                                              CancelToken token) {
  const std::string context = "connect " + to.to_string();
  FileDescriptor descriptor(
      ::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!descriptor.is_open()) co_return base::fail_errno(context);
  const int native = descriptor.get();
  set_options(native);
  int error = ::connect(native, to.native(), to.native_length()) == 0 ? 0 : errno;
  if (error != 0 && error != EINPROGRESS) {
    co_return base::fail(base::Error::from_errno(error, context));
  }
  CO_TRY_ASSIGN(auto socket, UvSocket::open(loop, std::move(descriptor)));
  auto stream = std::make_unique<UvStream>(std::move(socket), to);
  if (error == EINPROGRESS) {
    const auto ready = co_await writable(*stream, timeout_ms, token);
    if (!ready) co_return base::fail(base::Error(ready.error()).with_context(context));
    socklen_t length = sizeof error;
    error = 0;
    if (::getsockopt(native, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) co_return base::fail(base::Error::from_errno(error, context));
  }
  co_return std::unique_ptr<Stream>(std::move(stream));
}

base::Result<std::unique_ptr<Stream>> adopt_uv_stream(
    UvLoop& loop, std::unique_ptr<AcceptedConnection> connection) {
  auto* accepted = dynamic_cast<UvAcceptedConnection*>(connection.get());
  VERIFY(accepted != nullptr, "a connection of another kind of loop");
  FileDescriptor descriptor = accepted->take_descriptor();
  set_options(descriptor.get());
  TRY_ASSIGN(auto socket, UvSocket::open(loop, std::move(descriptor)));
  return std::make_unique<UvStream>(std::move(socket), accepted->peer_address());
}

}  // namespace runtime
