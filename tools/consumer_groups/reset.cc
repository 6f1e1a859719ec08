// --reset-offsets.
#include <fmt/core.h>

#include "base/result.h"
#include "runtime/posix/file_system.h"
#include "tools/consumer_groups/actions.h"
#include "tools/consumer_groups/reset_plan.h"

namespace consumer_groups {

using runtime::Task;
using tools::failure;
using tools::Outcome;
using tools::Usage;
using tools::UsageError;
using Kind = ResetTarget::Kind;

namespace {

std::vector<TopicPartition> keys_of(const Offsets& offsets) {
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, offset] : offsets) partitions.push_back(partition);
  return partitions;
}

// Plans one group after the other; what they share is read once.
class Resetter {
 public:
  Resetter(ClusterGroups& groups, const Command& command, std::int64_t now_wall_ms)
      : groups_(groups), command_(command), now_wall_ms_(now_wall_ms) {}

  Task<Outcome<Usage<Offsets>>> plan(std::string group) {
    CO_TRY_ASSIGN(const auto partitions, co_await scope(group));
    switch (command_.target.kind) {
      case Kind::offset: {
        Offsets requested;
        for (const auto& partition : partitions) requested[partition] = command_.target.number;
        co_return co_await cut(std::move(requested));
      }
      case Kind::shift: co_return co_await shifted(std::move(group), partitions);
      case Kind::timestamp: co_return co_await at_timestamp(partitions, command_.target.number);
      case Kind::age:
        co_return co_await at_timestamp(partitions, now_wall_ms_ - command_.target.number);
      case Kind::earliest: co_return co_await at_end(partitions, kEarliestTimestamp);
      case Kind::latest: co_return co_await at_end(partitions, kLatestTimestamp);
      case Kind::current: co_return co_await current(std::move(group), partitions);
      case Kind::file: break;
    }
    co_return co_await from_file(std::move(group));
  }

 private:
  Task<Outcome<std::vector<TopicPartition>>> scope(std::string group) {
    std::vector<TopicPartition> partitions;
    if (command_.all_topics) {
      CO_TRY_ASSIGN(const Offsets committed, co_await groups_.committed(group));
      co_return keys_of(committed);
    }
    for (const TopicScope& scope : command_.topics) {
      for (const std::int32_t partition : scope.partitions) {
        partitions.push_back({scope.topic, partition});
      }
      if (!scope.partitions.empty()) continue;
      const auto all = co_await groups_.partitions_of(scope.topic);
      if (!all) co_return failure(in_execution_exception(all.error().message));
      partitions.insert(partitions.end(), all->begin(), all->end());
    }
    co_return partitions;
  }

  Task<Outcome<Usage<Offsets>>> at_end(std::vector<TopicPartition> partitions,
                                       std::int64_t timestamp) {
    CO_TRY_ASSIGN(Offsets offsets, co_await groups_.log_offsets(std::move(partitions), timestamp));
    co_return Usage<Offsets>(std::move(offsets));
  }

  Task<Outcome<Usage<Offsets>>> at_timestamp(std::vector<TopicPartition> partitions,
                                             std::int64_t timestamp) {
    CO_TRY_ASSIGN(Offsets offsets, co_await groups_.log_offsets(std::move(partitions), timestamp));
    std::vector<TopicPartition> without_record;
    for (const auto& [partition, offset] : offsets) {
      if (offset != kUnknownOffset) continue;
      fmt::print(
          "\nWarn: Partition {} from topic {} is empty. Falling back to latest known "
          "offset.\n",
          partition.partition, partition.topic);
      without_record.push_back(partition);
    }
    CO_TRY_ASSIGN(const Offsets ends,
                  co_await groups_.log_offsets(std::move(without_record), kLatestTimestamp));
    for (const auto& [partition, offset] : ends) offsets[partition] = offset;
    co_return Usage<Offsets>(std::move(offsets));
  }

  Task<Outcome<Usage<Offsets>>> shifted(std::string group, std::vector<TopicPartition> partitions) {
    CO_TRY_ASSIGN(const Offsets committed, co_await groups_.committed(std::move(group)));
    Offsets requested;
    for (const TopicPartition& partition : partitions) {
      const auto found = committed.find(partition);
      if (found == committed.end()) {
        co_return Usage<Offsets>(std::unexpected(UsageError{
            .message = fmt::format("Cannot shift offset for partition {} since there is no current "
                                   "committed offset",
                                   partition)}));
      }
      requested[partition] = found->second + command_.target.number;
    }
    co_return co_await cut(std::move(requested));
  }

  Task<Outcome<Usage<Offsets>>> current(std::string group, std::vector<TopicPartition> partitions) {
    CO_TRY_ASSIGN(const Offsets committed, co_await groups_.committed(std::move(group)));
    std::vector<TopicPartition> uncommitted;
    Offsets offsets;
    for (TopicPartition& partition : partitions) {
      if (const auto found = committed.find(partition); found != committed.end()) {
        offsets[partition] = found->second;
      } else {
        uncommitted.push_back(std::move(partition));
      }
    }
    CO_TRY_ASSIGN(const Offsets ends,
                  co_await groups_.log_offsets(std::move(uncommitted), kLatestTimestamp));
    offsets.insert(ends.begin(), ends.end());
    co_return Usage<Offsets>(std::move(offsets));
  }

  Task<Outcome<Usage<Offsets>>> from_file(std::string group) {
    if (!file_plan_) {
      CO_TRY_ASSIGN(file_plan_, read_plan());
    }
    const auto found = file_plan_->find(group);
    if (found == file_plan_->end()) {
      fmt::print("\nError: No reset plan for group {} found\n", group);
      co_return Usage<Offsets>(Offsets());
    }
    co_return co_await cut(found->second);
  }

  Outcome<ResetPlan> read_plan() const {
    constexpr std::int64_t kPlanBytesMax = 64 * 1024 * 1024;
    const std::string& path = command_.target.path;
    const auto text = runtime::make_posix_file_system()->read_file(path, kPlanBytesMax);
    if (!text) {
      return failure(fmt::format("{}: cannot be read: {}", path, text.error().code().message()));
    }
    const bool is_single = command_.groups.size() == 1;
    return parse_csv(*text, is_single ? std::optional(command_.groups[0]) : std::nullopt);
  }

  Task<Outcome<Usage<Offsets>>> cut(Offsets requested) {
    CO_TRY_ASSIGN(const Offsets starts,
                  co_await groups_.log_offsets(keys_of(requested), kEarliestTimestamp));
    CO_TRY_ASSIGN(const Offsets ends,
                  co_await groups_.log_offsets(keys_of(requested), kLatestTimestamp));
    std::vector<std::string> warnings;
    Offsets offsets = cut_to_log(requested, starts, ends, warnings);
    for (const std::string& warning : warnings) fmt::print(stderr, "WARN {}\n", warning);
    co_return Usage<Offsets>(std::move(offsets));
  }

  ClusterGroups& groups_;
  const Command& command_;
  const std::int64_t now_wall_ms_;
  std::optional<ResetPlan> file_plan_;
};

}  // namespace

Task<Outcome<Usage<>>> reset_offsets(ClusterGroups& groups, const Command& command,
                                     std::int64_t now_wall_ms) {
  CO_TRY_ASSIGN(const auto names, co_await groups_of(groups, command));
  Resetter resetter(groups, command, now_wall_ms);
  ResetPlan plan;
  for (const std::string& name : names) {
    const auto group = co_await groups.describe(name);
    if (!group) co_return failure(in_execution_exception(group.error().message));
    if (group->state != "Empty" && group->state != "Dead") {
      fmt::print(
          "\nError: Assignments can only be reset if the group '{}' is inactive, but the current "
          "state is {}.\n",
          name, group->state);
      plan[name] = {};
      continue;
    }
    CO_TRY_ASSIGN(auto offsets, co_await resetter.plan(name));
    if (!offsets) co_return Usage<>(std::unexpected(std::move(offsets).error()));
    if (command.is_executed && !offsets->empty()) {
      const auto committed = co_await groups.commit(name, *offsets);
      if (!committed) co_return failure(in_execution_exception(committed.error().message));
    }
    plan[name] = std::move(*offsets);
  }
  if (command.is_exported) {
    fmt::print("{}\n", format_csv(plan, command.groups.size() != 1));
  } else {
    fmt::print("{}", format_plan(plan));
  }
  co_return Usage<>();
}

}  // namespace consumer_groups
