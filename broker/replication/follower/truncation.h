// Purpose: how far a follower cuts its log so that it agrees with its leader's. Plain functions of
// values, without log, clock or network.
//
// Offsets in answers come from another host: a step never asks for a negative offset, and says so
// when an answer would change nothing, so that nobody asks the same question for ever.
// Source: AbstractFetcherThread.getOffsetTruncationState, fetchOffsetAndTruncate (3.9); KIP-101,
// KIP-279, KIP-595.
#pragma once

#include <optional>

#include "base/types.h"
#include "storage/leader_epoch_cache.h"

namespace replication::follower {

// The follower's own log, taken at one moment.
struct LogFacts {
  base::Offset log_start{0};
  base::Offset log_end{0};
  base::Offset high_watermark{0};
  base::LeaderEpoch latest_epoch{-1};  // -1: no record of it has one
  base::Offset latest_epoch_start{-1};
};

struct TruncationStep {
  base::Offset offset{-1};
  // False: the leader has to be asked once more, with the epoch that is the newest afterwards.
  bool is_complete = true;
  friend bool operator==(const TruncationStep&, const TruncationStep&) = default;
};

// The leader has answered where `leader.epoch`, the largest that it knows up to the one asked for,
// ends in its log; `own` is where that epoch ends here. `otherwise`, the high watermark when this
// began, is where to cut if the leader knows nothing.
TruncationStep truncate_by_epoch(const storage::EpochEndOffset& leader,
                                 const storage::EpochEndOffset& own, const LogFacts& log,
                                 base::Offset otherwise);

// The range of offsets that the leader has.
struct LeaderRange {
  base::Offset start{-1};
  base::Offset end{-1};
};

// What to do where the leader has refused the offset that was asked for.
struct RangeStep {
  enum class Kind {
    fetch_on,      // the own end lies in the leader's range: ask again
    truncate,      // to `offset`
    start_over,    // the leader's log begins behind the end of ours: drop all, begin at `offset`
    drop_epoch,    // the leader knows nothing of our newest epoch: cut to where it begins
    make_no_sense  // the leader's range does
  };
  Kind kind = Kind::fetch_on;
  base::Offset offset{-1};
  friend bool operator==(const RangeStep&, const RangeStep&) = default;
};

// `was_in_range`: the same end was in range before, and was refused again. Then its newest epoch is
// what the leader does not know.
RangeStep step_into_range(const LeaderRange& leader, const LogFacts& log, bool was_in_range);

}  // namespace replication::follower
