// Goal: timers fire once, in the order of deadline and arming, whatever is armed, re-armed,
// disarmed or destroyed meanwhile. Method: random operations beside a sorted model.
#include <doctest/doctest.h>

#include <memory>
#include <set>
#include <vector>

#include "runtime/timer_queue.h"
#include "runtime/xoshiro.h"

using runtime::Timer;
using runtime::TimerQueue;

namespace {

struct Alarm {
  Timer timer;
  int id = 0;
  std::vector<int>* fired = nullptr;
  static void on_time(void* self) noexcept {
    auto* alarm = static_cast<Alarm*>(self);
    alarm->fired->push_back(alarm->id);
  }
};

}  // namespace

TEST_CASE("random timers fire as the model says") {
  runtime::Xoshiro random(4711);
  for (int round = 0; round < 20; ++round) {
    TimerQueue queue;
    std::vector<int> fired;
    std::vector<std::unique_ptr<Alarm>> alarms;
    std::set<std::tuple<std::int64_t, std::uint64_t, int>> model;  // deadline, sequence, id
    std::uint64_t sequence = 0;
    std::int64_t now_ns = 0;
    const auto forget = [&model](int id) {
      std::erase_if(model, [id](const auto& entry) { return std::get<2>(entry) == id; });
    };
    for (int i = 0; i < 100; ++i) {
      alarms.push_back(std::make_unique<Alarm>());
      alarms.back()->id = i;
      alarms.back()->fired = &fired;
    }
    for (int step = 0; step < 2000; ++step) {
      const int id = static_cast<int>(random.next() % alarms.size());
      switch (random.next() % 4) {
        case 0:
        case 1: {
          const std::int64_t deadline_ns = now_ns + static_cast<std::int64_t>(random.next() % 50);
          forget(id);
          model.emplace(deadline_ns, sequence++, id);
          queue.arm(alarms[id]->timer, deadline_ns, &Alarm::on_time, alarms[id].get());
          break;
        }
        case 2:
          forget(id);
          if (random.next() % 2 == 0) {
            queue.disarm(alarms[id]->timer);
          } else {
            alarms[id] = std::make_unique<Alarm>();
            alarms[id]->id = id;
            alarms[id]->fired = &fired;
          }
          break;
        default: {
          now_ns += static_cast<std::int64_t>(random.next() % 10);
          std::vector<int> expected;
          while (!model.empty() && std::get<0>(*model.begin()) <= now_ns) {
            expected.push_back(std::get<2>(*model.begin()));
            model.erase(model.begin());
          }
          fired.clear();
          queue.expire(now_ns);
          REQUIRE(fired == expected);
        }
      }
      REQUIRE_EQ(queue.empty(), model.empty());
      REQUIRE_EQ(queue.next_deadline_ns(),
                 model.empty() ? TimerQueue::kNever : std::get<0>(*model.begin()));
    }
    alarms.clear();
  }
}

TEST_CASE("a timer armed by a callback waits for the next call") {
  struct Again {
    TimerQueue queue;
    Timer timer;
    int count = 0;
    static void on_time(void* self) noexcept {
      auto* again = static_cast<Again*>(self);
      ++again->count;
      again->queue.arm(again->timer, 0, &on_time, self);
    }
  } again;
  again.queue.arm(again.timer, 5, &Again::on_time, &again);
  again.queue.expire(10);
  CHECK_EQ(again.count, 1);
  again.queue.expire(10);
  CHECK_EQ(again.count, 2);
  again.queue.disarm(again.timer);
}
