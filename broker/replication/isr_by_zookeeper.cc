#include "broker/replication/isr_by_zookeeper.h"

#include "base/log.h"
#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/notifications.h"
#include "broker/cluster/znodes/partition_state.h"
#include "zkclient/client.h"
#include "zkclient/zk_error.h"

namespace replication {
namespace {

namespace paths = cluster::paths;
using zkclient::ZkError;

constexpr std::int64_t kTellCheckMs = 2500;
constexpr std::int64_t kTellLingerMs = 5000;
constexpr std::int64_t kTellDelayMaxMs = 60'000;
constexpr std::size_t kNotificationBytesMax = 500'000;  // servers take 1 MB
constexpr std::size_t kPartitionBytes = 40;             // of JSON around a topic's name

std::string path_of(const IsrChange& change) {
  return paths::partition_state(change.partition.topic, change.partition.partition);
}

cluster::PartitionState state_of(const IsrChange& change) {
  cluster::PartitionState state;
  state.leader = change.proposed.leader.value();
  state.leader_epoch = change.proposed.leader_epoch.value();
  state.controller_epoch = change.controller_epoch.value();
  for (const base::BrokerId id : change.proposed.isr) state.isr.push_back(id.value());
  return state;
}

IsrVerdict confirmed(const IsrChange& change, base::ZkVersion version) {
  IsrVerdict verdict{IsrVerdict::Kind::confirmed, change.proposed};
  verdict.state.partition_epoch = version;
  return verdict;
}

std::optional<IsrState> decode(const IsrChange& change,
                               const base::Result<zkclient::NodeData>& node) {
  if (!node) return std::nullopt;
  const auto state = cluster::decode_partition_state(node->data.value_or(""));
  if (!state) {
    LOG_WARN_EVERY(1000, "partition {} has a state that makes no sense: {}", change.partition,
                   state.error().to_string());
    return std::nullopt;
  }
  IsrState known;
  known.leader = base::BrokerId(state->leader);
  known.leader_epoch = base::LeaderEpoch(state->leader_epoch);
  for (const std::int32_t id : state->isr) known.isr.emplace_back(id);
  known.partition_epoch = base::ZkVersion(node->stat.version.value());
  return known;
}

}  // namespace

// --- IsrNotice -----------------------------------------------------------------------------------

void IsrNotice::add(base::TopicPartition partition, std::int64_t now_ms) {
  changed_.insert(std::move(partition));
  last_change_ms_ = now_ms;
}

std::vector<base::TopicPartition> IsrNotice::take_due(std::int64_t now_ms, std::size_t bytes_max) {
  std::vector<base::TopicPartition> due;
  const bool is_due =
      last_change_ms_ + kTellLingerMs < now_ms || last_told_ms_ + kTellDelayMaxMs < now_ms;
  if (changed_.empty() || !is_due) return due;
  std::size_t bytes = 0;
  while (!changed_.empty() && bytes < bytes_max) {
    bytes += changed_.begin()->topic.size() + kPartitionBytes;
    due.push_back(std::move(changed_.extract(changed_.begin()).value()));
  }
  if (changed_.empty()) last_told_ms_ = now_ms;
  return due;
}

void IsrNotice::give_back(const std::vector<base::TopicPartition>& partitions) {
  changed_.insert(partitions.begin(), partitions.end());
}

// --- IsrByZookeeper ------------------------------------------------------------------------------

IsrByZookeeper::IsrByZookeeper(runtime::Loop& control, cluster::ZkSession& session)
    : session_(session), notice_(control.now_ms()), scope_(control, "isr notifications") {}

runtime::Task<void> IsrByZookeeper::close() {
  scope_.cancel();
  co_await scope_.join();
}

runtime::Task<std::vector<IsrVerdict>> IsrByZookeeper::write(std::vector<IsrChange> changes) {
  std::vector<IsrVerdict> verdicts(changes.size());
  zkclient::Client* const client = session_.client();
  if (client == nullptr) co_return verdicts;
  std::vector<zkclient::Client::Reply<zkclient::Stat>> replies;
  replies.reserve(changes.size());
  for (const IsrChange& change : changes) {
    replies.push_back(client->set(path_of(change),
                                  cluster::encode_partition_state(state_of(change)),
                                  change.proposed.partition_epoch));
  }
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const auto stat = co_await std::move(replies[i]);
    if (stat) {
      verdicts[i] = confirmed(changes[i], stat->version);
    } else if (stat.error().is(ZkError::bad_version)) {
      verdicts[i] = co_await settle_conflict(changes[i]);
    } else if (stat.error().is(ZkError::no_node)) {
      verdicts[i].kind = IsrVerdict::Kind::waits;  // the topic is being deleted
    } else {
      LOG_WARN_EVERY(1000, "partition {} got no new ISR, trying again: {}", changes[i].partition,
                     stat.error().to_string());
    }
    if (verdicts[i].kind == IsrVerdict::Kind::confirmed) {
      notice_.add(changes[i].partition, scope_.loop().now_ms());
    }
  }
  co_return verdicts;
}

// An earlier try may have taken effect when the connection broke.
runtime::Task<IsrVerdict> IsrByZookeeper::settle_conflict(IsrChange change) {
  IsrVerdict verdict;
  zkclient::Client* const client = session_.client();
  if (client == nullptr) co_return verdict;
  const auto node = co_await client->get(path_of(change));
  if (!node && !node.error().is(ZkError::no_node)) co_return verdict;
  verdict.kind = IsrVerdict::Kind::waits;
  if (!node) co_return verdict;
  const auto state = cluster::decode_partition_state(node->data.value_or(""));
  if (state && *state == state_of(change)) verdict = confirmed(change, node->stat.version);
  if (verdict.kind == IsrVerdict::Kind::waits) {
    LOG_INFO(
        "partition {} got no new ISR: its state has changed leader_epoch={} "
        "partition_epoch={} version={}",
        change.partition, change.proposed.leader_epoch, change.proposed.partition_epoch,
        node->stat.version);
  }
  co_return verdict;
}

runtime::Task<void> IsrByZookeeper::tell() {
  while (co_await runtime::sleep_ms(scope_.loop(), kTellCheckMs, scope_.token())) {
    for (;;) {
      zkclient::Client* const client = session_.client();
      if (client == nullptr) break;
      const auto due = notice_.take_due(scope_.loop().now_ms(), kNotificationBytesMax);
      if (due.empty()) break;
      const std::string path(paths::kIsrChangePrefix);
      const auto created = co_await client->create(path, cluster::encode_isr_change(due),
                                                   zkclient::CreateMode::persistent_sequential,
                                                   cluster::znode_acl(path));
      if (created) continue;
      LOG_WARN("cannot tell the controller of ISR changes, trying again partitions={}: {}",
               due.size(), created.error().to_string());
      notice_.give_back(due);
      break;
    }
  }
}

// --- IsrStatesInZookeeper ------------------------------------------------------------------------

runtime::Task<std::vector<std::optional<IsrState>>> IsrStatesInZookeeper::read(
    std::vector<IsrChange> changes) {
  std::vector<std::optional<IsrState>> states(changes.size());
  zkclient::Client* client = session_.client();
  if (client == nullptr) co_return states;
  // What was written through another server may not have come to ours.
  const auto synced = co_await client->sync(std::string(paths::kTopics));
  client = session_.client();
  if (!synced || client == nullptr) co_return states;
  std::vector<std::string> nodes_paths;
  nodes_paths.reserve(changes.size());
  for (const IsrChange& change : changes) nodes_paths.push_back(path_of(change));
  const auto nodes = co_await client->get_many(std::move(nodes_paths));
  for (std::size_t i = 0; i < changes.size(); ++i) states[i] = decode(changes[i], nodes[i]);
  co_return states;
}

}  // namespace replication
