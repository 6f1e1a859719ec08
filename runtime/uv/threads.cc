#include "runtime/uv/threads.h"

#include <pthread.h>
#include <signal.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <vector>

#include "base/log.h"
#include "base/mutex.h"

namespace runtime {
namespace {

constexpr std::size_t kMaxThreadName = 15;
constexpr std::int64_t kWarnIntervalMs = 10'000;

void name_this_thread(const std::string& name) {
  (void)::pthread_setname_np(::pthread_self(), name.substr(0, kMaxThreadName).c_str());
}

// Signals belong to the thread that watches them.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) {
    sigdelset(&all, fault);
  }
  (void)::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

class ThreadPool final : public WorkerPool {
 public:
  ThreadPool(std::string name, std::size_t threads, std::size_t expected_queue)
      : name_(std::move(name)), expected_queue_(expected_queue) {
    VERIFY(threads > 0, "pool {} needs a thread", name_);
    for (std::size_t i = 0; i < threads; ++i) {
      threads_.emplace_back([this, i] {
        block_signals();
        name_this_thread(name_ + "-" + std::to_string(i));
        work();
      });
    }
  }

  ~ThreadPool() override {
    {
      base::LockGuard guard(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void submit(std::move_only_function<void()> job) override EXCLUDES(mutex_) {
    std::size_t queued;
    {
      base::LockGuard guard(mutex_);
      jobs_.push_back(std::move(job));
      queued = jobs_.size();
    }
    changed_.notify_one();
    if (queued > expected_queue_) {
      LOG_WARN_EVERY(kWarnIntervalMs, "workers {} fall behind queued={}", name_, queued);
    }
  }

  std::size_t queued() const override EXCLUDES(mutex_) {
    base::LockGuard guard(mutex_);
    return jobs_.size();
  }
  std::size_t unfinished() const override EXCLUDES(mutex_) {
    base::LockGuard guard(mutex_);
    return jobs_.size() + running_;
  }

 private:
  void work() {
    for (;;) {
      std::move_only_function<void()> job = next();
      if (!job) return;
      job();
      job = {};
      base::LockGuard guard(mutex_);
      --running_;
    }
  }

  // Empty when the pool closes and nothing is queued. (The analysis cannot see through
  // std::unique_lock, which the condition variable needs.)
  std::move_only_function<void()> next() NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock lock(mutex_.native());
    changed_.wait(lock, [this]() NO_THREAD_SAFETY_ANALYSIS { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) return {};
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    ++running_;
    return job;
  }

  const std::string name_;
  const std::size_t expected_queue_;
  mutable base::Mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::move_only_function<void()>> jobs_ GUARDED_BY(mutex_);
  std::size_t running_ GUARDED_BY(mutex_) = 0;
  bool closing_ GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace

LoopThread::LoopThread(std::string name)
    : thread_([this, name = std::move(name)] {
        block_signals();
        name_this_thread(name);
        loop_.run();
      }) {}

LoopThread::~LoopThread() {
  stop();
  join();
}

void LoopThread::join() {
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<WorkerPool> make_worker_pool(std::string name, std::size_t threads,
                                             std::size_t expected_queue) {
  return std::make_unique<ThreadPool>(std::move(name), threads, expected_queue);
}

// Lives until the last of its handles has closed.
struct SignalWatcher::Core {
  static constexpr std::array kSignals{SIGTERM, SIGINT, SIGHUP};
  std::array<uv_signal_t, kSignals.size()> handles;
  Callback callback;
  std::size_t closed = 0;
};

SignalWatcher::SignalWatcher(UvLoop& loop, Callback callback) : loop_(loop), core_(new Core) {
  core_->callback = std::move(callback);
  for (std::size_t i = 0; i < core_->handles.size(); ++i) {
    uv_signal_t& handle = core_->handles[i];
    const auto on_signal = [](uv_signal_t* native, int signal) noexcept {
      auto* core = static_cast<Core*>(native->data);
      if (core->callback) core->callback(signal);
    };
    int status = uv_signal_init(loop.native(), &handle);
    if (status == 0) status = uv_signal_start(&handle, on_signal, Core::kSignals[i]);
    VERIFY(status == 0, "watch signals: {}", uv_strerror(status));
    handle.data = core_;
  }
  loop_.handle_opened();
}

SignalWatcher::~SignalWatcher() {
  core_->callback = nullptr;
  for (uv_signal_t& handle : core_->handles) {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle), [](uv_handle_t* native) noexcept {
      auto* core = static_cast<Core*>(native->data);
      if (++core->closed == core->handles.size()) delete core;
    });
  }
  loop_.handle_closed();
}

}  // namespace runtime
