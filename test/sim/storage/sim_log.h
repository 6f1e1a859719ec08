// Purpose: what models of a log share: one log on a simulated disk, with a clock that stands still
// and a seeded choice, opened as often as the model's process begins anew.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/sim/sim_file_system.h"
#include "runtime/xoshiro.h"
#include "storage/partition_log.h"

namespace storage_sim {

class FixedClock final : public runtime::Clock {
 public:
  std::int64_t monotonic_ns() const override { return now_ms * 1'000'000; }
  std::int64_t wall_ms() const override { return now_ms; }
  std::int64_t now_ms = 1'000'000;
};

// How many seeds a test tries: BARNABAS_SIM_SEEDS, for a long run.
inline std::uint64_t seeds_wanted() {
  const char* const wanted = std::getenv("BARNABAS_SIM_SEEDS");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 60;
}

// The first of them: BARNABAS_SIM_FIRST, to see one that failed.
inline std::uint64_t first_seed() {
  const char* const wanted = std::getenv("BARNABAS_SIM_FIRST");
  return wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 1;
}

class SimLog {
 protected:
  explicit SimLog(std::uint64_t seed) : random_(seed), files_(clock_, seed) {
    REQUIRE(files_.create_directories("/data").has_value());
    REQUIRE(files_.sync_directory("/").has_value());
  }
  virtual ~SimLog() = default;

  std::uint64_t below(std::uint64_t bound) { return random_.next() % bound; }

  // With these options, completed by what is the same each time. What a process has in memory
  // begins anew.
  void open_log(storage::OpenLogOptions options) {
    log_.reset();
    descriptors_ = std::make_unique<storage::DescriptorCache>(files_, 3);
    index_pages_ = std::make_unique<storage::IndexPageCache>(files_, 3 * 4080);
    environment_ = std::make_unique<storage::LogEnvironment>(storage::LogEnvironment{
        files_, *descriptors_, *index_pages_,
        [this](const std::string&, const base::Error& error) { on_disk_failure(error); },
        [this](std::vector<std::string> paths, std::int64_t) { remove_later(paths); }});
    options.log_dir = "/data";
    options.directory_name = "t-0";
    options.topic_partition = {"t", 0};
    options.config = std::make_shared<const storage::LogConfig>(config_);
    options.high_watermark = base::Offset(INT64_MAX);
    options.now_ms = clock_.now_ms;
    auto opened = storage::PartitionLog::open(*environment_, options);
    if (!opened) FAIL(opened.error().to_string());
    log_ = std::move(*opened);
    // As LogManager does at the end of loading.
    REQUIRE(files_.sync_directory("/data").has_value());
  }

  virtual void on_disk_failure(const base::Error& error) { FAIL(error.to_string()); }
  virtual void remove_later(const std::vector<std::string>& paths) {
    for (const auto& path : paths) (void)files_.remove_file(path);
  }

  runtime::Xoshiro random_;
  FixedClock clock_;
  runtime::SimFileSystem files_;
  storage::LogConfig config_;
  std::unique_ptr<storage::DescriptorCache> descriptors_;
  std::unique_ptr<storage::IndexPageCache> index_pages_;
  std::unique_ptr<storage::LogEnvironment> environment_;
  std::unique_ptr<storage::PartitionLog> log_;
};

}  // namespace storage_sim
