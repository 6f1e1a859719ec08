// Purpose: what kafka-dump-log found wrong in logs and indexes, told at the end on stderr in
// Kafka's words. A fresh segment of a leader gives no finding.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dump_log {

class Findings {
 public:
  // `file` is an absolute path.
  void offset_mismatch(const std::string& file, std::int64_t indexed, std::int64_t found) {
    offset_mismatches_[file].emplace_back(indexed, found);
  }
  void timestamp_mismatch(const std::string& file, std::int64_t indexed, std::int64_t found) {
    timestamp_mismatches_[file].emplace_back(indexed, found);
  }
  void out_of_order(const std::string& file, std::int64_t indexed, std::int64_t previous) {
    out_of_order_[file].emplace_back(indexed, previous);
  }
  void offset_not_found(const std::string& file, std::int64_t indexed, std::int64_t found) {
    offsets_not_found_[file].emplace_back(indexed, found);
  }
  void not_consecutive(const std::string& file, std::int64_t first, std::int64_t second) {
    not_consecutive_[file].emplace_back(first, second);
  }

  std::string text() const;

 private:
  using Pairs = std::map<std::string, std::vector<std::pair<std::int64_t, std::int64_t>>>;
  Pairs offset_mismatches_;
  Pairs timestamp_mismatches_;
  Pairs out_of_order_;
  Pairs offsets_not_found_;
  Pairs not_consecutive_;
};

}  // namespace dump_log
