#include "broker/api/fetch.h"

#include <algorithm>
#include <limits>

#include "broker/api/error_mapping.h"
#include "broker/api/fetch_framing.h"
#include "broker/api/partition_lookup.h"
#include "broker/cluster/topic_name.h"
#include "protocol/sentinels.h"
#include "runtime/turn_budget.h"

namespace api {
namespace {

using protocol::ErrorCode;
using replication::FetchEntry;
using replication::FetchSession;
using replication::FetchSessionTable;
using PartitionData = protocol::FetchResponse::FetchableTopicResponse::PartitionData;

constexpr std::int16_t kFirstDivergenceVersion = 12;
constexpr std::int16_t kFirstTopicIdVersion = 13;
// A session remembers each of its partitions: a fetch of more is answered without one.
constexpr std::size_t kSessionPartitionsMax = 200'000;
constexpr std::int32_t kFinalSessionEpoch = -1;
constexpr std::int32_t kInitialSessionEpoch = 0;
// A client that vanished without a word is noticed when its wait is over: no wait may take days.
constexpr std::int32_t kWaitMaxMs = 60 * 1000;
// Below this a record batch of format 2 would have to be converted down.
constexpr std::int16_t kFirstBatchVersion = 4;

network::Reply refuse_all(const network::RequestContext& context, ErrorCode code) {
  protocol::FetchResponse response;
  response.error_code = protocol::to_wire(code);
  return network::reply(context, response);
}

network::Reply refuse_old_version(const network::RequestContext& context,
                                  const protocol::FetchRequest& request) {
  protocol::FetchResponse response;
  for (const auto& topic : request.topics) {
    auto& answer = response.responses.emplace_back();
    answer.topic = topic.topic;
    for (const auto& partition : topic.partitions) {
      PartitionData& data = answer.partitions.emplace_back();
      data.partition_index = partition.partition;
      data.error_code = protocol::to_wire(ErrorCode::kUnsupportedVersion);
      data.high_watermark = protocol::kNoOffset;
    }
  }
  return network::reply(context, response);
}

replication::FetchPosition position_of(
    const protocol::FetchRequest::FetchTopic::FetchPartition& partition) {
  replication::FetchPosition position;
  position.fetch_offset = base::Offset(partition.fetch_offset);
  position.follower_log_start = base::Offset(partition.log_start_offset);
  position.current_leader_epoch = base::LeaderEpoch(partition.current_leader_epoch);
  position.last_fetched_epoch = base::LeaderEpoch(partition.last_fetched_epoch);
  position.max_bytes = partition.partition_max_bytes;
  return position;
}

// Lets the next request use the session. One that ended half-way takes it along: the client gets a
// new one then, instead of one that has forgotten what it has to tell.
class SessionHold {
 public:
  SessionHold(FetchSessionTable& table, FetchSession& session) : table_(table), session_(session) {}
  ~SessionHold() {
    if (!is_complete_ && session_.id() != 0) table_.remove(session_.id());
    session_.release();
  }
  SessionHold(const SessionHold&) = delete;
  SessionHold& operator=(const SessionHold&) = delete;
  void set_complete() { is_complete_ = true; }

 private:
  FetchSessionTable& table_;
  FetchSession& session_;
  bool is_complete_ = false;
};

// Puts one partition's answer behind the others; those of one topic stand together where they
// follow each other.
void add_answer(protocol::FetchResponse& response, const FetchSession& session,
                const FetchEntry& entry, PartitionData data) {
  auto& topics = response.responses;
  const bool same_topic =
      !topics.empty() &&
      (session.uses_topic_ids() ? topics.back().topic_id == entry.topic_id
                                : topics.back().topic == std::string_view(entry.topic));
  if (!same_topic) {
    auto& topic = topics.emplace_back();
    topic.topic = entry.topic;
    topic.topic_id = entry.topic_id;
  }
  topics.back().partitions.push_back(std::move(data));
}

// As in Kafka: what the request both names and forgets is forgotten. The caller awaits it at once.
runtime::Task<void> forget(const protocol::FetchRequest& request, FetchSession& session,
                           std::vector<FetchEntry*>& named, runtime::TurnBudget& turn) {
  for (const auto& topic : request.forgotten_topics_data) {
    for (const std::int32_t index : topic.partitions) {
      FetchEntry* entry = session.find(topic.topic, topic.topic_id, index);
      if (entry != nullptr) entry->is_forgotten = true;
      if (turn.is_spent()) co_await turn.yield();
    }
  }
  std::erase_if(named, [](const FetchEntry* entry) { return entry->is_forgotten; });
  for (const auto& topic : request.forgotten_topics_data) {
    for (const std::int32_t index : topic.partitions) {
      session.forget(topic.topic, topic.topic_id, index);
      if (turn.is_spent()) co_await turn.yield();
    }
  }
}

// A session keeps the name with each partition: nobody may make it keep what no topic is called.
bool has_overlong_name(const protocol::FetchRequest& request) {
  const auto is_overlong = [](const auto& topic) {
    return topic.topic.size() > cluster::kTopicNameBytesMax;
  };
  return std::ranges::any_of(request.topics, is_overlong) ||
         std::ranges::any_of(request.forgotten_topics_data, is_overlong);
}

}  // namespace

runtime::Task<network::Reply> FetchApi::handle(network::RequestContext& context,
                                               std::int16_t version) {
  const auto decoded = decode_request<protocol::FetchRequest>(context);
  if (!decoded) co_return network::close_reply();
  const protocol::FetchRequest& request = *decoded;
  if (version < kFirstBatchVersion) co_return refuse_old_version(context, request);
  if (has_overlong_name(request)) co_return network::close_reply();

  runtime::Loop& loop = *runtime::Loop::current();
  runtime::TurnBudget turn;
  const std::int32_t replica_id =
      version >= 15 ? request.replica_state.replica_id : request.replica_id;
  Opened opened = open_session(request, version, replica_id >= 0, loop);
  if (opened.error != ErrorCode::kNone) co_return refuse_all(context, opened.error);
  FetchSession& session = *opened.session;
  SessionHold hold(sessions_, session);

  std::vector<FetchEntry*> named;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      named.push_back(&session.upsert(topic.topic, topic.topic_id, partition.partition,
                                      position_of(partition)));
      if (turn.is_spent()) co_await turn.yield();
    }
  }
  if (!opened.is_full && !request.forgotten_topics_data.empty()) {
    co_await forget(request, session, named, turn);
  }
  settle_session(opened);

  replication::FetchLimits limits;
  limits.max_bytes = std::min(request.max_bytes, options_.fetch_max_bytes);
  limits.min_bytes = std::min<std::int64_t>(request.min_bytes, limits.max_bytes);
  limits.max_wait_ms = std::min(request.max_wait_ms, kWaitMaxMs);
  limits.read_committed = request.isolation_level == 1;
  limits.checks_divergence = version >= kFirstDivergenceVersion;
  limits.replica_id = base::BrokerId(replica_id);
  limits.framing = fetch_framing(version);
  replication::FetchEnvironment environment{loop, {}};
  if (options_.disk) {
    environment.disk = {&options_.disk, &options_.scopes->current()};
  }
  const auto visited = co_await replication::run_fetch(
      environment, session, std::move(named), opened.is_full, limits,
      [this, by_id = session.uses_topic_ids()](FetchEntry& entry) { return look_up(entry, by_id); },
      context.cancel);
  if (!visited) co_return network::close_reply();  // the connection has ended

  protocol::FetchResponse response;
  response.session_id = opened.is_cached ? session.id() : 0;
  runtime::OutputList records;
  for (FetchEntry* entry : *visited) {
    if (turn.is_spent()) co_await turn.yield();
    PartitionData data;
    if (!fill(*entry, opened.is_full, version, data)) continue;
    add_answer(response, session, *entry, std::move(data));
    if (!entry->outcome) continue;
    for (runtime::FileSlice& slice : entry->outcome->plan.slices) records.add(std::move(slice));
  }
  session.requeue(*visited);
  hold.set_complete();
  co_return network::Reply{network::encode_response(context, response, std::move(records)),
                           std::nullopt};
}

FetchApi::Opened FetchApi::open_session(const protocol::FetchRequest& request, std::int16_t version,
                                        bool is_follower, runtime::Loop& loop) {
  Opened opened;
  const bool by_id = version >= kFirstTopicIdVersion;
  const std::int64_t now_ms = loop.now_ms();
  const std::int32_t epoch = version < 7 ? kFinalSessionEpoch : request.session_epoch;
  if (epoch != kFinalSessionEpoch && epoch != kInitialSessionEpoch) {
    auto found = sessions_.find(request.session_id, epoch, now_ms);
    if (found.error != FetchSessionTable::LookupError::none) {
      opened.error = found.error == FetchSessionTable::LookupError::not_found
                         ? ErrorCode::kFetchSessionIdNotFound
                         : ErrorCode::kInvalidFetchSessionEpoch;
      return opened;
    }
    opened.session = std::move(found.session);
    if (opened.session->uses_topic_ids() != by_id) {
      opened.session->release();
      opened.error = ErrorCode::kFetchSessionTopicIdError;
    }
    return opened;
  }

  if (request.session_id != 0) sessions_.remove(request.session_id);
  opened.is_full = true;
  std::size_t partition_count = 0;
  for (const auto& topic : request.topics) partition_count += topic.partitions.size();
  if (epoch == kInitialSessionEpoch && partition_count > 0 &&
      partition_count <= kSessionPartitionsMax) {
    opened.session = sessions_.create(is_follower, by_id, partition_count, now_ms, loop.random());
  } else {
    opened.session = std::make_shared<FetchSession>(0, is_follower, by_id, now_ms);
    (void)opened.session->try_hold();
  }
  return opened;
}

// The request's partitions are in the session: it goes on if there are any, and not too many.
void FetchApi::settle_session(Opened& opened) {
  const FetchSession& session = *opened.session;
  if (session.id() == 0) return;
  opened.is_cached = session.size() > 0 && session.size() <= kSessionPartitionsMax;
  if (opened.is_cached) {
    opened.is_cached = sessions_.resized(session);
  } else {
    sessions_.remove(session.id());
  }
}

std::shared_ptr<replication::Partition> FetchApi::look_up(FetchEntry& entry, bool by_id) const {
  if (by_id) {
    const auto snapshot = metadata_.snapshot();
    const auto* topic = entry.topic_id.is_zero() ? nullptr : snapshot->find_topic(entry.topic_id);
    if (topic == nullptr) {
      entry.lookup_error = make_error_code(replication::ReplicaError::unknown_topic_id);
      return nullptr;
    }
    entry.topic = topic->name;
  }
  auto partition =
      find_partition(partitions_, logs_, metadata_, entry.topic, entry.partition_index);
  if (!partition) {
    entry.lookup_error = partition.error().code();
    return nullptr;
  }
  const auto log_id = (*partition)->log().topic_id();
  if (by_id && log_id && *log_id != entry.topic_id) {
    entry.lookup_error = make_error_code(replication::ReplicaError::inconsistent_topic_id);
    return nullptr;
  }
  return std::move(*partition);
}

void FetchApi::fill_error(FetchEntry& entry, std::int16_t version, PartitionData& data) const {
  ErrorCode code = to_error_code(entry.outcome.error());
  // Kafka lists no aborted transactions of a partition it does not know, and has no list (null) of
  // one that it could not read.
  data.aborted_transactions.reset();
  if (code == ErrorCode::kUnknownTopicOrPartition || code == ErrorCode::kUnknownTopicId) {
    data.aborted_transactions.emplace();
  }
  if (code == ErrorCode::kKafkaStorageError && version <= 5) {
    code = ErrorCode::kNotLeaderOrFollower;
  }
  data.error_code = protocol::to_wire(code);
  data.high_watermark = protocol::kNoOffset;
  if (version >= 16 &&
      (code == ErrorCode::kNotLeaderOrFollower || code == ErrorCode::kFencedLeaderEpoch)) {
    const auto snapshot = metadata_.snapshot();
    if (const auto* known = snapshot->find(entry.topic, entry.partition_index)) {
      data.current_leader = {known->leader, known->leader_epoch};
    }
  }
  entry.sent_error = true;
}

// Writes one partition's answer; false if an incremental answer may leave it out.
bool FetchApi::fill(FetchEntry& entry, bool is_full, std::int16_t version,
                    PartitionData& data) const {
  data.partition_index = entry.partition_index;
  if (!entry.outcome) {
    fill_error(entry, version, data);
    return true;
  }
  if (!is_full && !entry.has_news() && !entry.has_moved()) return false;
  const replication::ReadOutcome& outcome = *entry.outcome;
  data.high_watermark = outcome.offsets.high_watermark.value();
  data.last_stable_offset = outcome.offsets.last_stable.value();
  data.log_start_offset = outcome.offsets.log_start.value();
  if (outcome.diverging && version >= kFirstDivergenceVersion) {
    data.diverging_epoch = {outcome.diverging->epoch.value(),
                            outcome.diverging->end_offset.value()};
  }
  data.aborted_transactions.reset();
  if (outcome.aborted && !outcome.diverging) {
    data.aborted_transactions.emplace().reserve(outcome.aborted->size());
    for (const auto& transaction : *outcome.aborted) {
      auto& aborted = data.aborted_transactions->emplace_back();
      aborted.producer_id = transaction.producer_id;
      aborted.first_offset = transaction.first_offset.value();
    }
  }
  data.records.external_size_bytes = static_cast<std::uint32_t>(outcome.plan.size_bytes);
  entry.sent_high_watermark = outcome.offsets.high_watermark;
  entry.sent_log_start = outcome.offsets.log_start;
  entry.sent_error = false;
  return true;
}

}  // namespace api
