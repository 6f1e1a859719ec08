// Purpose: reading znode JSON without exceptions. Internal to znodes/*.cc (pulls in nlohmann).
//
// Znodes may be written by any version of Kafka, by old tools and by hand: unknown keys are
// ignored, whatever has the wrong type or range is Errc::corrupt with the key's name.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace cluster::json {

using Value = nlohmann::json;
// Keeps the order in which keys were set: what is written looks as Kafka writes it.
using Writer = nlohmann::ordered_json;

inline base::Result<Value> parse_object(std::string_view text, std::string_view what) {
  Value value = Value::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded() || !value.is_object()) {
    return base::fail(base::Errc::corrupt, std::string(what) + ": not a JSON object");
  }
  return value;
}

inline std::unexpected<base::Error> bad_key(std::string_view key) {
  return base::fail(base::Errc::corrupt, "JSON key \"" + std::string(key) + "\"");
}

// Null if missing; a JSON null counts as missing.
inline const Value* find(const Value& object, std::string_view key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

template <class Int>
base::Result<Int> to_integer(const Value& value, std::string_view key) {
  if (!value.is_number_integer()) return bad_key(key);
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t(std::numeric_limits<std::int64_t>::max())) {
    return bad_key(key);
  }
  const auto number = value.get<std::int64_t>();
  if (number < std::numeric_limits<Int>::min() || number > std::numeric_limits<Int>::max()) {
    return bad_key(key);
  }
  return static_cast<Int>(number);
}

template <class Int>
base::Result<Int> integer(const Value& object, std::string_view key) {
  const Value* value = find(object, key);
  if (value == nullptr) return bad_key(key);
  return to_integer<Int>(*value, key);
}
template <class Int>
base::Result<Int> integer_or(const Value& object, std::string_view key, Int otherwise) {
  const Value* value = find(object, key);
  if (value == nullptr) return otherwise;
  return to_integer<Int>(*value, key);
}

inline base::Result<std::string> text(const Value& object, std::string_view key) {
  const Value* value = find(object, key);
  if (value == nullptr || !value->is_string()) return bad_key(key);
  return value->get<std::string>();
}

// Older writers quote numbers such as timestamps.
inline base::Result<std::int64_t> quoted_integer_or(const Value& object, std::string_view key,
                                                    std::int64_t otherwise) {
  const Value* value = find(object, key);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) return to_integer<std::int64_t>(*value, key);
  const auto& digits = value->get_ref<const std::string&>();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return bad_key(key);
  return number;
}

inline base::Result<std::vector<std::int32_t>> to_integers(const Value& value,
                                                           std::string_view key) {
  if (!value.is_array()) return bad_key(key);
  std::vector<std::int32_t> numbers;
  numbers.reserve(value.size());
  for (const Value& element : value) {
    TRY_ASSIGN(const auto number, to_integer<std::int32_t>(element, key));
    numbers.push_back(number);
  }
  return numbers;
}

// [{"topic":"t","partition":0},...] of several znodes.
inline base::Result<std::vector<base::TopicPartition>> partition_list(const Value& object) {
  const Value* list = find(object, "partitions");
  if (list == nullptr || !list->is_array()) return bad_key("partitions");
  std::vector<base::TopicPartition> partitions;
  partitions.reserve(list->size());
  for (const Value& element : *list) {
    if (!element.is_object()) return bad_key("partitions");
    TRY_ASSIGN(auto topic, text(element, "topic"));
    TRY_ASSIGN(const auto partition, integer<std::int32_t>(element, "partition"));
    partitions.push_back({std::move(topic), partition});
  }
  return partitions;
}

inline Writer partition_list(const std::vector<base::TopicPartition>& partitions) {
  Writer list = Writer::array();
  for (const base::TopicPartition& tp : partitions) {
    list.push_back(Writer{{"topic", tp.topic}, {"partition", tp.partition}});
  }
  return list;
}

// Compact; bytes that are not UTF-8 become U+FFFD instead of an exception.
inline std::string dump(const Writer& value) {
  return value.dump(-1, ' ', false, Writer::error_handler_t::replace);
}

}  // namespace cluster::json
