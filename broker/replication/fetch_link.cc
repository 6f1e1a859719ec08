#include "broker/replication/fetch_link.h"

namespace replication {

void ReadyList::push(FetchLink& link) {
  if (link.is_queued.exchange(true, std::memory_order_acq_rel)) return;
  FetchLink* head = head_.load(std::memory_order_relaxed);
  do {
    link.next_ready = head;
  } while (!head_.compare_exchange_weak(head, &link, std::memory_order_seq_cst,
                                        std::memory_order_relaxed));
  if (has_waiter_.load(std::memory_order_seq_cst)) wake();
}

FetchLink* ReadyList::take_all() {
  FetchLink* newest = head_.exchange(nullptr, std::memory_order_acq_rel);
  FetchLink* oldest = nullptr;
  while (newest != nullptr) {
    FetchLink* next = newest->next_ready;
    newest->next_ready = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

runtime::Task<base::Result<void>> ReadyList::wait(std::int64_t timeout_ms,
                                                  runtime::CancelToken token) {
  auto [sender, receiver] = runtime::one_shot<std::monostate>(*runtime::Loop::current());
  {
    base::LockGuard guard(waiter_mutex_);
    waiter_.emplace(std::move(sender));
  }
  has_waiter_.store(true, std::memory_order_seq_cst);
  // A link pushed before has_waiter_ was seen by its pusher is seen here.
  if (head_.load(std::memory_order_seq_cst) != nullptr) wake();
  const auto outcome = co_await receiver.wait(timeout_ms, token);
  has_waiter_.store(false, std::memory_order_relaxed);
  {
    base::LockGuard guard(waiter_mutex_);
    waiter_.reset();
  }
  if (!outcome) co_return base::fail(outcome.error());
  co_return base::Result<void>();
}

void ReadyList::wake() {
  std::optional<runtime::Sender<std::monostate>> waiter;
  {
    base::LockGuard guard(waiter_mutex_);
    waiter.swap(waiter_);
  }
  if (waiter) waiter->complete({});
}

}  // namespace replication
