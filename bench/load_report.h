// Purpose: what one run of the loader saw, printed as one JSON object.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace bench {

class LoadReport {
 public:
  void add_count(std::string name, std::int64_t value);
  // Time between two marks of monotonic_ns().
  void set_elapsed(std::int64_t elapsed_ns) { elapsed_ns_ = elapsed_ns; }
  void add_latencies(const std::vector<std::int64_t>& latencies_ns);
  // The loader's own processor time is added here: it is the other side of each transfer.
  std::string to_json();

 private:
  std::vector<std::pair<std::string, std::int64_t>> counts_;
  std::vector<std::int64_t> latencies_ns_;
  std::int64_t elapsed_ns_ = 0;
};

}  // namespace bench
