// Purpose: the permanent link between a partition and one fetch session, and the session's list of
// partitions in which something moved. An append or a high-watermark move puts the links on their
// sessions' lists, so an incremental fetch visits what moved and nothing else.
//
// Threads: a link is pushed under its partition's link lock, by any thread; the list is drained by
// the session's holder alone. Taking a link out of its partition (same lock) ends the pushes.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <variant>

#include "base/mutex.h"
#include "runtime/wait.h"

namespace replication {

class Partition;
class ReadyList;

struct FetchLink {
  ReadyList* list = nullptr;
  bool is_follower = false;                 // woken by appends; consumers by the high watermark
  std::atomic<bool> waits_for_disk{false};  // woken when records of the partition were read ahead
  std::atomic<bool> is_queued{false};
  FetchLink* next_ready = nullptr;  // owned by the list while queued

  // In the partition's chain; guarded by the partition's link lock.
  FetchLink* next_linked = nullptr;
  FetchLink* previous_linked = nullptr;
  bool is_linked = false;
};

// Many pushers, one drainer, lock-free but for waking a drainer that waits.
class ReadyList {
 public:
  ReadyList() = default;
  ~ReadyList() = default;
  ReadyList(const ReadyList&) = delete;
  ReadyList& operator=(const ReadyList&) = delete;

  // Any thread. A link that is queued already stays where it is.
  void push(FetchLink& link);
  // The session's holder. Calls `visit(link)` for each queued link, oldest first; from the moment
  // it is called the link may be pushed again.
  template <class Visit>
  void drain(Visit visit) {
    for (FetchLink* link = take_all(); link != nullptr;) {
      FetchLink* next = link->next_ready;
      link->is_queued.store(false, std::memory_order_release);
      visit(*link);
      link = next;
    }
  }
  bool empty() const { return head_.load(std::memory_order_acquire) == nullptr; }

  // Ok when something is queued; Errc::timed_out; cancelled. One waiter.
  runtime::Task<base::Result<void>> wait(std::int64_t timeout_ms, runtime::CancelToken token);
  // Ends a wait without a link: the session is going away.
  void wake();

 private:
  FetchLink* take_all();  // chained by next_ready, oldest first

  std::atomic<FetchLink*> head_{nullptr};  // newest first
  std::atomic<bool> has_waiter_{false};
  base::Mutex waiter_mutex_;
  std::optional<runtime::Sender<std::monostate>> waiter_ GUARDED_BY(waiter_mutex_);
};

}  // namespace replication
