#include "runtime/uv/uv_listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/log.h"
#include "runtime/uv/uv_socket.h"
#include "runtime/uv/uv_stream.h"
#include "runtime/wait.h"

namespace runtime {
namespace {

constexpr std::int64_t kOutOfDescriptorsPauseMs = 100;
constexpr std::int64_t kWarnIntervalMs = 10'000;

class UvListener final : public Listener, private ReadyCallback {
 public:
  UvListener(std::unique_ptr<UvSocket> socket, SocketAddress local)
      : socket_(std::move(socket)), local_(local), readable_(socket_->loop()) {}
  ~UvListener() override { close(); }

  Task<base::Result<std::unique_ptr<AcceptedConnection>>> accept() override;
  SocketAddress local_address() const override { return local_; }
  void close() override {
    if (socket_->is_closed()) return;
    socket_->close();
    closing_.cancel();
  }

 private:
  enum class Next { retry, wait_for_connection, wait_for_descriptors, fail };
  static Next after_error(int error);

  void on_ready() noexcept override {
    is_ready_ = true;
    readable_.notify_all();
  }

  const std::unique_ptr<UvSocket> socket_;
  const SocketAddress local_;
  CancelSource closing_;
  Notify readable_;
  bool is_ready_ = false;
};

UvListener::Next UvListener::after_error(int error) {
  switch (error) {
    case EAGAIN: return Next::wait_for_connection;
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM: return Next::wait_for_descriptors;
    // The peer went away in the queue; Linux hands its network errors to accept.
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case EOPNOTSUPP:
    case ETIMEDOUT: return Next::retry;
    default: return Next::fail;
  }
}

Task<base::Result<std::unique_ptr<AcceptedConnection>>> UvListener::accept() {
  while (!socket_->is_closed()) {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    FileDescriptor descriptor(::accept4(socket_->descriptor(), reinterpret_cast<sockaddr*>(&peer),
                                        &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    const int error = errno;
    if (descriptor.is_open()) {
      const auto address =
          SocketAddress::from_native(reinterpret_cast<const sockaddr*>(&peer), length);
      co_return std::make_unique<UvAcceptedConnection>(std::move(descriptor), address);
    }
    switch (after_error(error)) {
      case Next::retry: break;
      case Next::wait_for_connection:
        socket_->read_drained();
        is_ready_ = false;
        socket_->set_read_waiter(this);
        if (!is_ready_) (void)co_await readable_.wait(kNoTimeout, CancelToken(closing_));
        break;
      case Next::wait_for_descriptors:
        LOG_WARN_EVERY(kWarnIntervalMs,
                       "listener {} cannot accept error=\"{}\"; raise the limit of open files "
                       "(ulimit -n, LimitNOFILE) or lower max.connections",
                       local_.to_string(), base::Error::from_errno(error, "accept").to_string());
        (void)co_await sleep_ms(socket_->loop(), kOutOfDescriptorsPauseMs, CancelToken(closing_));
        break;
      case Next::fail:
        co_return base::fail(base::Error::from_errno(error, "accept on " + local_.to_string()));
    }
  }
  co_return base::fail(base::Errc::cancelled);
}

void set_buffer(int descriptor, int option, std::optional<int> size_bytes) {
  if (!size_bytes) return;
  (void)::setsockopt(descriptor, SOL_SOCKET, option, &*size_bytes, sizeof *size_bytes);
}

}  // namespace

base::Result<std::unique_ptr<Listener>> open_uv_listener(UvLoop& loop, const SocketAddress& at,
                                                         const ListenOptions& options) {
  const std::string context = "listen on " + at.to_string();
  FileDescriptor descriptor(
      ::socket(at.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
  const int native = descriptor.get();
  if (native < 0) return base::fail_errno(context);
  const int on = 1;
  const int off = 0;
  // A restarted broker gets its port although old connections are in TIME_WAIT.
  (void)::setsockopt(native, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (at.family() == AF_INET6) {
    (void)::setsockopt(native, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  }
  // Accepted sockets inherit these; the window is agreed on at connect, so they go in before.
  set_buffer(native, SO_RCVBUF, options.receive_buffer_bytes);
  set_buffer(native, SO_SNDBUF, options.send_buffer_bytes);
  if (::bind(native, at.native(), at.native_length()) != 0 ||
      ::listen(native, options.backlog) != 0) {
    return base::fail_errno(context);
  }
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(native, reinterpret_cast<sockaddr*>(&bound), &length) != 0) {
    return base::fail_errno(context);
  }
  const auto local = SocketAddress::from_native(reinterpret_cast<const sockaddr*>(&bound), length);
  TRY_ASSIGN(auto socket, UvSocket::open(loop, std::move(descriptor)));
  return std::make_unique<UvListener>(std::move(socket), local);
}

}  // namespace runtime
