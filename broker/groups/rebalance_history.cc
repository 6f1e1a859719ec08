#include "broker/groups/rebalance_history.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/check.h"

namespace groups {

std::string_view name_of(RebalanceCause::Kind kind) {
  using Kind = RebalanceCause::Kind;
  switch (kind) {
    case Kind::member_joined: return "member_joined";
    case Kind::member_left: return "member_left";
    case Kind::member_timed_out: return "member_timed_out";
    case Kind::subscription_changed: return "subscription_changed";
    case Kind::leader_rejoined: return "leader_rejoined";
    case Kind::static_member_replaced: return "static_member_replaced";
    case Kind::join_timed_out: return "join_timed_out";
    case Kind::sync_timed_out: return "sync_timed_out";
    case Kind::assignment_not_stored: return "assignment_not_stored";
    case Kind::group_too_large: return "group_too_large";
  }
  return "unknown";
}

void RebalanceHistory::begin(std::int32_t from_generation, Time now) {
  if (rebalances_.size() == kKept) rebalances_.pop_front();
  Rebalance& rebalance = rebalances_.emplace_back();
  rebalance.started_wall_ms = now.wall_ms;
  rebalance.from_generation = from_generation;
  phase_began_ms_ = now.now_ms;
}

void RebalanceHistory::add_cause(RebalanceCause cause) {
  VERIFY(!rebalances_.empty(), "a cause before its rebalance");
  Rebalance& rebalance = rebalances_.back();
  if (rebalance.causes.size() == kCausesKept) {
    ++rebalance.dropped_causes;
    return;
  }
  for (std::string* text :
       {&cause.member_id, &cause.client_id, &cause.client_host, &cause.reason}) {
    if (text->size() > kTextMax) text->resize(kTextMax);
  }
  rebalance.causes.push_back(std::move(cause));
}

void RebalanceHistory::member_joined(std::string_view member_id, Time now) {
  VERIFY(!rebalances_.empty(), "a join before its rebalance");
  Rebalance& rebalance = rebalances_.back();
  rebalance.last_to_join = member_id.substr(0, kTextMax);
  rebalance.last_join_after_ms = now.now_ms - phase_began_ms_;
}

void RebalanceHistory::all_joined(std::int32_t to_generation, std::size_t members, Time now) {
  VERIFY(!rebalances_.empty(), "the end of a phase that never began");
  Rebalance& rebalance = rebalances_.back();
  rebalance.to_generation = to_generation;
  rebalance.members = static_cast<std::int32_t>(members);
  rebalance.join_ms = now.now_ms - std::exchange(phase_began_ms_, now.now_ms);
}

const Rebalance& RebalanceHistory::synced(Time now) {
  VERIFY(!rebalances_.empty(), "the end of a phase that never began");
  Rebalance& rebalance = rebalances_.back();
  rebalance.sync_ms = now.now_ms - phase_began_ms_;
  return rebalance;
}

namespace {

// A client's text in one line of log: no control characters.
std::string printable(std::string_view text) {
  std::string shown(text);
  std::replace_if(
      shown.begin(), shown.end(),
      [](char each) { return std::iscntrl(static_cast<unsigned char>(each)) != 0; }, '?');
  return shown;
}

std::string duration(std::int64_t ms) {
  if (ms < 10'000) return fmt::format("{} ms", ms);
  return fmt::format("{}.{} s", ms / 1000, ms % 1000 / 100);
}

std::string what_happened(const RebalanceCause& cause) {
  using Kind = RebalanceCause::Kind;
  switch (cause.kind) {
    case Kind::member_joined: return "is new";
    case Kind::member_left: return "left";
    case Kind::member_timed_out:
      return fmt::format("sent no heartbeat for {}", duration(cause.late_by_ms));
    case Kind::subscription_changed: return "changed its subscription";
    case Kind::leader_rejoined: return "leads and asked for it";
    case Kind::static_member_replaced: return "replaced its predecessor of the same instance id";
    case Kind::join_timed_out:
      return fmt::format("did not rejoin in time (last heard of {} ago)",
                         duration(cause.late_by_ms));
    case Kind::sync_timed_out:
      return fmt::format("sent no SyncGroup in time (last heard of {} ago)",
                         duration(cause.late_by_ms));
    case Kind::assignment_not_stored: return "led, and its assignment could not be stored";
    case Kind::group_too_large: return "is in a group above group.max.size";
  }
  return "did something unknown";
}

std::string sentence(const RebalanceCause& cause) {
  std::string text =
      fmt::format("{} (client {}, host {}) {}", printable(cause.member_id),
                  printable(cause.client_id), printable(cause.client_host), what_happened(cause));
  if (!cause.reason.empty()) text += fmt::format(" ({})", printable(cause.reason));
  return text;
}

constexpr std::int64_t kNotYet = -1;  // in JSON

nlohmann::json json_of(const RebalanceCause& cause) {
  return {{"kind", name_of(cause.kind)},    {"member_id", cause.member_id},
          {"client_id", cause.client_id},   {"client_host", cause.client_host},
          {"late_by_ms", cause.late_by_ms}, {"reason", cause.reason}};
}

nlohmann::json json_of(const Rebalance& rebalance) {
  nlohmann::json causes = nlohmann::json::array();
  for (const RebalanceCause& each : rebalance.causes) causes.push_back(json_of(each));
  return {{"started_wall_ms", rebalance.started_wall_ms},
          {"from_generation", rebalance.from_generation},
          {"to_generation", rebalance.to_generation.value_or(kNotYet)},
          {"causes", std::move(causes)},
          {"dropped_causes", rebalance.dropped_causes},
          {"join_ms", rebalance.join_ms.value_or(kNotYet)},
          {"sync_ms", rebalance.sync_ms.value_or(kNotYet)},
          {"members", rebalance.members},
          {"last_to_join", rebalance.last_to_join},
          {"last_join_after_ms", rebalance.last_join_after_ms}};
}

}  // namespace

std::string describe(const std::string& group_id, const Rebalance& rebalance) {
  std::string text = fmt::format("group {} ", printable(group_id));
  if (!rebalance.to_generation) {
    text += fmt::format("rebalances: from generation {}", rebalance.from_generation);
  } else {
    text += fmt::format("rebalanced: generation {} -> {}, {} member{}, join {}",
                        rebalance.from_generation, *rebalance.to_generation, rebalance.members,
                        rebalance.members == 1 ? "" : "s", duration(rebalance.join_ms.value_or(0)));
    if (!rebalance.last_to_join.empty()) {
      text += fmt::format(" (last: {} after {})", printable(rebalance.last_to_join),
                          duration(rebalance.last_join_after_ms));
    }
    text += rebalance.sync_ms ? fmt::format(", sync {}", duration(*rebalance.sync_ms))
                              : std::string(", not synced");
  }
  // The first causes say most; a thousand members joining at once are no news.
  constexpr std::size_t kShown = 3;
  std::string_view separator = "; because ";
  for (std::size_t i = 0; i < std::min(kShown, rebalance.causes.size()); ++i) {
    text += fmt::format("{}{}", std::exchange(separator, "; "), sentence(rebalance.causes[i]));
  }
  const std::size_t all = rebalance.causes.size() + rebalance.dropped_causes;
  if (all > kShown) text += fmt::format("; and {} more", all - kShown);
  return text;
}

std::string to_json(const RebalanceHistory& history) {
  nlohmann::json all = nlohmann::json::array();
  for (const Rebalance& each : history.rebalances()) all.push_back(json_of(each));
  // What clients sent need not be UTF-8, and may have been cut within a character.
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace groups
