#include "bench/wire_connection.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/big_endian.h"

namespace bench {
namespace {

constexpr std::size_t kInputBytes = 64 * 1024;
constexpr std::int32_t kFrameBytesMax = 256 * 1024 * 1024;

}  // namespace

std::int64_t monotonic_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

base::Result<WireConnection> WireConnection::connect(std::int64_t port) {
  WireConnection connection(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (connection.descriptor_ < 0) return base::fail_errno("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(connection.descriptor_, reinterpret_cast<const sockaddr*>(&address),
                sizeof address) != 0) {
    return base::fail_errno("connect to port " + std::to_string(port));
  }
  const int on = 1;
  (void)::setsockopt(connection.descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  connection.input_.resize(kInputBytes);
  return connection;
}

WireConnection::WireConnection(WireConnection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      correlation_id_(other.correlation_id_),
      input_(std::move(other.input_)),
      begin_(other.begin_),
      end_(other.end_) {}

WireConnection::~WireConnection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

base::Result<void> WireConnection::send(base::Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return base::fail_errno("send");
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return {};
}

base::Result<base::Bytes> WireConnection::receive() {
  std::size_t needed = protocol::kFrameLengthSize;
  for (;;) {
    if (end_ - begin_ >= protocol::kFrameLengthSize) {
      const auto length = base::load_be<std::int32_t>(input_.data() + begin_);
      if (length < 0 || length > kFrameBytesMax) return base::fail(base::Errc::corrupt, "frame");
      needed = protocol::kFrameLengthSize + static_cast<std::size_t>(length);
      if (end_ - begin_ >= needed) break;
    }
    if (begin_ > 0) {
      std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (input_.size() < needed) input_.resize(needed);
    const ssize_t count = ::recv(descriptor_, input_.data() + end_, input_.size() - end_, 0);
    if (count < 0) return base::fail_errno("receive");
    if (count == 0) return base::fail(base::Errc::end_of_stream, "the server closed");
    end_ += static_cast<std::size_t>(count);
  }
  const base::Bytes frame(input_.data() + begin_ + protocol::kFrameLengthSize,
                          needed - protocol::kFrameLengthSize);
  begin_ += needed;
  if (begin_ == end_) begin_ = end_ = 0;
  return frame;
}

}  // namespace bench
