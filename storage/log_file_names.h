// Purpose: what the files of a partition directory are, by their names. Source: LogFileUtils.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace storage {

enum class LogFileKind {
  log,
  index,  // .index, .timeindex, .txnindex
  snapshot,
  cleaned,  // `.cleaned`: unfinished output of a compaction
  swap,     // `.swap`: finished output, its swap is not complete
  deleted,  // `.deleted`
  other,    // not named by an offset: checkpoints, metadata, strangers
};

struct LogFileName {
  LogFileKind kind = LogFileKind::other;
  base::Offset offset;      // of all kinds but other
  std::string_view suffix;  // from the first dot on: ".timeindex", ".log.swap"
};

// Errc::corrupt for a `.log`, index or snapshot that does not begin with an offset.
base::Result<LogFileName> parse_log_file_name(std::string_view name);

}  // namespace storage
