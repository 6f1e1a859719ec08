// barnabas-server: reads server.properties, runs the broker until a signal.
//
// Exit codes as Kafka's: 143, 130, 129 after SIGTERM, SIGINT, SIGHUP; 1 when it cannot start.
// SIGHUP stops it only where its terminal has gone; else the log files are opened anew.

#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/log_file.h"
#include "base/version.h"
#include "broker/server/broker.h"
#include "broker/server/logging.h"
#include "runtime/freed_memory.h"
#include "runtime/posix/file_system.h"
#include "runtime/standard_descriptors.h"
#include "runtime/uv/threads.h"

namespace {

constexpr std::int64_t kPropertiesBytesMax = 16 * 1024 * 1024;
constexpr int kLogDrainMs = 2000;

struct CommandLine {
  std::string properties_path;
  std::vector<std::string> overrides;
  bool wants_version = false;
};

void print_error(const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); }

std::optional<CommandLine> parse(int argc, char** argv) {
  CommandLine command;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--version" || argument == "-version") {
      command.wants_version = true;
    } else if (argument == "--override" || argument == "-override") {
      if (i + 1 == argc) {
        print_error("Option override requires an argument");
        return std::nullopt;
      }
      command.overrides.emplace_back(argv[++i]);
    } else if (argument.starts_with("--override=")) {
      command.overrides.push_back(argument.substr(11));
    } else if (argument.starts_with("-") || !command.properties_path.empty()) {
      print_error(argument.starts_with("-") ? argument + " is not a recognized option"
                                            : "Found non argument parameters: " + argument);
      return std::nullopt;
    } else {
      command.properties_path = argument;
    }
  }
  if (command.properties_path.empty() && !command.wants_version) {
    print_error("USAGE: barnabas-server server.properties [--override property=value]*");
    return std::nullopt;
  }
  return command;
}

std::optional<server::BrokerOptions> load(const CommandLine& command) {
  const auto files = runtime::make_posix_file_system();
  const auto text = files->read_file(command.properties_path, kPropertiesBytesMax);
  if (!text) {
    server::say_failure("cannot read " + command.properties_path + ": " +
                        text.error().code().message());
    return std::nullopt;
  }
  auto properties = config::Properties::parse(*text, command.properties_path);
  if (!properties) {
    server::say_failure(properties.error().to_string());
    return std::nullopt;
  }
  for (const std::string& argument : command.overrides) {
    if (const auto set = properties->set_override(argument); !set) {
      server::say_failure(set.error().to_string());
      return std::nullopt;
    }
  }
  config::LoadReport report;
  auto config = config::load(*properties, report);
  for (const std::string& line : report.errors) server::say_failure(line);
  if (!config) return std::nullopt;
  server::apply_logging(config->logging);
  for (const std::string& line : report.warnings) LOG_WARN("{}", line);
  for (const std::string& line : report.infos) LOG_INFO("{}", line);
  return server::BrokerOptions{std::move(*properties), std::move(*config)};
}

std::size_t raise_open_files_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
  (void)::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<std::size_t>(limit.rlim_cur);
}

struct Progress {
  explicit Progress(runtime::Loop& loop) : changed(loop) {}
  int signal_number = 0;
  std::optional<std::string> fatal;  // why the broker cannot go on
  std::optional<base::Result<void>> started;
  runtime::Notify changed;
};

runtime::Task<void> start(server::Broker* broker, Progress* progress) {
  progress->started.emplace(co_await broker->start());
  progress->changed.notify_all();
}

// Everything is closed; only a look-up that hangs would keep the process for as long as it hangs.
void end_at_once_if_held(const server::Broker& broker, int exit_code) {
  if (!broker.waits_for_names()) return;
  LOG_INFO("ending while a name is still looked up");
  base::stop_logging(kLogDrainMs);
  std::_Exit(exit_code);
}

// Runs until a signal, or until the start has failed; the process's exit code.
runtime::Task<int> run(runtime::UvLoop& loop, server::BrokerOptions options) {
  Progress progress(loop);
  const runtime::SignalWatcher watcher(loop, [&progress](int number) {
    if (number == SIGHUP && server::reopens_on_hangup()) {
      base::reopen_log_files();
      LOG_INFO("log files opened anew");
      return;
    }
    progress.signal_number = number;
    progress.changed.notify_all();
  });
  options.on_fatal = [&progress](const std::string& reason) {
    progress.fatal = reason;
    progress.changed.notify_all();
  };
  server::Broker broker(loop, std::move(options));
  runtime::TaskScope scope(loop, "start");
  scope.spawn(start(&broker, &progress));
  while (progress.signal_number == 0 && !progress.fatal && !progress.started) {
    (void)co_await progress.changed.wait();
  }
  if (!progress.started) co_await broker.interrupt();
  co_await scope.join();
  if (!*progress.started && progress.signal_number == 0) {
    const std::string line = "cannot start: " + progress.started->error().to_string();
    server::say_failure(line);
    co_await broker.stop();
    end_at_once_if_held(broker, EXIT_FAILURE);
    co_return EXIT_FAILURE;
  }
  while (progress.signal_number == 0 && !progress.fatal) (void)co_await progress.changed.wait();
  if (progress.fatal) {
    const std::string line = "the broker ends: " + *progress.fatal;
    LOG_ERROR("{}", line);
    print_error(line);
    co_await broker.stop();
    end_at_once_if_held(broker, EXIT_FAILURE);
    co_return EXIT_FAILURE;
  }
  LOG_INFO("stopping on signal={}", progress.signal_number);
  co_await broker.stop();
  end_at_once_if_held(broker, 128 + progress.signal_number);
  co_return 128 + progress.signal_number;
}

}  // namespace

int main(int argc, char** argv) {
  runtime::open_standard_descriptors();
  const auto command = parse(argc, argv);
  if (!command) return EXIT_FAILURE;
  if (command->wants_version) {
    std::printf("%s\n", base::kKafkaVersion);
    return EXIT_SUCCESS;
  }
  runtime::keep_freed_memory();
  server::start_broker_logging();
  auto options = load(*command);
  if (!options) {
    base::stop_logging(kLogDrainMs);
    return EXIT_FAILURE;
  }
  options->open_files_limit = raise_open_files_limit();

  int exit_code = EXIT_FAILURE;
  {
    runtime::UvLoop loop;
    exit_code = runtime::block_on(loop, run(loop, std::move(*options)));
  }
  base::stop_logging(kLogDrainMs);
  return exit_code;
}
