#include "storage/compaction/compaction.h"

#include <fmt/format.h>

#include <algorithm>

#include "protocol/compression.h"
#include "storage/batch_file_reader.h"
#include "storage/compaction/batch_filter.h"
#include "storage/compaction/offset_map.h"
#include "storage/compaction/transaction_filter.h"

namespace storage {
namespace {

using protocol::RecordBatchView;

constexpr std::size_t kPlainBytesMax = std::size_t{1} << 30;
constexpr std::size_t kWrittenAtOnceBytes = 256 * 1024;

class Compaction {
 public:
  Compaction(PartitionLog& log, const CompactionPlan& plan, const CompactionOptions& options,
             std::int64_t now_ms)
      : log_(log), plan_(plan), options_(options), now_ms_(now_ms), config_(log.config()) {}

  base::Result<CompactionResult> run() {
    // No more keys than offsets.
    TRY_ASSIGN(OffsetMap latest,
               OffsetMap::create(plan_.first_uncleanable - plan_.first_dirty,
                                 options_.map_bytes_max, options_.map_load_factor));
    TRY(build_map(latest));
    result_.keys = latest.size();
    result_.cleaned_up_to = latest.latest_offset() + 1;
    if (result_.cleaned_up_to <= plan_.first_dirty) {
      return base::fail(base::Errc::too_large,
                        fmt::format("{} has more keys in one batch than fit into "
                                    "log.cleaner.dedupe.buffer.size / log.cleaner.threads",
                                    log_.topic_partition()));
    }
    TransactionFilter transactions;
    for (std::size_t begin = 0; begin < plan_.segments.size();) {
      if (plan_.segments[begin]->base_offset() >= result_.cleaned_up_to) break;
      TRY_ASSIGN(const std::size_t end, group_end(begin));
      TRY(rewrite_group(begin, end, latest, transactions));
      begin = first_unswapped_ = end;
    }
    return result_;
  }

  // What was planned is no longer what the log is.
  bool is_overtaken() const {
    if (!log_.is_usable() || log_.generation() != plan_.generation) return true;
    for (std::size_t i = first_unswapped_; i < plan_.segments.size(); ++i) {
      if (plan_.segments[i]->is_removed()) return true;
    }
    return false;
  }

 private:
  // Where the segment at `index` ends at the latest.
  base::Offset end_offset(std::size_t index) const {
    return index + 1 < plan_.segments.size() ? plan_.segments[index + 1]->base_offset()
                                             : plan_.first_uncleanable;
  }

  base::Result<void> after_io(std::int64_t bytes) const {
    return options_.on_io ? options_.on_io(bytes) : base::Result<void>();
  }

  // Calls `visit` with each whole, right batch from `position` on, until it says false.
  template <class Visit>
  base::Result<bool> for_each_batch(Segment& segment, std::int64_t position, Visit visit) {
    TRY_ASSIGN(const auto file, segment.log_file());
    BatchFileReader reader(file, position, segment.size_bytes());
    std::int64_t reported = position;
    for (;;) {
      TRY_ASSIGN(const auto batch, reader.next());
      const bool is_piece_done = reader.position() - reported >= std::int64_t{kWrittenAtOnceBytes};
      if (is_piece_done || !batch) {
        TRY(after_io(reader.position() - reported));
        reported = reader.position();
      }
      if (!batch) return true;
      if (batch->is_legacy()) {
        return base::fail(
            base::Errc::unsupported,
            fmt::format("{} at {}: messages of format v{} are not compacted", segment.path(".log"),
                        reader.batch_position(), batch->magic()));
      }
      if (!batch->is_checksum_right() || batch->last_offset() < batch->base_offset()) {
        return base::fail(
            base::Errc::corrupt,
            fmt::format("{} at {}: batch checksum", segment.path(".log"), reader.batch_position()));
      }
      TRY_ASSIGN(const bool goes_on, visit(batch->v2()));
      if (!goes_on) return false;
    }
  }

  // --- the offset map ---------------------------------------------------------------------------

  base::Result<void> build_map(OffsetMap& latest) {
    TransactionFilter transactions;
    TRY_ASSIGN(const auto aborted,
               log_.aborted_transactions(plan_.first_dirty, plan_.first_uncleanable));
    transactions.add_aborted(aborted);
    for (std::size_t i = 0; i < plan_.segments.size(); ++i) {
      if (end_offset(i) <= plan_.first_dirty) continue;
      Segment& segment = *plan_.segments[i];
      TRY_ASSIGN(const auto first, segment.find_batch(plan_.first_dirty, segment.size_bytes()));
      const std::int64_t begin = first ? first->position : segment.size_bytes();
      TRY_ASSIGN(const bool has_room,
                 for_each_batch(segment, begin, [&](const RecordBatchView& batch) {
                   return add_to_map(batch, latest, transactions);
                 }));
      if (!has_room) return {};
      // The segment may end with a gap.
      latest.raise_latest_offset(end_offset(i) - 1);
    }
    return {};
  }

  // False: the map is full, and not all of the batch is in it.
  base::Result<bool> add_to_map(const RecordBatchView& batch, OffsetMap& latest,
                                TransactionFilter& transactions) {
    if (batch.is_control()) {
      TRY(transactions.on_control_batch(batch));
    } else if (!transactions.on_data_batch(batch)) {
      TRY_ASSIGN(const bool has_room, add_keys(batch, latest));
      if (!has_room) return false;
    }
    if (batch.last_offset() >= plan_.first_dirty) latest.raise_latest_offset(batch.last_offset());
    return true;
  }

  base::Result<bool> add_keys(const RecordBatchView& batch, OffsetMap& latest) {
    if (batch.last_offset() < plan_.first_dirty || batch.record_count() == 0) return true;
    const auto codec = batch.codec();
    if (!codec) return base::fail(base::Errc::corrupt, "batch codec");
    base::Buffer plain;
    if (*codec != protocol::Codec::none) {
      TRY_ASSIGN(plain, protocol::decompress(*codec, batch.records(), kPlainBytesMax));
    }
    protocol::RecordReader reader(
        batch, *codec == protocol::Codec::none ? batch.records() : plain.bytes());
    for (;;) {
      TRY_ASSIGN(const auto record, reader.next());
      if (!record) return true;
      if (!record->key || record->offset < plan_.first_dirty) continue;
      if (latest.is_full()) return false;
      TRY(latest.put(*record->key, record->offset));
    }
  }

  // --- groups -----------------------------------------------------------------------------------

  struct Sizes {
    std::int64_t log_bytes = 0;
    std::int64_t index_bytes = 0;
    std::int64_t time_index_bytes = 0;
  };

  base::Result<Sizes> sizes_of(std::size_t index) const {
    Segment& segment = *plan_.segments[index];
    TRY_ASSIGN(const std::int64_t entries, segment.offset_index().count());
    TRY_ASSIGN(const std::int64_t time_entries, segment.time_index().count());
    return Sizes{segment.size_bytes(), entries * std::int64_t{OffsetIndex::kEntryBytes},
                 time_entries * std::int64_t{TimeIndex::kEntryBytes}};
  }

  // One behind the last segment that fits together with `begin`.
  base::Result<std::size_t> group_end(std::size_t begin) const {
    const base::Offset group_base = plan_.segments[begin]->base_offset();
    TRY_ASSIGN(Sizes sum, sizes_of(begin));
    std::size_t end = begin + 1;
    for (; end < plan_.segments.size(); ++end) {
      if (plan_.segments[end]->base_offset() >= result_.cleaned_up_to) break;
      TRY_ASSIGN(const Sizes next, sizes_of(end));
      sum.log_bytes += next.log_bytes;
      sum.index_bytes += next.index_bytes;
      sum.time_index_bytes += next.time_index_bytes;
      // An empty segment, left by an earlier compaction, holds no offset that could be too far.
      const bool is_near =
          next.log_bytes == 0 || end_offset(end) - 1 - group_base <= std::int64_t{INT32_MAX};
      if (!is_near || sum.log_bytes > config_->segment_bytes ||
          sum.index_bytes > config_->segment_index_bytes ||
          sum.time_index_bytes > config_->segment_index_bytes) {
        break;
      }
    }
    return end;
  }

  // --- writing ----------------------------------------------------------------------------------

  base::Result<void> rewrite_group(std::size_t begin, std::size_t end, const OffsetMap& latest,
                                   TransactionFilter& transactions) {
    const SegmentList group(plan_.segments.begin() + static_cast<std::ptrdiff_t>(begin),
                            plan_.segments.begin() + static_cast<std::ptrdiff_t>(end));
    TRY_ASSIGN(const auto cleaned,
               Segment::create(log_.environment(), log_.directory(), group.front()->base_offset(),
                               now_ms_, ".cleaned"));
    const auto written = write_and_swap(begin, group, cleaned, latest, transactions);
    // Swapped in, its files have other names.
    if (!written && cleaned->path(".log").ends_with(".cleaned")) cleaned->remove_files();
    return written;
  }

  base::Result<void> write_and_swap(std::size_t begin, const SegmentList& group,
                                    const std::shared_ptr<Segment>& cleaned,
                                    const OffsetMap& latest, TransactionFilter& transactions) {
    BatchFilter filter(latest, transactions, log_.active_producers(), now_ms_,
                       config_->delete_retention_ms);
    base::Buffer out;
    for (std::size_t i = begin; i < begin + group.size(); ++i) {
      TRY_ASSIGN(const auto aborted,
                 log_.aborted_transactions(plan_.segments[i]->base_offset(), end_offset(i)));
      transactions.add_aborted(aborted);
      TRY(for_each_batch(*plan_.segments[i], 0,
                         [&](const RecordBatchView& batch) -> base::Result<bool> {
                           TRY(filter.filter(batch, out));
                           if (out.size() >= kWrittenAtOnceBytes) TRY(write(*cleaned, out));
                           return true;
                         }));
      result_.bytes_read += plan_.segments[i]->size_bytes();
    }
    TRY(write(*cleaned, out));
    for (const AbortedTransaction& kept : transactions.take_kept()) {
      TRY(cleaned->transaction_index().append(kept));
    }
    TRY(cleaned->finish());
    TRY(cleaned->flush());
    // Retention, and lookups where no record has a timestamp, go by it.
    runtime::FileSystem& files = log_.environment().files;
    TRY_ASSIGN(const runtime::FileInfo last, files.info(group.back()->path(".log")));
    TRY(files.set_modified(cleaned->path(".log"), last.modified_ms));
    result_.records_read += filter.counts().records_read;
    result_.records_kept += filter.counts().records_kept;
    return log_.replace_segments(group, cleaned, plan_.generation);
  }

  base::Result<void> write(Segment& cleaned, base::Buffer& out) {
    if (out.empty()) return {};
    std::int64_t position = cleaned.size_bytes();
    const auto size_bytes = static_cast<std::int64_t>(out.size());
    if (position + size_bytes > INT32_MAX) {
      return base::fail(base::Errc::too_large, "compacted segment beyond 2 GB");
    }
    TRY(cleaned.append(out.bytes()));
    for (base::Bytes rest = out.bytes(); !rest.empty();) {
      TRY_ASSIGN(const RecordBatchView batch, protocol::frame_batch(rest));
      TRY(cleaned.note_batch(batch, position, config_->index_interval_bytes));
      position += batch.size_bytes();
      rest = rest.subspan(batch.bytes().size());
    }
    result_.bytes_written += size_bytes;
    out = base::Buffer();
    return after_io(size_bytes);
  }

  PartitionLog& log_;
  const CompactionPlan& plan_;
  const CompactionOptions& options_;
  const std::int64_t now_ms_;
  const std::shared_ptr<const LogConfig> config_;
  std::size_t first_unswapped_ = 0;
  CompactionResult result_;
};

}  // namespace

base::Result<CompactionResult> compact(PartitionLog& log, const CompactionPlan& plan,
                                       const CompactionOptions& options, std::int64_t now_ms) {
  if (plan.dirty_bytes == 0) return CompactionResult{.cleaned_up_to = plan.first_dirty};
  Compaction compaction(log, plan, options, now_ms);
  auto result = compaction.run();
  if (!result && compaction.is_overtaken()) {
    return base::fail(base::Errc::cancelled,
                      fmt::format("{} changed meanwhile", log.topic_partition()));
  }
  return result;
}

}  // namespace storage
