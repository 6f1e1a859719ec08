// Purpose: which partitions kafka-get-offsets is asked for: --topic and --partitions, or the rules
// of --topic-partitions. Pure. Source: GetOffsetShell.java, TopicPartitionFilter (3.9).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tool.h"
#include "tools/topic_filter.h"

namespace tools {

class PartitionFilter {
 public:
  // "0,1": empty means all partitions.
  static Outcome<PartitionFilter> of_topic(std::optional<std::string> topic,
                                           std::string_view partitions);
  // "T:0-3,U:1,:5-": a partition is picked when any rule picks it; upper bounds are exclusive.
  static Outcome<PartitionFilter> of_rules(std::string_view rules);

  bool matches(std::string_view topic, std::int32_t partition) const;

 private:
  struct Rule {
    TopicFilter topic;
    std::set<std::int32_t> partitions;  // empty: the range decides
    std::int32_t first = 0;
    std::int32_t end = std::numeric_limits<std::int32_t>::max();
  };

  static Outcome<Rule> parse_rule(std::string_view text);

  std::vector<Rule> rules_;
};

}  // namespace tools
