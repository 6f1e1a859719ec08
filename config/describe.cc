#include "config/describe.h"

#include <algorithm>
#include <set>

#include "config/broker_values.h"
#include "config/server_config.h"

namespace config {
namespace {

// node.id and broker.id stand for each other.
ConfigMap with_node_id(ConfigMap file) {
  const auto broker_id = file.find("broker.id");
  const auto node_id = file.find("node.id");
  if (broker_id != file.end() && node_id == file.end()) {
    file.emplace("node.id", broker_id->second);
  } else if (node_id != file.end() && broker_id == file.end()) {
    file.emplace("broker.id", node_id->second);
  }
  return file;
}

// What is stored and counts for nothing is not shown as if it did.
ConfigMap in_force(const ConfigMap& entries, bool is_default_level, const ConfigMap& file) {
  ConfigMap counting;
  for (const auto& [name, text] : entries) {
    if (!dynamic_entry_fault(name, text, is_default_level, file)) counting.emplace(name, text);
  }
  return counting;
}

class Describer {
 public:
  explicit Describer(const BrokerSources& sources)
      : dynamic_broker_(in_force(sources.dynamic_broker, false, sources.file)),
        dynamic_default_(in_force(sources.dynamic_default, true, sources.file)),
        file_(with_node_id(sources.file)) {
    // Weakest first, so that the strongest stays.
    for (const ConfigMap* level : {&file_, &dynamic_default_, &dynamic_broker_}) {
      for (const auto& [name, text] : *level) {
        effective_[name] = text;
        const Key* key = find_broker_key(name);
        if (key == nullptr) continue;
        if (auto value = parse_value(*key, text)) values_.set(name, std::move(*value));
      }
    }
  }

  const ConfigMap& effective() const { return effective_; }
  const ConfigMap& dynamic_default() const { return dynamic_default_; }
  const BrokerValues& values() const { return values_; }

  // All places that set `asked` or one of its synonyms, strongest first, from the first one on that
  // bears the asked name (a listener's own value hides nothing of the base key).
  std::vector<ConfigSynonym> synonyms(std::string_view asked, bool is_sensitive) const {
    const std::vector<std::string_view> names = broker_key_synonyms(asked);
    std::vector<ConfigSynonym> all;
    const auto add = [&](std::string_view name, std::string value, ConfigSource source) {
      all.push_back({std::string(name),
                     is_sensitive ? std::nullopt : std::optional(std::move(value)), source});
    };
    const std::pair<const ConfigMap*, ConfigSource> levels[] = {
        {&dynamic_broker_, ConfigSource::dynamic_broker},
        {&dynamic_default_, ConfigSource::dynamic_default_broker},
        {&file_, ConfigSource::static_broker}};
    for (const auto& [level, source] : levels) {
      for (const std::string_view name : names) {
        const auto found = level->find(name);
        if (found != level->end()) add(name, found->second, source);
      }
    }
    for (const std::string_view name : names) {
      const Key* key = find_broker_key(name);
      const auto text = key == nullptr ? std::nullopt : value_to_text(default_value(*key));
      if (text) add(name, *text, ConfigSource::built_in);
    }
    const auto first = std::ranges::find(all, asked, &ConfigSynonym::name);
    all.erase(all.begin(), first);
    return all;
  }

  ConfigEntry broker_entry(std::string_view name) const {
    const Key* exact = find_broker_key(name);
    const Key* base = find_base_key(name);
    ConfigEntry entry;
    entry.name = name;
    entry.type = base == nullptr ? std::int8_t{0} : static_cast<std::int8_t>(base->type);
    entry.is_sensitive = base == nullptr || base->is_password();
    entry.is_read_only = !is_dynamic(exact);
    if (exact != nullptr) entry.documentation = exact->documentation;
    if (!entry.is_sensitive) entry.value = effective_text(name, exact, base);
    entry.synonyms = synonyms(name, entry.is_sensitive);
    return entry;
  }

 private:
  // The replication throttles are dynamic only and no keys of the file: Kafka counts them as
  // read-only here.
  static bool is_dynamic(const Key* key) {
    return key != nullptr && key->mode != UpdateMode::read_only && !key->is_hidden;
  }

  std::optional<std::string> effective_text(std::string_view name, const Key* exact,
                                            const Key* base) const {
    if (exact != nullptr) return value_to_text(values_.value(name));
    const auto found = effective_.find(name);
    if (found == effective_.end()) return std::nullopt;
    const auto value = parse_value(*base, found->second);
    return value ? value_to_text(*value) : std::optional(found->second);
  }

  ConfigMap dynamic_broker_;
  ConfigMap dynamic_default_;
  ConfigMap file_;
  ConfigMap effective_;
  BrokerValues values_;
};

void take_source(ConfigEntry& entry) {
  entry.source = entry.synonyms.empty() ? ConfigSource::built_in : entry.synonyms.front().source;
}

ConfigEntry topic_entry(const TopicKey& topic_key, const ConfigMap& overrides,
                        const Describer& broker) {
  const Key& key = topic_key.key;
  ConfigEntry entry;
  entry.name = key.name;
  entry.type = static_cast<std::int8_t>(key.type);
  entry.documentation = key.documentation;
  entry.value = value_to_text(topic_default(topic_key, broker.values()));
  if (!topic_key.broker_key.empty()) {
    entry.synonyms = broker.synonyms(topic_key.broker_key, false);
  }
  const auto override = overrides.find(key.name);
  if (override != overrides.end()) {
    if (const auto value = parse_value(key, override->second)) entry.value = value_to_text(*value);
    entry.synonyms.insert(entry.synonyms.begin(),
                          {std::string(key.name), entry.value, ConfigSource::topic});
  }
  take_source(entry);
  return entry;
}

}  // namespace

std::vector<ConfigEntry> describe_topic(const ConfigMap& overrides, const BrokerSources& sources) {
  const Describer broker(sources);
  std::vector<ConfigEntry> entries;
  for (const TopicKey& topic_key : topic_keys()) {
    entries.push_back(topic_entry(topic_key, overrides, broker));
  }
  // Stored by a newer broker, or by hand.
  for (const auto& [name, text] : overrides) {
    if (find_topic_key(name) != nullptr) continue;
    ConfigEntry entry;
    entry.name = name;
    entry.is_sensitive = true;
    entry.synonyms.push_back({name, std::nullopt, ConfigSource::topic});
    take_source(entry);
    entries.push_back(std::move(entry));
  }
  std::ranges::sort(entries, {}, &ConfigEntry::name);
  return entries;
}

std::vector<ConfigEntry> describe_broker(const BrokerSources& sources) {
  const Describer broker(sources);
  std::set<std::string_view> names;
  for (const Key* key : broker_keys()) {
    if (!key->is_hidden) names.insert(key->name);
  }
  for (const auto& [name, text] : broker.effective()) names.insert(name);
  std::vector<ConfigEntry> entries;
  for (const std::string_view name : names) {
    entries.push_back(broker.broker_entry(name));
    take_source(entries.back());
  }
  return entries;
}

std::vector<ConfigEntry> describe_default_broker(const BrokerSources& sources) {
  const Describer broker(sources);
  std::vector<ConfigEntry> entries;
  for (const auto& [name, text] : broker.dynamic_default()) {
    ConfigEntry entry = broker.broker_entry(name);
    if (!entry.is_sensitive) entry.value = text;
    std::erase_if(entry.synonyms, [](const ConfigSynonym& synonym) {
      return synonym.source != ConfigSource::dynamic_default_broker;
    });
    take_source(entry);
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace config
