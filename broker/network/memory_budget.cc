#include "broker/network/memory_budget.h"

#include <algorithm>

#include "base/check.h"

namespace network {
namespace {

// How long somebody waits for memory before a slow sender's frame is given up for it.
constexpr std::int64_t kPatienceNs = 1'000'000'000;

}  // namespace

MemoryBudget::Charge::Charge(Charge&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)),
      limited_(std::exchange(other.limited_, 0)),
      reserved_(std::exchange(other.reserved_, 0)),
      over_limit_(std::exchange(other.over_limit_, 0)) {}

MemoryBudget::Charge& MemoryBudget::Charge::operator=(Charge&& other) noexcept {
  if (this == &other) return *this;
  release();
  budget_ = std::exchange(other.budget_, nullptr);
  limited_ = std::exchange(other.limited_, 0);
  reserved_ = std::exchange(other.reserved_, 0);
  over_limit_ = std::exchange(other.over_limit_, 0);
  return *this;
}

void MemoryBudget::Charge::release() {
  if (budget_ == nullptr) return;
  budget_->give_back(*this);
  budget_ = nullptr;
  limited_ = reserved_ = over_limit_ = 0;
}

void MemoryBudget::Charge::merge(Charge other) {
  budget_ = std::exchange(other.budget_, nullptr);
  limited_ += other.limited_;
  reserved_ += other.reserved_;
  over_limit_ += other.over_limit_;
}

MemoryBudget::~MemoryBudget() {
  base::LockGuard guard(mutex_);
  VERIFY(limited_ == 0 && reserved_ == 0 && over_limit_ == 0,
         "a memory budget was destroyed under its frames");
}

std::int64_t MemoryBudget::used_bytes() const {
  base::LockGuard guard(mutex_);
  return limited_ + reserved_ + over_limit_;
}

std::optional<MemoryBudget::Charge> MemoryBudget::take(std::int64_t bytes, Use use, bool goes_on) {
  Charge charge;
  if (!goes_on && limited_ + bytes <= limit_bytes_) {
    charge.limited_ = bytes;
  } else if (!goes_on && use == Use::inter_broker && reserved_ + bytes <= reserve_bytes_) {
    charge.reserved_ = bytes;
  } else if (goes_on || over_limit_ == 0) {
    charge.over_limit_ = bytes;
  } else {
    return std::nullopt;
  }
  charge.budget_ = this;
  limited_ += charge.limited_;
  reserved_ += charge.reserved_;
  over_limit_ += charge.over_limit_;
  return charge;
}

bool MemoryBudget::grow_now(Charge& charge, std::int64_t bytes, Use use) {
  const bool goes_on = charge.over_limit_ > 0;
  if (!goes_on && !waiters(use).empty()) return false;  // those who asked before are first
  auto taken = take(bytes, use, goes_on);
  if (taken) charge.merge(std::move(*taken));
  return taken.has_value();
}

bool MemoryBudget::try_grow(Charge& charge, std::int64_t total_bytes, Use use) {
  const std::int64_t bytes = total_bytes - charge.bytes();
  if (bytes <= 0) return true;
  base::LockGuard guard(mutex_);
  return grow_now(charge, bytes, use);
}

std::uint64_t MemoryBudget::grow_or_queue(Charge& charge, std::int64_t total_bytes, Use use,
                                          std::int64_t now_ns, runtime::Sender<Charge> sender) {
  const std::int64_t bytes = total_bytes - charge.bytes();
  if (bytes <= 0) return 0;
  base::LockGuard guard(mutex_);
  if (grow_now(charge, bytes, use)) return 0;
  waiters(use).emplace(++last_ticket_, Waiter{bytes, now_ns, std::move(sender)});
  waiter_count_.fetch_add(1, std::memory_order_relaxed);
  return last_ticket_;
}

void MemoryBudget::forget_waiter(std::uint64_t ticket, Use use) {
  Grants grants;
  {
    base::LockGuard guard(mutex_);
    if (waiters(use).erase(ticket) == 0) return;
    waiter_count_.fetch_sub(1, std::memory_order_relaxed);
    serve(use, grants);  // it may have stood before others that are content with less
  }
  for (auto& [sender, granted] : grants) sender.complete(std::move(granted));
}

runtime::Task<base::Result<void>> MemoryBudget::grow(Charge& charge, std::int64_t total_bytes,
                                                     Use use, runtime::CancelToken token) {
  runtime::Loop& loop = *runtime::Loop::current();
  auto [sender, receiver] = runtime::one_shot<Charge>(loop);
  const std::uint64_t ticket =
      grow_or_queue(charge, total_bytes, use, loop.now_ns(), std::move(sender));
  if (ticket != 0) {
    // What is granted to a waiter that has gone gives itself back.
    auto granted = co_await receiver.wait(runtime::kNoTimeout, token);
    if (!granted) {
      forget_waiter(ticket, use);
      co_return base::fail(std::move(granted).error());
    }
    charge.merge(std::move(*granted));
  }
  co_return base::Result<void>();
}

std::int64_t MemoryBudget::longest_wait_ns(std::int64_t now_ns) const {
  std::int64_t since_ns = now_ns;
  if (!client_waiters_.empty()) since_ns = client_waiters_.begin()->second.since_ns;
  if (!inter_broker_waiters_.empty()) {
    since_ns = std::min(since_ns, inter_broker_waiters_.begin()->second.since_ns);
  }
  return now_ns - since_ns;
}

bool MemoryBudget::report_pace(Holder& holder, std::int64_t slow_bytes, std::int64_t now_ns) {
  base::LockGuard guard(mutex_);
  const bool was_slow = std::exchange(holder.slow_bytes_, slow_bytes) > 0;
  if (was_slow && slow_bytes == 0) std::erase(slow_holders_, &holder);
  if (!was_slow && slow_bytes > 0) slow_holders_.push_back(&holder);
  if (slow_bytes == 0 || longest_wait_ns(now_ns) < kPatienceNs) return false;
  return std::ranges::none_of(slow_holders_, [&](const Holder* other) {
    return other != &holder && other->slow_bytes_ > slow_bytes;
  });
}

void MemoryBudget::forget(Holder& holder) {
  if (holder.slow_bytes_ == 0) return;
  base::LockGuard guard(mutex_);
  std::erase(slow_holders_, &holder);
}

void MemoryBudget::give_back(const Charge& charge) {
  Grants grants;
  {
    base::LockGuard guard(mutex_);
    limited_ -= charge.limited_;
    reserved_ -= charge.reserved_;
    over_limit_ -= charge.over_limit_;
    VERIFY(limited_ >= 0 && reserved_ >= 0 && over_limit_ >= 0, "memory was given back twice");
    serve(Use::inter_broker, grants);
    serve(Use::client, grants);
  }
  for (auto& [sender, granted] : grants) sender.complete(std::move(granted));
}

void MemoryBudget::serve(Use use, Grants& grants) {
  Waiters& list = waiters(use);
  while (!list.empty()) {
    Waiter& first = list.begin()->second;
    auto taken = take(first.bytes, use, false);
    if (!taken) return;
    grants.emplace_back(std::move(first.sender), std::move(*taken));
    list.erase(list.begin());
    waiter_count_.fetch_sub(1, std::memory_order_relaxed);
  }
}

std::int64_t derived_budget_bytes(std::int64_t setting_bytes, std::int64_t request_max_bytes,
                                  std::int64_t memory_bytes) {
  if (setting_bytes > 0) return setting_bytes;
  return std::max(request_max_bytes, memory_bytes / 8);
}

}  // namespace network
