// Goal: behind a name server that hangs nobody looks up names that nobody waits for any more.
// Method: a pool whose jobs stand still, and a getaddrinfo of our own in front of the C library's.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <netdb.h>

#include <atomic>
#include <deque>

#include "runtime/sim/sim_world.h"

namespace {

std::atomic<int> look_ups{0};

class StandingPool final : public runtime::WorkerPool {
 public:
  void submit(std::move_only_function<void()> job) override { jobs_.push_back(std::move(job)); }
  std::size_t queued() const override { return jobs_.size(); }
  void run_all() {
    for (auto& job : std::exchange(jobs_, {})) job();
  }

 private:
  std::deque<std::move_only_function<void()>> jobs_;
};

}  // namespace

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  ++look_ups;
  using Function = int (*)(const char*, const char*, const addrinfo*, addrinfo**);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "getaddrinfo"));
  return real(node, service, hints, found);
}

TEST_CASE("a name that nobody waits for any more is not looked up") {
  runtime::SimWorld world(1);
  runtime::SimLoop loop(world);
  StandingPool pool;
  look_ups = 0;
  const auto given_up = world.block_on(loop, runtime::resolve(pool, "localhost", 2181, 10));
  REQUIRE_FALSE(given_up.has_value());
  CHECK(given_up.error().is(base::Errc::timed_out));
  REQUIRE_EQ(pool.queued(), 1);
  pool.run_all();
  CHECK_EQ(look_ups, 0);
  world.schedule(1'000'000, [&pool] { pool.run_all(); });
  CHECK(world.block_on(loop, runtime::resolve(pool, "localhost", 2181, 10'000)).has_value());
  CHECK_EQ(look_ups, 1);
}
