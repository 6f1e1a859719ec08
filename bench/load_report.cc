#include "bench/load_report.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

namespace bench {
namespace {

double seconds(const timeval& value) {
  return static_cast<double>(value.tv_sec) + static_cast<double>(value.tv_usec) * 1e-6;
}

}  // namespace

void LoadReport::add_count(std::string name, std::int64_t value) {
  counts_.emplace_back(std::move(name), value);
}

void LoadReport::add_latencies(const std::vector<std::int64_t>& latencies_ns) {
  latencies_ns_.insert(latencies_ns_.end(), latencies_ns.begin(), latencies_ns.end());
}

std::string LoadReport::to_json() {
  std::string json = "{";
  for (const auto& [name, value] : counts_) json += fmt::format("\"{}\": {}, ", name, value);
  if (!latencies_ns_.empty()) {
    std::ranges::sort(latencies_ns_);
    const auto at = [&](double part) {
      const auto last = static_cast<double>(latencies_ns_.size() - 1);
      return static_cast<double>(latencies_ns_[static_cast<std::size_t>(last * part)]) * 1e-3;
    };
    json += fmt::format("\"p50_us\": {:.1f}, \"p99_us\": {:.1f}, \"max_us\": {:.1f}, ", at(0.5),
                        at(0.99), at(1));
  }
  rusage usage{};
  (void)getrusage(RUSAGE_SELF, &usage);
  json += fmt::format(
      "\"elapsed_s\": {:.6f}, \"loader_user_s\": {:.6f}, \"loader_system_s\": {:.6f}",
      static_cast<double>(elapsed_ns_) * 1e-9, seconds(usage.ru_utime), seconds(usage.ru_stime));
  return json + "}";
}

}  // namespace bench
