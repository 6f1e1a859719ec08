// Goal: what crosses threads is delivered once and in order. Run under TSan too. Method: many
// posts, jobs and races between a value and giving up.
#include <doctest/doctest.h>
#include <signal.h>

#include <atomic>

#include "test/unit/runtime/both_loops.h"
#include "test/unit/runtime/failed_with.h"

using base::Errc;
using runtime::Loop;
using runtime::LoopThread;
using runtime::Task;
using runtime::TaskScope;
using runtime::UvLoop;
using runtime::WorkerPool;
using namespace runtime_test;

namespace {

Task<int> on_two_threads(WorkerPool* pool) {
  int sum = 0;
  for (int i = 0; i < 200; ++i) {
    sum += co_await runtime::run_on(*pool, [i] { return i; });
    co_await runtime::run_on(*pool, [] {});
  }
  co_return sum;
}

// The value comes from a worker at about the moment when the receiver gives up.
Task<void> race(Loop* loop, WorkerPool* pool, int* values, int* refusals) {
  for (int i = 0; i < 200; ++i) {
    auto accepted = std::make_shared<std::atomic<int>>(-1);
    auto [sender, receiver] = runtime::one_shot<std::unique_ptr<int>>(*loop);
    pool->submit([sender = std::move(sender), accepted, i]() mutable {
      for (volatile int spin = 0; spin < i * 50; spin = spin + 1) {
      }
      *accepted = sender.complete(std::make_unique<int>(i)) ? 1 : 0;
    });
    const auto value = co_await receiver.wait(i % 2);
    while (*accepted < 0) co_await runtime::yield(*loop);
    CHECK_EQ(*accepted == 1, value.has_value());
    if (value) {
      CHECK_EQ(**value, i);
      ++*values;
    } else {
      CHECK(value.error().is(Errc::timed_out));
      ++*refusals;
    }
  }
}

Task<void> resolve_names(WorkerPool* pool) {
  const auto literal = (co_await runtime::resolve(*pool, "::1", 9092)).value();
  CHECK_EQ(literal.at(0).to_string(), "[::1]:9092");
  const auto local = (co_await runtime::resolve(*pool, "localhost", 9092)).value();
  CHECK_EQ(local.at(0).port(), 9092);
  CHECK(failed_with(co_await runtime::resolve(*pool, "no such host.invalid", 1), Errc::not_found));
}

Task<void> get_signal(UvLoop* loop, int* got) {
  runtime::Notify arrived(*loop);
  runtime::SignalWatcher watcher(*loop, [&arrived, got](int signal) {
    *got = signal;
    arrived.notify_all();
  });
  ::raise(SIGHUP);
  CHECK((co_await arrived.wait(5000)).has_value());
}

}  // namespace

TEST_CASE("posts of one thread run in order, those of many all run") {
  LoopThread thread("posted");
  std::array<int, 4> next{};
  std::atomic<int> wrong{0};
  std::atomic<int> done{0};
  std::vector<std::thread> posters;
  for (std::size_t id = 0; id < next.size(); ++id) {
    posters.emplace_back([&, id] {
      for (int i = 0; i < 5000; ++i) {
        thread.loop().post([&, id, i] {
          if (next[id]++ != i || !thread.loop().is_current()) ++wrong;
          if (i == 4999) ++done;
        });
      }
    });
  }
  for (auto& poster : posters) poster.join();
  while (done < 4) std::this_thread::yield();
  CHECK_EQ(wrong, 0);
  thread.stop();
  thread.join();
  // Nobody runs it any more: it is dropped, and the sender inside tells its receiver's state.
  auto [sender, receiver] = runtime::one_shot<int>(thread.loop());
  thread.loop().post([sender = std::move(sender)] {});
}

TEST_CASE("jobs run on workers and resume on their loop") {
  UvLoop loop;
  const auto pool = runtime::make_worker_pool("test", 2, 100);
  CHECK_EQ(runtime::block_on(loop, on_two_threads(pool.get())), 199 * 100);
  OnSim sim;
  runtime::SimWorkerPool sim_pool(sim.world);
  CHECK_EQ(sim.run(on_two_threads(&sim_pool)), 199 * 100);
}

TEST_CASE("a value and a timeout race: the sender knows who won") {
  UvLoop loop;
  const auto pool = runtime::make_worker_pool("test", 2, 100);
  int values = 0;
  int refusals = 0;
  runtime::block_on(loop, race(&loop, pool.get(), &values, &refusals));
  CHECK_EQ(values + refusals, 200);
}

TEST_CASE("names resolve on the pool, literals at once") {
  UvLoop loop;
  const auto pool = runtime::make_worker_pool("resolver", 1, 100);
  runtime::block_on(loop, resolve_names(pool.get()));
}

TEST_CASE("a signal arrives on the loop") {
  UvLoop loop;
  int got = 0;
  runtime::block_on(loop, get_signal(&loop, &got));
  CHECK_EQ(got, SIGHUP);
}

TEST_CASE("a loop can run again after stop") {
  UvLoop loop;
  loop.stop();
  loop.run();
  for (int i = 0; i < 3; ++i) {
    bool ran = false;
    loop.post([&] {
      ran = true;
      loop.stop();
    });
    loop.run();
    CHECK(ran);
  }
}

TEST_CASE("a stop that comes with a loop's first wake-up is not lost") {
  // The loop reads its descriptor once, then: whatever was written until there is gone.
  const auto spin = [](int rounds) {
    for (volatile int i = 0; i < rounds; i = i + 1) {
    }
  };
  for (int i = 0; i < 4000; ++i) {
    runtime::LoopThread thread("stopped");
    spin(200'000);  // until it sleeps, most of the time
    thread.loop().post([] {});
    spin((i % 1000) * 50);
    thread.stop();
    thread.join();
  }
}
