// --list and --describe.
#include <fmt/core.h>

#include <set>

#include "base/result.h"
#include "tools/consumer_groups/actions.h"
#include "tools/consumer_groups/history_view.h"
#include "tools/consumer_groups/views.h"

namespace consumer_groups {

using runtime::Task;
using tools::failure;
using tools::Outcome;

namespace {

Task<Outcome<std::string>> offsets_view(ClusterGroups& groups, const DescribedGroup& group) {
  CO_TRY_ASSIGN(const Offsets committed, co_await groups.committed(group.group));
  CO_TRY_ASSIGN(const Offsets log_ends,
                co_await groups.log_offsets(partitions_of(group, committed), kLatestTimestamp));
  const auto rows = offset_rows(group, committed, log_ends);
  co_return rows.empty() ? std::string() : format_offsets(group.group, rows);
}

Outcome<std::string> history_view(const DescribedGroup& group) {
  if (group.rebalance_history.empty()) {
    return fmt::format("\nThe coordinator of consumer group '{}' keeps no rebalance history.\n",
                       group.group);
  }
  TRY_ASSIGN(const auto rebalances, parse_history(group.rebalance_history));
  if (rebalances.empty()) {
    return fmt::format(
        "\nConsumer group '{}' has not rebalanced since its coordinator took it over.\n",
        group.group);
  }
  return format_history(group.group, rebalances);
}

Task<Outcome<std::string>> view(ClusterGroups& groups, const Command& command,
                                const DescribedGroup& group) {
  switch (command.view) {
    case View::members:
      co_return group.members.empty() ? std::string() : format_members(group, command.is_verbose);
    case View::state: {
      CO_TRY_ASSIGN(const Coordinator coordinator, co_await groups.coordinator(group.group));
      co_return format_state(group, coordinator);
    }
    case View::history: co_return history_view(group);
    case View::offsets: break;
  }
  co_return co_await offsets_view(groups, group);
}

}  // namespace

Task<Outcome<std::vector<std::string>>> groups_of(ClusterGroups& groups, const Command& command) {
  std::set<std::string> names(command.groups.begin(), command.groups.end());
  if (command.all_groups) {
    auto listings = co_await groups.list({}, {});
    if (!listings) co_return failure(in_execution_exception(listings.error().message));
    for (GroupListing& listing : *listings) names.insert(std::move(listing.group));
  }
  co_return std::vector<std::string>(names.begin(), names.end());
}

Task<Outcome<>> list_groups(ClusterGroups& groups, const Command& command) {
  const bool is_filtered = command.shows_state || command.shows_type;
  auto listings = co_await groups.list(command.states, command.types);
  if (!listings && !is_filtered) {
    co_return failure(in_execution_exception(listings.error().message));
  }
  if (!listings) co_return std::unexpected(std::move(listings).error());
  fmt::print("{}", format_list(*listings, {command.shows_type, command.shows_state}));
  co_return Outcome<>();
}

Task<Outcome<>> describe_groups(ClusterGroups& groups, const Command& command) {
  CO_TRY_ASSIGN(const auto names, co_await groups_of(groups, command));
  // All are asked before the first is shown, so that a failure does not hide behind a long table.
  std::vector<DescribedGroup> descriptions;
  std::vector<std::string> tables;
  for (const std::string& name : names) {
    CO_TRY_ASSIGN(DescribedGroup group,
                  co_await groups.describe(name, command.view == View::history));
    CO_TRY_ASSIGN(std::string table, co_await view(groups, command, group));
    descriptions.push_back(std::move(group));
    tables.push_back(std::move(table));
  }
  for (std::size_t i = 0; i < descriptions.size(); ++i) {
    CO_TRY_ASSIGN(const StateNote note,
                  note_of_state(descriptions[i].group, descriptions[i].state));
    fmt::print("{}", note.out);
    std::fflush(stdout);  // in order with stderr where both are one terminal
    fmt::print(stderr, "{}", note.err);
    if (note.has_table) fmt::print("{}", tables[i]);
  }
  co_return Outcome<>();
}

}  // namespace consumer_groups
