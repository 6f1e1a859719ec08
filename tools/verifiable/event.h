// Purpose: the JSON lines that kafka-verifiable-producer and kafka-verifiable-consumer print, one
// event each. Source: ProducerEvent and ConsumerEvent of VerifiableProducer/Consumer.java (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace verifiable {

// One object; fields stay in the order in which they were added.
class Json {
 public:
  Json& add(std::string_view field, std::int64_t value);
  Json& add(std::string_view field, std::int32_t value) {
    return add(field, static_cast<std::int64_t>(value));
  }
  Json& add(std::string_view field, bool value);
  Json& add(std::string_view field, double value);  // as Java prints it: 10.0
  Json& add(std::string_view field, std::optional<std::string_view> text);  // nullopt: null
  Json& add(std::string_view field, const char* text) = delete;             // would become a bool
  Json& add_raw(std::string_view field, std::string_view json);
  std::string text() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

// Begins with the time of day and the event's name.
Json event(std::string_view name);

// Puts lines onto stdout. They are shown at flush(), which follows each turn of polling.
class EventPrinter {
 public:
  void print(const Json& json);
  void flush();

 private:
  static constexpr std::size_t kFlushBytes = 64 * 1024;
  std::string output_;
};

}  // namespace verifiable
