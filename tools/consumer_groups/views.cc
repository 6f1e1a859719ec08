#include "tools/consumer_groups/views.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/result.h"

namespace consumer_groups {

using tools::failure;
using tools::Outcome;

namespace {

constexpr std::size_t kWidthMin = 15;

// The width of a column: its longest cell, and at least `minimum`.
template <class Rows, class Cell>
std::size_t width_of(const Rows& rows, Cell cell, std::size_t minimum = kWidthMin) {
  std::size_t width = minimum;
  for (const auto& row : rows) width = std::max(width, std::invoke(cell, row).size());
  return width;
}

std::string number_or_dash(const std::optional<std::int64_t>& number) {
  return number ? fmt::to_string(*number) : "-";
}

// "topic(0,1), other(2)"
std::string format_assignment(const std::vector<TopicPartition>& partitions) {
  if (partitions.empty()) return "-";
  std::map<std::string, std::vector<std::int32_t>> by_topic;
  for (const TopicPartition& partition : partitions) {
    by_topic[partition.topic].push_back(partition.partition);
  }
  std::vector<std::string> topics;
  for (auto& [topic, numbers] : by_topic) {
    std::ranges::sort(numbers);
    topics.push_back(fmt::format("{}({})", topic, fmt::join(numbers, ",")));
  }
  return fmt::format("{}", fmt::join(topics, ", "));
}

}  // namespace

Outcome<StateNote> note_of_state(const std::string& group, std::string_view state) {
  if (state == "Dead") {
    return StateNote{.out = fmt::format("\nError: Consumer group '{}' does not exist.\n", group),
                     .err = {},
                     .has_table = false};
  }
  if (state == "Empty") {
    return StateNote{.out = {},
                     .err = fmt::format("\nConsumer group '{}' has no active members.\n", group)};
  }
  for (const std::string_view moving :
       {"PreparingRebalance", "CompletingRebalance", "Assigning", "Reconciling"}) {
    if (state != moving) continue;
    return StateNote{.out = {},
                     .err = fmt::format("\nWarning: Consumer group '{}' is rebalancing.\n", group)};
  }
  if (state == "Stable") return StateNote{};
  return failure(fmt::format("Expected a valid consumer group state, but found '{}'.",
                             state.empty() ? std::string_view("Unknown") : state));
}

std::string format_list(const std::vector<GroupListing>& listings, ListColumns columns) {
  std::string text;
  if (!columns.type && !columns.state) {
    for (const GroupListing& listing : listings) text += listing.group + "\n";
    return text;
  }
  const std::size_t width = width_of(listings, &GroupListing::group) + 10;
  const auto add = [&](std::string_view group, std::string_view type, std::string_view state) {
    text += fmt::format("{:<{}}", group, width);
    if (columns.type) text += fmt::format(" {:<20}", type);
    if (columns.state) text += fmt::format(" {:<20}", state);
    text += '\n';
  };
  add("GROUP", "TYPE", "STATE");
  for (const GroupListing& listing : listings) add(listing.group, listing.type, listing.state);
  return text;
}

std::vector<TopicPartition> partitions_of(const DescribedGroup& group, const Offsets& committed) {
  std::set<TopicPartition> partitions;
  for (const MemberDescription& member : group.members) {
    partitions.insert(member.partitions.begin(), member.partitions.end());
  }
  for (const auto& [partition, offset] : committed) partitions.insert(partition);
  return {partitions.begin(), partitions.end()};
}

std::vector<OffsetRow> offset_rows(const DescribedGroup& group, const Offsets& committed,
                                   const Offsets& log_ends) {
  const auto offset_in = [](const Offsets& offsets, const TopicPartition& partition) {
    const auto found = offsets.find(partition);
    return found == offsets.end() ? std::nullopt : std::optional(found->second);
  };
  std::multimap<std::size_t, const MemberDescription*, std::greater<>> members;
  for (const MemberDescription& member : group.members) {
    members.emplace(member.partitions.size(), &member);
  }
  std::vector<OffsetRow> rows;
  std::set<TopicPartition> assigned;
  for (const auto& [count, member] : members) {
    for (const TopicPartition& partition : member->partitions) {
      assigned.insert(partition);
      rows.push_back({partition, offset_in(committed, partition), offset_in(log_ends, partition),
                      member->id, member->host, member->client_id});
    }
  }
  for (const auto& [partition, offset] : committed) {
    if (assigned.contains(partition)) continue;
    rows.push_back(
        {.partition = partition, .committed = offset, .log_end = offset_in(log_ends, partition)});
  }
  return rows;
}

std::string format_offsets(const std::string& group, const std::vector<OffsetRow>& rows) {
  const std::size_t group_width = std::max(kWidthMin, group.size());
  const std::size_t topic_width =
      width_of(rows, [](const OffsetRow& row) { return std::string_view(row.partition.topic); });
  const std::size_t consumer_width = width_of(rows, &OffsetRow::consumer_id);
  const std::size_t host_width = width_of(rows, &OffsetRow::host);
  std::string text = "\n";
  const auto add = [&](std::string_view name, std::string_view topic, std::string_view partition,
                       std::string_view committed, std::string_view log_end, std::string_view lag,
                       std::string_view consumer, std::string_view host, std::string_view client) {
    text += fmt::format("{:<{}} {:<{}} {:<10} {:<15} {:<15} {:<15} {:<{}} {:<{}} {}\n", name,
                        group_width, topic, topic_width, partition, committed, log_end, lag,
                        consumer, consumer_width, host, host_width, client);
  };
  add("GROUP", "TOPIC", "PARTITION", "CURRENT-OFFSET", "LOG-END-OFFSET", "LAG", "CONSUMER-ID",
      "HOST", "CLIENT-ID");
  for (const OffsetRow& row : rows) {
    const auto lag =
        row.committed && row.log_end ? std::optional(*row.log_end - *row.committed) : std::nullopt;
    add(group, row.partition.topic, fmt::to_string(row.partition.partition),
        number_or_dash(row.committed), number_or_dash(row.log_end), number_or_dash(lag),
        row.consumer_id, row.host, row.client_id);
  }
  return text;
}

std::string format_members(const DescribedGroup& group, bool is_verbose) {
  constexpr std::size_t kInstanceWidthMin = 17;
  const std::size_t group_width = std::max(kWidthMin, group.group.size());
  const std::size_t id_width = width_of(group.members, &MemberDescription::id);
  const std::size_t instance_width =
      width_of(group.members, &MemberDescription::instance_id, kInstanceWidthMin);
  const std::size_t host_width = width_of(group.members, &MemberDescription::host);
  const std::size_t client_width = width_of(group.members, &MemberDescription::client_id);
  const bool has_instances = std::ranges::any_of(
      group.members, [](const MemberDescription& member) { return !member.instance_id.empty(); });
  std::string text = "\n";
  const auto add = [&](std::string_view name, std::string_view id, std::string_view instance,
                       std::string_view host, std::string_view client, std::string_view count,
                       std::string_view assignment) {
    text += fmt::format("{:<{}} {:<{}} ", name, group_width, id, id_width);
    if (has_instances) text += fmt::format("{:<{}} ", instance, instance_width);
    text += fmt::format("{:<{}} {:<{}} {:<15} ", host, host_width, client, client_width, count);
    if (is_verbose) text += assignment;
    text += '\n';
  };
  add("GROUP", "CONSUMER-ID", "GROUP-INSTANCE-ID", "HOST", "CLIENT-ID", "#PARTITIONS",
      "ASSIGNMENT");
  for (const MemberDescription& member : group.members) {
    add(group.group, member.id, member.instance_id, member.host, member.client_id,
        fmt::to_string(member.partitions.size()), format_assignment(member.partitions));
  }
  return text;
}

std::string format_state(const DescribedGroup& group, const Coordinator& coordinator) {
  constexpr std::size_t kCoordinatorWidthMin = 25;
  const std::string where = fmt::format("{}:{}  ({})", coordinator.endpoint.host,
                                        coordinator.endpoint.port, coordinator.id);
  // The first column is as wide as the second needs: so it is in Kafka.
  const std::size_t width = std::max(kCoordinatorWidthMin, where.size());
  const auto line = [&](std::string_view name, std::string_view second, std::string_view strategy,
                        std::string_view state, std::string_view members) {
    return fmt::format("{:<{}} {:<25} {:<20} {:<15} {}\n", name, width, second, strategy, state,
                       members);
  };
  return "\n" + line("GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE", "#MEMBERS") +
         line(group.group, where, group.assignor, group.state,
              fmt::to_string(group.members.size()));
}

}  // namespace consumer_groups
