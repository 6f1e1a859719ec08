// Purpose: one call of kafka-consumer-groups: its options and what they ask for. Pure.
// Source: ConsumerGroupCommandOptions.java (3.9), ConsumerGroupCommand.scala (2.4).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "tools/option_parser.h"
#include "tools/tool.h"

namespace consumer_groups {

enum class Action : std::uint8_t { list, describe, remove, reset_offsets, delete_offsets };
enum class View : std::uint8_t { offsets, members, state, history };

// Where --reset-offsets puts a group.
struct ResetTarget {
  enum class Kind : std::uint8_t {
    offset,     // `number`
    shift,      // `number` from the committed offset
    timestamp,  // first record at or behind `number`, ms since the epoch
    age,        // first record not older than `number` ms
    earliest,
    latest,
    current,
    file,  // the plan in the CSV file `path`
  };
  Kind kind = Kind::latest;
  std::int64_t number = 0;
  std::string path;
};

// What --topic names: all partitions, or those listed.
struct TopicScope {
  std::string topic;
  std::vector<std::int32_t> partitions;  // empty: all
};

struct Command {
  Action action = Action::list;
  std::string bootstrap;
  std::optional<std::string> command_config;
  std::int64_t timeout_ms = 0;
  std::vector<std::string> groups;  // as given; empty with all_groups
  bool all_groups = false;
  std::vector<std::string> topic_arguments;  // as given
  std::vector<TopicScope> topics;            // the same, read
  bool all_topics = false;
  // list
  bool shows_state = false;
  bool shows_type = false;
  std::vector<std::string> states;  // Kafka's spelling; empty: all
  std::vector<std::string> types;
  // describe
  View view = View::offsets;
  bool is_verbose = false;
  // reset
  ResetTarget target;
  bool is_executed = false;  // else planned and shown
  bool is_exported = false;
};

const tools::OptionTable& option_table();
// Warns on stderr where Kafka does.
tools::Usage<> check_options(const tools::Options& options);
// Errors of usage (exit code 1) for names that are none; the Outcome for what Kafka finds only when
// the command is under way: a date, a duration.
tools::Usage<tools::Outcome<Command>> read_command(const tools::Options& options);

}  // namespace consumer_groups
