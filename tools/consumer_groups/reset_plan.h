// Purpose: which offset each group gets by --reset-offsets, as CSV and as a table, and offsets cut
// to what the log has. Pure. Source: ConsumerGroupCommand.java, CsvUtils.java (3.9).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/consumer_groups/cluster_groups.h"
#include "tools/tool.h"

namespace consumer_groups {

using ResetPlan = std::map<std::string, Offsets>;  // by group

// Lines "topic,partition,offset" for `only_group`, else "group,topic,partition,offset". A file of
// the longer form is read for one group as well.
tools::Outcome<ResetPlan> parse_csv(std::string_view text,
                                    const std::optional<std::string>& only_group);
// The same forms, quoted where Kafka's writer (Jackson) quotes.
std::string format_csv(const ResetPlan& plan, bool has_group_column);

std::string format_plan(const ResetPlan& plan);

// Offsets outside of [log start, log end] become the nearer end; a line about each in `warnings`.
Offsets cut_to_log(const Offsets& requested, const Offsets& log_starts, const Offsets& log_ends,
                   std::vector<std::string>& warnings);

}  // namespace consumer_groups
