// Goal: changes of stored configs, and the fault and words for each refusal.
#include "config/alter.h"

#include <doctest/doctest.h>

#include "config/server_config.h"

using namespace config;

namespace {

ConfigChange change(std::string name, AlterOperation operation, std::string value = {}) {
  return {std::move(name),
          operation == AlterOperation::remove ? std::nullopt : std::optional(std::move(value)),
          static_cast<std::int8_t>(operation)};
}
ConfigChange put(std::string name, std::string value) {
  return change(std::move(name), AlterOperation::set, std::move(value));
}

AlterResult alter(const ConfigMap& current, const std::vector<ConfigChange>& changes) {
  return alter_topic_incrementally("t", current, changes, {});
}

struct Broker {
  Properties file =
      *Properties::parse("zookeeper.connect=z\nnum.recovery.threads.per.data.dir=4", "s");
  ConfigMap dynamic_default, dynamic_broker;
  AlterResult alter(std::vector<ConfigChange> changes, bool is_default_level = false) const {
    return alter_broker_incrementally({file, dynamic_default, dynamic_broker}, is_default_level,
                                      changes);
  }
};

}  // namespace

TEST_CASE("topic: set, remove, append, subtract") {
  using enum AlterOperation;
  CHECK(*alter({{"retention.ms", "1"}}, {put("segment.ms", "2"), change("retention.ms", remove)}) ==
        ConfigMap{{"segment.ms", "2"}});
  CHECK(*alter({}, {change("cleanup.policy", append, "compact")}) ==
        ConfigMap{{"cleanup.policy", "delete,compact"}});
  CHECK(*alter({{"cleanup.policy", "compact"}}, {change("cleanup.policy", append, "compact")}) ==
        ConfigMap{{"cleanup.policy", "compact"}});
  CHECK(*alter({{"cleanup.policy", "compact,delete"}},
               {change("cleanup.policy", subtract, "delete,x")}) ==
        ConfigMap{{"cleanup.policy", "compact"}});
  CHECK(*alter({}, {change("cleanup.policy", subtract, "delete")}) ==
        ConfigMap{{"cleanup.policy", ""}});
  CHECK(alter({}, {change("segment.ms", remove)})->empty());
}

TEST_CASE("topic: refusals") {
  using enum AlterOperation;
  struct Row {
    std::vector<ConfigChange> changes;
    AlterFault fault;
    std::string_view message;
  };
  const Row rows[] = {
      {{change("retention.ms", append, "1")},
       AlterFault::invalid_config,
       "Config value append is not allowed for config key: retention.ms"},
      {{change("x", subtract, "1")}, AlterFault::unknown_server_error, "Unknown config name: x"},
      {{put("x", "1")}, AlterFault::invalid_config, "Unknown topic config name: x"},
      {{put("retention.ms", "x")},
       AlterFault::invalid_config,
       "Invalid config value for resource ConfigResource(type=TOPIC, name='t'): Invalid value x "
       "for configuration retention.ms: Not a number of type LONG"},
      {{put("retention.ms", "1"), put("retention.ms", "2")},
       AlterFault::invalid_request,
       "Error due to duplicate config keys"},
      {{{"retention.ms", std::nullopt, 0}},
       AlterFault::invalid_request,
       "Null value not supported for : retention.ms"},
      {{{"retention.ms", "1", 4}}, AlterFault::invalid_request, "Unknown operations type 4"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.message);
    const auto result = alter({}, row.changes);
    REQUIRE(!result.has_value());
    CHECK(result.error().fault == row.fault);
    CHECK(result.error().message == row.message);
  }
  CHECK(alter_topic_incrementally("", {}, {put("retention.ms", "1")}, {}).error().fault ==
        AlterFault::invalid_request);
  // A stored name that this broker does not know blocks every change until it is removed.
  const ConfigMap future = {{"from.the.future", "1"}};
  CHECK(!alter(future, {put("retention.ms", "1")}).has_value());
  CHECK(alter(future, {change("from.the.future", remove)}).has_value());
}

TEST_CASE("topic: replace") {
  CHECK(*replace_topic_configs("t", {put("retention.ms", "1")}, {}) ==
        ConfigMap{{"retention.ms", "1"}});
  CHECK(!replace_topic_configs("t", {put("retention.ms", "x")}, {}).has_value());
}

TEST_CASE("broker") {
  const Broker broker;
  const auto retention = broker.alter({put("log.retention.ms", "5")});
  REQUIRE_MESSAGE(retention.has_value(), retention.error().message);
  CHECK(*retention == ConfigMap{{"log.retention.ms", "5"}});
  CHECK(broker.alter({put("my.plugin", "5")}, true).has_value());
  CHECK(broker.alter({put("listener.name.plaintext.max.connections", "5")}, true).has_value());
  CHECK(broker.alter({put("num.recovery.threads.per.data.dir", "8")}).has_value());
  const std::vector<std::pair<ConfigChange, std::string_view>> refused = {
      {put("broker.id", "5"), "Cannot update these configs dynamically: Set(broker.id)"},
      {put("ssl.keystore.location", "/x"), "using the listener prefix"},
      {put("log.retention.ms", "x"), "Not a number of type LONG"},
      {put("log.retention.ms", "0"), "must be at least 1"},
      {put("max.connections", "0"), "at least 1"},
      {put("num.recovery.threads.per.data.dir", "9"), "double the current value"},
      {put("num.recovery.threads.per.data.dir", "1"), "half the current value"},
      {put("advertised.listeners", "FOO://h:1"), "no security protocol"},
      {put("listeners", "PLAINTEXT://:1"), "Listeners of a running broker cannot be changed"},
      {put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,MORE:PLAINTEXT"),
       "Listeners of a running broker cannot be changed"},
      {put("num.replica.fetchers", "2"), "not built yet"},
      {put("leader.replication.throttled.rate", "2"), "not built yet"},
  };
  for (const auto& [change, message] : refused) {
    CAPTURE(message);
    const auto result = broker.alter({change});
    REQUIRE(!result.has_value());
    CHECK(result.error().fault == AlterFault::invalid_request);
    CHECK_MESSAGE(result.error().message.contains(message), result.error().message);
  }
  // The same is no change.
  CHECK(broker.alter({put("listeners", "PLAINTEXT://:9092")}).has_value());
  CHECK(broker.alter({put("listeners", "PLAINTEXT://:1")}, true)
            .error()
            .message.contains("default cluster level"));
  CHECK(broker.alter({put("listener.name.x.sasl.enabled.mechanisms", "PLAIN")}, true)
            .error()
            .message.contains("default cluster level"));
  CHECK(broker.alter({put("listener.name.x.ssl.key.password", "p")}).error().fault ==
        AlterFault::invalid_config);
}

TEST_CASE("broker: what stands there already keeps no other key from being changed") {
  Broker broker;
  broker.dynamic_broker = {{"num.replica.fetchers", "2"},
                           {"listeners", "PLAINTEXT://:1"},
                           {"broker.id", "7"},
                           {"message.max.bytes", "x"}};
  auto wanted = broker.dynamic_broker;
  wanted["log.retention.ms"] = "5";
  const auto altered = broker.alter({put("log.retention.ms", "5")});
  REQUIRE_MESSAGE(altered.has_value(), altered.error().message);
  CHECK(*altered == wanted);
  CHECK(broker.alter({put("broker.id", "8")}).error().fault == AlterFault::invalid_request);
}
