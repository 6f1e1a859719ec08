// Goal: kafka-consumer-groups reads its command line, dates and plans as Kafka 3.9 does and prints
// Kafka's tables.
#include <doctest/doctest.h>

#include "tools/consumer_groups/assignment.h"
#include "tools/consumer_groups/command.h"
#include "tools/consumer_groups/history_view.h"
#include "tools/consumer_groups/reset_plan.h"
#include "tools/consumer_groups/time_text.h"
#include "tools/consumer_groups/views.h"

using namespace consumer_groups;
using namespace std::string_view_literals;

namespace {

constexpr std::int64_t kHourMs = 3'600'000;

tools::Arguments with_server(const tools::Arguments& arguments) {
  tools::Arguments all{"--bootstrap-server", "h:1"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

// What is wrong with the command line; empty if nothing is.
std::string usage_error(const tools::Arguments& arguments) {
  const auto options = tools::parse_options(option_table(), with_server(arguments));
  if (!options) return options.error().message;
  const auto checked = check_options(*options);
  if (!checked) return checked.error().message;
  const auto command = read_command(*options);
  if (!command) return command.error().message;
  return *command ? "" : command->error().message;
}

Command command_of(const tools::Arguments& arguments) {
  const auto options = tools::parse_options(option_table(), with_server(arguments));
  REQUIRE(options);
  REQUIRE(check_options(*options));
  auto command = read_command(*options);
  REQUIRE(command);
  REQUIRE(*command);
  return std::move(**command);
}

std::int64_t datetime(std::string_view text) { return parse_datetime(text).value_or(-1); }
std::int64_t duration(std::string_view text) { return parse_duration(text).value_or(-1); }

// Runs of blanks become one.
std::string squeezed(std::string_view text) {
  std::string squeezed;
  for (const char c : text) {
    if (c != ' ' || !squeezed.ends_with(' ')) squeezed += c;
  }
  return squeezed;
}

// Where the columns of a table's first line, which follows an empty one, begin.
std::vector<std::size_t> starts_of_words(std::string_view table) {
  std::vector<std::size_t> starts;
  for (std::size_t i = 1; table[i] != '\n'; ++i) {
    const bool is_start = table[i] != ' ' && (table[i - 1] == ' ' || table[i - 1] == '\n');
    if (is_start) starts.push_back(i);
  }
  return starts;
}

std::string plan_error(std::string_view text, const std::optional<std::string>& group) {
  const auto plan = parse_csv(text, group);
  return plan ? "" : plan.error().message;
}

}  // namespace

TEST_CASE("one action, and what belongs to it") {
  CHECK(usage_error({"--list"}).empty());
  CHECK(usage_error({"--list", "--delete", "--group", "g"}) ==
        "Option \"[group]\" can't be used with option \"[list]\"");
  CHECK(usage_error({"--group", "g"}).starts_with("Command must include exactly one action: "));
  CHECK(usage_error({"--describe"}) ==
        "Option [describe] takes one of these options: [group], [all-groups]");
  CHECK(usage_error({"--describe", "--group", "g", "--all-groups"}) ==
        "Option \"[group]\" can't be used with option \"[all-groups]\"");
  CHECK(usage_error({"--describe", "--group", "g", "--members", "--state"}) ==
        "Option [describe] takes at most one of these options: [members], [offsets], [state], "
        "[history]");
  CHECK(usage_error({"--describe", "--group", "g", "--state", "Stable"}) ==
        "Option [describe] does not take a value for [state]");
  CHECK(usage_error({"--describe", "--group", "g", "--topic", "t"}) ==
        "Option \"[topic]\" can't be used with option \"[describe]\"");
  CHECK(usage_error({"--list", "--members"}) ==
        "Option [members] can only be used with [describe]");
  CHECK(usage_error({"--delete", "--group", "g", "--topic", "t"}) ==
        "The consumer does not support topic-specific offset deletion from a consumer group.");
  CHECK(usage_error({"--delete-offsets", "--group", "g"}) ==
        "Option [delete-offsets] takes the following options: [group], [topic]");
}

TEST_CASE("states and types in any case") {
  const Command command = command_of({"--list", "--state", "stable, EMPTY", "--type", "classic"});
  CHECK(command.states == std::vector<std::string>{"Stable", "Empty"});
  CHECK(command.types == std::vector<std::string>{"Classic"});
  CHECK(command.shows_state);
  CHECK(command_of({"--list", "--state"}).states.empty());
  CHECK(usage_error({"--list", "--state", "x"}) ==
        "Invalid state list 'x'. Valid states are: PreparingRebalance, CompletingRebalance, "
        "Stable, Dead, Empty, Assigning, Reconciling");
  CHECK(usage_error({"--list", "--type", "x"}) ==
        "Invalid types list 'x'. Valid types are: Consumer, Classic");
}

TEST_CASE("what is reset, and to what") {
  const tools::Arguments reset{"--reset-offsets", "--dry-run", "--group", "g"};
  const auto error_with = [&](const tools::Arguments& more) {
    tools::Arguments all = reset;
    all.insert(all.end(), more.begin(), more.end());
    return usage_error(all);
  };
  CHECK(error_with({"--topic", "t"}).starts_with("Option '[reset-offsets]' requires one of"));
  CHECK(error_with({"--to-latest"}) ==
        "One of the reset scopes should be defined: --all-topics, --topic.");
  CHECK(error_with({"--to-latest", "--to-current", "--all-topics"}) ==
        "Option \"[to-latest]\" can't be used with option \"[to-current]\"");
  CHECK(error_with({"--execute", "--to-latest", "--all-topics"}) ==
        "Option [reset-offsets] only accepts one of [execute] and [dry-run]");
  CHECK(error_with({"--to-latest", "--topic", "t:0,x"}) ==
        "Invalid partition 'x' specified in topic arg 't:0,x''");
  CHECK(error_with({"--to-latest", "--topic", "t:0:1"}) ==
        "Invalid topic arg 't:0:1', expected topic name and partitions");
  CHECK(error_with({"--from-file", "f"}).empty());
  CHECK(error_with({"--all-topics", "--to-datetime", "2020-01-01T00:00:00"}) ==
        "java.text.ParseException: Unparseable date: \"2020-01-01T00:00:00Z\"");
  const Command command = command_of({"--reset-offsets", "--execute", "--all-groups", "--topic",
                                      "a:2,0", "--topic", "b", "--shift-by", "-5"});
  CHECK(command.is_executed);
  CHECK(command.all_groups);
  CHECK(command.target.kind == ResetTarget::Kind::shift);
  CHECK(command.target.number == -5);
  REQUIRE(command.topics.size() == 2);
  CHECK(command.topics[0].partitions == std::vector<std::int32_t>{2, 0});
  CHECK(command.topics[1].partitions.empty());
}

TEST_CASE("dates") {
  CHECK(datetime("1970-01-01T00:00:00.000") == 0);
  CHECK(datetime("2026-11-24T16:30:05.250Z") == 1'795'537'805'250);
  for (const char* zone : {"+02", "+0200", "+02:00"}) {
    CAPTURE(zone);
    CHECK(datetime("1970-01-01T02:00:00.001" + std::string(zone)) == 1);
  }
  CHECK(datetime("1969-12-31T23:00:00.000-01:00") == 0);
  for (const char* bad :
       {"", "T", "2026-02-30T00:00:00.000", "2026-13-01T00:00:00.000", "2026-01-01T24:00:00.000",
        "2026-01-01T00:00:00.000x", "2026-01-01T00:00.000", "x2026-01-01T00:00:00.000"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_datetime(bad));
  }
  CHECK(format_datetime(1'795'537'805'250) == "2026-11-24T16:30:05.250Z");
}

TEST_CASE("durations") {
  CHECK(duration("P1D") == 24 * kHourMs);
  CHECK(duration("PT1H30M") == kHourMs * 3 / 2);
  CHECK(duration("P2DT1.5S") == 48 * kHourMs + 1'500);
  CHECK(duration("pt0.0019s") == 1);
  CHECK(duration("PT-1M") == -60'000);
  CHECK(duration("-PT1M") == -60'000);
  for (const char* bad :
       {"", "P", "PT", "P1", "1D", "P1H", "PT1D", "P1DT", "PT1M1H", "P1.5D", "PTS", "P1Dx"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("plans as CSV") {
  const ResetPlan plan{{"g", {{{"t", 0}, 5}, {{"a-topic-with-a-very-long-name", 1}, 7}}},
                       {"h i", {{{"t", 2}, 9}}}};
  const std::string csv = format_csv(plan, true);
  CHECK(csv == "g,\"a-topic-with-a-very-long-name\",1,7\ng,t,0,5\n\"h i\",t,2,9\n");
  CHECK(parse_csv(csv, std::nullopt) == plan);
  CHECK(parse_csv(csv, "g") == plan);
  const ResetPlan one{{"g", {{{"t", 0}, 5}}}};
  CHECK(format_csv(one, false) == "t,0,5\n");
  CHECK(parse_csv("t, 0 ,5\r\n\n", "g") == one);
  CHECK(parse_csv("\"t\",0,5", "g") == one);
  CHECK(parse_csv("\"a\"\"b\",t,0,5", std::nullopt)->begin()->first == "a\"b");
  CHECK(plan_error("t,0,5", std::nullopt) ==
        "line 1 of the reset plan is not group,topic,partition,offset: t,0,5");
  CHECK(plan_error("t,0,5\nt,1\n", "g") ==
        "line 2 of the reset plan is not topic,partition,offset: t,1");
  CHECK_FALSE(plan_error("\"t,0,5", "g").empty());
  CHECK_FALSE(plan_error("t,0,99999999999999999999", "g").empty());
  CHECK(parse_csv("", "g")->empty());
}

TEST_CASE("plans as a table, cut to the log") {
  std::vector<std::string> warnings;
  const Offsets cut = cut_to_log({{{"t", 0}, 9}, {{"t", 1}, 1}, {{"t", 2}, 3}},
                                 {{{"t", 0}, 0}, {{"t", 1}, 2}, {{"t", 2}, 0}},
                                 {{{"t", 0}, 5}, {{"t", 1}, 5}, {{"t", 2}, 5}}, warnings);
  CHECK(cut == Offsets{{{"t", 0}, 5}, {{"t", 1}, 2}, {{"t", 2}, 3}});
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[1] ==
        "New offset (1) is lower than earliest offset for topic partition t-1. Value will be set "
        "to 2");
  CHECK(format_plan({}).empty());
  CHECK(format_plan({{"g", {{{"t", 0}, 5}}}}) ==
        "\nGROUP                          TOPIC                          PARTITION  NEW-OFFSET     "
        "\ng                              t                              0          5              "
        "\n");
}

TEST_CASE("a member's assignment") {
  const auto partitions =
      decode_assignment("\0\1\0\0\0\1\0\1t\0\0\0\2\0\0\0\3\0\0\0\1\xff\xff\xff\xff"sv);
  REQUIRE(partitions);
  CHECK(*partitions == std::vector<TopicPartition>{{"t", 1}, {"t", 3}});
  CHECK(decode_assignment("")->empty());
  CHECK_FALSE(decode_assignment("\0\0\x7f\xff\xff\xff"sv));
  CHECK_FALSE(decode_assignment("\0\0\0\0\0\1\0\1t\0\0\0\2\0\0\0\3"sv));
}

TEST_CASE("notes on states") {
  CHECK(note_of_state("g", "Dead")->out == "\nError: Consumer group 'g' does not exist.\n");
  CHECK_FALSE(note_of_state("g", "Dead")->has_table);
  CHECK(note_of_state("g", "Empty")->err == "\nConsumer group 'g' has no active members.\n");
  CHECK(note_of_state("g", "CompletingRebalance")->err ==
        "\nWarning: Consumer group 'g' is rebalancing.\n");
  CHECK(note_of_state("g", "Stable")->err.empty());
  CHECK_FALSE(note_of_state("g", ""));
}

TEST_CASE("lists") {
  const std::vector<GroupListing> listings{{"g", "Stable", "Classic"}};
  CHECK(format_list(listings, {}) == "g\n");
  CHECK(format_list(listings, {.type = true, .state = true}) ==
        "GROUP                     TYPE                 STATE               \n"
        "g                         Classic              Stable              \n");
}

TEST_CASE("a described group") {
  DescribedGroup group{"g", "Stable", "range", {}, {}};
  group.members.push_back({"c1", "", "client", "/10.0.0.1", {{"t", 0}}});
  group.members.push_back({"c2", "", "client", "/10.0.0.2", {{"t", 1}, {"u", 0}}});
  group.members.push_back({"c3", "", "client", "/10.0.0.3", {}});
  const Offsets committed{{{"t", 0}, 5}, {{"v", 0}, 1}};
  CHECK(consumer_groups::partitions_of(group, committed) ==
        std::vector<TopicPartition>{{"t", 0}, {"t", 1}, {"u", 0}, {"v", 0}});
  const auto rows = offset_rows(group, committed, {{{"t", 0}, 7}, {{"t", 1}, 0}, {{"v", 0}, 1}});
  const std::string offsets = format_offsets("g", rows);
  CHECK(squeezed(offsets) == R"(
GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG CONSUMER-ID HOST CLIENT-ID
g t 1 - 0 - c2 /10.0.0.2 client
g u 0 - - - c2 /10.0.0.2 client
g t 0 5 7 2 c1 /10.0.0.1 client
g v 0 1 1 0 - - -
)");
  const std::vector<std::size_t> starts{1, 17, 33, 44, 60, 76, 92, 108, 124};
  CHECK(starts_of_words(offsets) == starts);
  CHECK(format_members(group, false).find("GROUP-INSTANCE-ID") == std::string::npos);
  group.members[2].instance_id = "i";
  const std::string members = format_members(group, true);
  CHECK(squeezed(members) == R"(
GROUP CONSUMER-ID GROUP-INSTANCE-ID HOST CLIENT-ID #PARTITIONS ASSIGNMENT
g c1 /10.0.0.1 client 1 t(0)
g c2 /10.0.0.2 client 2 t(1), u(0)
g c3 i /10.0.0.3 client 0 -
)");
  CHECK(starts_of_words(members) == std::vector<std::size_t>{1, 17, 33, 51, 67, 83, 99});
  CHECK(format_state(group, {base::BrokerId(1), {"host", 9092}}) == R"(
GROUP                     COORDINATOR (ID)          ASSIGNMENT-STRATEGY  STATE           #MEMBERS
g                         host:9092  (1)            range                Stable          3
)");
}

TEST_CASE("the history of a group") {
  const auto history = parse_history(R"([
    {"started_wall_ms": 1795537805250, "from_generation": 4, "to_generation": 5, "members": 2,
     "join_ms": 312, "sync_ms": 8, "last_to_join": "c1", "last_join_after_ms": 310,
     "causes": [{"kind": "member_timed_out", "member_id": "c2", "client_id": "c\u001b",
                 "client_host": "/10.0.0.7", "late_by_ms": 10050, "reason": ""},
                {"kind": "member_left", "member_id": "c3", "client_id": "c",
                 "client_host": "/10.0.0.8", "reason": "closed"},
                {"kind": "of_tomorrow"}, 7],
     "dropped_causes": 2},
    {"from_generation": 5, "of_tomorrow": []}])");
  REQUIRE(history);
  CHECK(squeezed(format_history("g", *history)) == R"(
GROUP STARTED GENERATION #MEMBERS JOIN-MS SYNC-MS LAST-TO-JOIN
g 2026-11-24T16:30:05.250Z 4 -> 5 2 312 8 c1 after 310 ms
 c2 (client c?, host /10.0.0.7): sent no heartbeat for 10.0 s
 c3 (client c, host /10.0.0.8): left (closed)
 of_tomorrow
 and 2 more causes
g 1970-01-01T00:00:00.000Z 5 -> ... 0 - - -
)");
  CHECK(parse_history("[]")->empty());
  CHECK_FALSE(parse_history("{}"));
  CHECK_FALSE(parse_history("[{"));
}
