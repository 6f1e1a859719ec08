// Purpose: the property names of Kafka's Java producer and consumer, as people write them in
// --producer-property and config files, in librdkafka's words. Pure.
// Source: ProducerConfig.java, ConsumerConfig.java (3.9); librdkafka's CONFIGURATION.md (2.0).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tools/tool.h"

namespace tools {

enum class JavaClient : std::uint8_t { producer, consumer };

struct TranslatedProperty {
  enum class Kind : std::uint8_t {
    set,        // give `name` and `value` to librdkafka
    no_effect,  // means nothing here, and does no harm (serializers)
    unknown,    // to be warned about
  };
  Kind kind = Kind::unknown;
  std::string name;
  std::string value;
};

// Fails for values that cannot be translated, and for what protects something and is not there.
Outcome<TranslatedProperty> translate_java_property(JavaClient client, std::string_view name,
                                                    std::string_view value);

}  // namespace tools
