// kafka-consumer-groups: list, describe and delete consumer groups, reset and delete their offsets.
// Source: ConsumerGroupCommand.java (3.9).
//
// As in Kafka the exit code is 0 unless the command line is wrong: what failed stands on stdout.
#include <fmt/core.h>

#include "base/result.h"
#include "runtime/uv/system.h"
#include "tools/cluster_session.h"
#include "tools/consumer_groups/actions.h"
#include "tools/tool.h"

namespace tools {

namespace {

using consumer_groups::Action;
using consumer_groups::ClusterGroups;
using consumer_groups::Command;

runtime::Task<Outcome<Usage<>>> act(client::ClusterClient& cluster, const Command& command) {
  ClusterGroups groups(cluster);
  switch (command.action) {
    case Action::list: CO_TRY(co_await list_groups(groups, command)); break;
    case Action::describe: CO_TRY(co_await describe_groups(groups, command)); break;
    case Action::remove: CO_TRY(co_await delete_groups(groups, command)); break;
    case Action::delete_offsets: CO_TRY(co_await delete_offsets(groups, command)); break;
    case Action::reset_offsets:
      co_return co_await reset_offsets(groups, command, runtime::SystemClock().wall_ms());
  }
  co_return Usage<>();
}

Outcome<Usage<>> run(const Outcome<Command>& command) {
  if (!command) return std::unexpected(command.error());
  TRY_ASSIGN(const auto session, ClusterSession::create({.bootstrap = command->bootstrap,
                                                         .command_config = command->command_config,
                                                         .call_timeout_ms = command->timeout_ms}));
  return session->run<Usage<>>(
      [&](client::ClusterClient& cluster) { return act(cluster, *command); });
}

}  // namespace

int kafka_consumer_groups(const Arguments& arguments) {
  const OptionTable& table = consumer_groups::option_table();
  const auto options = parse_options(table, arguments);
  if (!options) return report(options.error(), table);
  if (auto checked = consumer_groups::check_options(*options); !checked) {
    return report(checked.error(), table);
  }
  const auto command = consumer_groups::read_command(*options);
  if (!command) return report(command.error(), table);
  const auto outcome = run(*command);
  if (!outcome) {
    fmt::print("\nError: Executing consumer group command failed due to {}\n",
               outcome.error().message);
    return 0;
  }
  return *outcome ? 0 : report(outcome->error(), table);
}

}  // namespace tools
