#include "config/broker_values.h"

#include "base/check.h"
#include "config/inter_broker_protocol.h"

namespace config {
namespace {

constexpr std::int64_t kMsPerMinute = 60'000;
constexpr std::int64_t kMsPerHour = 60 * kMsPerMinute;

template <class T>
T get(const BrokerValues& values, std::string_view name) {
  const Value value = values.value(name);
  const T* held = std::get_if<T>(&value);
  VERIFY(held != nullptr, "{} has another type, or no value", name);
  return *held;
}

// KIP-937: a direction that is left at its default takes the older key for both.
Value timestamp_direction(const BrokerValues& values, std::string_view name) {
  const Value value = values.value(name);
  return value == default_value(*find_broker_key(name))
             ? values.value("log.message.timestamp.difference.max.ms")
             : value;
}

}  // namespace

bool BrokerValues::is_set(std::string_view name) const {
  return values_.contains(find_broker_key(name));
}

Value BrokerValues::value(std::string_view name) const {
  const Key* key = find_broker_key(name);
  VERIFY(key != nullptr, "no such key: {}", name);
  const auto found = values_.find(key);
  return found != values_.end() ? found->second : default_value(*key);
}

bool BrokerValues::boolean(std::string_view name) const { return get<bool>(*this, name); }
std::int16_t BrokerValues::int16(std::string_view name) const {
  return static_cast<std::int16_t>(int64(name));
}
std::int32_t BrokerValues::int32(std::string_view name) const {
  return static_cast<std::int32_t>(int64(name));
}
std::int64_t BrokerValues::int64(std::string_view name) const {
  return get<std::int64_t>(*this, name);
}
double BrokerValues::real(std::string_view name) const { return get<double>(*this, name); }

std::string BrokerValues::text(std::string_view name) const {
  return is_null(name) ? std::string() : get<std::string>(*this, name);
}

std::optional<std::string> BrokerValues::text_if_set(std::string_view name) const {
  std::string value = text(name);
  if (value.empty()) return std::nullopt;
  return value;
}

std::vector<std::string> BrokerValues::list(std::string_view name) const {
  if (is_null(name)) return {};
  return get<std::vector<std::string>>(*this, name);
}

std::int64_t log_roll_ms(const BrokerValues& values) {
  return values.is_null("log.roll.ms") ? values.int64("log.roll.hours") * kMsPerHour
                                       : values.int64("log.roll.ms");
}

std::int64_t log_roll_jitter_ms(const BrokerValues& values) {
  return values.is_null("log.roll.jitter.ms") ? values.int64("log.roll.jitter.hours") * kMsPerHour
                                              : values.int64("log.roll.jitter.ms");
}

std::int64_t log_retention_ms(const BrokerValues& values) {
  std::int64_t retention_ms = values.int64("log.retention.hours") * kMsPerHour;
  if (!values.is_null("log.retention.minutes")) {
    retention_ms = values.int64("log.retention.minutes") * kMsPerMinute;
  }
  if (!values.is_null("log.retention.ms")) retention_ms = values.int64("log.retention.ms");
  return retention_ms < 0 ? -1 : retention_ms;
}

std::int64_t log_flush_interval_ms(const BrokerValues& values) {
  return values.int64(values.is_null("log.flush.interval.ms") ? "log.flush.scheduler.interval.ms"
                                                              : "log.flush.interval.ms");
}

Value topic_default(const TopicKey& topic_key, const BrokerValues& values) {
  const std::string_view name = topic_key.key.name;
  if (topic_key.broker_key.empty()) return default_value(topic_key.key);
  if (name == "segment.ms") return log_roll_ms(values);
  if (name == "segment.jitter.ms") return log_roll_jitter_ms(values);
  if (name == "retention.ms") return log_retention_ms(values);
  if (name == "flush.ms") return log_flush_interval_ms(values);
  if (name == "message.timestamp.before.max.ms" || name == "message.timestamp.after.max.ms") {
    return timestamp_direction(values, topic_key.broker_key);
  }
  if (name == "message.format.version" &&
      parse_inter_broker_protocol(values.text("inter.broker.protocol.version")) >=
          InterBrokerProtocol::v3_0_iv1) {
    return default_value(topic_key.key);  // the broker's value counts for nothing any more
  }
  return values.value(topic_key.broker_key);
}

}  // namespace config
