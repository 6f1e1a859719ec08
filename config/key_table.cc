#include "config/key_table.h"

#include <algorithm>
#include <array>

#include "config/keys/columns.h"

namespace config {
namespace {

const std::vector<const Key*>& sorted_broker_keys() {
  static const std::vector<const Key*> sorted = [] {
    std::vector<const Key*> all;
    for (const auto section :
         {keys::identity_keys(), keys::network_keys(), keys::topic_default_keys(), keys::log_keys(),
          keys::replication_keys(), keys::coordinator_keys(), keys::security_keys(),
          keys::sasl_keys(), keys::raft_keys(), keys::tiered_storage_keys(), keys::other_keys()}) {
      for (const Key& key : section) all.push_back(&key);
    }
    std::ranges::sort(all, {}, &Key::name);
    return all;
  }();
  return sorted;
}

// Each row: the keys of which the first one set wins, in that order.
constexpr std::array<std::array<std::string_view, 3>, 4> kSynonymGroups = {{
    {"log.roll.ms", "log.roll.hours", ""},
    {"log.roll.jitter.ms", "log.roll.jitter.hours", ""},
    {"log.flush.interval.ms", "log.flush.scheduler.interval.ms", ""},
    {"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
}};

// These follow "listener.name.<l>.<mechanism>.".
constexpr std::array<std::string_view, 5> kMechanismKeys = {
    "sasl.jaas.config", "sasl.login.callback.handler.class", "sasl.login.class",
    "sasl.server.callback.handler.class", "connections.max.reauth.ms"};

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::span<const Key* const> broker_keys() { return sorted_broker_keys(); }

const Key* find_broker_key(std::string_view name) {
  const auto& all = sorted_broker_keys();
  const auto found = std::ranges::lower_bound(all, name, {}, &Key::name);
  return found != all.end() && (*found)->name == name ? *found : nullptr;
}

const TopicKey* find_topic_key(std::string_view name) {
  for (const TopicKey& topic_key : topic_keys()) {
    if (topic_key.key.name == name) return &topic_key;
  }
  return nullptr;
}

std::string_view listener_prefix(std::string_view name) {
  constexpr std::string_view kPrefix = "listener.name.";
  if (!name.starts_with(kPrefix)) return {};
  const std::size_t dot = name.find('.', kPrefix.size());
  return dot == std::string_view::npos ? std::string_view{} : name.substr(0, dot + 1);
}

const Key* find_base_key(std::string_view name) {
  const std::string_view prefix = listener_prefix(name);
  if (prefix.empty()) return find_broker_key(name);
  const std::string_view rest = name.substr(prefix.size());
  for (const std::string_view mechanism_key : kMechanismKeys) {
    if (rest.ends_with(mechanism_key)) return find_broker_key(mechanism_key);
  }
  return find_broker_key(rest);
}

std::string_view nearest_broker_key(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 200;  // the search is quadratic in it
  if (name.size() > kNameBytesMax) return {};
  std::string_view nearest;
  // A third of the name wrong is no typing error any more.
  std::size_t distance_max = std::min<std::size_t>(4, name.size() / 3);
  for (const Key* key : sorted_broker_keys()) {
    const std::size_t distance = edit_distance(name, key->name);
    if (distance > distance_max || (distance == distance_max && !nearest.empty())) continue;
    distance_max = distance;
    nearest = key->name;
  }
  return nearest;
}

std::vector<std::string_view> broker_key_synonyms(std::string_view name) {
  for (const auto& group : kSynonymGroups) {
    // The scheduler's interval stands in for log.flush.interval.ms, but not the other way round.
    if (name == "log.flush.scheduler.interval.ms" ||
        std::ranges::find(group, name) == group.end()) {
      continue;
    }
    std::vector<std::string_view> names;
    for (const std::string_view synonym : group) {
      if (!synonym.empty()) names.push_back(synonym);
    }
    return names;
  }
  if (listener_prefix(name).empty()) return {name};
  const Key* base = find_base_key(name);
  return {name, base != nullptr ? base->name : name.substr(listener_prefix(name).size())};
}

}  // namespace config
