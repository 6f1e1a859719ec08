#include "storage/leader_epoch_cache.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/checkpoint_text.h"

namespace storage {
namespace {

constexpr std::int64_t kFileBytesMax = 64 * 1024 * 1024;

}  // namespace

LeaderEpochCache::LeaderEpochCache(runtime::FileSystem& files, std::string path)
    : files_(files), path_(std::move(path)) {}

base::Result<void> LeaderEpochCache::load() {
  base::LockGuard guard(mutex_);
  entries_.clear();
  has_changed_ = false;
  const auto text = files_.read_file(path_, kFileBytesMax);
  if (!text) {
    if (text.error().is(std::errc::no_such_file_or_directory)) return {};
    return base::fail(text.error());
  }
  if (text->empty()) return base::fail(base::Errc::corrupt, path_ + ": empty");
  auto lines = parse_checkpoint_text(*text, 2);
  // Also if nothing is learned instead: a file that makes no sense is not left behind.
  has_changed_ = true;
  if (!lines) return base::fail(std::move(lines.error()).with_context(path_));
  for (const auto& words : *lines) {
    const auto epoch = parse_number<std::int32_t>(words[0]);
    const auto start = parse_number<std::int64_t>(words[1]);
    if (!epoch || !start || *epoch < 0 || *start < 0) {
      entries_.clear();
      return base::fail(base::Errc::corrupt, path_ + ": malformed entry");
    }
    // Through the same door as at run time, so that the order holds whatever the file says.
    add({base::LeaderEpoch(*epoch), base::Offset(*start)});
  }
  has_changed_ = false;
  return {};
}

std::string LeaderEpochCache::text() const {
  std::string text = fmt::format("0\n{}\n", entries_.size());
  for (const EpochEntry& entry : entries_) {
    fmt::format_to(std::back_inserter(text), "{} {}\n", entry.epoch.value(),
                   entry.start_offset.value());
  }
  return text;
}

bool LeaderEpochCache::has_changed() {
  base::LockGuard guard(mutex_);
  return has_changed_;
}

base::Result<void> LeaderEpochCache::stage_if_changed() {
  base::LockGuard one_at_a_time(save_mutex_);
  staged_text_.clear();
  std::string path;
  std::string text;
  {
    base::LockGuard guard(mutex_);
    if (!has_changed_) return {};
    path = path_ + ".tmp";
    text = this->text();
  }
  TRY_ASSIGN(const auto file, files_.open(path, runtime::OpenMode::truncate));
  TRY(file->pwrite(base::as_bytes(text), 0));
  staged_text_ = std::move(text);
  return {};
}

base::Result<void> LeaderEpochCache::replace_by_staged() {
  {
    base::LockGuard one_at_a_time(save_mutex_);
    base::LockGuard guard(mutex_);
    if (!has_changed_) return {};
    if (!staged_text_.empty() && staged_text_ == text()) {
      TRY(files_.rename(path_ + ".tmp", path_));
      has_changed_ = false;
      return {};
    }
  }
  return save_if_changed();
}

base::Result<void> LeaderEpochCache::save_if_changed() {
  base::LockGuard one_at_a_time(save_mutex_);
  std::string path;
  std::string text;
  {
    base::LockGuard guard(mutex_);
    if (!has_changed_) return {};
    has_changed_ = false;
    path = path_;
    text = this->text();
  }
  // Not under mutex_: an append that notes an epoch must not wait for the device.
  auto written = files_.write_file_atomically(path, base::as_bytes(text));
  if (!written) {
    base::LockGuard guard(mutex_);
    has_changed_ = true;
  }
  return written;
}

void LeaderEpochCache::add(EpochEntry entry) {
  if (!entries_.empty()) {
    const EpochEntry& latest = entries_.back();
    if (entry.epoch == latest.epoch && entry.start_offset >= latest.start_offset) return;
    std::erase_if(entries_, [&](const EpochEntry& e) {
      return e.epoch >= entry.epoch || e.start_offset >= entry.start_offset;
    });
  }
  entries_.push_back(entry);
  has_changed_ = true;
}

void LeaderEpochCache::assign(base::LeaderEpoch epoch, base::Offset start_offset) {
  if (epoch < base::LeaderEpoch(0) || start_offset < base::Offset(0)) return;
  base::LockGuard guard(mutex_);
  add({epoch, start_offset});
}

void LeaderEpochCache::truncate_from_end(base::Offset end_offset) {
  base::LockGuard guard(mutex_);
  const auto erased =
      std::erase_if(entries_, [&](const EpochEntry& e) { return e.start_offset >= end_offset; });
  if (erased > 0) has_changed_ = true;
}

void LeaderEpochCache::truncate_from_start(base::Offset start_offset) {
  base::LockGuard guard(mutex_);
  const auto above = std::find_if(entries_.begin(), entries_.end(), [&](const EpochEntry& e) {
    return e.start_offset > start_offset;
  });
  if (above == entries_.begin()) return;
  const EpochEntry first{(above - 1)->epoch, start_offset};
  if (above - 1 == entries_.begin() && entries_.front() == first) return;
  entries_.erase(entries_.begin(), above - 1);
  entries_.front() = first;
  has_changed_ = true;
}

void LeaderEpochCache::clear() {
  base::LockGuard guard(mutex_);
  if (entries_.empty()) return;
  entries_.clear();
  has_changed_ = true;
}

std::optional<base::LeaderEpoch> LeaderEpochCache::latest_epoch() {
  base::LockGuard guard(mutex_);
  if (entries_.empty()) return std::nullopt;
  return entries_.back().epoch;
}

std::optional<EpochEntry> LeaderEpochCache::earliest_entry() {
  base::LockGuard guard(mutex_);
  if (entries_.empty()) return std::nullopt;
  return entries_.front();
}

std::optional<EpochEntry> LeaderEpochCache::latest_entry() {
  base::LockGuard guard(mutex_);
  if (entries_.empty()) return std::nullopt;
  return entries_.back();
}

std::optional<base::LeaderEpoch> LeaderEpochCache::epoch_for(base::Offset offset) {
  base::LockGuard guard(mutex_);
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->start_offset <= offset) return entry->epoch;
  }
  return std::nullopt;
}

EpochEndOffset LeaderEpochCache::end_offset_for(base::LeaderEpoch epoch,
                                                base::Offset log_end_offset) {
  base::LockGuard guard(mutex_);
  if (epoch < base::LeaderEpoch(0) || entries_.empty()) return {};
  if (entries_.back().epoch == epoch) return {epoch, log_end_offset};
  const auto higher = std::find_if(entries_.begin(), entries_.end(),
                                   [&](const EpochEntry& e) { return e.epoch > epoch; });
  if (higher == entries_.end()) return {};
  if (higher == entries_.begin()) return {epoch, higher->start_offset};
  return {(higher - 1)->epoch, higher->start_offset};
}

std::vector<EpochEntry> LeaderEpochCache::entries() {
  base::LockGuard guard(mutex_);
  return entries_;
}

void LeaderEpochCache::set_path(std::string path) {
  base::LockGuard guard(mutex_);
  path_ = std::move(path);
}

}  // namespace storage
