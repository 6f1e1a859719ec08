// Goal: a name server that hangs costs one worker and no more than the time allowed.
// Method: a pool that keeps its jobs until the test lets them run.
#include "zkclient/server_addresses.h"

#include <doctest/doctest.h>

#include <vector>

#include "runtime/uv/threads.h"

using runtime::Task;
using zkclient::ServerAddresses;

namespace {

class HeldPool final : public runtime::WorkerPool {
 public:
  void submit(std::move_only_function<void()> job) override { jobs.push_back(std::move(job)); }
  std::size_t queued() const override { return jobs.size(); }
  void run_all() {
    for (auto& job : std::exchange(jobs, {})) job();
  }
  std::vector<std::move_only_function<void()>> jobs;
};

Task<void> silent_name_server(runtime::UvLoop* loop) {
  HeldPool pool;
  runtime::TaskScope scope(*loop, "look-ups");
  ServerAddresses addresses(pool, scope);
  const zkclient::ServerName named{"localhost", 2181};

  CHECK((co_await addresses.find({"127.0.0.1", 2181}, 0)).value().size() == 1);
  CHECK(pool.jobs.empty());
  // Nobody answers: the time is kept, and asking again costs no second worker.
  for (int i = 0; i < 3; ++i) {
    const auto found = co_await addresses.find(named, 10);
    CHECK(!found);
    CHECK(found.error().is(base::Errc::timed_out));
  }
  CHECK(pool.jobs.size() == 1);
  // The late answer serves the next try.
  pool.run_all();
  co_await runtime::sleep_ms(*loop, 1);
  const auto waits = co_await addresses.find(named, 10);
  REQUIRE(waits.has_value());
  CHECK(waits->front().port() == 2181);
  CHECK(pool.jobs.size() == 1);
  pool.run_all();
  co_await runtime::sleep_ms(*loop, 1);
  // Silent again: what was found before is good enough.
  const auto former = co_await addresses.find(named, 10);
  REQUIRE(former.has_value());
  CHECK(former->front().to_string() == waits->front().to_string());

  scope.cancel();
  CHECK((co_await addresses.find(named, 10'000)).error().is(base::Errc::cancelled));
  co_await scope.join();
  pool.run_all();
}

}  // namespace

TEST_CASE("a name server that hangs keeps one worker and no caller") {
  runtime::UvLoop loop;
  runtime::block_on(loop, silent_name_server(&loop));
}
