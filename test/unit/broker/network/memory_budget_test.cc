// Goal: the budget bounds memory, serves waiters in turn, and never locks up. Method: a simulated
// loop; one case with real threads.
#include "broker/network/memory_budget.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "runtime/sim/sim_world.h"

namespace network {
namespace {

using Use = MemoryBudget::Use;
using Charge = MemoryBudget::Charge;

runtime::Task<void> grow_and_note(MemoryBudget& budget, Charge& charge, std::int64_t bytes, Use use,
                                  runtime::CancelToken token, std::string name, std::string& log) {
  const auto grown = co_await budget.grow(charge, bytes, use, token);
  log += grown ? name : "(" + name + ")";
}

struct Fixture {
  runtime::SimWorld world{1};
  runtime::SimLoop loop{world};
  runtime::TaskScope scope{loop, "test"};
  std::string log;

  void start(MemoryBudget& budget, Charge& charge, std::int64_t bytes, std::string name,
             Use use = Use::client) {
    scope.spawn(grow_and_note(budget, charge, bytes, use, scope.token(), name, log));
    world.run_for(1);
  }
};

TEST_CASE("a charge grows, moves and is given back") {
  MemoryBudget budget(1000);
  {
    Charge charge;
    CHECK(budget.try_grow(charge, 400, Use::client));
    CHECK(budget.try_grow(charge, 700, Use::client));
    CHECK(budget.try_grow(charge, 10, Use::client));  // never shrinks
    const Charge moved = std::move(charge);
    CHECK(moved.bytes() == 700);
    CHECK(charge.bytes() == 0);
    CHECK(budget.used_bytes() == 700);
  }
  CHECK(budget.used_bytes() == 0);
}

TEST_CASE("one frame may go over the limit, the others wait in turn") {
  Fixture test;
  MemoryBudget budget(1000);
  Charge holder, over, a, b, c;
  CHECK(budget.try_grow(holder, 900, Use::client));
  CHECK(budget.try_grow(over, 500, Use::client));
  CHECK(budget.try_grow(over, 5000, Use::client));  // it goes on until it is complete
  test.start(budget, a, 300, "a");
  test.start(budget, b, 50, "b");
  test.start(budget, c, 50, "c");
  CHECK(budget.has_waiters());
  CHECK(test.log.empty());
  CHECK_FALSE(budget.try_grow(holder, 901, Use::client));  // not before those who wait
  over.release();
  test.world.run_for(1);
  CHECK(test.log == "abc");  // a is the one over the limit now; b and c fit
  CHECK_FALSE(budget.has_waiters());
  CHECK(budget.used_bytes() == 900 + 300 + 50 + 50);
}

TEST_CASE("half-read frames that hold all the memory do not wait for each other for ever") {
  Fixture test;
  MemoryBudget budget(1000);
  std::vector<Charge> charges(10);
  for (Charge& charge : charges) CHECK(budget.try_grow(charge, 100, Use::client));
  for (std::size_t i = 0; i < charges.size(); ++i) {
    test.start(budget, charges[i], 200, std::string(1, static_cast<char>('0' + i)));
  }
  CHECK(test.log == "0");
  for (std::size_t i = 0; i < charges.size(); ++i) {
    charges[i].release();  // complete and handled
    test.world.run_for(1);
  }
  CHECK(test.log == "0123456789");
}

TEST_CASE("replication has a reserve and its own place in the queue") {
  Fixture test;
  MemoryBudget budget(1000, 500);
  Charge holder, over, client, fetch, more;
  CHECK(budget.try_grow(holder, 1000, Use::client));
  CHECK(budget.try_grow(over, 100, Use::client));
  test.start(budget, client, 100, "client");
  CHECK(budget.try_grow(fetch, 500, Use::inter_broker));
  test.start(budget, more, 10, "more", Use::inter_broker);
  CHECK(test.log.empty());
  fetch.release();
  test.world.run_for(1);
  CHECK(test.log == "more");
  over.release();
  test.world.run_for(1);
  CHECK(test.log == "moreclient");
}

TEST_CASE("what is granted to a waiter that has gone goes to the next") {
  Fixture test;
  MemoryBudget budget(100);
  Charge holder, over, gone, next;
  CHECK(budget.try_grow(holder, 100, Use::client));
  CHECK(budget.try_grow(over, 50, Use::client));
  runtime::TaskScope leaving(test.loop, "leaving");
  leaving.spawn(grow_and_note(budget, gone, 80, Use::client, leaving.token(), "gone", test.log));
  test.world.run_for(1);
  test.start(budget, next, 90, "next");
  leaving.cancel();
  test.world.run_for(1);
  CHECK(test.log == "(gone)");
  holder.release();
  over.release();
  test.world.run_for(1);
  CHECK(test.log == "(gone)next");
  CHECK(budget.used_bytes() == 90);
}

TEST_CASE("a waiter that goes lets those behind it in") {
  Fixture test;
  MemoryBudget budget(100);
  Charge holder, over, gone, next;
  CHECK(budget.try_grow(holder, 60, Use::client));
  CHECK(budget.try_grow(over, 50, Use::client));
  runtime::TaskScope leaving(test.loop, "leaving");
  leaving.spawn(grow_and_note(budget, gone, 80, Use::client, leaving.token(), "gone", test.log));
  test.world.run_for(1);
  test.start(budget, next, 30, "next");
  CHECK(test.log.empty());  // in turn, though there is room for it
  leaving.cancel();
  test.world.run_for(1);
  CHECK(test.log == "(gone)next");
}

TEST_CASE("threads that charge and release end at zero") {
  MemoryBudget budget(1'000'000);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&budget, i] {
      for (int round = 0; round < 5000; ++round) {
        Charge charge;
        (void)budget.try_grow(charge, 70'000 * (1 + (round + i) % 9), Use::client);
        Charge moved = std::move(charge);
        (void)budget.try_grow(moved, 700'000, Use::inter_broker);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(budget.used_bytes() == 0);
}

TEST_CASE("the limit that -1 stands for") {
  CHECK(derived_budget_bytes(-1, 100, 4000) == 500);
  CHECK(derived_budget_bytes(-1, 100, 400) == 100);
  CHECK(derived_budget_bytes(0, 100, -1) == 100);
  CHECK(derived_budget_bytes(7, 100, 4000) == 7);
}

}  // namespace
}  // namespace network
