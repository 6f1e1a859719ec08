#include "runtime/sim/sim_world.h"

#include <algorithm>
#include <cstring>

#include "runtime/sim/sim_network.h"

namespace runtime {

void SimRandom::fill(base::MutableBytes into) {
  while (!into.empty()) {
    const std::uint64_t word = next();
    const std::size_t count = std::min(into.size(), sizeof word);
    std::memcpy(into.data(), &word, count);
    into = into.subspan(count);
  }
}

bool SimRandom::chance(double probability) {
  constexpr double kTwoTo53 = 9007199254740992.0;
  return static_cast<double>(next() >> 11) < probability * kTwoTo53;
}

SimWorld::SimWorld(std::uint64_t seed)
    : random_(seed), network_(std::make_unique<SimNetwork>(*this)) {}

SimWorld::~SimWorld() { VERIFY(loops_.empty(), "a world was destroyed under its loops"); }

void SimWorld::schedule(std::int64_t delay_ns, std::move_only_function<void()> event) {
  events_.emplace(std::pair(clock_.now_ns_ + std::max<std::int64_t>(delay_ns, 0), next_event_id_++),
                  std::move(event));
}

bool SimWorld::work_is_ready() const {
  return std::any_of(loops_.begin(), loops_.end(),
                     [](const SimLoop* loop) { return !loop->work_.empty(); });
}

std::int64_t SimWorld::next_event_ns() const {
  std::int64_t next_ns = events_.empty() ? TimerQueue::kNever : events_.begin()->first.first;
  for (const SimLoop* loop : loops_) next_ns = std::min(next_ns, loop->timers_.next_deadline_ns());
  return next_ns;
}

void SimWorld::run_ready() {
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < loops_.size(); ++i) {
    if (!loops_[i]->work_.empty()) candidates.push_back(i);
  }
  const std::size_t chosen = candidates[random_.below(candidates.size())];
  trace(chosen);
  loops_[chosen]->run_one();
}

void SimWorld::advance_to(std::int64_t time_ns) {
  clock_.now_ns_ = std::max(clock_.now_ns_, time_ns);
  trace(static_cast<std::uint64_t>(clock_.now_ns_));
  for (SimLoop* loop : loops_) loop->expire_timers();
  // What an event schedules for now comes with the next step.
  const std::uint64_t scheduled_later = next_event_id_;
  while (!events_.empty() && events_.begin()->first.first <= clock_.now_ns_ &&
         events_.begin()->first.second < scheduled_later) {
    auto event = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    event();
  }
}

bool SimWorld::step() {
  if (work_is_ready()) {
    run_ready();
    return true;
  }
  const std::int64_t next_ns = next_event_ns();
  if (next_ns == TimerQueue::kNever) return false;
  advance_to(next_ns);
  return true;
}

bool SimWorld::run_until(const std::function<bool()>& done, std::int64_t limit_ms) {
  const std::int64_t end_ns = clock_.now_ns_ + limit_ms * 1'000'000;
  while (!done()) {
    if (!work_is_ready() && next_event_ns() > end_ns) return false;
    step();
  }
  return true;
}

void SimWorld::run_for(std::int64_t duration_ms) {
  const std::int64_t end_ns = clock_.now_ns_ + duration_ms * 1'000'000;
  (void)run_until([] { return false; }, duration_ms);
  clock_.now_ns_ = std::max(clock_.now_ns_, end_ns);
}

bool SimWorld::run_until_idle(std::int64_t limit_ms) {
  return run_until([this] { return !work_is_ready() && next_event_ns() == TimerQueue::kNever; },
                   limit_ms);
}

SimLoop::SimLoop(SimWorld& world, std::string ip) : world_(world), ip_(std::move(ip)) {
  world_.loops_.push_back(this);
}

SimLoop::~SimLoop() {
  for (const Work& work : work_) {
    VERIFY(!std::holds_alternative<std::coroutine_handle<>>(work),
           "a loop was destroyed under coroutines that were ready to run");
  }
  // Dropping what was posted may post again.
  while (!work_.empty()) work_.pop_front();
  std::erase(world_.loops_, this);
}

void SimLoop::run_one() {
  Work work = std::move(work_.front());
  work_.pop_front();
  set_current(this);
  if (auto* coroutine = std::get_if<std::coroutine_handle<>>(&work)) {
    coroutine->resume();
  } else {
    std::get<std::move_only_function<void()>>(work)();
  }
  set_current(nullptr);
}

void SimLoop::expire_timers() {
  set_current(this);
  timers_.expire(clock().monotonic_ns());
  set_current(nullptr);
}

Task<base::Result<std::unique_ptr<Stream>>> SimLoop::connect(SocketAddress to,
                                                             std::int64_t timeout_ms,
                                                             CancelToken token) {
  return world_.network().connect(*this, to, timeout_ms, token);
}

base::Result<std::unique_ptr<Listener>> SimLoop::listen(SocketAddress at, ListenOptions options) {
  return world_.network().listen(*this, at, options);
}

base::Result<std::unique_ptr<Stream>> SimLoop::adopt(
    std::unique_ptr<AcceptedConnection> connection) {
  return world_.network().adopt(*this, std::move(connection));
}

SimWorkerPool::~SimWorkerPool() {
  while (!state_->jobs.empty()) state_->run_next();
}

void SimWorkerPool::submit(std::move_only_function<void()> job) {
  state_->jobs.push_back(std::move(job));
  const auto bound = static_cast<std::uint64_t>(max_delay_ns_) + 1;
  world_.schedule(static_cast<std::int64_t>(world_.random().below(bound)),
                  [state = state_] { state->run_next(); });
}

void SimWorkerPool::State::run_next() {
  if (jobs.empty()) return;
  auto job = std::move(jobs.front());
  jobs.pop_front();
  job();
}

}  // namespace runtime
