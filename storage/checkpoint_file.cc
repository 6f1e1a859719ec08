#include "storage/checkpoint_file.h"

#include <fmt/format.h>

#include "storage/checkpoint_text.h"

namespace storage {
namespace {

// A line is at most a 249 character topic and two numbers; a million partitions fit.
constexpr std::int64_t kFileBytesMax = 512 * 1024 * 1024;

}  // namespace

base::Result<OffsetCheckpoint> parse_offset_checkpoint(std::string_view text) {
  TRY_ASSIGN(const auto lines, parse_checkpoint_text(text, 3));
  OffsetCheckpoint entries;
  for (const auto& words : lines) {
    const auto partition = parse_number<std::int32_t>(words[1]);
    const auto offset = parse_number<std::int64_t>(words[2]);
    if (!partition || !offset) {
      return base::fail(base::Errc::corrupt, fmt::format("checkpoint entry of topic {}", words[0]));
    }
    entries[{std::string(words[0]), *partition}] = base::Offset(*offset);
  }
  return entries;
}

std::string format_offset_checkpoint(const OffsetCheckpoint& entries) {
  std::string text = fmt::format("0\n{}\n", entries.size());
  for (const auto& [partition, offset] : entries) {
    fmt::format_to(std::back_inserter(text), "{} {} {}\n", partition.topic, partition.partition,
                   offset.value());
  }
  return text;
}

base::Result<OffsetCheckpoint> read_offset_checkpoint(runtime::FileSystem& files,
                                                      const std::string& path) {
  const auto text = files.read_file(path, kFileBytesMax);
  if (!text) {
    if (text.error().is(std::errc::no_such_file_or_directory)) return OffsetCheckpoint();
    return base::fail(text.error());
  }
  auto entries = parse_offset_checkpoint(*text);
  if (!entries) return base::fail(std::move(entries.error()).with_context(path));
  return entries;
}

base::Result<void> write_offset_checkpoint(runtime::FileSystem& files, const std::string& path,
                                           const OffsetCheckpoint& entries) {
  return files.write_file_atomically(path, base::as_bytes(format_offset_checkpoint(entries)));
}

}  // namespace storage
