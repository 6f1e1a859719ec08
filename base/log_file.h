// Purpose: log files that do not grow for ever. Past its size a file NAME becomes NAME.1, NAME.1
// becomes NAME.2, and the oldest goes; all files are opened anew when somebody has moved them away.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"

namespace base {

struct LogFileLimits {
  std::int64_t bytes_max = 100 * 1024 * 1024;  // 0: none
  std::int32_t kept_max = 10;                  // files beside the current one
};

// One thread writes. A file that cannot be opened or written loses lines and is tried again.
class LogFile {
 public:
  // Where the process's own stdout and stderr go: into this file too, the current one at any time.
  enum class Output : bool { elsewhere, here };

  LogFile(std::string path, Output output);
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // Whole lines; a line is never split between two files.
  void write(std::string_view text, const LogFileLimits& limits);
  void reopen();

 private:
  void open();
  void close();
  void rotate(std::int32_t kept_max);

  const std::string path_;
  const Output output_;
  int descriptor_ = -1;
  std::int64_t size_ = 0;
};

// As start_logging. `console_path`, if not empty, is the file that stands for the terminal:
// stdout and stderr go there, and lines too, in place of `options.to_stdout`.
void start_logging(const LogOptions& options, const std::string& console_path);

// Of every file of the logger, from the next line on. Any thread.
void set_log_file_limits(const LogFileLimits& limits) noexcept;
void reopen_log_files() noexcept;

}  // namespace base
