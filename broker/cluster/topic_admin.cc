#include "broker/cluster/topic_admin.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "broker/cluster/admin_write.h"
#include "broker/cluster/partition_growth.h"
#include "broker/cluster/topic_name.h"
#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "zkclient/recursive.h"

namespace cluster {
namespace {

using config::InterBrokerProtocol;
using protocol::ErrorCode;
using zkclient::ZkError;

constexpr int kTriesMax = 10;
// Enough to keep ZooKeeper's log busy, few enough to leave room for others.
constexpr std::size_t kWritesAtOnce = 32;
constexpr std::size_t kMarkersAtOnce = 500;

// What two names that collide have in common.
std::string collision_key(std::string name) {
  std::ranges::replace(name, '.', '_');
  return name;
}

std::vector<AssignableBroker> live_brokers(const MetadataSnapshot& metadata) {
  std::vector<AssignableBroker> brokers;
  for (const auto& [id, broker] : *metadata.brokers) brokers.push_back({id, broker.rack});
  return brokers;
}

TopicOutcome unknown_topic(std::string_view name) {
  return refuse(ErrorCode::kUnknownTopicOrPartition,
                fmt::format("The topic '{}' does not exist.", name));
}

TopicOutcome already_exists(std::string_view name) {
  return refuse(ErrorCode::kTopicAlreadyExists, fmt::format("Topic '{}' already exists.", name));
}

std::string null_keys(const NewTopic& topic) {
  std::string keys;
  for (const auto& [key, value] : topic.configs) {
    if (!value) keys += (keys.empty() ? "" : ",") + key;
  }
  return keys;
}

bool exists(const base::Result<std::optional<zkclient::Stat>>& stat) {
  return stat && stat->has_value();
}

}  // namespace

TopicAdmin::TopicAdmin(ZkSession& session, const MetadataCache& metadata,
                       std::shared_ptr<const config::ServerConfig> config)
    : session_(session), metadata_(metadata), config_(std::move(config)) {}

// --- creation ---------------------------------------------------------------------------------

NewTopic TopicAdmin::auto_created(std::string name) const {
  NewTopic topic;
  const auto set = [&topic](std::string key, std::string value) {
    topic.configs.emplace_back(std::move(key), std::move(value));
  };
  if (name == kGroupMetadataTopic) {
    topic.partitions = config_->groups.offsets_topic_num_partitions;
    topic.replication_factor = config_->groups.offsets_topic_replication_factor;
    set("cleanup.policy", "compact");
    set("segment.bytes", std::to_string(config_->groups.offsets_topic_segment_bytes));
    set("compression.type", "producer");
  } else if (name == kTransactionStateTopic) {
    const auto& transactions = config_->transactions;
    topic.partitions = transactions.state_log_num_partitions;
    topic.replication_factor = transactions.state_log_replication_factor;
    set("unclean.leader.election.enable", "false");
    set("compression.type", "uncompressed");
    set("cleanup.policy", "compact");
    set("min.insync.replicas", std::to_string(transactions.state_log_min_isr));
    set("segment.bytes", std::to_string(transactions.state_log_segment_bytes));
  }
  topic.name = std::move(name);
  return topic;
}

TopicAdmin::Placed TopicAdmin::place(const NewTopic& topic) {
  Placed placed;
  if (!topic.assignment.empty()) {
    placed.replicas = topic.assignment;
    return placed;
  }
  const auto brokers = live_brokers(*metadata_.snapshot());
  AssignmentRequest request;
  request.partitions = topic.partitions.value_or(config_->topics.num_partitions);
  request.replication_factor =
      topic.replication_factor.value_or(config_->topics.default_replication_factor);
  if (!brokers.empty()) {
    runtime::Random& random = session_.scope().loop().random();
    request.start_index = static_cast<std::int32_t>(random.below(brokers.size()));
    request.shift = static_cast<std::int32_t>(random.below(brokers.size()));
  }
  auto replicas = assign_replicas(brokers, request);
  if (replicas) {
    placed.replicas = std::move(*replicas);
  } else {
    placed.outcome = refuse_placement(replicas.error());
  }
  return placed;
}

// The checks of a new name that need ZooKeeper, in one round trip.
runtime::Task<TopicOutcome> TopicAdmin::check_new_topic(zkclient::Client& client, std::string name,
                                                        Colliding* names) {
  auto marked_read = client.exists(paths::delete_topic(name));
  auto topic_read = client.exists(paths::topic(name));
  const auto marked = co_await marked_read;
  const auto topic = co_await topic_read;
  if (!marked) co_return transport_outcome(marked.error());
  if (!topic) co_return transport_outcome(topic.error());
  if (*marked) {
    co_return refuse(ErrorCode::kTopicAlreadyExists,
                     fmt::format("Topic '{}' is marked for deletion.", name));
  }
  if (*topic) co_return already_exists(name);
  if (!has_collision_characters(name)) co_return TopicOutcome();
  Colliding own;
  if (names == nullptr) {
    names = &own;
    const auto read = co_await read_colliding(client, names);
    if (!read) co_return transport_outcome(read.error());
  }
  std::vector<std::string> colliding;
  const std::string key = collision_key(name);
  for (auto [at, end] = names->equal_range(key); at != end; ++at) {
    if (at->second == name) co_return already_exists(name);
    colliding.push_back(at->second);
  }
  if (colliding.empty()) {
    names->emplace(key, name);  // before its neighbours in the request are looked at
    co_return TopicOutcome();
  }
  co_return refuse(ErrorCode::kInvalidTopicException,
                   fmt::format("Topic '{}' collides with existing topics: {}", name,
                               fmt::join(colliding, ", ")));
}

runtime::Task<base::Result<void>> TopicAdmin::read_colliding(zkclient::Client& client,
                                                             Colliding* into) {
  CO_TRY_ASSIGN(const auto all, co_await client.children(std::string(paths::kTopics)));
  for (const std::string& name : all) {
    if (has_collision_characters(name)) into->emplace(collision_key(name), name);
  }
  co_return base::Result<void>();
}

struct TopicAdmin::Creations {
  std::vector<NewTopic> topics;
  std::vector<TopicOutcome> outcomes;
  std::size_t next = 0;
  Colliding names;
};

runtime::Task<void> TopicAdmin::create_next(Creations* creations) {
  while (creations->next < creations->topics.size()) {
    const std::size_t i = creations->next++;
    creations->outcomes[i] =
        co_await create_topic(std::move(creations->topics[i]), &creations->names);
  }
}

runtime::Task<std::vector<TopicOutcome>> TopicAdmin::create_topics(std::vector<NewTopic> topics) {
  Creations creations{std::move(topics), {}, 0, {}};
  creations.outcomes.resize(creations.topics.size());
  const bool may_collide = std::ranges::any_of(
      creations.topics, [](const NewTopic& topic) { return has_collision_characters(topic.name); });
  zkclient::Client* const client = session_.client();
  if (may_collide && client != nullptr) {
    const auto read = co_await read_colliding(*client, &creations.names);
    if (!read) {
      creations.outcomes.assign(creations.topics.size(), transport_outcome(read.error()));
      co_return std::move(creations.outcomes);
    }
  }
  runtime::TaskScope workers(session_.scope().loop(), "topic creation");
  for (std::size_t i = 0; i < std::min(kWritesAtOnce, creations.topics.size()); ++i) {
    workers.spawn(create_next(&creations));
  }
  co_await workers.join();
  co_return std::move(creations.outcomes);
}

runtime::Task<TopicOutcome> TopicAdmin::create_topic(NewTopic topic) {
  return create_topic(std::move(topic), nullptr);
}

runtime::Task<TopicOutcome> TopicAdmin::create_topic(NewTopic topic, Colliding* names) {
  if (metadata_.snapshot()->find_topic(topic.name) != nullptr) co_return already_exists(topic.name);
  if (const std::string keys = null_keys(topic); !keys.empty()) {
    co_return refuse(ErrorCode::kInvalidConfig,
                     "Null value not supported for topic configs: " + keys);
  }
  if (!topic.assignment.empty() && (topic.partitions || topic.replication_factor)) {
    co_return refuse(ErrorCode::kInvalidRequest,
                     "Both numPartitions or replicationFactor and replicasAssignments were set. "
                     "Both cannot be used at the same time.");
  }
  Placed placed = place(topic);
  if (!placed.outcome.ok()) co_return placed.outcome;
  if (auto invalid = invalid_topic_name(topic.name)) {
    co_return refuse(ErrorCode::kInvalidTopicException, std::move(*invalid));
  }
  zkclient::Client* const client = session_.client();
  if (client == nullptr) co_return no_session();
  if (TopicOutcome checked = co_await check_new_topic(*client, topic.name, names); !checked.ok()) {
    co_return checked;
  }
  if (auto invalid = invalid_new_assignment(placed.replicas)) {
    co_return refuse(ErrorCode::kInvalidReplicaAssignment, std::move(*invalid));
  }
  TopicOutcome outcome;
  for (auto& [key, value] : topic.configs) outcome.configs.insert_or_assign(key, *value);
  if (auto invalid = config::validate_topic_configs(outcome.configs, config_->log.topic_defaults)) {
    co_return refuse(ErrorCode::kInvalidConfig, std::move(*invalid));
  }
  outcome.partitions = static_cast<std::int32_t>(placed.replicas.size());
  outcome.replication_factor = static_cast<std::int16_t>(placed.replicas.begin()->second.size());
  if (topic.validate_only) co_return outcome;

  TopicAssignment assignment;
  for (auto& [partition, replicas] : placed.replicas) {
    assignment.partitions[partition].replicas = std::move(replicas);
  }
  if (config_->identity.inter_broker_protocol >= InterBrokerProtocol::v2_8_iv0) {
    assignment.topic_id = session_.scope().loop().random().uuid();
    outcome.topic_id = *assignment.topic_id;
  }
  TopicOutcome written = co_await write_new_topic(
      *client, topic.name, encode_config(outcome.configs), encode_topic_assignment(assignment));
  if (!written.ok()) co_return written;
  LOG_INFO("topic {} created id={} partitions={} replication_factor={}", topic.name,
           outcome.topic_id, outcome.partitions, outcome.replication_factor);
  co_return outcome;
}

// --- more partitions --------------------------------------------------------------------------

runtime::Task<TopicOutcome> TopicAdmin::add_partitions(MorePartitions request) {
  zkclient::Client* const client = session_.client();
  if (client == nullptr) co_return no_session();
  if (invalid_topic_name(request.name)) co_return unknown_topic(request.name);
  const std::string path = paths::topic(request.name);
  std::string wanted;  // written with unknown outcome
  base::Error last(base::Errc::internal);
  for (int i = 0; i < kTriesMax; ++i) {
    auto marked_read = client->exists(paths::delete_topic(request.name));
    auto topic_read = client->get(path);
    const auto marked = co_await marked_read;
    const auto node = co_await topic_read;
    if (exists(marked)) {
      co_return refuse(ErrorCode::kInvalidTopicException, "The topic is queued for deletion.");
    }
    if (!node) {
      if (node.error().is(ZkError::no_node)) co_return unknown_topic(request.name);
      co_return transport_outcome(node.error());
    }
    auto assignment = decode_topic_assignment(node->data.value_or(""));
    if (!assignment) {
      co_return refuse(ErrorCode::kUnknownServerError, assignment.error().to_string());
    }
    TopicOutcome outcome;
    outcome.partitions = request.count;
    if (assignment->topic_id) outcome.topic_id = *assignment->topic_id;
    if (!wanted.empty() && node->data == wanted) co_return outcome;
    if (TopicOutcome placed =
            grow_assignment(request, live_brokers(*metadata_.snapshot()), *assignment);
        !placed.ok())
      co_return placed;
    if (request.validate_only) co_return outcome;
    // Kafka writes whatever the version is; two requests at the same time would undo each other.
    std::string json = encode_topic_assignment(*assignment);
    auto written = co_await client->set(path, json, node->stat.version);
    if (written) {
      LOG_INFO("topic {} now has partitions={}", request.name, request.count);
      co_return outcome;
    }
    last = std::move(written).error();
    if (zkclient::is_outcome_unknown(last)) {
      wanted = std::move(json);
    } else if (last.is(base::Errc::too_large)) {
      co_return refuse(ErrorCode::kInvalidPartitions, "The assignment is too large for one znode.");
    } else if (!last.is(ZkError::bad_version) && !last.is(ZkError::no_node)) {
      break;
    }
  }
  co_return transport_outcome(last);
}

// --- deletion ---------------------------------------------------------------------------------

struct TopicAdmin::Deletions {
  std::vector<std::string> names;
  std::vector<std::optional<TopicOutcome>> outcomes;
  std::size_t next = 0;
};

namespace {

// Writes the markers of those that exist in one transaction, so that the controller sees them at
// once. Answers where they are in `names`, or nothing if it could not be.
runtime::Task<std::vector<std::size_t>> mark_at_once(zkclient::Client& client,
                                                     std::vector<std::string> names) {
  std::vector<std::size_t> places;
  std::vector<std::string> topics;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (invalid_topic_name(names[i])) continue;
    places.push_back(i);
    topics.push_back(paths::topic(names[i]));
  }
  const auto stats = co_await client.exists_many(std::move(topics));
  std::vector<std::size_t> marked;
  std::vector<zkclient::Op> ops;
  for (std::size_t i = 0; i < stats.size(); ++i) {
    if (!stats[i] || !*stats[i]) continue;
    marked.push_back(places[i]);
    const std::string path = paths::delete_topic(names[places[i]]);
    ops.push_back(zkclient::Op::create(path, std::nullopt, zkclient::CreateMode::persistent,
                                       znode_acl(path)));
  }
  if (ops.empty()) co_return std::vector<std::size_t>();
  const auto written = co_await client.multi(std::move(ops));
  if (!written || written->first_error()) co_return std::vector<std::size_t>();
  LOG_INFO("topics marked for deletion count={}", marked.size());
  co_return marked;
}

}  // namespace

runtime::Task<void> TopicAdmin::delete_next(Deletions* deletions) {
  while (deletions->next < deletions->names.size()) {
    const std::size_t i = deletions->next++;
    if (deletions->outcomes[i]) continue;
    deletions->outcomes[i] = co_await delete_topic(std::move(deletions->names[i]));
  }
}

runtime::Task<std::vector<TopicOutcome>> TopicAdmin::delete_topics(std::vector<std::string> names) {
  Deletions deletions{std::move(names), {}, 0};
  deletions.outcomes.resize(deletions.names.size());
  for (std::size_t begin = 0; begin < deletions.names.size(); begin += kMarkersAtOnce) {
    const std::size_t end = std::min(begin + kMarkersAtOnce, deletions.names.size());
    zkclient::Client* const client = session_.client();
    if (client == nullptr || end - begin == 1) break;
    std::vector<std::string> some(deletions.names.begin() + static_cast<std::ptrdiff_t>(begin),
                                  deletions.names.begin() + static_cast<std::ptrdiff_t>(end));
    for (const std::size_t i : co_await mark_at_once(*client, std::move(some))) {
      deletions.outcomes[begin + i] = TopicOutcome();
    }
  }
  // What is left: alone, or not to be had all at once.
  runtime::TaskScope workers(session_.scope().loop(), "topic deletion");
  for (std::size_t i = 0; i < std::min(kWritesAtOnce, deletions.names.size()); ++i) {
    workers.spawn(delete_next(&deletions));
  }
  co_await workers.join();
  std::vector<TopicOutcome> outcomes;
  outcomes.reserve(deletions.outcomes.size());
  for (auto& outcome : deletions.outcomes) outcomes.push_back(std::move(*outcome));
  co_return outcomes;
}

runtime::Task<TopicOutcome> TopicAdmin::delete_topic(std::string name) {
  zkclient::Client* const client = session_.client();
  if (client == nullptr) co_return no_session();
  // Also keeps a hostile name out of the path.
  if (invalid_topic_name(name)) co_return unknown_topic(name);
  base::Error last(base::Errc::internal);
  for (int i = 0; i < kTriesMax; ++i) {
    const auto topic = co_await client->exists(paths::topic(name));
    if (!topic) co_return transport_outcome(topic.error());
    if (!*topic) {
      // With an unknown outcome before: the controller may have finished the deletion already.
      if (i > 0) co_return TopicOutcome();
      co_return unknown_topic(name);
    }
    const auto marked = co_await zkclient::create_recursive(*client, paths::delete_topic(name),
                                                            std::nullopt, znode_acl);
    if (marked) LOG_INFO("topic {} marked for deletion", name);
    if (marked || marked.error().is(ZkError::node_exists)) co_return TopicOutcome();
    last = marked.error();
    if (!zkclient::is_outcome_unknown(last)) break;
  }
  co_return transport_outcome(last);
}

// --- configs ----------------------------------------------------------------------------------

runtime::Task<TopicOutcome> TopicAdmin::edit_topic_config(std::string topic, ConfigEdit edit,
                                                          bool validate_only) {
  zkclient::Client* const client = session_.client();
  if (client == nullptr) co_return no_session();
  if (auto invalid = invalid_topic_name(topic)) {
    co_return refuse(ErrorCode::kInvalidTopicException, std::move(*invalid));
  }
  const auto known = co_await client->exists(paths::topic(topic));
  if (!known) co_return transport_outcome(known.error());
  if (!*known) co_return unknown_topic(topic);
  ConfigEdit checked = [edit = std::move(edit), config = config_](const config::ConfigMap& stored) {
    auto edited = edit(stored);
    if (!edited) return edited;
    if (auto invalid = config::validate_topic_configs(*edited, config->log.topic_defaults)) {
      edited = std::unexpected(refuse(ErrorCode::kInvalidConfig, std::move(*invalid)));
    }
    return edited;
  };
  co_return co_await edit_config(*client, "topics/" + topic, std::move(checked), validate_only);
}

runtime::Task<TopicOutcome> TopicAdmin::edit_broker_config(std::optional<std::int32_t> broker,
                                                           ConfigEdit edit, bool validate_only) {
  zkclient::Client* const client = session_.client();
  if (client == nullptr) co_return no_session();
  const std::string name = broker ? std::to_string(*broker) : std::string(paths::kDefaultEntity);
  co_return co_await edit_config(*client, "brokers/" + name, std::move(edit), validate_only);
}

runtime::Task<TopicOutcome> TopicAdmin::set_topic_config(std::string topic,
                                                         config::ConfigMap overrides,
                                                         bool validate_only) {
  return edit_topic_config(
      std::move(topic), [overrides = std::move(overrides)](const auto&) { return overrides; },
      validate_only);
}

runtime::Task<TopicOutcome> TopicAdmin::set_broker_config(std::optional<std::int32_t> broker,
                                                          config::ConfigMap overrides) {
  return edit_broker_config(
      broker, [overrides = std::move(overrides)](const auto&) { return overrides; }, false);
}

runtime::Task<base::Result<bool>> TopicAdmin::topic_exists(std::string name) {
  zkclient::Client* const client = session_.client();
  if (client == nullptr) co_return base::fail(base::Errc::unavailable, "no ZooKeeper session");
  if (invalid_topic_name(name)) co_return false;
  const auto node = co_await client->exists(paths::topic(name));
  if (!node) co_return base::fail(node.error());
  co_return node->has_value();
}

runtime::Task<base::Result<config::ConfigMap>> TopicAdmin::read_config(std::string entity_path) {
  zkclient::Client* const client = session_.client();
  if (client == nullptr) co_return base::fail(base::Errc::unavailable, "no ZooKeeper session");
  const auto node = co_await client->get(paths::config(entity_path));
  if (node) co_return decode_config_leniently(node->data.value_or(""), entity_path);
  if (node.error().is(ZkError::no_node)) co_return config::ConfigMap();
  co_return base::fail(node.error());
}

}  // namespace cluster
