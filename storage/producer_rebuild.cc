#include <algorithm>

#include "base/log.h"
#include "storage/disk_failure.h"
#include "storage/log_loader.h"

namespace storage {
namespace {

// Takes in the batches of [from, to) that lie in `segment`. Headers tell all of a batch but of a
// marker. Bytes that make no sense are not the producers' fault, nor a reason not to start: what
// lies behind them in the segment is unknown, and whoever reads there is told.
base::Result<void> replay_segment(ProducerState& producers, Segment& segment, base::Offset from,
                                  base::Offset to) {
  TRY_ASSIGN(const auto first, segment.find_batch(from, segment.size_bytes()));
  if (!first) return {};
  TRY_ASSIGN(const auto file, segment.log_file());
  BatchHeaderReader reader(file, first->position, segment.size_bytes());
  for (;;) {
    TRY_ASSIGN(const auto place, reader.next());
    if (!place || place->base_offset >= to) return {};
    if (reader.header().is_legacy()) continue;
    std::optional<CompletedTransaction> completed;
    if (reader.header().v2().is_control()) {
      BatchFileReader whole(file, place->position, place->end_position());
      TRY_ASSIGN(const auto marker, whole.next());
      if (marker) {
        TRY_ASSIGN(completed, producers.apply(marker->v2()));
      }
    } else {
      TRY_ASSIGN(completed, producers.apply(reader.header().v2()));
    }
    if (completed) producers.complete(*completed);
  }
}

base::Result<void> replay_readable(ProducerState& producers, Segment& segment, base::Offset from,
                                   base::Offset to) {
  auto replayed = replay_segment(producers, segment, from, to);
  if (replayed) return {};
  if (!is_bad_content(replayed.error())) {
    return base::fail(std::move(replayed.error()).with_context(segment.path(".log")));
  }
  LOG_WARN("{} producers behind damaged bytes are not known error=\"{}\"", segment.path(".log"),
           replayed.error().to_string());
  return {};
}

// A snapshot only saves time: where it cannot be written the log goes without.
base::Result<void> take_snapshot(ProducerState& producers) {
  auto taken = producers.take_snapshot();
  if (!taken && can_do_without(taken.error())) return {};
  return taken;
}

}  // namespace

base::Result<void> rebuild_producer_state(ProducerState& producers, const SegmentList& segments,
                                          base::Offset log_start, base::Offset log_end,
                                          std::int64_t now_ms, std::int64_t expiration_ms,
                                          bool had_clean_shutdown) {
  // Snapshots at the last two segments and at the end spare the next truncation a long replay.
  std::vector<base::Offset> snapshot_at;
  for (std::size_t i = segments.size() < 2 ? 0 : segments.size() - 2; i < segments.size(); ++i) {
    snapshot_at.push_back(segments[i]->base_offset());
  }
  if (!producers.latest_snapshot() && had_clean_shutdown) {
    // No snapshot at all: a log that never had a producer state. Don't read it all for nothing.
    snapshot_at.push_back(log_end);
    for (const base::Offset offset : snapshot_at) {
      producers.set_map_end_offset(offset);
      TRY(take_snapshot(producers));
    }
    return {};
  }
  const bool was_empty_up_to_end = producers.empty() && producers.map_end_offset() >= log_end &&
                                   producers.map_end_offset() > base::Offset(0);
  producers.truncate_and_reload(log_start, log_end, now_ms, expiration_ms);
  if (log_end > producers.map_end_offset() && !was_empty_up_to_end) {
    for (std::size_t i = 0; i < segments.size(); ++i) {
      Segment& segment = *segments[i];
      const bool is_covered =
          i + 1 < segments.size() && segments[i + 1]->base_offset() <= producers.map_end_offset();
      if (is_covered || segment.base_offset() >= log_end) continue;
      const base::Offset from =
          std::max({segment.base_offset(), producers.map_end_offset(), log_start});
      producers.set_map_end_offset(from);
      if (std::find(snapshot_at.begin(), snapshot_at.end(), segment.base_offset()) !=
          snapshot_at.end()) {
        TRY(take_snapshot(producers));
      }
      TRY(replay_readable(producers, segment, from, log_end));
    }
  }
  producers.set_map_end_offset(log_end);
  return take_snapshot(producers);
}

}  // namespace storage
