#include "tools/dump_log/dump.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "base/result.h"

namespace dump_log {

using tools::failure;
using tools::Outcome;

namespace {
constexpr std::int64_t kIndexBytesMax = 1 << 30;
}

Outcome<SegmentFile> parse_segment_path(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::size_t name_at = slash == std::string::npos ? 0 : slash + 1;
  const std::size_t first_dot = path.find('.', name_at);
  SegmentFile segment;
  segment.stem = path.substr(0, first_dot);
  segment.suffix = first_dot == std::string::npos ? "" : path.substr(path.rfind('.'));
  const std::string_view digits = std::string_view(segment.stem).substr(name_at);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), segment.base_offset);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return failure(fmt::format("{}: the name of the file is not an offset", path));
  }
  return segment;
}

std::string absolute_path(const std::string& path) {
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(path, ignored);
  return ignored ? path : absolute.string();
}

Outcome<std::string> Dumper::read(const std::string& path) {
  TRY_ASSIGN(std::string bytes, files_.read_file(path, kIndexBytesMax));
  return bytes;
}

Outcome<> Dumper::dump(const std::string& path, bool& unknown) {
  const std::size_t slash = path.rfind('/');
  const std::size_t dot = path.rfind('.');
  const bool has_suffix = dot != std::string::npos && (slash == std::string::npos || dot > slash);
  const std::string suffix = has_suffix ? path.substr(dot) : "";
  unknown = false;
  if (suffix == ".log") return dump_log(path);
  if (suffix == ".index") return dump_offset_index(path);
  if (suffix == ".timeindex") return dump_time_index(path);
  if (suffix == ".snapshot") return dump_producer_snapshot(path);
  if (suffix == ".txnindex") return dump_transaction_index(path);
  unknown = true;
  return {};
}

}  // namespace dump_log
