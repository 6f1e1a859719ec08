#include "storage/log_directory.h"

#include <fmt/format.h>

#include "base/log.h"
#include "storage/checkpoint_text.h"

namespace storage {
namespace {

constexpr std::size_t kNameBytesMax = 255;

struct Suffix {
  std::string_view text;
  PartitionDirectoryKind kind;
};
constexpr Suffix kSuffixes[] = {{"-delete", PartitionDirectoryKind::deleted},
                                {"-future", PartitionDirectoryKind::future},
                                {"-stray", PartitionDirectoryKind::stray}};

// What the broker does without a checkpoint of this name.
std::string_view meaning_of_missing(std::string_view name) {
  if (name == kRecoveryPointCheckpoint)
    return "logs that were not closed are checked from the start";
  if (name == kHighWatermarkCheckpoint) return "high watermarks begin at the log start";
  if (name == kLogStartCheckpoint) return "logs begin with their first segment";
  return "compaction begins at the log start";
}

std::unexpected<base::Error> not_a_partition(std::string_view name) {
  return base::fail(base::Errc::invalid_argument,
                    fmt::format("{} is not the name of a partition's directory: give it back its "
                                "name, <topic>-<partition>, or move it to another place",
                                name));
}

}  // namespace

base::Result<PartitionDirectoryName> parse_partition_directory(std::string_view name) {
  PartitionDirectoryName parsed;
  // Tiered storage's cache and KRaft's log live beside the partitions and are none of ours.
  if (name == "remote-log-index-cache" || name == "__cluster_metadata-0") {
    parsed.kind = PartitionDirectoryKind::ignored;
    return parsed;
  }
  std::string_view plain = name;
  for (const Suffix& suffix : kSuffixes) {
    if (!name.ends_with(suffix.text)) continue;
    // "<topic>-<partition>.<uuid>-delete"
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot + 1 + suffix.text.size() >= name.size()) {
      return not_a_partition(name);
    }
    plain = name.substr(0, dot);
    parsed.kind = suffix.kind;
  }
  const std::size_t dash = plain.rfind('-');
  if (dash == std::string_view::npos || dash == 0) return not_a_partition(name);
  const auto partition = parse_number<std::int32_t>(plain.substr(dash + 1));
  if (!partition || *partition < 0) return not_a_partition(name);
  parsed.partition = {std::string(plain.substr(0, dash)), *partition};
  return parsed;
}

std::string deleted_directory_name(const base::TopicPartition& partition, const base::Uuid& id) {
  std::string suffix = fmt::format("-{}.", partition.partition);
  for (const std::uint8_t byte : id.bytes) suffix += fmt::format("{:02x}", byte);
  suffix += "-delete";
  return partition.topic.substr(0, kNameBytesMax - suffix.size()) + suffix;
}

LogDirectory::LogDirectory(runtime::FileSystem& files, std::string path)
    : files_(files), path_(std::move(path)), reaper_(files) {}

base::Result<void> LogDirectory::open() {
  TRY(files_.create_directories(path_));
  TRY_ASSIGN(const runtime::FileInfo info, files_.info(path_));
  if (!info.is_directory) {
    return base::fail(base::Errc::invalid_argument, path_ + " in log.dirs is not a directory");
  }
  TRY_ASSIGN(lock_, files_.lock(path_ + "/" + kLockFile));
  TRY_ASSIGN(meta_, read_meta_properties(files_, path_));
  return {};
}

base::Result<void> LogDirectory::write_meta_properties(const MetaProperties& properties,
                                                       std::int64_t now_ms) {
  TRY(storage::write_meta_properties(files_, path_, properties, now_ms));
  meta_ = properties;
  return {};
}

base::Result<bool> LogDirectory::take_clean_shutdown_marker() {
  const std::string marker = path_ + "/" + kCleanShutdownMarker;
  if (!files_.exists(marker)) return false;
  TRY(files_.remove_file(marker));
  // On the device before anything is written: a marker that came back after a power failure
  // would vouch for files that changed since.
  TRY(files_.sync_directory(path_));
  return true;
}

base::Result<void> LogDirectory::write_clean_shutdown_marker() {
  constexpr std::string_view kContent = R"({"version":0,"brokerEpoch":-1})";
  return files_.write_file_atomically(path_ + "/" + kCleanShutdownMarker, base::as_bytes(kContent));
}

// Not synced: when the power fails, the device alone is what is read, and nothing need be known.
base::Result<void> LogDirectory::mark_failed_sync() {
  TRY(files_.open(path_ + "/" + kSyncFailedMarker, runtime::OpenMode::create));
  return {};
}

base::Result<void> LogDirectory::unmark_failed_sync() {
  return files_.remove_file(path_ + "/" + kSyncFailedMarker);
}

base::Result<OffsetCheckpoint> LogDirectory::read_checkpoint(const char* name) {
  auto entries = read_offset_checkpoint(files_, path_ + "/" + name);
  if (entries || !entries.error().is(base::Errc::corrupt)) return entries;
  LOG_WARN("a checkpoint that cannot be read counts as missing, so {} error=\"{}\"",
           meaning_of_missing(name), entries.error().to_string());
  return OffsetCheckpoint();
}

base::Result<void> LogDirectory::write_checkpoint(const char* name,
                                                  const std::function<OffsetCheckpoint()>& gather) {
  base::LockGuard guard(checkpoint_mutex_);
  return write_offset_checkpoint(files_, path_ + "/" + name, gather());
}

}  // namespace storage
