// Purpose: what one call of kafka-console-consumer asks for, read from its command line.
// Source: ConsoleConsumerOptions.java (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/properties.h"
#include "tools/console/message_formatter.h"
#include "tools/option_parser.h"
#include "tools/topic_filter.h"

namespace console {

inline constexpr std::int64_t kEarliest = -2;
inline constexpr std::int64_t kLatest = -1;

struct ConsumerSettings {
  std::optional<std::string> topic;  // else `include`
  tools::TopicFilter include;
  bool uses_group = false;  // group.id is among the properties
  // One partition of `topic`, read without a group from `start` on: an offset, kEarliest or
  // kLatest. Else what the group of the properties assigns.
  std::optional<std::int32_t> partition;
  std::int64_t start = kLatest;
  std::int64_t messages_max = -1;  // below 0: unlimited
  std::int64_t timeout_ms = -1;    // below 0: none
  bool skip_message_on_error = false;
  bool has_systest_events = false;
  config::Properties properties;  // Java's, complete
  MessageFormatter formatter;
};

const tools::OptionTable& consumer_option_table();
tools::Usage<ConsumerSettings> read_consumer_options(const tools::Options& options);

}  // namespace console
