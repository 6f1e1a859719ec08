// Purpose: bytes of keys, values and headers as text, by the names of Kafka's deserializer classes.
// Pure. Source: org.apache.kafka.common.serialization (3.9).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/tool.h"

namespace console {

// Appends the text of `bytes`; fails when they do not fit the type.
using Deserialize = tools::Outcome<> (*)(std::string_view bytes, std::string& text);

// nullptr: bytes are to be written as they are. nullopt: no such class here.
std::optional<Deserialize> find_deserializer(std::string_view class_name);

}  // namespace console
