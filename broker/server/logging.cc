#include "broker/server/logging.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "base/log_file.h"

namespace server {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

// A terminal, or a file that both were sent to.
bool is_one_output() {
  struct stat out{};
  struct stat err{};
  return ::fstat(STDOUT_FILENO, &out) == 0 && ::fstat(STDERR_FILENO, &err) == 0 &&
         out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

}  // namespace

void start_broker_logging() {
  base::LogOptions options;
  if (const std::string directory = environment("LOG_DIR"); !directory.empty()) {
    options.file_path = directory + "/server.log";
  }
  base::start_logging(options, environment("BARNABAS_CONSOLE_FILE"));
}

void apply_logging(const config::LoggingConfig& logging) {
  base::set_log_level(logging.level);
  base::set_log_file_limits({.bytes_max = logging.file_max_bytes, .kept_max = logging.older_files});
}

bool reopens_on_hangup() { return ::isatty(STDOUT_FILENO) == 0; }

void say_failure(const std::string& line) {
  LOG_ERROR("{}", line);
  if (!is_one_output()) std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace server
