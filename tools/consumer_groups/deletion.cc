// --delete and --delete-offsets.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/result.h"
#include "tools/consumer_groups/actions.h"
#include "tools/java_exception.h"

namespace consumer_groups {

using protocol::ErrorCode;
using runtime::Task;
using tools::failure;
using tools::java_exception;
using tools::Outcome;

namespace {

// What is printed above the table of --delete-offsets.
std::string headline(const Command& command, const std::string& group, ErrorCode code) {
  const auto error = [](const std::string& text) { return fmt::format("\nError: {}\n", text); };
  switch (code) {
    case ErrorCode::kNone:
      return fmt::format("Request succeed for deleting offsets with topic {} group {}\n",
                         fmt::join(command.topic_arguments, ", "), group);
    case ErrorCode::kInvalidGroupId: return error(fmt::format("'{}' is not valid.", group));
    case ErrorCode::kGroupIdNotFound: return error(fmt::format("'{}' does not exist.", group));
    case ErrorCode::kGroupAuthorizationFailed:
      return error(fmt::format("Access to '{}' is not authorized.", group));
    case ErrorCode::kNonEmptyGroup:
      return error(fmt::format(
          "Deleting offsets of a consumer group '{}' is forbidden if the group is not empty.",
          group));
    case ErrorCode::kGroupSubscribedToTopic:
    case ErrorCode::kTopicAuthorizationFailed:
    case ErrorCode::kUnknownTopicOrPartition:
      return error("Encounter some partition level error, see the follow-up details:");
    default: break;
  }
  return error(fmt::format("Encounter some unknown error: {}", protocol::name(code)));
}

std::string status_line(const std::string& topic, std::string_view partition, ErrorCode code) {
  const std::string status = code == ErrorCode::kNone
                                 ? std::string("Successful")
                                 : fmt::format("Error: {}", java_exception(code));
  return fmt::format("{:<30} {:<15} {:<15}\n", topic, partition, status);
}

}  // namespace

Task<Outcome<>> delete_groups(ClusterGroups& groups, const Command& command) {
  CO_TRY_ASSIGN(const auto names, co_await groups_of(groups, command));
  std::vector<std::string> deleted;
  std::vector<std::pair<std::string, std::string>> failures;
  for (const std::string& name : names) {
    const auto code = co_await groups.remove(name);
    if (code && *code == ErrorCode::kNone) {
      deleted.push_back(name);
    } else {
      failures.emplace_back(name, code ? java_exception(*code) : code.error().message);
    }
  }
  const std::string names_deleted = fmt::format("'{}'", fmt::join(deleted, "', '"));
  if (failures.empty()) {
    fmt::print("Deletion of requested consumer groups ({}) was successful.\n", names_deleted);
    co_return Outcome<>();
  }
  fmt::print("\nError: Deletion of some consumer groups failed:\n");
  for (const auto& [name, reason] : failures) {
    fmt::print("* Group '{}' could not be deleted due to: {}\n", name,
               in_execution_exception(reason));
  }
  if (!deleted.empty()) {
    fmt::print("\nThese consumer groups were deleted successfully: {}\n", names_deleted);
  }
  co_return Outcome<>();
}

Task<Outcome<>> delete_offsets(ClusterGroups& groups, const Command& command) {
  const std::string& group = command.groups.front();
  std::vector<TopicPartition> partitions;
  std::map<std::string, std::string> lines;  // by Kafka's order: topic and number as one text
  for (const TopicScope& scope : command.topics) {
    for (const std::int32_t partition : scope.partitions) {
      partitions.push_back({scope.topic, partition});
    }
    if (!scope.partitions.empty()) continue;
    auto all = co_await groups.partitions_of(scope.topic);
    if (!all) {
      lines[scope.topic + "-1"] = fmt::format("{:<30} {:<15} Error: {}\n", scope.topic,
                                              "Not Provided", all.error().message);
      continue;
    }
    partitions.insert(partitions.end(), all->begin(), all->end());
  }
  CO_TRY_ASSIGN(const DeletedOffsets deleted, co_await groups.delete_offsets(group, partitions));
  ErrorCode headline_code = deleted.group_error;
  for (const TopicPartition& partition : partitions) {
    const auto found = deleted.partitions.find(partition);
    const ErrorCode code = found == deleted.partitions.end() ? deleted.group_error : found->second;
    if (headline_code == ErrorCode::kNone) headline_code = code;
    const std::string number = fmt::to_string(partition.partition);
    lines[partition.topic + number] = status_line(partition.topic, number, code);
  }
  fmt::print("{}", headline(command, group, headline_code));
  fmt::print("\n{:<30} {:<15} {:<15}\n", "TOPIC", "PARTITION", "STATUS");
  for (const auto& [order, line] : lines) fmt::print("{}", line);
  co_return Outcome<>();
}

}  // namespace consumer_groups
