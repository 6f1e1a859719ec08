#include "tools/consumer_groups/history_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "tools/consumer_groups/time_text.h"

namespace consumer_groups {

using nlohmann::json;
using tools::failure;
using tools::Outcome;

namespace {

std::int64_t number_of(const json& object, const char* field, std::int64_t otherwise) {
  const auto found = object.find(field);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>()
                                                             : otherwise;
}

std::string text_of(const json& object, const char* field) {
  const auto found = object.find(field);
  std::string text;
  if (found == object.end() || !found->is_string()) return text;
  text = found->get<std::string>();
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

PastCause cause_of(const json& object) {
  return {.kind = text_of(object, "kind"),
          .member_id = text_of(object, "member_id"),
          .client_id = text_of(object, "client_id"),
          .client_host = text_of(object, "client_host"),
          .late_by_ms = number_of(object, "late_by_ms", 0),
          .reason = text_of(object, "reason")};
}

PastRebalance rebalance_of(const json& object) {
  PastRebalance rebalance{.started_wall_ms = number_of(object, "started_wall_ms", 0),
                          .from_generation = number_of(object, "from_generation", 0),
                          .to_generation = number_of(object, "to_generation", -1),
                          .members = number_of(object, "members", 0),
                          .join_ms = number_of(object, "join_ms", -1),
                          .sync_ms = number_of(object, "sync_ms", -1),
                          .last_to_join = text_of(object, "last_to_join"),
                          .last_join_after_ms = number_of(object, "last_join_after_ms", 0),
                          .causes = {},
                          .dropped_causes = number_of(object, "dropped_causes", 0)};
  const auto causes = object.find("causes");
  if (causes == object.end() || !causes->is_array()) return rebalance;
  for (const json& cause : *causes) {
    if (cause.is_object()) rebalance.causes.push_back(cause_of(cause));
  }
  return rebalance;
}

// What the cause's member did, in words.
std::string deed_of(const PastCause& cause) {
  const auto late = [&] {
    return fmt::format(" for {}.{} s", cause.late_by_ms / 1'000, cause.late_by_ms % 1'000 / 100);
  };
  if (cause.kind == "member_joined") return "joined";
  if (cause.kind == "member_left") return "left";
  if (cause.kind == "member_timed_out") return "sent no heartbeat" + late();
  if (cause.kind == "subscription_changed") return "changed its subscription";
  if (cause.kind == "leader_rejoined") return "rejoined as leader";
  if (cause.kind == "static_member_replaced") return "took the place of a static member";
  if (cause.kind == "join_timed_out") return "did not rejoin in time, silent" + late();
  if (cause.kind == "sync_timed_out") return "did not send SyncGroup in time, silent" + late();
  if (cause.kind == "assignment_not_stored") return "the assignment could not be stored";
  if (cause.kind == "group_too_large") return "the group has too many members";
  return cause.kind;
}

std::string format_cause(const PastCause& cause) {
  std::string text = "    ";
  if (!cause.member_id.empty()) {
    text += fmt::format("{} (client {}, host {}): ", cause.member_id, cause.client_id,
                        cause.client_host);
  }
  text += deed_of(cause);
  if (!cause.reason.empty()) text += fmt::format(" ({})", cause.reason);
  return text + "\n";
}

std::string generations_of(const PastRebalance& rebalance) {
  if (rebalance.to_generation < 0) return fmt::format("{} -> ...", rebalance.from_generation);
  return fmt::format("{} -> {}", rebalance.from_generation, rebalance.to_generation);
}

std::string ms_or_dash(std::int64_t ms) { return ms < 0 ? "-" : fmt::to_string(ms); }

}  // namespace

Outcome<std::vector<PastRebalance>> parse_history(std::string_view text) {
  const json history = json::parse(text, nullptr, false);
  if (!history.is_array()) {
    return failure("the coordinator's rebalance history makes no sense");
  }
  std::vector<PastRebalance> rebalances;
  for (const json& each : history) {
    if (each.is_object()) rebalances.push_back(rebalance_of(each));
  }
  return rebalances;
}

std::string format_history(const std::string& group, const std::vector<PastRebalance>& rebalances) {
  constexpr std::size_t kWidthMin = 15;
  const std::size_t width = std::max(kWidthMin, group.size());
  const auto line = [&](std::string_view name, std::string_view started,
                        std::string_view generation, std::string_view members,
                        std::string_view join, std::string_view sync, std::string_view last) {
    return fmt::format("{:<{}} {:<24} {:<12} {:<8} {:<8} {:<8} {}\n", name, width, started,
                       generation, members, join, sync, last);
  };
  std::string text = "\n" + line("GROUP", "STARTED", "GENERATION", "#MEMBERS", "JOIN-MS", "SYNC-MS",
                                 "LAST-TO-JOIN");
  for (const PastRebalance& rebalance : rebalances) {
    const std::string last =
        rebalance.last_to_join.empty()
            ? "-"
            : fmt::format("{} after {} ms", rebalance.last_to_join, rebalance.last_join_after_ms);
    text += line(group, format_datetime(rebalance.started_wall_ms), generations_of(rebalance),
                 fmt::to_string(rebalance.members), ms_or_dash(rebalance.join_ms),
                 ms_or_dash(rebalance.sync_ms), last);
    for (const PastCause& cause : rebalance.causes) text += format_cause(cause);
    if (rebalance.dropped_causes > 0) {
      text += fmt::format("    and {} more causes\n", rebalance.dropped_causes);
    }
  }
  return text;
}

}  // namespace consumer_groups
