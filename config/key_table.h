// Purpose: every config key as data: type, default, range, how it may change, whether we act on it.
//
// The tables are in config/keys/, one file per section, and read like Kafka's own documentation.
// Rule "what is accepted is built": see Support. Immutable; any thread.
// Source: the ConfigDefs of Kafka 3.9 (AbstractKafkaConfig, LogConfig), 2.4 for former keys.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace config {

// The numbers are those of DescribeConfigs v3+; 0 there means unknown.
enum class KeyType : std::uint8_t {
  boolean = 1,
  string = 2,
  int32 = 3,
  int16 = 4,
  int64 = 5,
  real = 6,
  list = 7,
  class_name = 8,
  password = 9,
};

enum class UpdateMode : std::uint8_t {
  read_only,     // from the file alone
  per_broker,    // /config/brokers/<id>
  cluster_wide,  // also /config/brokers/<default>
};

enum class Support : std::uint8_t {
  built,      // the broker acts on it
  no_effect,  // by design: of no meaning here; an info line says so
  pending,    // not built yet and harmless: a warning says so when it is not the default
  refused,    // protects something and is not built, or cannot be: not the default stops the start
};

// What a value must satisfy beyond its type.
struct Validity {
  enum class Kind : std::uint8_t {
    any,
    at_least,
    between,
    one_of,              // `words`, comma-separated
    list_of,             // every element one of `words`
    version,             // a name of inter_broker_protocol.h
    gzip_level,          // -1 or 1 to 9
    throttled_replicas,  // "*" or "partition:broker" elements
  };
  Kind kind = Kind::any;
  double low = 0;
  double high = 0;
  std::string_view words;
};

struct Key {
  std::string_view name;
  KeyType type = KeyType::string;
  std::optional<std::string_view> default_text;  // nullopt: Java's null
  Validity validity;
  UpdateMode mode = UpdateMode::read_only;
  Support support = Support::built;
  std::string_view documentation;
  bool is_hidden = false;  // DescribeConfigs leaves it out unless it is set

  bool is_password() const { return type == KeyType::password; }
};

struct TopicKey {
  Key key;                      // mode and support have no meaning
  std::string_view broker_key;  // where its default comes from; empty: nowhere
};

std::span<const Key* const> broker_keys();  // by name
std::span<const TopicKey> topic_keys();     // by name

const Key* find_broker_key(std::string_view name);
const TopicKey* find_topic_key(std::string_view name);

// The key that names what `name` sets: itself, or for "listener.name.<l>.[<mechanism>.]<key>" the
// base key. nullptr if unknown.
const Key* find_base_key(std::string_view name);
// "listener.name.<l>." at the front of a name that has one; else empty.
std::string_view listener_prefix(std::string_view name);

// The known name that a typing error most likely meant; empty if none is near.
std::string_view nearest_broker_key(std::string_view name);

// Keys of which the first one set gives the value, in order, for any of them
// (log.retention.ms, .minutes, .hours); else just the name and, for a prefixed name, its base key.
std::vector<std::string_view> broker_key_synonyms(std::string_view name);

// A parsed value; monostate is Java's null.
using Value =
    std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>>;

// The error is the reason alone, in Kafka's words ("Value must be at least 1").
std::expected<Value, std::string> parse_value(const Key& key, std::string_view text);
Value default_value(const Key& key);
// As Java prints it: doubles as Double.toString, lists joined by commas. nullopt for null.
std::optional<std::string> value_to_text(const Value& value);
// "at least 1", "one of: a, b": what a user is told beside a wrong value.
std::string allowed_text(const Key& key);

// Comma-separated, blanks around commas and ends removed; empty elements are kept as in Java.
std::vector<std::string> split_list(std::string_view text);
std::string_view trim(std::string_view text);  // as String.trim: everything up to ' '

}  // namespace config
