// Purpose: asking work to end. A CancelSource belongs to an owner (usually a TaskScope); awaiters
// register with its token and are resumed with Errc::cancelled. One loop; not thread-safe.
#pragma once

#include "base/check.h"

namespace runtime {

class CancelSource;

// What an awaiter embeds: unlinks itself when destroyed.
class CancelRegistration {
 public:
  using Callback = void (*)(void* context) noexcept;

  CancelRegistration() = default;
  ~CancelRegistration() { unlink(); }
  CancelRegistration(const CancelRegistration&) = delete;
  CancelRegistration& operator=(const CancelRegistration&) = delete;

  void unlink() noexcept {
    if (previous_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = nullptr;
  }

 private:
  friend class CancelSource;
  CancelRegistration* previous_ = nullptr;
  CancelRegistration* next_ = nullptr;
  Callback callback_ = nullptr;
  void* context_ = nullptr;
};

class CancelSource {
 public:
  CancelSource() { head_.previous_ = head_.next_ = &head_; }
  ~CancelSource() {
    VERIFY(head_.next_ == &head_, "a cancel source was destroyed under its waiters");
    head_.previous_ = head_.next_ = nullptr;
  }
  CancelSource(const CancelSource&) = delete;
  CancelSource& operator=(const CancelSource&) = delete;

  bool cancelled() const noexcept { return cancelled_; }

  // Idempotent. Callbacks only put coroutines on the ready queue; none runs in here.
  void cancel() noexcept {
    cancelled_ = true;
    while (head_.next_ != &head_) {
      CancelRegistration* registration = head_.next_;
      registration->unlink();
      registration->callback_(registration->context_);
    }
  }

  void add(CancelRegistration& registration, CancelRegistration::Callback callback,
           void* context) noexcept {
    registration.callback_ = callback;
    registration.context_ = context;
    registration.previous_ = head_.previous_;
    registration.next_ = &head_;
    head_.previous_->next_ = &registration;
    head_.previous_ = &registration;
  }

 private:
  CancelRegistration head_;
  bool cancelled_ = false;
};

// A copyable reference to a source; empty means "never cancelled". The source must live longer.
class CancelToken {
 public:
  CancelToken() = default;
  explicit CancelToken(CancelSource& source) : source_(&source) {}
  bool cancelled() const noexcept { return source_ != nullptr && source_->cancelled(); }
  void add(CancelRegistration& registration, CancelRegistration::Callback callback,
           void* context) const noexcept {
    if (source_ != nullptr) source_->add(registration, callback, context);
  }

 private:
  CancelSource* source_ = nullptr;
};

}  // namespace runtime
