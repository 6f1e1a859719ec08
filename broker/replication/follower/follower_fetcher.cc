// The life of a fetcher: changes, connection, questions. What an answer does to the logs:
// fetched_data.cc.
#include "broker/replication/follower/follower_fetcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/log.h"
#include "protocol/error_code.h"

namespace replication::follower {
namespace {

using protocol::ErrorCode;

constexpr std::size_t kChangesPerTurn = 1024;
constexpr std::size_t kQuestionsMax = 2000;  // of one request
constexpr std::int64_t kFirstBackoffMs = 50;
constexpr std::int64_t kUnknownLeaderMs = 1000;
constexpr std::int64_t kTellChangesMs = 1000;
// An answer that is so late makes a new leader epoch begin with a new connection.
constexpr std::int64_t kOverdueMs = 2000;
// A leader that answers at once, with nothing, again and again.
constexpr std::int64_t kHastyMs = 5;
constexpr std::uint32_t kHastyMax = 20;
constexpr std::int64_t kHastyPauseMs = 100;
// One batch may be larger than what is asked for.
constexpr std::size_t kAnswerBytesMin = std::size_t{128} << 20;

FetchCore::Options core_options(const FetcherEnvironment& env, const RequestVersions& versions) {
  FetchCore::Options options;
  options.truncates_on_fetch = versions.fetch >= kFirstDivergenceVersion;
  options.asks_epochs = versions.asks_epochs;
  options.knows_topic_ids = versions.fetch >= kFirstTopicIdVersion;
  options.max_wait_ms = env.replication.fetch_wait_max_ms;
  options.pause_ms = env.replication.fetch_backoff_ms;
  return options;
}

}  // namespace

LogFacts facts_of(const Partition& partition) {
  storage::PartitionLog& log = partition.log();
  LogFacts facts;
  facts.log_start = log.log_start_offset();
  facts.log_end = log.log_end_offset();
  facts.high_watermark = log.high_watermark();
  if (const auto latest = log.epochs().latest_entry()) {
    facts.latest_epoch = latest->epoch;
    facts.latest_epoch_start = latest->start_offset;
  }
  return facts;
}

FollowerFetcher::FollowerFetcher(runtime::Loop& loop, base::BrokerId leader, std::int32_t index,
                                 const FetcherEnvironment& environment)
    : loop_(loop),
      leader_(leader),
      index_(index),
      env_(environment),
      versions_(RequestVersions::of(environment.protocol)),
      core_(core_options(environment, versions_)),
      scope_(loop, fmt::format("fetcher {} of broker {}", index, leader)),
      wake_(loop) {}

// --- changes -------------------------------------------------------------------------------------

void FollowerFetcher::follow(FetchCore::Order order) { push({std::move(order), true}); }

void FollowerFetcher::unfollow(const base::TopicPartition& id) {
  Change change;
  change.order.id = id;
  push(std::move(change));
}

void FollowerFetcher::push(Change change) {
  bool was_empty = false;
  {
    base::LockGuard guard(inbox_mutex_);
    was_empty = inbox_.empty();
    inbox_.push_back(std::move(change));
  }
  if (was_empty) loop_.post([this] { apply_changes(); });
}

void FollowerFetcher::apply_changes() {
  std::vector<Change> changes;
  bool is_all = false;
  {
    base::LockGuard guard(inbox_mutex_);
    const auto count = static_cast<std::ptrdiff_t>(std::min(inbox_.size(), kChangesPerTurn));
    changes.assign(std::move_iterator(inbox_.begin()), std::move_iterator(inbox_.begin() + count));
    inbox_.erase(inbox_.begin(), inbox_.begin() + count);
    is_all = inbox_.empty();
  }
  if (!is_all) loop_.post([this] { apply_changes(); });
  std::size_t added = 0;
  for (Change& change : changes) {
    if (!change.follows) {
      core_.remove(change.order.id);
      continue;
    }
    ++added;
    const LogFacts facts = facts_of(*change.order.partition);
    core_.add(std::move(change.order), facts);
  }
  added_ += added;
  removed_ += changes.size() - added;
  const bool is_overdue =
      asked_ms_ >= 0 && loop_.now_ms() - asked_ms_ > asked_wait_ms_ + kOverdueMs;
  // Its answer is not waited for: the leader may be one that will never answer.
  if (connection_ != nullptr && (core_.size() == 0 || (added > 0 && is_overdue))) {
    connection_->abort();
  }
  wake_.notify_all();
}

// Thousands of partitions come one by one: one line for many.
void FollowerFetcher::tell_changes() {
  const bool is_due = core_.size() == 0 || loop_.now_ms() - told_ms_ >= kTellChangesMs;
  if (added_ + removed_ == 0 || !is_due) return;
  LOG_INFO("fetcher leader={} index={} partitions={} added={} removed={}", leader_, index_,
           core_.size(), std::exchange(added_, 0), std::exchange(removed_, 0));
  told_ms_ = loop_.now_ms();
}

void FollowerFetcher::close() {
  scope_.cancel();
  if (connection_ != nullptr) connection_->abort();
}

// --- the connection ------------------------------------------------------------------------------

runtime::Task<void> FollowerFetcher::run() {
  while (!scope_.cancelled()) {
    tell_changes();
    core_.end_pauses(loop_.now_ms());
    start_cuts();
    if (core_.size() == 0) {
      co_await disconnect();
      if (core_.size() == 0) (void)co_await wake_.wait(runtime::kNoTimeout, scope_.token());
      continue;
    }
    const bool is_connected = connection_ != nullptr || co_await connect();
    if (is_connected && co_await ask_leader()) {
      failures_ = 0;
      continue;
    }
    co_await disconnect();
    if (!scope_.cancelled() && core_.size() > 0) co_await back_off();
  }
  co_await disconnect();
}

runtime::Task<bool> FollowerFetcher::ask_leader() {
  if (!co_await ask_epochs()) co_return false;
  if (!co_await ask_ranges()) co_return false;
  start_cuts();
  co_return co_await fetch();
}

runtime::Task<bool> FollowerFetcher::connect() {
  const std::uint64_t version = env_.metadata->version();
  const auto snapshot = env_.metadata->snapshot();
  const auto* broker = snapshot->find_broker(leader_.value());
  const auto* endpoint = broker == nullptr ? nullptr : broker->find_endpoint(env_.listener);
  if (endpoint == nullptr) {
    (void)co_await env_.metadata->changed(version, kUnknownLeaderMs, scope_.token());
    co_return false;
  }
  client::ConnectOptions options;
  options.client_id = fmt::format("broker-{}-fetcher-{}", env_.self, index_);
  options.connect_timeout_ms = env_.connect_timeout_ms;
  options.request_timeout_ms = env_.replication.socket_timeout_ms;
  options.response_size_bytes_max = std::max(
      kAnswerBytesMin, 2 * static_cast<std::size_t>(env_.replication.fetch_response_max_bytes));
  auto connected = co_await client::BrokerConnection::connect(
      loop_, *env_.resolver, endpoint->host, static_cast<std::uint16_t>(endpoint->port),
      std::move(options), scope_.token());
  if (!connected) {
    connection_failed(connected.error());
    co_return false;
  }
  if (failures_ > 0) {
    LOG_INFO("fetcher leader={} index={} is connected again", leader_, index_);
  }
  connection_ = std::move(*connected);
  co_return true;
}

runtime::Task<void> FollowerFetcher::disconnect() {
  auto former = std::exchange(connection_, nullptr);
  if (former == nullptr) co_return;
  core_.on_session_lost(false);  // its end may know it yet
  co_await former->close();
}

void FollowerFetcher::connection_failed(const base::Error& error) {
  const bool is_ours = scope_.cancelled() || error.is(base::Errc::cancelled);  // we closed it
  if (is_ours || core_.size() == 0 || failures_ > 0) return;
  LOG_WARN("fetcher leader={} index={} partitions={} cannot fetch: {}", leader_, index_,
           core_.size(), error.to_string());
}

runtime::Task<void> FollowerFetcher::back_off() {
  const std::int64_t longest_ms =
      std::max<std::int64_t>(kFirstBackoffMs, env_.replication.fetch_backoff_ms);
  const std::int64_t pause_ms =
      std::min(kFirstBackoffMs << std::min<std::uint32_t>(failures_, 16), longest_ms);
  ++failures_;
  (void)co_await runtime::sleep_ms(loop_, pause_ms, scope_.token());
}

runtime::Task<void> FollowerFetcher::wait_for_change() {
  std::int64_t wait_ms = runtime::kNoTimeout;
  if (const auto due_ms = core_.next_due_ms()) {
    wait_ms = std::max<std::int64_t>(0, *due_ms - loop_.now_ms());
  }
  (void)co_await wake_.wait(wait_ms, scope_.token());
}

template <class Response, class Request>
runtime::Task<base::Result<client::TypedReply<Response>>> FollowerFetcher::request(
    Request body, std::int16_t version, std::int64_t wait_ms) {
  asked_ms_ = loop_.now_ms();
  asked_wait_ms_ = wait_ms;
  auto reply = co_await connection_->request<Response>(
      std::move(body), version, wait_ms + env_.replication.socket_timeout_ms);
  asked_ms_ = -1;
  if (!reply) connection_failed(reply.error());
  co_return std::move(reply);
}

// --- questions -----------------------------------------------------------------------------------

runtime::Task<bool> FollowerFetcher::ask_epochs() {
  using Response = protocol::OffsetForLeaderEpochResponse;
  for (;;) {
    const auto questions = core_.epoch_questions(kQuestionsMax);
    if (questions.empty() || scope_.cancelled()) co_return true;
    auto reply = co_await request<Response>(epoch_request(questions, {env_.self}),
                                            versions_.offset_for_leader_epoch, 0);
    if (!reply) co_return false;
    std::map<base::TopicPartition, const Response::OffsetForLeaderTopicResult::EpochEndOffset*>
        answers;
    for (const auto& topic : reply->value.topics) {
      for (const auto& answer : topic.partitions) {
        answers[{std::string(topic.topic), answer.partition}] = &answer;
      }
    }
    for (const Question& question : questions) {
      FollowedPartition* const partition = core_.find(question.id, question.turn);
      if (partition == nullptr || partition->phase != Phase::needs_epoch) continue;
      const auto answer = answers.find(question.id);
      if (answer == answers.end()) {
        stumble(*partition, Trouble::other, "the leader did not say where its epoch ends");
      } else if (answer->second->error_code != 0) {
        refused(*partition, answer->second->error_code);
      } else {
        const storage::EpochEndOffset leader{base::LeaderEpoch(answer->second->leader_epoch),
                                             base::Offset(answer->second->end_offset)};
        const auto own = partition->partition->log().end_offset_for_epoch(leader.epoch);
        core_.on_epoch_answer(*partition, leader, own, loop_.now_ms());
      }
    }
  }
}

runtime::Task<bool> FollowerFetcher::ask_ranges() {
  using Response = protocol::ListOffsetsResponse;
  for (;;) {
    const auto questions = core_.range_questions(kQuestionsMax);
    if (questions.empty() || scope_.cancelled()) co_return true;
    struct Range {
      LeaderRange offsets;
      std::int16_t error_code = 0;
    };
    std::map<base::TopicPartition, Range> ranges;
    for (const std::int64_t timestamp : {kLatestTimestamp, kEarliestTimestamp}) {
      auto reply = co_await request<Response>(range_request(questions, {env_.self}, timestamp),
                                              versions_.list_offsets, 0);
      if (!reply) co_return false;
      for (const auto& topic : reply->value.topics) {
        for (const auto& answer : topic.partitions) {
          Range& range = ranges[{std::string(topic.name), answer.partition_index}];
          if (answer.error_code != 0) range.error_code = answer.error_code;
          auto& offset = timestamp == kLatestTimestamp ? range.offsets.end : range.offsets.start;
          offset = base::Offset(answer.offset);
        }
      }
    }
    for (const Question& question : questions) {
      FollowedPartition* const partition = core_.find(question.id, question.turn);
      if (partition == nullptr || partition->phase != Phase::needs_range) continue;
      const Range range = ranges[question.id];
      if (range.error_code != 0) {
        refused(*partition, range.error_code);
        continue;
      }
      core_.on_range_answer(*partition, range.offsets, loop_.now_ms());
      LOG_INFO("partition {} has its fetch refused log_end={} leader={} leader_has={}..{}",
               question.id, partition->log.log_end, leader_, range.offsets.start,
               range.offsets.end);
    }
  }
}

runtime::Task<bool> FollowerFetcher::fetch() {
  runtime::note_running("replica fetch", connection_->peer());
  const auto plan = core_.next_fetch(loop_.now_ms());
  if (!plan) {
    if (!core_.has_questions()) co_await wait_for_change();
    co_return true;
  }
  const bool by_topic_id = plan->by_topic_id;
  // Without topic ids the version is the last one that has names.
  const std::int16_t version =
      by_topic_id ? versions_.fetch
                  : std::min<std::int16_t>(versions_.fetch, kFirstTopicIdVersion - 1);
  FetchSizes sizes;
  sizes.min_bytes = env_.replication.fetch_min_bytes;
  sizes.max_bytes = env_.replication.fetch_response_max_bytes;
  sizes.partition_max_bytes = env_.replication.fetch_max_bytes;
  const std::int64_t begun_ms = loop_.now_ms();
  const std::int64_t wait_ms = plan->max_wait_ms;
  auto reply = co_await request<protocol::FetchResponse>(
      fetch_request(*plan, sizes, {env_.self, env_.broker_epoch()}, version), version, wait_ms);
  if (!reply) co_return false;
  const protocol::FetchResponse& response = reply->value;
  const auto error = protocol::error_code_from_wire(response.error_code);
  if (error != ErrorCode::kNone) {
    core_.on_session_lost(error == ErrorCode::kFetchSessionIdNotFound);
    LOG_DEBUG("fetcher leader={} index={} session refused error={}", leader_, index_,
              response.error_code);
    co_return false;
  }
  if (!core_.on_answer(version >= kFirstSessionVersion ? response.session_id : 0)) {
    connection_failed(base::Error(base::Errc::corrupt, "the answer is of another fetch session"));
    co_return false;
  }
  co_await take(response, by_topic_id);
  co_await wait_for_flushes();
  const bool is_hasty =
      wait_ms > kHastyMs && loop_.now_ms() - begun_ms < kHastyMs && response.responses.empty();
  hasty_answers_ = is_hasty ? hasty_answers_ + 1 : 0;
  if (hasty_answers_ > kHastyMax) {
    (void)co_await runtime::sleep_ms(loop_, kHastyPauseMs, scope_.token());
  }
  co_return true;
}

}  // namespace replication::follower
