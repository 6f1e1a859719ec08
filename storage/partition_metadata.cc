#include "storage/partition_metadata.h"

#include "base/log.h"

namespace storage {
namespace {

constexpr std::string_view kVersionLine = "version: 0";
constexpr std::string_view kTopicId = "topic_id: ";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

base::Result<base::TopicId> parse_partition_metadata(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos || trimmed(text.substr(0, end)) != kVersionLine) {
    return base::fail(base::Errc::corrupt, "partition metadata version is not 0");
  }
  const std::string_view line = trimmed(text.substr(end + 1));
  if (!line.starts_with(kTopicId)) {
    return base::fail(base::Errc::corrupt, "partition metadata has no topic id");
  }
  const auto id = base::Uuid::parse(trimmed(line.substr(kTopicId.size())));
  if (!id || id->is_zero()) {
    return base::fail(base::Errc::corrupt, "partition metadata has a malformed topic id");
  }
  return *id;
}

std::string format_partition_metadata(base::TopicId id) {
  return std::string(kVersionLine) + "\n" + std::string(kTopicId) + id.to_string();
}

base::Result<std::optional<base::TopicId>> read_partition_metadata(runtime::FileSystem& files,
                                                                   const std::string& directory) {
  constexpr std::int64_t kBytesMax = 4096;
  const std::string path = directory + "/" + kPartitionMetadataFile;
  const auto text = files.read_file(path, kBytesMax);
  if (!text) {
    if (text.error().is(std::errc::no_such_file_or_directory))
      return std::optional<base::TopicId>();
    return base::fail(text.error());
  }
  if (text->empty()) return std::optional<base::TopicId>();
  // Cut or overwritten: never guessed, the controller tells it with the next LeaderAndIsr.
  const auto id = parse_partition_metadata(*text);
  if (id) return std::optional<base::TopicId>(*id);
  LOG_WARN(
      "a topic id that cannot be read counts as not known, the controller tells it file={} "
      "error=\"{}\"",
      path, id.error().to_string());
  return std::optional<base::TopicId>();
}

base::Result<void> write_partition_metadata(runtime::FileSystem& files,
                                            const std::string& directory, base::TopicId id) {
  const std::string path = directory + "/" + kPartitionMetadataFile;
  {
    TRY_ASSIGN(const auto file, files.open(path + ".tmp", runtime::OpenMode::truncate));
    TRY(file->pwrite(base::as_bytes(format_partition_metadata(id)), 0));
  }
  return files.rename(path + ".tmp", path);
}

}  // namespace storage
