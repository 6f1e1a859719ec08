#include "broker/cluster/config_store.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "broker/cluster/znode_paths.h"
#include "zkclient/client.h"

namespace cluster {
namespace {

using zkclient::ZkError;

constexpr std::string_view kChangePrefix = "config_change_";
constexpr std::int64_t kChangeExpirationMs = 15 * 60 * 1000;
constexpr std::int64_t kRetryMs = 1'000;
constexpr std::int64_t kLongRetryMs = 60'000;
constexpr std::size_t kPurgeBatch = 100;
constexpr std::size_t kReadBatch = 500;

const ConfigPointer& no_config() {
  static const ConfigPointer empty = std::make_shared<const config::ConfigMap>();
  return empty;
}

// The connection's trouble, which concerns everything that is read; other errors are one node's.
bool is_of_connection(const base::Error& error) {
  return zkclient::is_outcome_unknown(error) || error.is(base::Errc::timed_out) ||
         error.is(base::Errc::closed) || error.is(ZkError::session_expired) ||
         error.is(ZkError::auth_failed);
}

// A missing node means no overrides. Of one that cannot be read what is known stays, with a line:
// its neighbours must not suffer, and nothing is deleted because a retention got lost.
base::Result<config::ConfigMap> to_config(const base::Result<zkclient::NodeData>& node,
                                          std::string_view entity, const config::ConfigMap& known) {
  if (!node) {
    if (node.error().is(ZkError::no_node)) return config::ConfigMap();
    if (is_of_connection(node.error())) return base::fail(node.error());
    LOG_WARN("/config/{} cannot be read, what was known of it stays: {}", entity,
             node.error().to_string());
    return known;
  }
  std::vector<std::string> dropped;
  auto config = decode_config(node->data.value_or(""), &dropped);
  if (!config) {
    LOG_WARN("/config/{} makes no sense, what was known of it stays: {}", entity,
             config.error().to_string());
    return known;
  }
  for (const std::string& key : dropped) {
    const auto former = known.find(key);
    LOG_WARN("/config/{}: {} is ignored, its value is no text{}", entity, key,
             former == known.end() ? "" : "; the former one stays");
    if (former != known.end()) config->insert(*former);
  }
  return config;
}

// By number; names without one are not ours.
std::vector<std::pair<std::int64_t, std::string>> sorted_changes(
    const std::vector<std::string>& children) {
  std::vector<std::pair<std::int64_t, std::string>> changes;
  for (const std::string& child : children) {
    if (const auto number = paths::parse_sequence(child, kChangePrefix)) {
      changes.emplace_back(*number, paths::config_change(child));
    }
  }
  std::sort(changes.begin(), changes.end());
  return changes;
}

}  // namespace

ConfigStore::ConfigStore(runtime::Loop& loop, std::int32_t broker_id)
    : broker_id_(broker_id),
      default_broker_(no_config()),
      own_broker_(no_config()),
      wake_(loop),
      scope_(loop, "config changes") {}

ConfigStore::~ConfigStore() = default;

// --- what is known ----------------------------------------------------------------------------

ConfigPointer ConfigStore::topic(std::string_view name) const {
  base::LockGuard guard(mutex_);
  const auto it = topics_.find(name);
  return it == topics_.end() ? no_config() : it->second;
}

ConfigPointer ConfigStore::default_broker() const {
  base::LockGuard guard(mutex_);
  return default_broker_;
}

ConfigPointer ConfigStore::own_broker() const {
  base::LockGuard guard(mutex_);
  return own_broker_;
}

void ConfigStore::know_brokers(config::ConfigMap default_config, config::ConfigMap own_config) {
  base::LockGuard guard(mutex_);
  default_broker_ = std::make_shared<const config::ConfigMap>(std::move(default_config));
  own_broker_ = std::make_shared<const config::ConfigMap>(std::move(own_config));
}

void ConfigStore::forget_topic(std::string_view name) {
  base::LockGuard guard(mutex_);
  const auto it = topics_.find(name);
  if (it != topics_.end()) topics_.erase(it);
}

ConfigPointer ConfigStore::put_topic(const std::string& name, config::ConfigMap overrides) {
  if (overrides.empty()) {
    forget_topic(name);
    return no_config();
  }
  auto config = std::make_shared<const config::ConfigMap>(std::move(overrides));
  base::LockGuard guard(mutex_);
  topics_.insert_or_assign(name, config);
  return config;
}

void ConfigStore::tell_topic(const std::string& name) {
  for (ConfigListener* listener : listeners_) listener->on_topic_config(name, topic(name));
}

void ConfigStore::tell_brokers() {
  for (ConfigListener* listener : listeners_) {
    listener->on_broker_config(default_broker(), own_broker());
  }
}

// --- reading everything -----------------------------------------------------------------------

runtime::Task<base::Result<void>> ConfigStore::load(zkclient::Client& client) {
  // What is notified up to here is part of what is read below.
  CO_TRY_ASSIGN(const auto children,
                co_await client.children(std::string(paths::kConfigChanges), true));
  const auto changes = sorted_changes(children);
  CO_TRY(co_await load_brokers(client));
  CO_TRY(co_await load_topics(client));
  if (!changes.empty()) last_processed_ = std::max(last_processed_, changes.back().first);
  loaded_client_ = &client;
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> ConfigStore::load_brokers(zkclient::Client& client) {
  auto default_read = client.get(paths::default_broker_config());
  auto own_read = client.get(paths::broker_config(broker_id_));
  const auto default_node = co_await default_read;
  const auto own_node = co_await own_read;
  CO_TRY_ASSIGN(auto default_config,
                to_config(default_node, "brokers/<default>", *default_broker()));
  CO_TRY_ASSIGN(auto own_config,
                to_config(own_node, "brokers/" + std::to_string(broker_id_), *own_broker()));
  const bool changed = default_config != *default_broker() || own_config != *own_broker();
  {
    base::LockGuard guard(mutex_);
    default_broker_ = std::make_shared<const config::ConfigMap>(std::move(default_config));
    own_broker_ = std::make_shared<const config::ConfigMap>(std::move(own_config));
  }
  if (changed) tell_brokers();
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> ConfigStore::load_topics(zkclient::Client& client) {
  const auto children = co_await client.children(std::string(paths::kTopicConfigs));
  if (!children) {
    if (children.error().is(ZkError::no_node)) co_return base::Result<void>();
    co_return base::fail(children.error());
  }
  co_return co_await read_topics(client, *children, /*told=*/true);
}

runtime::Task<base::Result<void>> ConfigStore::read_topics(zkclient::Client& client,
                                                           std::vector<std::string> names,
                                                           bool told) {
  for (std::size_t begin = 0; begin < names.size(); begin += kReadBatch) {
    const std::size_t end = std::min(begin + kReadBatch, names.size());
    std::vector<std::string> nodes;
    for (std::size_t i = begin; i < end; ++i) nodes.push_back(paths::topic_config(names[i]));
    const auto found = co_await client.get_many(std::move(nodes));
    for (std::size_t i = begin; i < end; ++i) {
      const std::string& name = names[i];
      CO_TRY_ASSIGN(auto config, to_config(found[i - begin], "topics/" + name, *topic(name)));
      if (config == *topic(name)) continue;
      put_topic(name, std::move(config));
      if (told) tell_topic(name);
    }
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> ConfigStore::refresh_topics(std::vector<std::string> names) {
  zkclient::Client* const client = client_ != nullptr ? client_ : loaded_client_;
  if (client == nullptr) co_return base::fail(base::Errc::unavailable, "no ZooKeeper session");
  auto done = co_await read_topics(*client, std::move(names), /*told=*/false);
  if (!done) {  // the logs are made with what is known, and told once it can be read
    load_pending_ = true;
    wake_.notify_all();
  }
  co_return done;
}

// --- changes ----------------------------------------------------------------------------------

runtime::Task<void> ConfigStore::on_session(zkclient::Client& client, bool first) {
  client_ = &client;
  load_pending_ = loaded_client_ != &client;
  changes_pending_ = true;
  if (first) {
    scope_.spawn(run());
  } else {
    wake_.notify_all();
  }
  co_return;
}

void ConfigStore::on_watch(const zkclient::WatchEvent& event) {
  if (event.path != paths::kConfigChanges) return;
  changes_pending_ = true;
  wake_.notify_all();
}

runtime::Task<void> ConfigStore::run() {
  while (!scope_.cancelled()) {
    zkclient::Client* const client = client_;
    if (client == nullptr || !(changes_pending_ || load_pending_)) {
      if (!co_await wake_.wait(runtime::kNoTimeout, scope_.token())) co_return;
      continue;
    }
    base::Result<void> done;
    if (load_pending_) {
      load_pending_ = false;  // before reading, like the changes
      done = co_await load(*client);
      if (!done || client_ != client) load_pending_ = true;
    }
    if (done) {
      changes_pending_ = false;  // before reading: a change while we read sets it again
      done = co_await process_changes(*client);
    }
    if (done) continue;
    changes_pending_ = true;
    if (client_ == client) {
      LOG_WARN("cannot read config changes reason=\"{}\"", done.error().to_string());
    }
    // What is too large now will hardly be smaller in a second, and costs the connection each time.
    const std::int64_t pause_ms = done.error().is(base::Errc::too_large) ? kLongRetryMs : kRetryMs;
    if (!co_await runtime::sleep_ms(scope_.loop(), pause_ms, scope_.token())) co_return;
  }
}

runtime::Task<base::Result<void>> ConfigStore::process_changes(zkclient::Client& client) {
  CO_TRY_ASSIGN(const auto children,
                co_await client.children(std::string(paths::kConfigChanges), true));
  const auto changes = sorted_changes(children);
  std::vector<std::string> all;
  std::vector<std::string> fresh;
  std::vector<std::int64_t> numbers;
  for (const auto& [number, path] : changes) {
    all.push_back(path);
    if (number <= last_processed_) continue;
    fresh.push_back(path);
    numbers.push_back(number);
  }
  const auto found = co_await client.get_many(std::move(fresh));
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i] && is_of_connection(found[i].error())) co_return base::fail(found[i].error());
    if (!found[i] && !found[i].error().is(ZkError::no_node)) {
      LOG_WARN("unreadable config change number={} reason=\"{}\"", numbers[i],
               found[i].error().to_string());
    }
    if (found[i]) {
      auto change = decode_config_notification(found[i]->data.value_or(""));
      if (change) {
        CO_TRY(co_await apply(client, std::move(*change)));
      } else {
        LOG_WARN("unreadable config change number={} reason=\"{}\"", numbers[i],
                 change.error().to_string());
      }
    }
    last_processed_ = std::max(last_processed_, numbers[i]);
  }
  co_await purge(client, std::move(all));
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> ConfigStore::apply(zkclient::Client& client,
                                                     ConfigNotification change) {
  if (change.type() == "topics") {
    const std::string name(change.name());
    const auto node = co_await client.get(paths::topic_config(name));
    CO_TRY_ASSIGN(auto config, to_config(node, change.entity_path, *topic(name)));
    put_topic(name, std::move(config));
    tell_topic(name);
  } else if (change.type() == "brokers") {
    const bool ours =
        change.name() == paths::kDefaultEntity || change.name() == std::to_string(broker_id_);
    if (ours) CO_TRY(co_await load_brokers(client));
  }
  co_return base::Result<void>();
}

// Numbers grow with time, so the first one that is young enough ends the search. Whoever comes
// first deletes; that it fails because another broker did is no matter.
runtime::Task<void> ConfigStore::purge(zkclient::Client& client,
                                       std::vector<std::string> oldest_first) {
  const std::int64_t limit_ms = scope_.loop().wall_ms() - kChangeExpirationMs;
  for (std::size_t begin = 0; begin < oldest_first.size(); begin += kPurgeBatch) {
    const std::size_t end = std::min(begin + kPurgeBatch, oldest_first.size());
    std::vector<std::string> batch(oldest_first.begin() + static_cast<std::ptrdiff_t>(begin),
                                   oldest_first.begin() + static_cast<std::ptrdiff_t>(end));
    const auto found = co_await client.exists_many(batch);
    std::vector<std::string> old;
    bool reached_young = false;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (!found[i] || !*found[i]) continue;
      if ((*found[i])->ctime_ms >= limit_ms) {
        reached_young = true;
        break;
      }
      old.push_back(batch[i]);
    }
    if (!old.empty()) static_cast<void>(co_await client.remove_many(std::move(old)));
    if (reached_young) co_return;
  }
}

runtime::Task<void> ConfigStore::close() {
  on_expired();
  scope_.cancel();
  co_await scope_.join();
}

}  // namespace cluster
