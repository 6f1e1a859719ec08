// Purpose: the JSON lines that kafka-verifiable-producer and kafka-verifiable-consumer print, one
// event each. Source: ProducerEvent and ConsumerEvent of VerifiableProducer/Consumer.java (3.9).
#pragma once

#include <string>
#include <string_view>

#include "tools/json_object.h"

namespace verifiable {

// Begins with the time of day and the event's name.
tools::JsonObject event(std::string_view name);

// Puts lines onto stdout. They are shown at flush(), which follows each turn of polling.
class EventPrinter {
 public:
  void print(const tools::JsonObject& object);
  void flush();

 private:
  static constexpr std::size_t kFlushBytes = 64 * 1024;
  std::string output_;
};

}  // namespace verifiable
