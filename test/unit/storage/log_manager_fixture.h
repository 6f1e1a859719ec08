// What tests of the log manager share: directories, a manager that starts and stops, a still clock.
#pragma once

#include "runtime/sim/sim_file_system.h"
#include "storage/log_manager.h"
#include "test/unit/storage/log_fixture.h"

namespace storage_test {

using base::TopicPartition;
using storage::LogManager;

class StillClock final : public runtime::Clock {
 public:
  std::int64_t monotonic_ns() const override { return 0; }
  std::int64_t wall_ms() const override { return 5000; }
};

class CountingRandom final : public runtime::Random {
 public:
  std::uint64_t next() override { return ++state_ * 0x9e3779b97f4a7c15u; }
  void fill(base::MutableBytes into) override {
    for (auto& byte : into) byte = static_cast<std::byte>(next() >> 40);
  }

 private:
  std::uint64_t state_ = 0;
};

class LogManagerFixture {
 public:
  explicit LogManagerFixture(std::size_t dirs = 1) {
    for (std::size_t i = 0; i < dirs; ++i) {
      options_.log_dirs.push_back(directory_.path() + "/d" + std::to_string(i));
    }
    options_.config_of = [](const std::string&) {
      return std::make_shared<const storage::LogConfig>();
    };
    options_.on_directory_failed = [this](const std::string& dir, const base::Error&) {
      failed.push_back(dir);
    };
  }

  base::Result<void> open() {
    manager.reset();
    TRY_ASSIGN(manager, LogManager::open(*files, random_, options_));
    return manager->check_identity(base::BrokerId(1), "qCqvWVu9Q6OJ_udtfKYegA", 1'700'000'000'000);
  }
  base::Result<void> start() {
    TRY(open());
    return manager->load(inline_executor(), [] { return std::int64_t{5000}; });
  }
  void stop() {
    manager->close(inline_executor(), 6000);
    manager.reset();
  }
  static storage::Executor inline_executor() {
    return [](std::function<void()> work) { work(); };
  }
  void append(const TopicPartition& partition, int records) {
    base::Buffer batch = make_batch(records);
    storage::AppendRequest request;
    request.records = batch.mutable_bytes();
    request.now_ms = 5000;
    REQUIRE(manager->find(partition)->append(request).has_value());
  }
  std::string dir(int i = 0) const { return options_.log_dirs[static_cast<std::size_t>(i)]; }
  std::string text(const std::string& name) {
    return files->read_file(dir() + "/" + name, 1 << 20).value_or("");
  }
  storage::LogManagerOptions& options() { return options_; }

  // On a simulated disk instead.
  void use(std::unique_ptr<runtime::FileSystem> other) {
    files = std::move(other);
    for (std::string& dir : options_.log_dirs) {
      dir = dir.substr(dir.rfind('/'));
      REQUIRE(files->create_directories(dir).has_value());
    }
    REQUIRE(files->sync_directory("/").has_value());
  }

  std::unique_ptr<runtime::FileSystem> files = runtime::make_posix_file_system();
  std::unique_ptr<LogManager> manager;
  std::vector<std::string> failed;

 private:
  TemporaryDirectory directory_;
  CountingRandom random_;
  storage::LogManagerOptions options_;
};

}  // namespace storage_test
