// Purpose: a deterministic world in one thread: loops, virtual time, randomness, a network, all
// drawn from one seed. The same seed gives the same run, step by step (trace_hash()).
//
//   SimWorld world(seed);
//   SimLoop loop(world);
//   auto answer = world.block_on(loop, task());       // virtual seconds pass in microseconds
//
// Time stands still while code runs; when no loop has work, it jumps to the next timer or event.
// Among loops with work the seed picks which one goes on, one item at a time.
// Use from one thread.
#pragma once

#include <coroutine>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/loop.h"
#include "runtime/task_scope.h"
#include "runtime/workers.h"
#include "runtime/xoshiro.h"

namespace runtime {

class SimLoop;
class SimNetwork;

class SimClock final : public Clock {
 public:
  std::int64_t monotonic_ns() const override { return now_ns_; }
  std::int64_t wall_ms() const override { return wall_start_ms_ + now_ns_ / 1'000'000; }
  // The wall clock may jump; monotonic time does not.
  void shift_wall_ms(std::int64_t by_ms) { wall_start_ms_ += by_ms; }

 private:
  friend class SimWorld;
  std::int64_t now_ns_ = 1'000'000'000;
  std::int64_t wall_start_ms_ = 1'700'000'000'000;
};

class SimRandom final : public Random {
 public:
  explicit SimRandom(std::uint64_t seed) : generator_(seed) {}
  std::uint64_t next() override { return generator_.next(); }
  void fill(base::MutableBytes into) override;
  // True with this probability.
  bool chance(double probability);

 private:
  Xoshiro generator_;
};

class SimWorld {
 public:
  explicit SimWorld(std::uint64_t seed);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  SimClock& clock() { return clock_; }
  SimRandom& random() { return random_; }
  SimNetwork& network() { return *network_; }

  // Runs `event` when `delay_ns` of virtual time have passed, outside of any loop.
  void schedule(std::int64_t delay_ns, std::move_only_function<void()> event);

  // One item of work, or one jump in time. False when nothing is left to happen.
  bool step();
  // All that happens within `duration_ms` of virtual time, which has passed then.
  void run_for(std::int64_t duration_ms);
  // True once `done()`; false if `limit_ms` of virtual time passed or nothing was left to happen.
  bool run_until(const std::function<bool()>& done, std::int64_t limit_ms = 600'000);
  // Until nothing is left to happen; false if that takes more than `limit_ms`.
  bool run_until_idle(std::int64_t limit_ms = 600'000);

  // Runs the world until the task, on `loop`, has ended.
  template <class T>
  T block_on(SimLoop& loop, Task<T> task, std::int64_t limit_ms = 600'000);

  // Depends on every step taken: two runs of one seed must agree.
  std::uint64_t trace_hash() const { return trace_hash_; }

 private:
  friend class SimLoop;
  void trace(std::uint64_t what) { trace_hash_ = (trace_hash_ ^ what) * 0x100000001b3; }
  std::int64_t next_event_ns() const;
  bool work_is_ready() const;
  void run_ready();
  void advance_to(std::int64_t time_ns);

  SimClock clock_;
  SimRandom random_;
  std::vector<SimLoop*> loops_;  // in order of creation
  std::uint64_t next_event_id_ = 0;
  // By time, then order of scheduling.
  std::map<std::pair<std::int64_t, std::uint64_t>, std::move_only_function<void()>> events_;
  std::uint64_t trace_hash_ = 0xcbf29ce484222325;
  std::unique_ptr<SimNetwork> network_;
};

class SimLoop final : public Loop {
 public:
  // `ip` is this host's address in the world's network.
  explicit SimLoop(SimWorld& world, std::string ip = "127.0.0.1");
  ~SimLoop() override;

  SimWorld& world() { return world_; }
  const std::string& ip() const { return ip_; }

  Clock& clock() override { return world_.clock(); }
  Random& random() override { return world_.random(); }
  TimerQueue& timers() override { return timers_; }
  void make_ready(std::coroutine_handle<> coroutine) override { work_.push_back(coroutine); }
  void post(std::move_only_function<void()> work) override { work_.push_back(std::move(work)); }

  Task<base::Result<std::unique_ptr<Stream>>> connect(SocketAddress to, std::int64_t timeout_ms,
                                                      CancelToken token) override;
  base::Result<std::unique_ptr<Listener>> listen(SocketAddress at, ListenOptions options) override;
  base::Result<std::unique_ptr<Stream>> adopt(
      std::unique_ptr<AcceptedConnection> connection) override;

 private:
  friend class SimWorld;
  using Work = std::variant<std::coroutine_handle<>, std::move_only_function<void()>>;
  void run_one();
  void expire_timers();

  SimWorld& world_;
  const std::string ip_;
  TimerQueue timers_;
  std::deque<Work> work_;
};

// Jobs run one after another, each after a delay drawn from the seed.
class SimWorkerPool final : public WorkerPool {
 public:
  explicit SimWorkerPool(SimWorld& world, std::int64_t max_delay_ns = 1'000'000)
      : world_(world), max_delay_ns_(max_delay_ns) {}
  ~SimWorkerPool() override;
  void submit(std::move_only_function<void()> job) override;
  std::size_t queued() const override { return state_->jobs.size(); }

 private:
  struct State {
    std::deque<std::move_only_function<void()>> jobs;
    void run_next();
  };
  SimWorld& world_;
  const std::int64_t max_delay_ns_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

namespace detail {

template <class T>
Task<void> keep_sim_result(Task<T> task, std::optional<T>& result) {
  result.emplace(co_await task);
}

}  // namespace detail

template <class T>
T SimWorld::block_on(SimLoop& loop, Task<T> task, std::int64_t limit_ms) {
  TaskScope scope(loop, "main");
  const auto ended = [&scope] { return scope.task_count() == 0; };
  if constexpr (std::is_void_v<T>) {
    scope.spawn(std::move(task));
    VERIFY(run_until(ended, limit_ms), "a task did not end in {} ms of virtual time", limit_ms);
  } else {
    std::optional<T> result;
    scope.spawn(detail::keep_sim_result<T>(std::move(task), result));
    VERIFY(run_until(ended, limit_ms), "a task did not end in {} ms of virtual time", limit_ms);
    return std::move(*result);
  }
}

}  // namespace runtime
