#include "tools/verifiable/command_line.h"

#include <fmt/core.h>

#include <csignal>

namespace verifiable {

using tools::Options;
using tools::UsageError;

namespace {

volatile std::sig_atomic_t g_signal = 0;

constexpr std::string_view kNewBootstrap = "bootstrap-server";
constexpr std::string_view kOldBootstrap = "broker-list";

}  // namespace

std::expected<Options, int> read_options(std::string_view program, const tools::OptionTable& table,
                                         const tools::Arguments& arguments,
                                         std::initializer_list<std::string_view> required) {
  const bool asks_for_help = arguments.empty() || arguments[0] == "-h" || arguments[0] == "--help";
  if (asks_for_help) {
    fmt::print("usage: {} [option]...\n\n{}\n\n{}", program, table.purpose,
               tools::format_help(table));
    return std::unexpected(0);
  }
  auto options = tools::parse_options(table, arguments);
  if (!options && options.error().kind == UsageError::Kind::version) {
    return std::unexpected(tools::report(options.error(), table));
  }
  if (!options) return std::unexpected(usage_error(program, options.error().message));
  if (!options->positional().empty()) {
    return std::unexpected(usage_error(
        program, fmt::format("unrecognized arguments: '{}'", options->positional().front())));
  }
  for (const std::string_view name : required) {
    if (options->has(name)) continue;
    return std::unexpected(usage_error(program, fmt::format("argument --{} is required", name)));
  }
  if (options->has(kNewBootstrap) && options->has(kOldBootstrap)) {
    return std::unexpected(usage_error(program, fmt::format("argument --{}: not allowed with --{}",
                                                            kOldBootstrap, kNewBootstrap)));
  }
  if (!options->has(kNewBootstrap) && !options->has(kOldBootstrap)) {
    return std::unexpected(usage_error(
        program,
        fmt::format("one of the arguments --{} --{} is required", kNewBootstrap, kOldBootstrap)));
  }
  return std::move(*options);
}

int usage_error(std::string_view program, std::string_view message) {
  fmt::print(stderr, "usage: {} [option]... (--help lists them)\n{}: error: {}\n", program, program,
             message);
  return 1;
}

void set_bootstrap(config::Properties& properties, const Options& options) {
  const bool has_new = options.has(kNewBootstrap);
  properties.set("bootstrap.servers", *options.given(has_new ? kNewBootstrap : kOldBootstrap));
}

void watch_signals() {
  struct sigaction action{};
  action.sa_handler = [](int signal) { g_signal = signal; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int received_signal() { return g_signal; }

}  // namespace verifiable
