// What an answer does to the logs of a fetcher's partitions.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "broker/replication/follower/follower_fetcher.h"
#include "protocol/error_code.h"
#include "protocol/record_batch.h"

namespace replication::follower {
namespace {

using protocol::ErrorCode;

// So often in vain before it is said that leader and follower do not find together.
constexpr std::uint32_t kPatientFailures = 20;
// For appends that have to be on the device before they are fetched behind: they go on together.
constexpr std::int64_t kFlushPatienceMs = 100;
constexpr std::size_t kCutsOfJob = 500;

bool passes_with_leadership(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNotLeaderOrFollower:
    case ErrorCode::kLeaderNotAvailable:
    case ErrorCode::kReplicaNotAvailable:
    case ErrorCode::kFencedLeaderEpoch:
    case ErrorCode::kUnknownLeaderEpoch:
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kUnknownTopicId:
    case ErrorCode::kInconsistentTopicId:
    case ErrorCode::kOffsetNotAvailable: return true;
    default: return false;
  }
}

}  // namespace

runtime::Task<void> FollowerFetcher::take(const protocol::FetchResponse& response,
                                          bool by_topic_id) {
  runtime::note_running("replica fetch", connection_->peer());
  runtime::TurnBudget turn;
  for (const auto& topic : response.responses) {
    for (const FetchedData& data : topic.partitions) {
      FollowedPartition* const partition =
          by_topic_id ? core_.find(topic.topic_id, data.partition_index)
                      : core_.find({std::string(topic.topic), data.partition_index});
      if (partition != nullptr) take_partition(*partition, data);
      if (turn.is_spent()) co_await turn.yield();
    }
  }
}

void FollowerFetcher::take_partition(FollowedPartition& partition, const FetchedData& data) {
  if (!core_.accepts(partition)) return core_.ignore(partition);
  const auto code = protocol::error_code_from_wire(data.error_code);
  if (code == ErrorCode::kOffsetOutOfRange) return core_.on_out_of_range(partition);
  if (code != ErrorCode::kNone) return refused(partition, data.error_code);
  if (data.diverging_epoch.epoch < 0) return append(partition, data);
  const storage::EpochEndOffset leader{base::LeaderEpoch(data.diverging_epoch.epoch),
                                       base::Offset(data.diverging_epoch.end_offset)};
  const auto own = partition.partition->log().end_offset_for_epoch(leader.epoch);
  core_.on_diverging(partition, leader, own, loop_.now_ms());
}

void FollowerFetcher::append(FollowedPartition& partition, const FetchedData& data) {
  FollowerAppend fetched;
  fetched.leader_epoch = partition.leader_epoch;
  fetched.fetch_offset = partition.log.log_end;
  fetched.records = data.records.inline_bytes;
  fetched.leader_high_watermark = base::Offset(data.high_watermark);
  fetched.leader_log_start = base::Offset(data.log_start_offset);
  fetched.now_ms = loop_.wall_ms();
  const auto appended = partition.partition->append_as_follower(fetched);
  if (!appended) return append_failed(partition, data, appended.error());
  core_.on_appended(partition, facts_of(*partition.partition));
  if (std::exchange(partition.is_reported, false)) {
    LOG_INFO("partition {} is fetched again leader={} log_end={}", partition.id, leader_,
             partition.log.log_end);
  }
  if (appended->must_flush) hold_until_durable(partition, appended->last_offset + 1);
}

void FollowerFetcher::append_failed(FollowedPartition& partition, const FetchedData& data,
                                    const base::Error& error) {
  // Its role has changed; what follows from that is on its way here.
  if (error.is(ReplicaError::fenced_leader_epoch)) return core_.set_aside(partition);
  if (error.is(storage::LogError::unexpected_append_offset)) {
    const auto first = protocol::frame_batch(data.records.inline_bytes);
    if (first && first->last_offset() >= partition.log.log_end) {
      return core_.on_straddling(partition, first->base_offset(), loop_.now_ms());
    }
  }
  // Part of what was fetched may have been written before it failed.
  partition.log = facts_of(*partition.partition);
  stumble(partition, Trouble::other, error.to_string());
}

void FollowerFetcher::refused(FollowedPartition& partition, std::int16_t error_code) {
  const auto code = protocol::error_code_from_wire(error_code);
  const auto trouble = passes_with_leadership(code) ? Trouble::leadership : Trouble::other;
  stumble(partition, trouble, fmt::format("the leader answers with error {}", error_code));
}

void FollowerFetcher::stumble(FollowedPartition& partition, Trouble trouble,
                              const std::string& why) {
  core_.pause(partition, trouble, loop_.now_ms());
  if (trouble == Trouble::leadership && partition.failures < kPatientFailures) return;
  if (std::exchange(partition.is_reported, true)) return;
  LOG_WARN(
      "partition {} cannot be fetched leader={} leader_epoch={} log_end={}, tried again with "
      "growing pauses: {}",
      partition.id, leader_, partition.leader_epoch, partition.log.log_end, why);
}

// --- cuts ----------------------------------------------------------------------------------------

void FollowerFetcher::start_cuts() {
  std::map<std::string, std::vector<Cut>> by_directory;
  for (Cut& cut : core_.take_cuts()) {
    const std::string log_dir = cut.partition->log().log_dir();
    auto& cuts = by_directory[log_dir];
    cuts.push_back(std::move(cut));
    // The first ones of very many do not wait for the last.
    if (cuts.size() == kCutsOfJob) scope_.spawn(cut_logs(log_dir, std::exchange(cuts, {})));
  }
  for (auto& [log_dir, cuts] : by_directory) {
    if (!cuts.empty()) scope_.spawn(cut_logs(log_dir, std::move(cuts)));
  }
}

runtime::Task<void> FollowerFetcher::cut_logs(std::string log_dir, std::vector<Cut> cuts) {
  struct Done {
    base::Result<void> result;
    LogFacts facts;
  };
  const auto shared = std::make_shared<const std::vector<Cut>>(std::move(cuts));
  const auto work = [shared, log_dir, &env = env_, now_ms = loop_.wall_ms()] {
    std::vector<Done> done;
    done.reserve(shared->size());
    for (const Cut& cut : *shared) {
      auto result =
          cut.partition->cut_as_follower({cut.leader_epoch, cut.offset, cut.starts_over}, now_ms);
      done.push_back({std::move(result), facts_of(*cut.partition)});
    }
    env.checkpoint(log_dir);
    return done;
  };
  const auto done = co_await runtime::run_on(env_.disk(log_dir), work);
  for (std::size_t i = 0; i < done.size(); ++i) {
    FollowedPartition* const partition = core_.find((*shared)[i].id, (*shared)[i].turn);
    if (partition == nullptr) continue;
    if (done[i].result) {
      core_.on_cut(*partition, done[i].facts);
    } else if (done[i].result.error().is(ReplicaError::fenced_leader_epoch)) {
      core_.set_aside(*partition);
    } else {
      partition->log = done[i].facts;
      stumble(*partition, Trouble::other, done[i].result.error().to_string());
    }
  }
  wake_.notify_all();
}

// --- flush.messages ------------------------------------------------------------------------------

void FollowerFetcher::hold_until_durable(FollowedPartition& partition, base::Offset end) {
  const auto& log = partition.partition->log_ptr();
  auto [sender, receiver] = runtime::one_shot<base::Result<void>>(loop_);
  const auto ticket = log->flusher().when_durable(
      log, end, [sender = std::move(sender)](base::Result<void> result) mutable {
        sender.complete(std::move(result));
      });
  if (!ticket && log->durable_offset() >= end) return core_.release(partition);
  core_.hold(partition);
  ++flushes_;
  scope_.spawn(await_durable(this, partition.id, partition.turn, end, std::move(receiver)));
}

runtime::Task<void> FollowerFetcher::await_durable(FollowerFetcher* self, base::TopicPartition id,
                                                   std::uint64_t turn, base::Offset end,
                                                   runtime::Receiver<base::Result<void>> receiver) {
  const auto durable = co_await receiver.wait(runtime::kNoTimeout, self->scope_.token());
  --self->flushes_;
  const bool is_durable = durable && *durable;
  if (!is_durable) {
    // It stays held: what is fetched behind, the leader takes for stored.
    LOG_WARN_EVERY(10'000, "partition {} is not fetched: its records do not get to the device", id);
    (void)co_await runtime::sleep_ms(self->loop_, self->env_.replication.fetch_backoff_ms,
                                     self->scope_.token());
  }
  FollowedPartition* const partition = self->core_.find(id, turn);
  if (partition != nullptr && is_durable) {
    self->core_.release(*partition);
  } else if (partition != nullptr && !self->scope_.cancelled()) {
    self->hold_until_durable(*partition, end);
  }
  self->wake_.notify_all();
}

runtime::Task<void> FollowerFetcher::wait_for_flushes() {
  const std::int64_t deadline_ms = loop_.now_ms() + kFlushPatienceMs;
  while (flushes_ > 0 && !scope_.cancelled()) {
    const std::int64_t left_ms = deadline_ms - loop_.now_ms();
    if (left_ms <= 0) co_return;
    (void)co_await wake_.wait(left_ms, scope_.token());
  }
}

}  // namespace replication::follower
