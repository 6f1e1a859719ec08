#include "storage/log_file_names.h"

#include "storage/checkpoint_text.h"

namespace storage {
namespace {

LogFileKind kind_of(std::string_view suffix) {
  if (suffix.ends_with(".deleted")) return LogFileKind::deleted;
  if (suffix.ends_with(".cleaned")) return LogFileKind::cleaned;
  if (suffix.ends_with(".swap")) return LogFileKind::swap;
  if (suffix.ends_with(".log")) return LogFileKind::log;
  if (suffix.ends_with("index")) return LogFileKind::index;
  if (suffix.ends_with(".snapshot")) return LogFileKind::snapshot;
  return LogFileKind::other;
}

bool is_index_suffix(std::string_view suffix) {
  return suffix.ends_with(".index") || suffix.ends_with(".timeindex") ||
         suffix.ends_with(".txnindex");
}

}  // namespace

base::Result<LogFileName> parse_log_file_name(std::string_view name) {
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return LogFileName{};
  LogFileName parsed;
  parsed.suffix = name.substr(dot);
  parsed.kind = kind_of(parsed.suffix);
  if (parsed.kind == LogFileKind::index && !is_index_suffix(parsed.suffix)) {
    parsed.kind = LogFileKind::other;
  }
  if (parsed.kind == LogFileKind::other) return LogFileName{};
  const auto offset = parse_number<std::int64_t>(name.substr(0, dot));
  if (offset && *offset >= 0) {
    parsed.offset = base::Offset(*offset);
    return parsed;
  }
  // A deleted snapshot of a deleted thing may be called anything.
  if (parsed.kind == LogFileKind::deleted) return parsed;
  return base::fail(base::Errc::corrupt, "file name without an offset: " + std::string(name));
}

}  // namespace storage
