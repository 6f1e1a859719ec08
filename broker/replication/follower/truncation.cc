#include "broker/replication/follower/truncation.h"

#include <algorithm>

namespace replication::follower {

TruncationStep truncate_by_epoch(const storage::EpochEndOffset& leader,
                                 const storage::EpochEndOffset& own, const LogFacts& log,
                                 base::Offset otherwise) {
  if (leader.end_offset.value() < 0) return {std::min(otherwise, log.log_end), true};
  // Version 0 of the answer has no epoch, and neither has a log from before its records had any.
  if (leader.epoch.value() < 0 || own.epoch.value() < 0) {
    return {std::min(leader.end_offset, log.log_end), true};
  }
  // The leader's epoch is unknown here: what is above the next lower one cannot be the leader's.
  if (own.epoch != leader.epoch) return {std::min(own.end_offset, log.log_end), false};
  return {std::min({own.end_offset, leader.end_offset, log.log_end}), true};
}

RangeStep step_into_range(const LeaderRange& leader, const LogFacts& log, bool was_in_range) {
  using Kind = RangeStep::Kind;
  if (leader.start.value() < 0 || leader.end < leader.start) return {Kind::make_no_sense, {}};
  if (leader.end < log.log_end) return {Kind::truncate, leader.end};
  if (leader.start > log.log_end) return {Kind::start_over, leader.start};
  if (was_in_range && log.latest_epoch_start.value() >= 0) {
    return {Kind::drop_epoch, std::min(log.latest_epoch_start, log.log_end)};
  }
  return {Kind::fetch_on, log.log_end};
}

}  // namespace replication::follower
