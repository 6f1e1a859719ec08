// Purpose: bounded thread pools for whatever may wait for a device: fsync, cold reads, deletes,
// recovery, name resolution, heavy decompression.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/wait.h"

namespace runtime {

// Any thread.
class WorkerPool {
 public:
  virtual ~WorkerPool() = default;  // runs what is queued, then joins
  // Never waits and drops nothing: each job has a coroutine waiting for it, which is its bound.
  virtual void submit(std::move_only_function<void()> job) = 0;
  virtual std::size_t queued() const = 0;
  // Queued or running.
  virtual std::size_t unfinished() const { return queued(); }
};

// Runs `job` on the pool and resumes on the calling loop with its result. The job always runs to
// its end; it must own what it touches. (`job` is a plain function object, not a coroutine.)
template <class Job>
Task<std::invoke_result_t<Job&>> run_on(WorkerPool& pool, Job job) {
  using R = std::invoke_result_t<Job&>;
  using Value = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
  auto [sender, receiver] = one_shot<Value>(*Loop::current());
  pool.submit([sender = std::move(sender), job = std::move(job)]() mutable {
    if constexpr (std::is_void_v<R>) {
      job();
      sender.complete({});
    } else {
      sender.complete(job());
    }
  });
  auto value = co_await receiver.wait();
  VERIFY(value.has_value(), "a worker pool dropped a job");
  if constexpr (!std::is_void_v<R>) co_return std::move(*value);
}

// Makes the calling worker wait: for jobs that limit their own rate. Never on a loop.
void pause_worker(std::int64_t pause_ms);

// Addresses of a host name, or of an IP literal without asking anybody. Runs on `resolver`; a name
// server may keep it there for many seconds, so the caller may stop waiting before.
Task<base::Result<std::vector<SocketAddress>>> resolve(WorkerPool& resolver, std::string host,
                                                       std::uint16_t port,
                                                       std::int64_t timeout_ms = kNoTimeout,
                                                       CancelToken token = {});

}  // namespace runtime
