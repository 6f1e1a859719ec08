// Purpose: the ways a coroutine waits: for time, for a notification of its own loop, for a value
// from any thread.
//
//   co_await sleep_ms(loop, 100, token);            Errc::cancelled, or ok
//   co_await notify.wait(timeout_ms, token);        ok when notified, Errc::timed_out, cancelled
//   auto [sender, receiver] = one_shot<T>(loop);    sender.complete(value) from any thread;
//   co_await receiver.wait(timeout_ms, token);      Result<T>
//
// Every wait is single-shot: signal, timeout and cancellation race once and the first wins.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "runtime/loop.h"

namespace runtime {

inline constexpr std::int64_t kNoTimeout = -1;

namespace detail {

// A suspended coroutine with its timer and cancellation. Lives in the awaiter, so in the frame.
class WaitNode {
 public:
  enum class Outcome { pending, signalled, timed_out, cancelled };

  explicit WaitNode(Loop& loop) : loop_(loop) {}
  WaitNode(const WaitNode&) = delete;
  WaitNode& operator=(const WaitNode&) = delete;
  virtual ~WaitNode() = default;

  // True if the coroutine has to stay suspended.
  bool begin(std::coroutine_handle<> coroutine, std::int64_t timeout_ms, CancelToken token);
  // The first outcome wins; puts the coroutine on the ready queue.
  void finish(Outcome outcome) noexcept;
  Outcome outcome() const { return outcome_; }
  base::Result<void> result() const;
  Loop& loop() const { return loop_; }

 protected:
  // Called before a timeout or cancellation takes effect; false refuses it (a value is coming).
  virtual bool may_give_up() noexcept { return true; }
  // Called when the wait ended without a signal, to unlink from what was waited for.
  virtual void gave_up() noexcept {}

 private:
  void give_up(Outcome outcome) noexcept;

  Loop& loop_;
  std::coroutine_handle<> coroutine_;
  Timer timer_;
  CancelRegistration registration_;
  Outcome outcome_ = Outcome::pending;
};

}  // namespace detail

class [[nodiscard]] SleepAwaiter {
 public:
  SleepAwaiter(Loop& loop, std::int64_t duration_ms, CancelToken token)
      : node_(loop), duration_ms_(duration_ms), token_(token) {}
  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) {
    return node_.begin(coroutine, duration_ms_ < 0 ? 0 : duration_ms_, token_);
  }
  // Ok when the time has passed, Errc::cancelled otherwise.
  base::Result<void> await_resume() const {
    if (node_.outcome() == detail::WaitNode::Outcome::timed_out) return {};
    return node_.result();
  }

 private:
  detail::WaitNode node_;
  std::int64_t duration_ms_;
  CancelToken token_;
};

inline SleepAwaiter sleep_ms(Loop& loop, std::int64_t duration_ms, CancelToken token = {}) {
  return SleepAwaiter(loop, duration_ms, token);
}

// Lets the loop do other work: the coroutine goes to the end of the ready queue.
struct [[nodiscard]] YieldAwaiter {
  Loop& loop;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> coroutine) { loop.make_ready(coroutine); }
  void await_resume() const noexcept {}
};
inline YieldAwaiter yield(Loop& loop) { return {loop}; }

// A condition of one loop: wakes who waits now, remembers nothing. The waiter re-checks.
class Notify {
 public:
  explicit Notify(Loop& loop) : loop_(loop) {}
  ~Notify();
  Notify(const Notify&) = delete;
  Notify& operator=(const Notify&) = delete;

  class [[nodiscard]] Awaiter final : private detail::WaitNode {
   public:
    Awaiter(Notify& notify, std::int64_t timeout_ms, CancelToken token)
        : WaitNode(notify.loop_), notify_(notify), timeout_ms_(timeout_ms), token_(token) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> coroutine);
    base::Result<void> await_resume() const { return result(); }

   private:
    friend class Notify;
    void gave_up() noexcept override;
    Notify& notify_;
    std::int64_t timeout_ms_;
    CancelToken token_;
    Awaiter* next_ = nullptr;
    Awaiter* previous_ = nullptr;
  };

  Awaiter wait(std::int64_t timeout_ms = kNoTimeout, CancelToken token = {}) {
    return Awaiter(*this, timeout_ms, token);
  }
  void notify_one();
  void notify_all();
  bool has_waiter() const { return first_ != nullptr; }

 private:
  void link(Awaiter* awaiter);
  void unlink(Awaiter* awaiter);
  Loop& loop_;
  Awaiter* first_ = nullptr;
  Awaiter* last_ = nullptr;
};

namespace detail {

template <class T>
struct OneShotState {
  explicit OneShotState(Loop& loop) : home(loop) {}
  Loop& home;
  std::atomic<bool> claimed{false};  // by the first of: value, giving up, abandonment
  // Below: written by the claimer before delivery, then read on the home loop.
  std::optional<T> value;
  bool delivered = false;
  WaitNode* waiter = nullptr;

  void deliver() {
    delivered = true;
    if (waiter != nullptr) std::exchange(waiter, nullptr)->finish(WaitNode::Outcome::signalled);
  }
};

}  // namespace detail

// The sending end. Movable, any thread. Destroyed without complete(): the receiver gets
// Errc::closed.
template <class T>
class Sender {
 public:
  Sender() = default;
  explicit Sender(std::shared_ptr<detail::OneShotState<T>> state) : state_(std::move(state)) {}
  Sender(Sender&&) noexcept = default;
  Sender& operator=(Sender&& other) noexcept {
    abandon();
    state_ = std::move(other.state_);
    return *this;
  }
  ~Sender() { abandon(); }

  explicit operator bool() const { return state_ != nullptr; }
  // False once the receiver has given up.
  bool is_awaited() const { return !state_->claimed.load(std::memory_order_acquire); }
  // False if the receiver had given up. Uses the sender up.
  bool complete(T value) {
    auto state = std::move(state_);
    if (state->claimed.exchange(true, std::memory_order_acq_rel)) return false;
    state->value.emplace(std::move(value));
    send(std::move(state));
    return true;
  }

 private:
  void abandon() {
    if (state_ == nullptr) return;
    auto state = std::move(state_);
    if (!state->claimed.exchange(true, std::memory_order_acq_rel)) send(std::move(state));
  }
  static void send(std::shared_ptr<detail::OneShotState<T>> state) {
    if (state->home.is_current()) {
      state->deliver();
    } else {
      Loop& home = state->home;
      home.post([state = std::move(state)] { state->deliver(); });
    }
  }

  std::shared_ptr<detail::OneShotState<T>> state_;
};

// The receiving end, on its home loop. wait() once.
template <class T>
class Receiver {
 public:
  explicit Receiver(std::shared_ptr<detail::OneShotState<T>> state) : state_(std::move(state)) {}

  class [[nodiscard]] Awaiter final : private detail::WaitNode {
   public:
    Awaiter(std::shared_ptr<detail::OneShotState<T>> state, std::int64_t timeout_ms,
            CancelToken token)
        : WaitNode(state->home), state_(std::move(state)), timeout_ms_(timeout_ms), token_(token) {}
    bool await_ready() const noexcept { return state_->delivered; }
    bool await_suspend(std::coroutine_handle<> coroutine) {
      state_->waiter = this;
      return begin(coroutine, timeout_ms_, token_);
    }
    base::Result<T> await_resume() {
      state_->waiter = nullptr;
      if (state_->delivered) {
        if (state_->value) return std::move(*state_->value);
        return base::fail(base::Errc::closed);
      }
      const auto outcome = result();
      return base::fail(outcome ? base::Error(base::Errc::closed) : outcome.error());
    }

   private:
    bool may_give_up() noexcept override {
      return !state_->claimed.exchange(true, std::memory_order_acq_rel);
    }
    void gave_up() noexcept override { state_->waiter = nullptr; }
    std::shared_ptr<detail::OneShotState<T>> state_;
    std::int64_t timeout_ms_;
    CancelToken token_;
  };

  Awaiter wait(std::int64_t timeout_ms = kNoTimeout, CancelToken token = {}) {
    return Awaiter(state_, timeout_ms, token);
  }

 private:
  std::shared_ptr<detail::OneShotState<T>> state_;
};

// `loop` is the receiver's home.
template <class T>
std::pair<Sender<T>, Receiver<T>> one_shot(Loop& loop) {
  auto state = std::make_shared<detail::OneShotState<T>>(loop);
  return {Sender<T>(state), Receiver<T>(state)};
}

}  // namespace runtime
