// Purpose: the tables of kafka-consumer-groups as text, and the notes on a group's state around
// them. Pure. Source: ConsumerGroupCommand.java (3.9).
//
// Widths and columns are 3.9's. Where 3.9 has lost what 2.4 had (line ends behind rows, topics in
// --verbose, no empty table under "does not exist"), 2.4's form is printed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/consumer_groups/cluster_groups.h"
#include "tools/tool.h"

namespace consumer_groups {

// What is to be said before a group's table, and whether the table makes sense at all.
struct StateNote {
  std::string out;  // for stdout
  std::string err;  // for stderr
  bool has_table = true;
};
// Fails for a state that Kafka does not have.
tools::Outcome<StateNote> note_of_state(const std::string& group, std::string_view state);

struct ListColumns {
  bool type = false;
  bool state = false;
};
// With neither column: only names, one a line.
std::string format_list(const std::vector<GroupListing>& listings, ListColumns columns);

// A partition of a group: who reads it, how far it is. "-" stands for what is not there.
struct OffsetRow {
  TopicPartition partition;
  std::optional<std::int64_t> committed;
  std::optional<std::int64_t> log_end;
  std::string consumer_id = "-";
  std::string host = "-";
  std::string client_id = "-";
};
// All that is assigned or committed: those are the partitions whose log ends are needed.
std::vector<TopicPartition> partitions_of(const DescribedGroup& group, const Offsets& committed);
// Members with most partitions first; then what nobody reads.
std::vector<OffsetRow> offset_rows(const DescribedGroup& group, const Offsets& committed,
                                   const Offsets& log_ends);

// Each begins with an empty line.
std::string format_offsets(const std::string& group, const std::vector<OffsetRow>& rows);
std::string format_members(const DescribedGroup& group, bool is_verbose);
std::string format_state(const DescribedGroup& group, const Coordinator& coordinator);

}  // namespace consumer_groups
