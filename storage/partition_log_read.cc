// Reads and lookups. None of them takes the append lock: they work on one published view and start
// over if a segment vanished under them.
#include <fmt/format.h>

#include <algorithm>

#include "protocol/compression.h"
#include "storage/partition_log.h"

namespace storage {
namespace {

constexpr std::size_t kRecordsBytesMax = std::size_t{1} << 30;
constexpr int kAttemptsMax = 4;
constexpr std::size_t kScratchBytes = std::size_t{256} << 10;

// The segment that holds `offset`, or would: the last one whose base is not above it.
std::size_t floor_segment(const SegmentList& segments, base::Offset offset) {
  const auto above = std::upper_bound(
      segments.begin(), segments.end(), offset,
      [](base::Offset o, const auto& segment) { return o < segment->base_offset(); });
  return above == segments.begin() ? 0 : static_cast<std::size_t>(above - segments.begin()) - 1;
}

// Looks at single bytes: at the start, where a device must be asked first, at the end, and where
// the kernel's read-ahead may have stopped in between. Errc::would_block if one is not in memory.
base::Result<void> expect_resident(runtime::File& file, std::int64_t position,
                                   std::int64_t size_bytes) {
  constexpr std::int64_t kProbesMax = 16;
  constexpr std::int64_t kReadAheadStepBytes = std::int64_t{128} << 10;
  const std::int64_t bytes = std::min(size_bytes, ReadRequest::kReadAheadBytes);
  const std::int64_t step = std::max(kReadAheadStepBytes, bytes / kProbesMax);
  std::byte probe{};
  for (std::int64_t at = 0; at < bytes; at += step) {
    TRY(file.pread_nowait({&probe, 1}, position + at));
  }
  TRY(file.pread_nowait({&probe, 1}, position + bytes - 1));
  return {};
}

// The first record of a batch with timestamp >= target at or above the log start.
base::Result<std::optional<TimestampOffset>> find_timestamp_in(const StoredBatch& batch,
                                                               std::int64_t target_ms,
                                                               base::Offset log_start) {
  std::optional<TimestampOffset> found;
  if (batch.is_legacy()) {
    TRY(protocol::for_each_legacy_record(
        batch.legacy(), kRecordsBytesMax, [&](const protocol::LegacyRecord& record) {
          if (record.timestamp_ms < target_ms || record.offset < log_start) return true;
          found = TimestampOffset{record.timestamp_ms, record.offset, base::kNoLeaderEpoch};
          return false;
        }));
    return found;
  }
  const protocol::RecordBatchView v2 = batch.v2();
  if (!v2.codec()) return base::fail(base::Errc::corrupt, "batch codec");
  TRY_ASSIGN(const base::Buffer plain,
             protocol::decompress(*v2.codec(), v2.records(), kRecordsBytesMax));
  protocol::RecordReader records(v2, plain.bytes());
  for (;;) {
    TRY_ASSIGN(const auto record, records.next());
    if (!record) return found;
    if (record->timestamp_ms >= target_ms && record->offset >= log_start) {
      return std::optional<TimestampOffset>(
          TimestampOffset{record->timestamp_ms, record->offset, v2.leader_epoch()});
    }
  }
}

bool has_vanished(const base::Error& error) {
  return error.is(std::errc::no_such_file_or_directory) || error.is(base::Errc::end_of_stream) ||
         error.is(base::Errc::corrupt) || error.is(base::Errc::out_of_range);
}

base::Result<std::vector<AbortedTransaction>> aborted_in(const SegmentList& segments,
                                                         base::Offset from, base::Offset up_to,
                                                         bool may_block) {
  std::vector<AbortedTransaction> aborted;
  for (std::size_t i = floor_segment(segments, from); i < segments.size(); ++i) {
    Segment& segment = *segments[i];
    TRY_ASSIGN(const bool is_last, segment.transaction_index().add_aborted(
                                       segment.base_offset(), from, up_to, may_block, aborted));
    if (is_last) break;
  }
  return aborted;
}

}  // namespace

PartitionLog::ReadView PartitionLog::read_view(base::Offset from, base::Offset up_to) const {
  base::LockGuard guard(published_mutex_);
  ReadView view;
  view.segments = published_.segments;
  view.log_end = log_end_offset();
  view.end_position = published_.end_position;
  view.generation = published_.generation;
  for (const Boundary& boundary : published_.boundaries) {
    if (boundary.offset == from) view.from_position = boundary.position;
    if (boundary.offset == up_to) view.up_to_position = boundary.position;
  }
  return view;
}

// A place found the slow way, so that the next fetch finds it the quick one.
void PartitionLog::remember_boundary(const ReadView& view, Boundary boundary) const {
  base::LockGuard guard(published_mutex_);
  if (published_.generation != view.generation || published_.segments != view.segments) return;
  published_.boundaries[published_.next_boundary] = boundary;
  published_.next_boundary = (published_.next_boundary + 1) % Published::kBoundaries;
}

std::int64_t PartitionLog::end_position_of(const ReadView& view, std::size_t index) const {
  return index + 1 == view.segments->size() ? view.end_position
                                            : (*view.segments)[index]->size_bytes();
}

base::Result<ReadPlan> PartitionLog::plan_read(const ReadRequest& request) const {
  const bool is_limited = !request.may_block && may_be_cold(request.from);
  return plan_piece(request, is_limited ? ReadRequest::kReadAheadBytes : INT64_MAX);
}

base::Result<ReadPlan> PartitionLog::plan_piece(const ReadRequest& request,
                                                std::int64_t piece_bytes) const {
  TRY(check_usable());
  for (int attempt = 1;; ++attempt) {
    auto plan = plan_once(request, piece_bytes);
    if (plan || plan.error().code().category() == log_domain() ||
        plan.error().is(base::Errc::would_block)) {
      return plan;
    }
    if (attempt == kAttemptsMax) {
      return disk_failed(plan.error());
    }
    // Retention, truncation or compaction may have been quicker: look again.
    if (!has_vanished(plan.error())) attempt = kAttemptsMax - 1;
  }
}

base::Result<ReadPlan> PartitionLog::plan_once(const ReadRequest& request,
                                               std::int64_t piece_bytes) const {
  const ReadView view = read_view(request.from, request.up_to);
  if (request.from < log_start_offset() || request.from > view.log_end) {
    return base::fail(LogError::offset_out_of_range,
                      fmt::format("{} offset {}, log is [{}, {})", topic_partition_, request.from,
                                  log_start_offset(), view.log_end));
  }
  ReadRequest bounded = request;
  bounded.up_to = std::min(request.up_to, view.log_end);
  if (bounded.from >= bounded.up_to) return ReadPlan();
  // A segment may end with a gap, or hold nothing: then the next one is asked.
  for (std::size_t i = floor_segment(*view.segments, bounded.from); i < view.segments->size();
       ++i) {
    if ((*view.segments)[i]->base_offset() >= bounded.up_to) break;
    TRY_ASSIGN(ReadPlan plan, plan_in_segment(view, i, bounded, piece_bytes));
    if (!plan.slices.empty()) return plan;
    if (plan.size_bytes < 0) return ReadPlan();  // data is there, but max_bytes is too small
  }
  return ReadPlan();
}

// Where the batches wholly below `up_to` end.
base::Result<std::int64_t> PartitionLog::end_in_segment(const ReadView& view, std::size_t index,
                                                        base::Offset up_to, bool may_block) const {
  const bool is_last = index + 1 == view.segments->size();
  const std::int64_t end_position = end_position_of(view, index);
  if (is_last ? up_to >= view.log_end : up_to >= (*view.segments)[index + 1]->base_offset()) {
    return end_position;
  }
  if (is_last && view.up_to_position >= 0) return view.up_to_position;
  Segment& segment = *(*view.segments)[index];
  TRY_ASSIGN(const auto place, segment.find_batch(up_to, end_position, may_block));
  if (!place) return end_position;
  if (is_last && place->base_offset == up_to) remember_boundary(view, {up_to, place->position});
  return place->position;
}

// Where batches of a newer format than the reader knows begin.
base::Result<std::int64_t> PartitionLog::end_of_format(const std::shared_ptr<runtime::File>& file,
                                                       std::int64_t start, std::int64_t end,
                                                       const ReadRequest& request) const {
  BatchHeaderReader headers(file, start, end, request.may_block);
  for (;;) {
    TRY_ASSIGN(const auto place, headers.next());
    if (!place) return end;
    if (place->magic <= request.magic_max) continue;
    if (place->position > start) return place->position;
    return base::fail(LogError::unsupported_message_format,
                      fmt::format("{} offset {} is of format v{}", topic_partition_,
                                  place->base_offset, place->magic));
  }
}

base::Result<ReadPlan> PartitionLog::plan_in_segment(const ReadView& view, std::size_t index,
                                                     const ReadRequest& request,
                                                     std::int64_t piece_bytes) const {
  Segment& segment = *(*view.segments)[index];
  const bool is_last = index + 1 == view.segments->size();
  TRY_ASSIGN(const std::int64_t end, end_in_segment(view, index, request.up_to, request.may_block));
  std::int64_t start = is_last ? view.from_position : -1;
  if (start < 0) {
    TRY_ASSIGN(const auto place, segment.find_batch(request.from, end, request.may_block));
    if (!place) return ReadPlan();
    start = place->position;
    if (is_last && place->base_offset == request.from) {
      remember_boundary(view, {request.from, start});
    }
  }
  if (start >= end) return ReadPlan();
  const bool must_be_resident = !request.may_block && may_be_cold(request.from);
  const std::int64_t max_bytes = std::clamp<std::int64_t>(request.max_bytes, 0, piece_bytes);
  TRY_ASSIGN(std::int64_t cut, segment.whole_batches_end(start, end, max_bytes, request.may_block));
  TRY_ASSIGN(auto file, segment.log_file(request.may_block));
  if (cut == start) {
    ReadPlan nothing;
    nothing.size_bytes = -1;
    if (!request.at_least_one_batch && max_bytes >= request.max_bytes) return nothing;
    BatchHeaderReader reader(file, start, end, request.may_block);
    TRY_ASSIGN(const auto first, reader.next());
    if (!first) return nothing;
    if (!request.at_least_one_batch && first->size_bytes > request.max_bytes) return nothing;
    cut = first->end_position();
  }
  if (request.magic_max < protocol::kBatchMagic) {
    TRY_ASSIGN(cut, end_of_format(file, start, cut, request));
  }
  if (must_be_resident) TRY(expect_resident(*file, start, cut - start));
  ReadPlan plan;
  plan.size_bytes = cut - start;
  plan.is_cut =
      cut < end || (!is_last && (*view.segments)[index + 1]->base_offset() < request.up_to);
  if (request.wants_end_offset) {
    plan.end_offset = is_last ? request.up_to
                              : std::min(request.up_to, (*view.segments)[index + 1]->base_offset());
    if (cut < end) {
      BatchHeaderReader reader(file, cut, end, request.may_block);
      TRY_ASSIGN(const auto next, reader.next());
      if (next) plan.end_offset = next->base_offset;
    }
  }
  runtime::FileSlice slice;
  slice.file = std::move(file);
  slice.position = start;
  slice.size_bytes = static_cast<std::size_t>(plan.size_bytes);
  slice.generation = generation_;
  slice.expected_generation = view.generation;
  plan.slices.push_back(std::move(slice));
  return plan;
}

base::Result<ReadPlan> PartitionLog::read_ahead(ReadRequest request) const {
  request.may_block = true;
  TRY_ASSIGN(ReadPlan plan, plan_piece(request, ReadRequest::kReadAheadBytes));
  std::vector<std::byte> scratch(kScratchBytes);
  for (const runtime::FileSlice& slice : plan.slices) {
    const auto size_bytes =
        std::min(static_cast<std::int64_t>(slice.size_bytes), ReadRequest::kReadAheadBytes);
    for (std::int64_t done = 0; done < size_bytes;) {
      const auto piece = std::min<std::int64_t>(size_bytes - done, std::ssize(scratch));
      const base::MutableBytes into(scratch.data(), static_cast<std::size_t>(piece));
      const auto read_bytes = slice.file->pread(into, slice.position + done);
      if (!read_bytes) return disk_failed(read_bytes.error());
      if (*read_bytes == 0) break;  // cut meanwhile: the slice is no longer current
      done += static_cast<std::int64_t>(*read_bytes);
    }
  }
  // A reader of committed records asks for these next.
  TRY(aborted_transactions(request.from, request.up_to));
  return plan;
}

base::Result<base::Buffer> PartitionLog::read(const ReadRequest& request) const {
  for (int attempt = 1;; ++attempt) {
    TRY_ASSIGN(const ReadPlan plan, plan_read(request));
    base::Buffer buffer = base::Buffer::with_capacity(static_cast<std::size_t>(plan.size_bytes));
    bool is_current = true;
    for (const runtime::FileSlice& slice : plan.slices) {
      const base::MutableBytes into = buffer.spare().first(slice.size_bytes);
      const auto read_bytes = request.may_block ? slice.file->pread(into, slice.position)
                                                : slice.file->pread_nowait(into, slice.position);
      if (!read_bytes && read_bytes.error().is(base::Errc::would_block)) {
        return base::fail(read_bytes.error());
      }
      if (!read_bytes) return disk_failed(read_bytes.error());
      buffer.commit(*read_bytes);
      is_current = is_current && *read_bytes == slice.size_bytes && slice.is_current();
    }
    if (is_current) return buffer;
    if (attempt == kAttemptsMax) {
      return base::fail(base::Errc::unavailable,
                        fmt::format("{} is being truncated", topic_partition_));
    }
  }
}

base::Result<std::vector<AbortedTransaction>> PartitionLog::aborted_transactions(
    base::Offset from, base::Offset up_to, bool may_block) const {
  TRY(check_usable());
  for (int attempt = 1;; ++attempt) {
    auto aborted = aborted_in(*segments(), from, up_to, may_block);
    if (aborted || aborted.error().is(base::Errc::would_block)) return aborted;
    if (attempt == kAttemptsMax || !has_vanished(aborted.error())) {
      return disk_failed(aborted.error());
    }
    // Retention may have been quicker: what is left would not tell all that was aborted.
    if (from < log_start_offset()) {
      return base::fail(LogError::offset_out_of_range, fmt::format("{}", topic_partition_));
    }
  }
}

// --- lookups by time -----------------------------------------------------------------------------

base::Result<std::optional<TimestampOffset>> PartitionLog::find_timestamp(
    Segment& segment, std::int64_t end_position, std::int64_t target_ms) const {
  const base::Offset log_start = log_start_offset();
  TRY_ASSIGN(const TimeEntry time, segment.time_index().lookup(target_ms));
  TRY_ASSIGN(const auto first, segment.find_batch(std::max(time.offset, log_start), end_position));
  if (!first) return std::optional<TimestampOffset>();
  TRY_ASSIGN(const auto file, segment.log_file());
  // Headers first: whole batches are read only where the record must be.
  BatchHeaderReader headers(file, first->position, end_position);
  for (;;) {
    TRY_ASSIGN(const auto place, headers.next());
    if (!place) return std::optional<TimestampOffset>();
    if (place->max_timestamp_ms < target_ms || place->last_offset < log_start) continue;
    BatchFileReader reader(file, place->position, place->end_position());
    TRY_ASSIGN(const auto batch, reader.next());
    if (!batch || !batch->is_checksum_right()) {
      return base::fail(base::Errc::corrupt, fmt::format("{} at {}: batch checksum",
                                                         segment.path(".log"), place->position));
    }
    TRY_ASSIGN(const auto found, find_timestamp_in(*batch, target_ms, log_start));
    if (found) return found;
  }
}

base::Result<std::optional<TimestampOffset>> PartitionLog::offset_for_timestamp(
    std::int64_t target_ms) const {
  TRY(check_usable());
  for (int attempt = 1;; ++attempt) {
    const ReadView view = read_view({}, {});
    std::optional<base::Error> failed;
    for (std::size_t i = 0; i < view.segments->size() && !failed; ++i) {
      Segment& segment = *(*view.segments)[i];
      const auto largest_ms = segment.largest_timestamp_ms();
      if (largest_ms && *largest_ms < target_ms) continue;
      const auto found = largest_ms ? find_timestamp(segment, end_position_of(view, i), target_ms)
                                    : base::fail(largest_ms.error());
      if (!found) {
        failed = found.error();
      } else if (*found) {
        return *found;
      }
    }
    if (!failed) return std::optional<TimestampOffset>();
    if (attempt == kAttemptsMax || !has_vanished(*failed)) return disk_failed(*failed);
  }
}

base::Result<std::optional<TimestampOffset>> PartitionLog::offset_of_max_timestamp() const {
  TRY(check_usable());
  for (int attempt = 1;; ++attempt) {
    const ReadView view = read_view({}, {});
    std::optional<base::Error> failed;
    std::optional<std::size_t> best;
    TimeEntry best_entry;
    for (std::size_t i = 0; i < view.segments->size() && !failed; ++i) {
      const auto entry = (*view.segments)[i]->max_timestamp();
      if (!entry) {
        failed = entry.error();
      } else if (entry->timestamp_ms > best_entry.timestamp_ms) {
        best = i;
        best_entry = *entry;
      }
    }
    if (!failed && !best) return std::optional<TimestampOffset>();
    if (!failed) {
      Segment& segment = *(*view.segments)[*best];
      // The record itself: the batch's first with that timestamp.
      auto found = find_timestamp(segment, end_position_of(view, *best), best_entry.timestamp_ms);
      if (found) return found;
      failed = found.error();
    }
    if (attempt == kAttemptsMax || !has_vanished(*failed)) return disk_failed(*failed);
  }
}

TimestampOffset PartitionLog::earliest_offset() const {
  TimestampOffset earliest{-1, log_start_offset(), base::kNoLeaderEpoch};
  const auto entry = const_cast<LeaderEpochCache&>(epochs_).earliest_entry();
  if (entry && entry->start_offset <= earliest.offset) earliest.leader_epoch = entry->epoch;
  return earliest;
}

TimestampOffset PartitionLog::latest_offset() const {
  const auto epoch = const_cast<LeaderEpochCache&>(epochs_).latest_epoch();
  return {-1, log_end_offset(), epoch.value_or(base::kNoLeaderEpoch)};
}

base::Result<std::vector<base::Offset>> PartitionLog::offsets_before(std::int64_t target_ms,
                                                                     std::int32_t count_max,
                                                                     std::int64_t now_ms) const {
  constexpr std::int64_t kLatest = -1;
  constexpr std::int64_t kEarliest = -2;
  TRY(check_usable());
  const ReadView view = read_view({}, {});
  struct Start {
    base::Offset offset;
    std::int64_t modified_ms;
  };
  std::vector<Start> starts;
  for (const auto& segment : *view.segments) {
    const auto info = environment_.files.info(segment->path(".log"));
    if (!info && segment->is_removed()) continue;
    if (!info) return disk_failed(info.error());
    starts.push_back({std::max(segment->base_offset(), log_start_offset()), info->modified_ms});
  }
  if (view.end_position > 0) starts.push_back({view.log_end, now_ms});
  std::size_t usable = starts.size();
  if (target_ms == kEarliest) {
    usable = std::min<std::size_t>(1, starts.size());
  } else if (target_ms != kLatest) {
    while (usable > 0 && starts[usable - 1].modified_ms > target_ms) --usable;
  }
  std::vector<base::Offset> offsets;
  for (std::size_t i = usable;
       i > 0 && offsets.size() < static_cast<std::size_t>(std::max(count_max, 0)); --i) {
    offsets.push_back(starts[i - 1].offset);
  }
  std::sort(offsets.begin(), offsets.end(), std::greater<>());
  return offsets;
}

std::int64_t PartitionLog::size_bytes() const {
  const auto list = segments();
  std::int64_t total = 0;
  for (const auto& segment : *list) total += segment->size_bytes();
  return total;
}

std::size_t PartitionLog::segment_count() const { return segments()->size(); }

base::Offset PartitionLog::first_segment_base() const { return segments()->front()->base_offset(); }

}  // namespace storage
