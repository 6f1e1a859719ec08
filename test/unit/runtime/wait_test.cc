// Goal: waiting ends exactly once: by the signal, by time or by cancellation; scopes join what they
// started. Method: the same bodies on both loops; virtual time makes the timed ones exact.
#include <doctest/doctest.h>

#include "test/unit/runtime/both_loops.h"
#include "test/unit/runtime/failed_with.h"

using base::Errc;
using runtime::CancelSource;
using runtime::CancelToken;
using runtime::Loop;
using runtime::Notify;
using runtime::Task;
using runtime::TaskScope;
using namespace runtime_test;

namespace {

Task<void> wait_and_record(Notify* notify, std::int64_t timeout_ms, CancelToken token,
                           std::vector<int>* order, int id) {
  const auto ended = co_await notify->wait(timeout_ms, token);
  order->push_back(ended ? id : ended.error().is(Errc::timed_out) ? id + 100 : id + 200);
}

Task<void> notify_bodies(Loop* loop) {
  Notify notify(*loop);
  CancelSource source;
  TaskScope scope(*loop, "waiters");
  std::vector<int> order;
  scope.spawn(wait_and_record(&notify, runtime::kNoTimeout, {}, &order, 1));
  scope.spawn(wait_and_record(&notify, 5, {}, &order, 2));
  scope.spawn(wait_and_record(&notify, runtime::kNoTimeout, CancelToken(source), &order, 3));
  scope.spawn(wait_and_record(&notify, 10'000, {}, &order, 4));
  CHECK_EQ(scope.task_count(), 4);
  CHECK_FALSE(notify.has_waiter());  // spawn runs nothing
  co_await runtime::yield(*loop);    // now they wait, and their time counts from before ours
  (void)co_await runtime::sleep_ms(*loop, 20);
  source.cancel();
  source.cancel();
  co_await runtime::yield(*loop);
  co_await runtime::yield(*loop);
  notify.notify_one();
  notify.notify_one();
  notify.notify_one();  // nobody: not remembered
  co_await scope.join();
  CHECK((order == std::vector<int>{102, 203, 1, 4}));
  notify.notify_all();
  CHECK(failed_with(co_await notify.wait(0), Errc::timed_out));
}

Task<void> one_shot_bodies(Loop* loop) {
  {
    auto [sender, receiver] = runtime::one_shot<std::string>(*loop);
    CHECK(sender.complete("early"));
    CHECK_FALSE(static_cast<bool>(sender));
    CHECK_EQ((co_await receiver.wait()).value(), "early");
  }
  {
    auto [sender, receiver] = runtime::one_shot<int>(*loop);
    {
      const auto dropped = std::move(sender);
    }
    CHECK(failed_with(co_await receiver.wait(), Errc::closed));
  }
  {
    auto [sender, receiver] = runtime::one_shot<int>(*loop);
    CHECK(failed_with(co_await receiver.wait(3), Errc::timed_out));
    CHECK_FALSE(sender.complete(1));
  }
  {
    CancelSource source;
    source.cancel();
    auto [sender, receiver] = runtime::one_shot<int>(*loop);
    CHECK(failed_with(co_await receiver.wait(3, CancelToken(source)), Errc::cancelled));
    CHECK_FALSE(sender.complete(1));
  }
}

Task<void> sleep_in_order(Loop* loop, std::int64_t duration_ms, std::vector<std::int64_t>* order) {
  const std::int64_t start_ns = loop->now_ns();
  CHECK((co_await runtime::sleep_ms(*loop, duration_ms)).has_value());
  CHECK(loop->now_ns() - start_ns >= duration_ms * 1'000'000);
  order->push_back(duration_ms);
}

Task<void> sleeps(Loop* loop, bool exact) {
  TaskScope scope(*loop, "sleepers");
  std::vector<std::int64_t> order;
  for (const std::int64_t duration_ms : {30, 10, 20, 0, 1}) {
    scope.spawn(sleep_in_order(loop, duration_ms, &order));
  }
  co_await scope.join();
  CHECK_EQ(order.size(), 5);
  if (exact) CHECK((order == std::vector<std::int64_t>{0, 1, 10, 20, 30}));
}

Task<void> wait_for_end(TaskScope* scope, int* ended) {
  CHECK(failed_with(co_await runtime::sleep_ms(scope->loop(), 3'600'000, scope->token()),
                    Errc::cancelled));
  // What waits after the cancellation ends at once as well.
  CHECK(failed_with(co_await runtime::sleep_ms(scope->loop(), 3'600'000, scope->token()),
                    Errc::cancelled));
  ++*ended;
}

Task<void> throw_text() {
  throw std::runtime_error("broken");
  co_return;
}

Task<void> scopes(Loop* loop) {
  std::string escaped;
  TaskScope scope(*loop, "scope", [&escaped](const std::string& what) { escaped = what; });
  int ended = 0;
  for (int i = 0; i < 10; ++i) scope.spawn(wait_for_end(&scope, &ended));
  co_await runtime::yield(*loop);
  scope.cancel();
  scope.spawn(wait_for_end(&scope, &ended));  // starts, and meets the cancellation
  scope.spawn(throw_text());
  co_await scope.join();
  CHECK_EQ(ended, 11);
  CHECK_EQ(escaped, "broken");
}

Task<void> busy(Loop* loop, const bool* stop, int* rounds) {
  while (!*stop) {
    ++*rounds;
    co_await runtime::yield(*loop);
  }
}

// 2,000 coroutines that are always ready must not keep timers from firing.
Task<void> busy_queue(Loop* loop) {
  TaskScope scope(*loop, "busy");
  bool stop = false;
  int rounds = 0;
  for (int i = 0; i < 2000; ++i) scope.spawn(busy(loop, &stop, &rounds));
  (void)co_await runtime::sleep_ms(*loop, 5);
  stop = true;
  co_await scope.join();
  CHECK(rounds >= 2000);
}

}  // namespace

TEST_CASE_TEMPLATE("notify: each wait ends once, in order", On, OnUv, OnSim) {
  On on;
  on.run(notify_bodies(&on.loop));
}

TEST_CASE_TEMPLATE("one_shot: value, abandonment, giving up", On, OnUv, OnSim) {
  On on;
  on.run(one_shot_bodies(&on.loop));
}

TEST_CASE_TEMPLATE("sleeps end in order and never early", On, OnUv, OnSim) {
  On on;
  // On a machine that is busy the sleepers may start far apart.
  on.run(sleeps(&on.loop, std::is_same_v<On, OnSim>));
}

TEST_CASE_TEMPLATE("a scope cancels, joins, and reports what escaped", On, OnUv, OnSim) {
  On on;
  on.run(scopes(&on.loop));
}

TEST_CASE("a busy ready queue starves neither timers nor sockets") {
  OnUv on;
  on.run(busy_queue(&on.loop));
}

TEST_CASE("virtual minutes pass at once") {
  OnSim on;
  const std::int64_t before_ms = on.world.clock().wall_ms();
  std::vector<std::int64_t> order;
  on.run(sleep_in_order(&on.loop, 500'000, &order));
  CHECK_EQ(on.world.clock().wall_ms() - before_ms, 500'000);
}
