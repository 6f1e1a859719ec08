#include "runtime/uv/uv_socket.h"

#include <utility>

#include "base/check.h"

namespace runtime {

struct UvSocket::Core {
  uv_poll_t handle;
  FileDescriptor descriptor;
  UvSocket* socket = nullptr;  // null once closed
};

base::Result<std::unique_ptr<UvSocket>> UvSocket::open(UvLoop& loop, FileDescriptor descriptor) {
  DVERIFY(Loop::current() == nullptr || loop.is_current(), "a socket of another thread's loop");
  auto core = std::make_unique<Core>();
  core->descriptor = std::move(descriptor);
  const int status = uv_poll_init(loop.native(), &core->handle, core->descriptor.get());
  if (status != 0) return base::fail(base::Error::from_errno(-status, "watch a socket"));
  core->handle.data = core.get();
  return std::unique_ptr<UvSocket>(new UvSocket(loop, core.release()));
}

UvSocket::UvSocket(UvLoop& loop, Core* core) : loop_(loop), core_(core) {
  core_->socket = this;
  loop_.handle_opened();
}

UvSocket::~UvSocket() {
  VERIFY(read_waiter_ == nullptr && write_waiter_ == nullptr,
         "a socket was destroyed under its waiters");
  close();
}

int UvSocket::descriptor() const { return core_ == nullptr ? -1 : core_->descriptor.get(); }

void UvSocket::close() {
  if (core_ == nullptr) return;
  Core* core = std::exchange(core_, nullptr);
  core->socket = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&core->handle),
           [](uv_handle_t* handle) noexcept { delete static_cast<Core*>(handle->data); });
  // At once, so that the peer learns of it and a port is free: uv_close has stopped the watch.
  core->descriptor = FileDescriptor();
  loop_.handle_closed();
  if (auto* waiter = std::exchange(read_waiter_, nullptr)) waiter->on_ready();
  if (auto* waiter = std::exchange(write_waiter_, nullptr)) waiter->on_ready();
}

void UvSocket::set_read_waiter(ReadyCallback* waiter) {
  VERIFY(waiter == nullptr || read_waiter_ == nullptr, "two readers wait on one socket");
  read_waiter_ = waiter;
  if (waiter == nullptr) return;
  if (is_closed() || std::exchange(read_ready_, false)) {
    read_waiter_ = nullptr;
    waiter->on_ready();
    return;
  }
  watch_read_ = true;
  watch_hangup_ = !is_hung_up_;
  update_watch();
}

void UvSocket::set_write_waiter(ReadyCallback* waiter) {
  VERIFY(waiter == nullptr || write_waiter_ == nullptr, "two writers wait on one socket");
  write_waiter_ = waiter;
  if (waiter == nullptr) return;
  if (is_closed() || std::exchange(write_ready_, false)) {
    write_waiter_ = nullptr;
    waiter->on_ready();
    return;
  }
  watch_write_ = true;
  update_watch();
}

void UvSocket::on_event(uv_poll_t* handle, int status, int events) noexcept {
  UvSocket* socket = static_cast<Core*>(handle->data)->socket;
  if (socket == nullptr) return;
  if (status < 0) {
    // The socket has failed and libuv watches it no more. Both directions may try and learn why.
    socket->watched_ = 0;
    socket->watch_read_ = socket->watch_write_ = false;
    socket->write_ready_ = true;
    events = UV_READABLE | UV_WRITABLE;
  }
  if (status < 0 || (events & UV_DISCONNECT) != 0) socket->on_hangup();
  if ((events & UV_READABLE) != 0) socket->on_readable();
  if ((events & UV_WRITABLE) != 0) socket->on_writable();
  socket->update_watch();
}

void UvSocket::on_readable() {
  if (auto* waiter = std::exchange(read_waiter_, nullptr)) {
    waiter->on_ready();
    return;
  }
  // Once is likely to be a pipelined request whose reader comes in a moment; twice would spin.
  if (read_ready_) watch_read_ = false;
  read_ready_ = true;
}

void UvSocket::on_writable() {
  if (auto* waiter = std::exchange(write_waiter_, nullptr)) {
    write_ready_ = false;
    waiter->on_ready();
    return;
  }
  watch_write_ = false;
}

void UvSocket::on_hangup() {
  watch_hangup_ = false;
  is_hung_up_ = true;
  if (auto* callback = std::exchange(hangup_callback_, nullptr)) callback->on_ready();
}

void UvSocket::update_watch() {
  const int wanted = (watch_read_ ? UV_READABLE : 0) | (watch_write_ ? UV_WRITABLE : 0) |
                     (watch_hangup_ ? UV_DISCONNECT : 0);
  if (core_ == nullptr || wanted == watched_) return;
  watched_ = wanted;
  const int status = wanted == 0 ? uv_poll_stop(&core_->handle)
                                 : uv_poll_start(&core_->handle, wanted, &UvSocket::on_event);
  VERIFY(status == 0, "watch a socket: {}", uv_strerror(status));
}

}  // namespace runtime
