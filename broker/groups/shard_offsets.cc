// The offsets of a shard's groups: commits, reads, removal, expiry. The rest is in shard.cc.

#include <algorithm>

#include "base/java_string.h"
#include "base/log.h"
#include "broker/groups/append_error.h"
#include "broker/groups/offset_records.h"
#include "broker/groups/shard.h"

namespace groups {
namespace {

using protocol::ErrorCode;

// Groups looked at by expire() before others get their turn.
constexpr std::size_t kExpiredPerTurn = 200;

}  // namespace

// --- commits ------------------------------------------------------------------------------------

void Shard::commit(const std::string& group_id, CommitRequest request, CommitReply reply) {
  const auto refuse = [&](ErrorCode code) { reply(std::vector(request.offsets.size(), code)); };
  if (const auto refused = refusal()) return refuse(*refused);
  Entry* entry = find(group_id);
  if (entry == nullptr) {
    // Without a generation the group only stores its offsets here; with one it is an old one.
    if (request.generation >= 0) return refuse(ErrorCode::kIllegalGeneration);
    entry = &add(group_id);
  }
  const ErrorCode checked = entry->group.check_commit(request.member_id, request.instance_id,
                                                      request.generation, false, now());
  arm(*entry);
  if (checked != ErrorCode::kNone) return refuse(checked);

  CommitUnderWay commit;
  commit.entry = entries_.find(group_id)->second;
  commit.id = ++last_commit_;
  commit.reply = std::move(reply);
  RecordsBuilder builder(RecordsBuilder::Kind::offsets, settings_.codec, settings_.ibp,
                         loop_.wall_ms());
  for (const auto& offset : request.offsets) {
    const bool too_large = base::java_length(offset.value.metadata) > settings_.metadata_length_max;
    commit.codes.push_back(too_large ? ErrorCode::kOffsetMetadataTooLarge : ErrorCode::kNone);
    if (too_large) continue;
    entry->offsets.stage(offset.topic, offset.partition, commit.id);
    builder.add_offset({group_id, offset.topic, offset.partition}, offset.value);
  }
  commit.offsets = std::move(request.offsets);
  if (builder.empty()) return commit.reply(std::move(commit.codes));

  auto appended = append(builder.build(), settings_.commit_acks);
  if (is_stored(appended)) return complete(commit, appended->info.base_offset);
  scope_.spawn(finish_commit(std::move(commit), partition_, std::move(appended)));
}

runtime::Task<void> Shard::finish_commit(CommitUnderWay commit,
                                         std::shared_ptr<replication::Partition> partition,
                                         base::Result<replication::AppendOutcome> appended) {
  base::Result<base::Offset> log_offset = base::fail(base::Errc::internal);
  if (appended) log_offset = appended->info.base_offset;
  const auto stored = co_await until_stored(std::move(partition), std::move(appended));
  if (!stored) log_offset = base::fail(stored.error());
  complete(commit, log_offset);
}

void Shard::complete(CommitUnderWay& commit, const base::Result<base::Offset>& stored) {
  const ErrorCode code = stored ? ErrorCode::kNone : commit_error(stored.error());
  if (!stored) {
    LOG_WARN_EVERY(1000, "offsets of group {} not stored: {}", commit.entry->group.id(),
                   stored.error().to_string());
  }
  GroupOffsets& offsets = commit.entry->offsets;
  for (std::size_t i = 0; i < commit.offsets.size(); ++i) {
    if (commit.codes[i] != ErrorCode::kNone) continue;
    commit.codes[i] = code;
    CommitRequest::Offset& offset = commit.offsets[i];
    if (stored) {
      offsets.finish(offset.topic, offset.partition, commit.id, std::move(offset.value), *stored);
    } else {
      offsets.fail(offset.topic, offset.partition, commit.id);
    }
  }
  commit.reply(std::move(commit.codes));
}

// --- reads --------------------------------------------------------------------------------------

FetchOffsetsAnswer Shard::fetch_offsets(const std::string& group_id,
                                        const FetchOffsetsRequest& request) const {
  FetchOffsetsAnswer answer;
  if (const auto refused = refusal()) {
    answer.error = *refused;
    return answer;
  }
  const Entry* entry = find(group_id);
  const GroupOffsets none;
  const GroupOffsets& offsets = entry == nullptr ? none : entry->offsets;
  const auto add = [&](base::TopicPartition id, const CommittedOffset* committed) {
    auto& fetched = answer.offsets.emplace_back();
    if (request.require_stable && offsets.has_pending(id.topic, id.partition)) {
      fetched.error = ErrorCode::kUnstableOffsetCommit;
    } else if (committed != nullptr) {
      fetched.offset = committed->offset;
      fetched.leader_epoch = committed->leader_epoch;
      fetched.metadata = committed->metadata;
    }
    fetched.id = std::move(id);
  };
  if (request.partitions) {
    for (const auto& id : *request.partitions) add(id, offsets.find(id.topic, id.partition));
  } else {
    offsets.for_each(
        [&add](const std::string& topic, std::int32_t partition, const CommittedOffset& committed) {
          add({topic, partition}, &committed);
        });
  }
  return answer;
}

// --- removal ------------------------------------------------------------------------------------

DeleteOffsetsAnswer Shard::delete_offsets(const std::string& group_id,
                                          const std::vector<base::TopicPartition>& partitions) {
  if (const auto refused = refusal()) return {*refused, {}};
  Entry* entry = find(group_id);
  if (entry == nullptr) return {ErrorCode::kGroupIdNotFound, {}};
  const Group& group = entry->group;
  const bool is_empty = group.state() == GroupState::empty;
  if (!is_empty && group.protocol_type() != kConsumerProtocolType) {
    return {ErrorCode::kNonEmptyGroup, {}};
  }
  const auto& subscribed = group.subscribed_topics();
  DeleteOffsetsAnswer answer;
  std::vector<base::TopicPartition> removed;
  for (const auto& id : partitions) {
    const bool is_used = !is_empty && (!subscribed || subscribed->contains(id.topic));
    answer.partitions.push_back(is_used ? ErrorCode::kGroupSubscribedToTopic : ErrorCode::kNone);
    if (!is_used && entry->offsets.remove(id.topic, id.partition)) removed.push_back(id);
  }
  LOG_INFO("offsets of group {} deleted count={}", group_id, removed.size());
  after_removal(*entry, removed, false);
  return answer;
}

void Shard::on_partitions_deleted(const std::vector<base::TopicPartition>& partitions) {
  std::vector<EntryPointer> entries;
  for (const auto& [id, entry] : entries_) entries.push_back(entry);
  for (const EntryPointer& entry : entries) {
    std::vector<base::TopicPartition> removed;
    for (const auto& id : partitions) {
      if (entry->offsets.remove(id.topic, id.partition)) removed.push_back(id);
    }
    if (!removed.empty()) after_removal(*entry, removed, false);
  }
}

void Shard::after_removal(Entry& entry, const std::vector<base::TopicPartition>& removed,
                          bool is_deleted) {
  const Group& group = entry.group;
  RecordsBuilder builder(RecordsBuilder::Kind::group, settings_.codec, settings_.ibp,
                         loop_.wall_ms());
  for (const auto& id : removed) {
    builder.add_offset_tombstone({group.id(), id.topic, id.partition});
  }
  // A deadline of an empty group is that of a member id that may still be used.
  const bool has_ended = group.state() == GroupState::empty && entry.offsets.empty() &&
                         (is_deleted || group.next_deadline_ms() == Group::kNever);
  // Generation 0: it never had a record.
  if (has_ended && group.generation() > 0) builder.add_group_tombstone(group.id());
  if (!builder.empty()) {
    // Nobody waits: should it be lost, the next coordinator finds the same and tries again.
    const auto appended = append(builder.build(), 0);
    if (!appended) {
      LOG_WARN_EVERY(1000, "removal of offsets of group {} not stored: {}", group.id(),
                     appended.error().to_string());
    }
  }
  if (has_ended) erase(entry);
}

std::vector<base::TopicPartition> Shard::take_expired(Entry& entry) {
  const Group& group = entry.group;
  ExpiryView view;
  view.state = group.state();
  view.protocol_type = group.protocol_type();
  view.state_timestamp_ms = group.state_timestamp_ms();
  view.subscribed_topics = group.subscribed_topics() ? &*group.subscribed_topics() : nullptr;
  view.wall_ms = loop_.wall_ms();
  view.retention_ms = settings_.retention_ms;
  return entry.offsets.take_expired(view);
}

runtime::Task<void> Shard::expire() {
  if (state_ != State::active) co_return;
  std::vector<EntryPointer> entries;
  for (const auto& [id, entry] : entries_) entries.push_back(entry);
  std::size_t offsets = 0;
  std::size_t looked_at = 0;
  for (const EntryPointer& entry : entries) {
    if (++looked_at % kExpiredPerTurn == 0) co_await runtime::yield(loop_);
    if (entry->is_erased) continue;  // or the shard was unloaded meanwhile
    const auto expired = take_expired(*entry);
    offsets += expired.size();
    after_removal(*entry, expired, false);
  }
  if (offsets > 0) LOG_INFO("offsets of partition {} expired count={}", index_, offsets);
}

}  // namespace groups
