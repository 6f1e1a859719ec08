#include "runtime/loop_watch.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "base/log.h"

namespace runtime {
namespace {

constexpr std::int64_t kNsPerMs = 1'000'000;
constexpr std::int64_t kWarnIntervalMs = 1000;

thread_local LoopWatch::Note running;
thread_local const char* running_kind = "";

std::atomic<std::int64_t> slow_by_wall{0};
std::atomic<std::int64_t> slow_by_cpu{0};

template <std::size_t N>
std::uint8_t copy(std::string_view from, std::array<char, N>& to) {
  const std::size_t size = std::min(from.size(), N);
  if (size > 0) std::memcpy(to.data(), from.data(), size);
  return static_cast<std::uint8_t>(size);
}

std::int64_t thread_cpu_ns() {
  timespec time{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void count_slow(std::int64_t cpu_ns) {
  slow_by_wall.fetch_add(1, std::memory_order_relaxed);
  if (cpu_ns >= LoopWatch::kSlowNs) slow_by_cpu.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

void note_running(std::string_view what, std::string_view peer, std::string_view client) {
  running.set(what, peer, client);
}

bool is_running_named() { return running.what_size > 0; }

LoopWatch::Note running_note() { return running; }
void set_running_note(const LoopWatch::Note& note) { running = note; }

SlowPieces slow_pieces() {
  return {.by_wall = slow_by_wall.load(std::memory_order_relaxed),
          .by_cpu = slow_by_cpu.load(std::memory_order_relaxed)};
}

void LoopWatch::Note::set(std::string_view name, std::string_view from, std::string_view id) {
  what_size = copy(name, what);
  peer_size = copy(from, peer);
  client_size = copy(id, client);
}

std::string LoopWatch::Note::to_string() const {
  std::string text(what.data(), what_size);
  if (text.empty()) text = running_kind;
  if (peer_size > 0) text.append(" peer=").append(peer.data(), peer_size);
  if (client_size > 0) text.append(" client=\"").append(client.data(), client_size).append("\"");
  return text;
}

void LoopWatch::begin_turn(std::int64_t now_ns) {
  turn_begun_ns_ = now_ns;
  turn_cpu_ns_ = 0;
  turn_was_told_ = false;
  longest_ns_ = 0;
  if (now_ns - marked_ns_ >= kIdleMarkNs) (void)mark(now_ns);
}

void LoopWatch::begin_piece(const char* kind) {
  running_kind = kind;
  running.what_size = running.peer_size = running.client_size = 0;
}

std::int64_t LoopWatch::mark(std::int64_t now_ns) {
  const std::int64_t cpu_ns = thread_cpu_ns();
  marked_ns_ = now_ns;
  const std::int64_t used_ns = cpu_ns - std::exchange(marked_cpu_ns_, cpu_ns);
  return std::max<std::int64_t>(0, used_ns - std::exchange(short_ns_, 0));
}

void LoopWatch::end_long_piece(std::int64_t took_ns, std::int64_t now_ns) {
  const std::int64_t cpu_ns = std::min(mark(now_ns), took_ns);
  turn_cpu_ns_ += cpu_ns;
  if (took_ns > longest_ns_) {
    longest_ns_ = took_ns;
    longest_ = running;
  }
  if (took_ns < kSlowNs) return;
  turn_was_told_ = true;
  count_slow(cpu_ns);
  LOG_WARN_EVERY(kWarnIntervalMs,
                 "a loop was held by one piece of work wall_ms={} cpu_ms={} ran={}",
                 took_ns / kNsPerMs, cpu_ns / kNsPerMs, running.to_string());
}

void LoopWatch::end_slow_turn(std::int64_t now_ns) {
  if (turn_was_told_) return;
  count_slow(turn_cpu_ns_);
  LOG_WARN_EVERY(kWarnIntervalMs,
                 "a turn of a loop was long wall_ms={} cpu_ms={} longest_ms={} ran={}",
                 (now_ns - turn_begun_ns_) / kNsPerMs, turn_cpu_ns_ / kNsPerMs,
                 longest_ns_ / kNsPerMs, longest_.to_string());
}

}  // namespace runtime
