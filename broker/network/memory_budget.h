// Purpose: one bound for the memory of all request frames of the process.
//
// A frame of at most kFreeBytes is not charged. A larger one is charged for the room it has, as it
// grows with the bytes that arrive, so announcing a large frame costs nothing. Past the limit the
// reader waits: it stops reading and TCP holds the sender back; nothing is dropped.
//
// Waiters are served in the order of asking. So that frames which are all half read cannot wait for
// each other for ever, one frame at a time may go over the limit until it is complete (Kafka's
// SimpleMemoryPool goes over by one frame too). What comes from other brokers has a reserve of its
// own for when the limit is used up.
//
// A frame that is half read holds memory which others may wait for. Its reader says from time to
// time what it holds and whether its sender is slow; while somebody waits, the largest of the slow
// ones has to go, one after the other.
// Source: queued.max.request.bytes (KIP-72).
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "runtime/wait.h"

namespace network {

// Any thread.
class MemoryBudget {
 public:
  static constexpr std::size_t kFreeBytes = 64 * 1024;
  static constexpr std::int64_t kReserveBytes = 16 * 1024 * 1024;

  enum class Use { client, inter_broker };

  // What one frame holds; gives it back when destroyed. One owner; any thread. The budget must live
  // longer.
  class Charge {
   public:
    Charge() = default;
    Charge(Charge&& other) noexcept;
    Charge& operator=(Charge&& other) noexcept;
    ~Charge() { release(); }

    std::int64_t bytes() const { return limited_ + reserved_ + over_limit_; }
    void release();

   private:
    friend class MemoryBudget;
    void merge(Charge other);

    MemoryBudget* budget_ = nullptr;
    std::int64_t limited_ = 0;     // counted against the limit
    std::int64_t reserved_ = 0;    // counted against the reserve
    std::int64_t over_limit_ = 0;  // not 0: the one that may go on
  };

  // A half-read frame in the budget's eyes. Owned by its reader; the budget lives longer.
  class Holder {
   public:
    explicit Holder(MemoryBudget& budget) : budget_(budget) {}
    ~Holder() { budget_.forget(*this); }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    bool is_slow() const { return slow_bytes_ > 0; }  // for its owner

   private:
    friend class MemoryBudget;
    MemoryBudget& budget_;
    std::int64_t slow_bytes_ = 0;  // guarded by the budget's mutex; not 0: in its list
  };

  explicit MemoryBudget(std::int64_t limit_bytes, std::int64_t reserve_bytes = kReserveBytes)
      : limit_bytes_(limit_bytes), reserve_bytes_(reserve_bytes) {}
  ~MemoryBudget();
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  // Raises `charge` to `total_bytes`. False: the caller must wait.
  bool try_grow(Charge& charge, std::int64_t total_bytes, Use use) EXCLUDES(mutex_);
  // The same, waiting in turn on the calling loop. Errc::cancelled.
  runtime::Task<base::Result<void>> grow(Charge& charge, std::int64_t total_bytes, Use use,
                                         runtime::CancelToken token) EXCLUDES(mutex_);

  // Notes that the frame holds so many bytes for a slow sender (0: for a quick one, or no frame).
  // True if somebody has waited for a while and no slow frame is larger: this one has to go.
  bool report_pace(Holder& holder, std::int64_t slow_bytes, std::int64_t now_ns) EXCLUDES(mutex_);

  // Somebody waits for memory, so a frame whose sender has stalled must go.
  bool has_waiters() const { return waiter_count_.load(std::memory_order_relaxed) > 0; }
  std::int64_t limit_bytes() const { return limit_bytes_; }
  std::int64_t used_bytes() const EXCLUDES(mutex_);

 private:
  struct Waiter {
    std::int64_t bytes;
    std::int64_t since_ns;
    runtime::Sender<Charge> sender;
  };
  using Waiters = std::map<std::uint64_t, Waiter>;  // by ticket: in the order of asking
  using Grants = std::vector<std::pair<runtime::Sender<Charge>, Charge>>;

  // `bytes` more, if there is room for this use. `goes_on`: for the frame that is over the limit.
  std::optional<Charge> take(std::int64_t bytes, Use use, bool goes_on) REQUIRES(mutex_);
  Waiters& waiters(Use use) REQUIRES(mutex_) {
    return use == Use::client ? client_waiters_ : inter_broker_waiters_;
  }
  // A ticket: `sender` was queued and will be sent the rest of the charge. 0: it is there.
  std::uint64_t grow_or_queue(Charge& charge, std::int64_t total_bytes, Use use,
                              std::int64_t now_ns, runtime::Sender<Charge> sender) EXCLUDES(mutex_);
  // Its owner has gone.
  void forget_waiter(std::uint64_t ticket, Use use) EXCLUDES(mutex_);
  std::int64_t longest_wait_ns(std::int64_t now_ns) const REQUIRES(mutex_);
  void forget(Holder& holder) EXCLUDES(mutex_);
  bool grow_now(Charge& charge, std::int64_t bytes, Use use) REQUIRES(mutex_);
  void give_back(const Charge& charge) EXCLUDES(mutex_);
  void serve(Use use, Grants& grants) REQUIRES(mutex_);

  const std::int64_t limit_bytes_;
  const std::int64_t reserve_bytes_;
  mutable base::Mutex mutex_;
  std::int64_t limited_ GUARDED_BY(mutex_) = 0;
  std::int64_t reserved_ GUARDED_BY(mutex_) = 0;
  std::int64_t over_limit_ GUARDED_BY(mutex_) = 0;  // of the one charge that has it
  std::uint64_t last_ticket_ GUARDED_BY(mutex_) = 0;
  Waiters client_waiters_ GUARDED_BY(mutex_);
  Waiters inter_broker_waiters_ GUARDED_BY(mutex_);
  std::vector<Holder*> slow_holders_ GUARDED_BY(mutex_);
  std::atomic<std::int64_t> waiter_count_{0};
};

// The limit that a setting <= 0 stands for: the larger of `request_max_bytes` and one eighth of
// `memory_bytes` (the smaller of memory and cgroup limit; 0 or less: unknown).
std::int64_t derived_budget_bytes(std::int64_t setting_bytes, std::int64_t request_max_bytes,
                                  std::int64_t memory_bytes);

}  // namespace network
