#include "runtime/wait.h"

namespace runtime {
namespace detail {

bool WaitNode::begin(std::coroutine_handle<> coroutine, std::int64_t timeout_ms,
                     CancelToken token) {
  coroutine_ = coroutine;
  if (token.cancelled() && may_give_up()) {
    outcome_ = Outcome::cancelled;
    gave_up();
    return false;
  }
  if (timeout_ms >= 0) {
    loop_.timers().arm(
        timer_, loop_.now_ns() + timeout_ms * 1'000'000,
        [](void* self) noexcept { static_cast<WaitNode*>(self)->give_up(Outcome::timed_out); },
        this);
  }
  token.add(
      registration_,
      [](void* self) noexcept { static_cast<WaitNode*>(self)->give_up(Outcome::cancelled); }, this);
  return true;
}

void WaitNode::give_up(Outcome outcome) noexcept {
  if (outcome_ != Outcome::pending || !may_give_up()) return;
  gave_up();
  finish(outcome);
}

void WaitNode::finish(Outcome outcome) noexcept {
  if (outcome_ != Outcome::pending) return;
  outcome_ = outcome;
  if (timer_.armed()) loop_.timers().disarm(timer_);
  registration_.unlink();
  loop_.make_ready(coroutine_);
}

base::Result<void> WaitNode::result() const {
  switch (outcome_) {
    case Outcome::signalled: return {};
    case Outcome::timed_out: return base::fail(base::Errc::timed_out);
    case Outcome::cancelled: return base::fail(base::Errc::cancelled);
    case Outcome::pending: break;
  }
  return base::fail(base::Errc::internal, "a wait ended without outcome");
}

}  // namespace detail

Notify::~Notify() { VERIFY(first_ == nullptr, "a Notify was destroyed under its waiters"); }

bool Notify::Awaiter::await_suspend(std::coroutine_handle<> coroutine) {
  notify_.link(this);
  return begin(coroutine, timeout_ms_, token_);
}

void Notify::Awaiter::gave_up() noexcept { notify_.unlink(this); }

void Notify::link(Awaiter* awaiter) {
  awaiter->previous_ = last_;
  (last_ != nullptr ? last_->next_ : first_) = awaiter;
  last_ = awaiter;
}

void Notify::unlink(Awaiter* awaiter) {
  (awaiter->previous_ != nullptr ? awaiter->previous_->next_ : first_) = awaiter->next_;
  (awaiter->next_ != nullptr ? awaiter->next_->previous_ : last_) = awaiter->previous_;
  awaiter->next_ = awaiter->previous_ = nullptr;
}

void Notify::notify_one() {
  if (first_ == nullptr) return;
  Awaiter* awaiter = first_;
  unlink(awaiter);
  awaiter->finish(detail::WaitNode::Outcome::signalled);
}

void Notify::notify_all() {
  while (first_ != nullptr) notify_one();
}

}  // namespace runtime
