// The part of a log that compaction changes: how far it has come, and the swap of segments.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/partition_log.h"

namespace storage {

std::optional<base::Offset> PartitionLog::cleaned_up_to() const {
  const std::int64_t offset = cleaned_up_to_.load();
  if (offset < 0) return std::nullopt;
  return base::Offset(offset);
}

void PartitionLog::set_cleaned_up_to(base::Offset offset, std::uint64_t generation) {
  base::LockGuard append(append_mutex_);
  if (generation_->load() == generation) cleaned_up_to_.store(offset.value());
}

void PartitionLog::lower_cleaned_up_to(base::Offset offset) {
  cleaned_up_to_.store(std::min(cleaned_up_to_.load(), offset.value()));
}

base::Result<void> PartitionLog::replace_segments(const SegmentList& replaced,
                                                  const std::shared_ptr<Segment>& replacement,
                                                  std::uint64_t generation) {
  {
    base::LockGuard append(append_mutex_);
    TRY(check_usable());
    const auto current = segments();
    const auto first =
        std::search(current->begin(), current->end(), replaced.begin(), replaced.end());
    const auto behind = static_cast<std::size_t>(first - current->begin()) + replaced.size();
    if (generation_->load() != generation || first == current->end() || behind >= current->size()) {
      return base::fail(base::Errc::cancelled,
                        fmt::format("{} has other segments by now", topic_partition_));
    }
    TRY(swap_files(replaced, *replacement));
    SegmentList list(current->begin(), first);
    list.push_back(replacement);
    list.insert(list.end(), current->begin() + static_cast<std::ptrdiff_t>(behind), current->end());
    base::LockGuard guard(published_mutex_);
    // The last segment and its boundaries are the same.
    published_.segments = std::make_shared<const SegmentList>(std::move(list));
  }
  return or_write_failed(environment_.files.sync_directory(directory()));
}

// Kafka's order (LocalLog.replaceSegments). The renames reach the device in order or not at all, so
// nobody need wait for it here: with a `.cleaned` left the swap is undone by the next load, with
// all `.swap` there it is completed.
base::Result<void> PartitionLog::swap_files(const SegmentList& replaced, Segment& replacement) {
  const auto config = this->config();
  const auto swap = [&]() REQUIRES(append_mutex_) -> base::Result<void> {
    TRY(replacement.change_suffix(".swap"));
    for (const auto& segment : replaced) {
      segment->set_removed();
      TRY(segment->change_suffix(".deleted"));
      hand_to_reaper(*segment, *config);
      if (segment->base_offset() != replacement.base_offset()) {
        producers_.remove_snapshot(segment->base_offset());
      }
    }
    return replacement.change_suffix("");
  };
  const auto swapped = swap();
  if (swapped) return {};
  LOG_ERROR("{} swap of compacted segments failed error=\"{}\"", topic_partition_,
            swapped.error().to_string());
  return half_done(swapped.error());
}

}  // namespace storage
