// zookeeper-shell: one command on the command line, or lines from stdin.
#include <fmt/core.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <iostream>

#include "base/result.h"
#include "runtime/uv/threads.h"
#include "tools/tool.h"
#include "tools/zookeeper_shell/shell.h"

namespace tools {

namespace {

using zookeeper_shell::Shell;

struct Settings {
  std::string connect_string;
  std::int64_t connect_timeout_ms = 10'000;
  std::vector<std::string> command;  // empty: interactive
};

constexpr std::string_view kUsage =
    "USAGE: zookeeper-shell.sh zookeeper_host:port[/path] [-zk-tls-config-file file] [args...]";

Outcome<Settings> read_arguments(const Arguments& arguments) {
  Settings settings;
  std::size_t next = 0;
  if (next < arguments.size() && arguments[next] == "-server") ++next;
  if (next == arguments.size()) return failure(std::string(kUsage));
  settings.connect_string = arguments[next++];
  for (; next < arguments.size() && arguments[next].starts_with('-'); ++next) {
    const std::string& option = arguments[next];
    if (option == "-zk-tls-config-file" || option == "-client-configuration") {
      return failure("TLS to ZooKeeper is not supported by this tool.");
    }
    if (option == "-r") continue;  // a read-only server will do: ours never is
    if (option != "-timeout" || next + 1 == arguments.size()) return failure(std::string(kUsage));
    const std::string& text = arguments[++next];
    std::from_chars(text.data(), text.data() + text.size(), settings.connect_timeout_ms);
  }
  settings.command.assign(arguments.begin() + static_cast<std::ptrdiff_t>(next), arguments.end());
  return settings;
}

// Reads on a worker: the loop has to keep the session alive meanwhile.
std::optional<std::string> read_line() {
  std::string line;
  if (!std::getline(std::cin, line)) return std::nullopt;
  return line;
}

runtime::Task<bool> run_lines(Shell& shell, runtime::WorkerPool& input, std::string server) {
  const bool is_terminal = ::isatty(STDIN_FILENO) == 1;
  bool is_good = true;
  for (int count = 0; !shell.is_over(); ++count) {
    if (is_terminal) fmt::print("[zk: {}(CONNECTED) {}] ", server, count);
    std::fflush(stdout);
    const auto line = co_await runtime::run_on(input, read_line);
    if (!line) break;
    std::vector<std::string> words = zookeeper_shell::split_words(*line);
    if (words.empty()) continue;
    const auto outcome = co_await shell.execute(std::move(words));
    is_good = outcome.has_value();
    if (!outcome) fmt::print(stderr, "{}\n", outcome.error().message);
  }
  co_return is_good;
}

runtime::Task<bool> run(Shell& shell, runtime::WorkerPool& input, Settings settings) {
  fmt::print("Connecting to {}\n", settings.connect_string);
  const bool is_interactive = settings.command.empty();
  if (is_interactive) fmt::print("Welcome to ZooKeeper!\nJLine support is disabled\n");
  std::fflush(stdout);
  if (const auto connected = co_await shell.connect(); !connected) {
    fmt::print(stderr, "{}\n", connected.error().message);
    co_return false;
  }
  fmt::print("\nWATCHER::\n\nWatchedEvent state:SyncConnected type:None path:null zxid: -1\n");
  if (is_interactive) co_return co_await run_lines(shell, input, settings.connect_string);
  const auto outcome = co_await shell.execute(std::move(settings.command));
  if (!outcome) fmt::print(stderr, "{}\n", outcome.error().message);
  co_return outcome.has_value();
}

runtime::Task<bool> run_and_close(Shell& shell, runtime::WorkerPool& input, Settings settings) {
  const bool is_good = co_await run(shell, input, std::move(settings));
  co_await shell.close();
  co_return is_good;
}

}  // namespace

int zookeeper_shell(const Arguments& arguments) {
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-help")) {
    fmt::print(stderr, "{}\n", kUsage);
    return 1;
  }
  auto settings = read_arguments(arguments);
  if (!settings) {
    fmt::print(stderr, "{}\n", settings.error().message);
    return 1;
  }
  runtime::UvLoop loop;
  const auto resolver = runtime::make_worker_pool("resolver", 1, 16);
  const auto input = runtime::make_worker_pool("stdin", 1, 1);
  Shell shell(loop, *resolver, settings->connect_string, settings->connect_timeout_ms);
  return runtime::block_on(loop, run_and_close(shell, *input, *settings)) ? 0 : 1;
}

}  // namespace tools
