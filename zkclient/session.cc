#include "zkclient/session.h"

#include <algorithm>

#include "base/log.h"

namespace zkclient {

using base::Errc;
using base::Error;
using base::Result;
using runtime::CancelToken;
using runtime::Task;

namespace {

ConnectString parse_or_empty(const ClientOptions& options, Result<void>& valid) {
  auto parsed = ConnectString::parse(options.connect_string);
  if (parsed) return *std::move(parsed);
  valid = base::fail(std::move(parsed).error());
  return {};
}

}  // namespace

Session::Session(runtime::Loop& loop, runtime::WorkerPool& resolver, ClientOptions options)
    : loop_(loop),
      options_(std::move(options)),
      servers_(parse_or_empty(options_, options_valid_)),
      chroot_(servers_.chroot),
      credentials_(options_.reattach.value_or(SessionCredentials{})),
      negotiated_timeout_ms_(options_.session_timeout_ms),
      queue_(std::max<std::size_t>(options_.max_in_flight, 1)),
      server_list_(servers_.servers, loop.random()),
      work_(loop),
      state_changed_(loop),
      scope_(loop, "zookeeper session"),
      addresses_(resolver, scope_) {}

Session::~Session() {
  if (!is_final()) queue_.finalize(Error(Errc::closed));
}

Task<Result<void>> Session::connect(std::int64_t timeout_ms) {
  if (!options_valid_) co_return options_valid_;
  if (!started_ && !is_final()) {
    started_ = true;
    scope_.spawn(run());
  }
  const std::int64_t deadline_ms = loop_.now_ms() + timeout_ms;
  while (state_ == SessionState::connecting || state_ == SessionState::suspended) {
    const std::int64_t left_ms = std::max<std::int64_t>(deadline_ms - loop_.now_ms(), 0);
    const auto changed = co_await state_changed_.wait(left_ms, scope_.token());
    if (!changed && changed.error().is(Errc::timed_out)) {
      co_return base::fail(
          Errc::timed_out,
          "no ZooKeeper session from " + servers_.servers_string() + " (" + last_failure_ + ")");
    }
  }
  switch (state_) {
    case SessionState::expired: co_return base::fail(ZkError::session_expired);
    case SessionState::auth_failed: co_return base::fail(ZkError::auth_failed);
    case SessionState::closed: co_return base::fail(Errc::closed);
    default: co_return Result<void>();
  }
}

Task<bool> Session::close() {
  if (!closing_ && !is_final() && credentials_.id != 0 && started_) {
    closing_ = true;
    auto [sender, receiver] = runtime::one_shot<Result<void>>(loop_);
    Request request;
    request.op = OpCode::close_session;
    request.frame = encode_close_session();
    request.completion = [sender = std::move(sender)](Result<base::Bytes> body) mutable {
      sender.complete(body ? Result<void>() : base::fail(std::move(body).error()));
    };
    enqueue(std::move(request), options_.close_timeout_ms);
    const auto closed = co_await receiver.wait(options_.close_timeout_ms);
    if (closed && *closed) known_to_be_gone_ = true;
  }
  finalize(SessionState::closed, Error(Errc::closed));
  co_await scope_.join();
  co_return known_to_be_gone_ || credentials_.id == 0;
}

Task<void> Session::abandon() {
  finalize(SessionState::closed, Error(Errc::closed));
  co_await scope_.join();
}

void Session::submit(Request request) {
  if (is_final() || closing_) {
    const Error error = state_ == SessionState::expired       ? Error(ZkError::session_expired)
                        : state_ == SessionState::auth_failed ? Error(ZkError::auth_failed)
                                                              : Error(Errc::closed);
    request.answer(base::fail(Error(error).with_context(request.describe())));
    return;
  }
  if (request.frame.size() - kLengthBytes > options_.max_request_bytes) {
    request.answer(base::fail(
        Errc::too_large,
        request.describe() + ": request of " + std::to_string(request.frame.size()) + " bytes"));
    return;
  }
  enqueue(std::move(request), options_.request_timeout_ms);
}

void Session::enqueue(Request request, std::int64_t timeout_ms) {
  request.deadline_ms = loop_.now_ms() + timeout_ms;
  queue_.add(std::move(request));
  if (!deadline_timer_.armed()) arm_deadline();
  work_.notify_all();
}

void Session::arm_deadline() {
  const auto deadline_ms = queue_.next_deadline_ms();
  if (!deadline_ms) return;
  loop_.timers().arm(
      deadline_timer_, *deadline_ms * 1'000'000,
      [](void* context) noexcept {
        auto* self = static_cast<Session*>(context);
        self->queue_.expire(self->loop_.now_ms());
        self->arm_deadline();
      },
      this);
}

void Session::set_state(SessionState state) {
  if (state_ == state) return;
  state_ = state;
  state_changed_.notify_all();
  if (session_handler) session_handler(state);
}

void Session::finalize(SessionState state, const Error& unsent_error) {
  if (is_final()) return;
  if (state == SessionState::expired) known_to_be_gone_ = true;
  if (deadline_timer_.armed()) loop_.timers().disarm(deadline_timer_);
  if (connection_ != nullptr) {
    connection_->close();
    queue_.connection_lost(connection_->written_bytes());
  }
  if (credentials_.id != 0) {
    const auto level = state == SessionState::closed ? base::LogLevel::info : base::LogLevel::warn;
    BASE_LOG(level, "zookeeper session ended session={:#x} state={}",
             static_cast<std::uint64_t>(credentials_.id), name_of(state));
  }
  server_.clear();
  // No request made by a handler or a woken caller can slip in behind the queue's end.
  set_state(state);
  queue_.finalize(unsent_error);
  scope_.cancel();
}

}  // namespace zkclient
