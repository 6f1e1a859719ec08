#include "tools/consumer_groups/command.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/result.h"
#include "tools/consumer_groups/time_text.h"

namespace consumer_groups {

using tools::Options;
using tools::Outcome;
using tools::Usage;
using tools::UsageError;
using tools::ValueKind;

namespace {

constexpr tools::OptionSpec kOptions[] = {
    {"bootstrap-server", "REQUIRED: the brokers to connect to.", ValueKind::text,
     "server to connect to"},
    {.name = "group",
     .description = "The consumer group; may be given several times.",
     .kind = ValueKind::text,
     .value_name = "consumer group",
     .is_repeatable = true},
    {.name = "topic",
     .description = "The topic whose offsets to reset or to delete, all of it or some partitions: "
                    "topic1:0,1,2. May be given several times.",
     .kind = ValueKind::text,
     .value_name = "topic",
     .is_repeatable = true},
    {"all-topics", "Reset all partitions with a committed offset."},
    {"list", "List all consumer groups."},
    {"describe", "Show a group's members, committed offsets and lag."},
    {"all-groups", "Apply to all consumer groups."},
    {"delete", "Delete groups with their offsets."},
    {"timeout", "How long each call to the brokers may take.", ValueKind::int64, "timeout (ms)",
     "5000"},
    {"command-config", "A properties file for the client.", ValueKind::text,
     "command config property file"},
    {"reset-offsets",
     "Set the offsets of a group without members, to one of --to-offset, --to-earliest, "
     "--to-latest, --to-current, --shift-by, --to-datetime, --by-duration, --from-file, for "
     "--topic or --all-topics."},
    {"delete-offsets", "Delete the offsets of one group in some topics."},
    {"dry-run", "Only show the offsets that --reset-offsets would set; this is the default."},
    {"execute", "Set the offsets."},
    {"export", "Print the offsets as CSV, for --from-file."},
    {"to-offset", "Reset to this offset.", ValueKind::int64, "offset"},
    {"from-file", "Reset to what a CSV file says.", ValueKind::text, "path to CSV file"},
    {"to-datetime", "Reset to the first record from then on: YYYY-MM-DDTHH:mm:SS.sss.",
     ValueKind::text, "datetime"},
    {"by-duration", "Reset to the first record that is not older: PnDTnHnMnS.", ValueKind::text,
     "duration"},
    {"to-earliest", "Reset to the first offset."},
    {"to-latest", "Reset to the end."},
    {"to-current", "Reset to the committed offset."},
    {"shift-by", "Reset to so many records behind, or with - before, the committed offset.",
     ValueKind::int64, "number-of-offsets"},
    {"members", "With --describe: show the members."},
    {"history",
     "With --describe: show the last rebalances, what caused them and how long they took (Barnabas "
     "brokers only)."},
    {"verbose", "With --describe --members: show the partitions of each member."},
    {"offsets", "With --describe: show offsets and lag; this is the default."},
    {.name = "state",
     .description = "With --describe: show state and coordinator. With --list: show the states, of "
                    "all groups or of those in the states given.",
     .kind = ValueKind::text,
     .is_value_optional = true},
    {.name = "type",
     .description = "With --list: show the types, of all groups or of those of the types given.",
     .kind = ValueKind::text,
     .is_value_optional = true},
};
constexpr tools::OptionTable kTable{
    "This tool helps to list all consumer groups, describe a consumer group, delete consumer group "
    "info, or reset consumer group offsets.",
    kOptions};

constexpr std::string_view kActions[] = {"list", "describe", "delete", "reset-offsets",
                                         "delete-offsets"};
constexpr std::string_view kTargets[] = {"to-offset",   "shift-by",  "to-datetime", "by-duration",
                                         "to-earliest", "to-latest", "to-current",  "from-file"};
constexpr std::string_view kStates[] = {
    "PreparingRebalance", "CompletingRebalance", "Stable", "Dead", "Empty",
    "Assigning",          "Reconciling"};
constexpr std::string_view kTypes[] = {"Consumer", "Classic"};

std::unexpected<UsageError> with_table(std::string message) {
  return std::unexpected(UsageError{.message = std::move(message)});
}

std::ptrdiff_t count_given(const Options& options, std::span<const std::string_view> names) {
  return std::ranges::count_if(names, [&](std::string_view name) { return options.has(name); });
}

Usage<> check_describe(const Options& options) {
  constexpr std::string_view kViews[] = {"members", "offsets", "state", "history"};
  if (!options.has("describe")) {
    for (const std::string_view name : {"members", "offsets", "verbose", "history"}) {
      if (!options.has(name)) continue;
      return with_table(fmt::format("Option [{}] can only be used with [describe]", name));
    }
    return {};
  }
  if (!options.has("group") && !options.has("all-groups")) {
    return with_table("Option [describe] takes one of these options: [group], [all-groups]");
  }
  if (count_given(options, kViews) > 1) {
    return with_table(
        "Option [describe] takes at most one of these options: [members], [offsets], [state], "
        "[history]");
  }
  if (options.given("state")) {
    return with_table("Option [describe] does not take a value for [state]");
  }
  return {};
}

Usage<> check_delete(const Options& options) {
  if (options.has("delete")) {
    if (!options.has("group") && !options.has("all-groups")) {
      return with_table("Option [delete] takes one of these options: [group], [all-groups]");
    }
    if (options.has("topic")) {
      return with_table(
          "The consumer does not support topic-specific offset deletion from a consumer group.");
    }
  }
  if (options.has("delete-offsets") && (!options.has("group") || !options.has("topic"))) {
    return with_table("Option [delete-offsets] takes the following options: [group], [topic]");
  }
  return {};
}

Usage<> check_reset(const Options& options) {
  if (!options.has("reset-offsets")) return {};
  if (options.has("dry-run") && options.has("execute")) {
    return with_table("Option [reset-offsets] only accepts one of [execute] and [dry-run]");
  }
  if (!options.has("dry-run") && !options.has("execute")) {
    fmt::print(
        stderr,
        "WARN: No action will be performed as the --execute option is missing. Scripts that "
        "only want to see the plan should say --dry-run: a later version may ask instead.\n");
  }
  if (!options.has("group") && !options.has("all-groups")) {
    return with_table("Option [reset-offsets] takes one of these options: [group], [all-groups]");
  }
  for (const std::string_view target : kTargets) {
    for (const std::string_view other : kTargets) {
      if (other != target) TRY(exclude(options, target, {other}));
    }
  }
  if (count_given(options, kTargets) == 0) {
    return with_table(
        fmt::format("Option '[reset-offsets]' requires one of the following scenarios: [[{}]]",
                    fmt::join(kTargets, "], [")));
  }
  if (!options.has("all-topics") && !options.has("topic") && !options.has("from-file")) {
    return with_table("One of the reset scopes should be defined: --all-topics, --topic.");
  }
  return {};
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

template <class Consume>
void split(std::string_view text, char separator, Consume consume) {
  while (true) {
    const std::size_t end = text.find(separator);
    consume(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

// "stable, Empty" in Kafka's spelling; the last two are for the message.
Usage<std::vector<std::string>> read_names(const std::optional<std::string>& text,
                                           std::span<const std::string_view> valid,
                                           std::string_view list_name, std::string_view plural) {
  std::vector<std::string> names;
  if (!text || text->empty()) return names;
  bool is_valid = true;
  split(*text, ',', [&](std::string_view name) {
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    const auto known = std::ranges::find_if(
        valid, [&](std::string_view each) { return equals_ignoring_case(each, name); });
    if (known == valid.end()) {
      is_valid = false;
    } else {
      names.emplace_back(*known);
    }
  });
  if (is_valid) return names;
  return with_table(fmt::format("Invalid {} list '{}'. Valid {} are: {}", list_name, *text, plural,
                                fmt::join(valid, ", ")));
}

Usage<TopicScope> read_topic(const std::string& argument) {
  const std::size_t colon = argument.find(':');
  if (colon == std::string::npos) return TopicScope{argument, {}};
  TopicScope scope{argument.substr(0, colon), {}};
  const std::string_view list = std::string_view(argument).substr(colon + 1);
  if (list.empty() || list.find(':') != std::string_view::npos) {
    return with_table(
        fmt::format("Invalid topic arg '{}', expected topic name and partitions", argument));
  }
  std::optional<std::string> wrong;
  split(list, ',', [&](std::string_view text) {
    std::int32_t partition = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), partition);
    if (error != std::errc() || end != text.data() + text.size()) wrong = text;
    scope.partitions.push_back(partition);
  });
  if (!wrong) return scope;
  return with_table(
      fmt::format("Invalid partition '{}' specified in topic arg '{}''", *wrong, argument));
}

Outcome<ResetTarget> read_target(const Options& options) {
  using Kind = ResetTarget::Kind;
  if (options.has("to-offset")) return ResetTarget{Kind::offset, *options.number("to-offset"), {}};
  if (options.has("shift-by")) return ResetTarget{Kind::shift, *options.number("shift-by"), {}};
  if (const auto text = options.given("to-datetime")) {
    TRY_ASSIGN(const std::int64_t timestamp_ms, parse_datetime(*text));
    return ResetTarget{Kind::timestamp, timestamp_ms, {}};
  }
  if (const auto text = options.given("by-duration")) {
    TRY_ASSIGN(const std::int64_t age_ms, parse_duration(*text));
    return ResetTarget{Kind::age, age_ms, {}};
  }
  if (options.has("to-earliest")) return ResetTarget{Kind::earliest, 0, {}};
  if (options.has("to-latest")) return ResetTarget{Kind::latest, 0, {}};
  if (options.has("to-current")) return ResetTarget{Kind::current, 0, {}};
  return ResetTarget{Kind::file, 0, options.given("from-file").value_or("")};
}

Action action_of(const Options& options) {
  if (options.has("list")) return Action::list;
  if (options.has("describe")) return Action::describe;
  if (options.has("delete")) return Action::remove;
  return options.has("reset-offsets") ? Action::reset_offsets : Action::delete_offsets;
}

View view_of(const Options& options) {
  if (options.has("members")) return View::members;
  if (options.has("history")) return View::history;
  return options.has("state") ? View::state : View::offsets;
}

}  // namespace

const tools::OptionTable& option_table() { return kTable; }

Usage<> check_options(const Options& options) {
  TRY(require(options, {"bootstrap-server"}));
  TRY(check_describe(options));
  TRY(check_delete(options));
  TRY(check_reset(options));
  TRY(exclude(options, "group", {"all-groups", "list"}));
  TRY(exclude(options, "topic", {"list", "describe"}));
  if (options.has("type") && !options.has("list")) {
    return with_table("Option [type] can only be used with [list]");
  }
  if (options.has("state") && !options.has("list") && !options.has("describe")) {
    return with_table("Option [state] can only be used with [describe] or [list]");
  }
  if (count_given(options, kActions) != 1) {
    return with_table(
        "Command must include exactly one action: --list, --describe, --delete, --reset-offsets, "
        "--delete-offsets");
  }
  return {};
}

Usage<Outcome<Command>> read_command(const Options& options) {
  Command command;
  command.action = action_of(options);
  command.bootstrap = *options.given("bootstrap-server");
  command.command_config = options.given("command-config");
  command.timeout_ms = *options.number("timeout");
  command.groups = options.values("group");
  command.all_groups = options.has("all-groups");
  command.topic_arguments = options.values("topic");
  for (const std::string& argument : command.topic_arguments) {
    TRY_ASSIGN(TopicScope scope, read_topic(argument));
    command.topics.push_back(std::move(scope));
  }
  command.all_topics = options.has("all-topics");
  if (command.action == Action::list) {
    command.shows_state = options.has("state");
    command.shows_type = options.has("type");
    TRY_ASSIGN(command.states, read_names(options.given("state"), kStates, "state", "states"));
    TRY_ASSIGN(command.types, read_names(options.given("type"), kTypes, "types", "types"));
  }
  command.view = view_of(options);
  command.is_verbose = options.has("verbose");
  command.is_executed = options.has("execute");
  command.is_exported = options.has("export");
  if (command.action == Action::reset_offsets) {
    auto target = read_target(options);
    if (!target) return Outcome<Command>(std::unexpected(std::move(target).error()));
    command.target = std::move(*target);
  }
  return Outcome<Command>(std::move(command));
}

}  // namespace consumer_groups
