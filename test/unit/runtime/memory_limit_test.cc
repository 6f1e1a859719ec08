// Goal: the memory limit as each kind of control group states it. Method: the kernel's files,
// written to a simulated disk. The bug behind the last case: the real ones claim a size of 0, so
// that reading them by their size found nothing.
#include "runtime/memory_limit.h"

#include <doctest/doctest.h>

#include <string>

#include "runtime/posix/file_system.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"

namespace runtime {
namespace {

struct Fixture {
  void write(const std::string& path, const std::string& content) {
    REQUIRE(files.create_directories(path.substr(0, path.rfind('/'))).has_value());
    auto file = files.open(path, OpenMode::truncate).value();
    REQUIRE(file->pwrite(base::as_bytes(content), 0).has_value());
  }
  void write_memory(std::int64_t kilobytes) {
    write("/proc/meminfo", "MemTotal:       " + std::to_string(kilobytes) + " kB\nMemFree: 1 kB\n");
  }

  SimClock clock;
  SimFileSystem files{clock};
};

constexpr std::int64_t kMachineBytes = 8000 * 1024;

TEST_CASE("without control groups the machine's memory counts") {
  Fixture test;
  CHECK(memory_limit_bytes(test.files) == 0);
  test.write_memory(8000);
  CHECK(memory_limit_bytes(test.files) == kMachineBytes);
  test.write("/proc/self/cgroup", "0::/\n");
  CHECK(memory_limit_bytes(test.files) == kMachineBytes);
}

TEST_CASE("control group v2: the smallest of all groups around the process") {
  Fixture test;
  test.write_memory(8000);
  test.write("/proc/self/cgroup", "0::/system.slice/broker.service\n");
  test.write("/sys/fs/cgroup/system.slice/broker.service/memory.max", "max\n");
  CHECK(memory_limit_bytes(test.files) == kMachineBytes);
  test.write("/sys/fs/cgroup/system.slice/memory.max", "4096000\n");
  CHECK(memory_limit_bytes(test.files) == 4096000);
}

TEST_CASE("control group v1, also where the path is the host's") {
  Fixture test;
  test.write_memory(8000);
  test.write("/proc/self/cgroup", "3:cpu,cpuacct:/x\n4:hugetlb,memory:/docker/0123\n0::/\n");
  test.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  CHECK(memory_limit_bytes(test.files) == kMachineBytes);
  test.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "1000000\n");
  CHECK(memory_limit_bytes(test.files) == 1000000);
  test.write("/sys/fs/cgroup/memory/docker/0123/memory.limit_in_bytes", "500000\n");
  CHECK(memory_limit_bytes(test.files) == 500000);
}

TEST_CASE("this machine has a limit") { CHECK(memory_limit_bytes(*make_posix_file_system()) > 0); }

}  // namespace
}  // namespace runtime
