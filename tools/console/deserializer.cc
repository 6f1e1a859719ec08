#include "tools/console/deserializer.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>

#include "base/big_endian.h"
#include "base/bytes.h"

namespace console {

namespace {

template <class T>
tools::Outcome<T> load(std::string_view bytes, std::string_view name) {
  if (bytes.size() != sizeof(T)) {
    return tools::failure(fmt::format("Size of data received by {} is not {}", name, sizeof(T)));
  }
  return base::load_be<T>(base::as_bytes(bytes).data());
}

template <class T>
tools::Outcome<> append_integer(std::string_view bytes, std::string_view name, std::string& text) {
  const auto value = load<T>(bytes, name);
  if (!value) return std::unexpected(value.error());
  text += fmt::to_string(*value);
  return {};
}

tools::Outcome<> append_short(std::string_view bytes, std::string& text) {
  return append_integer<std::int16_t>(bytes, "ShortDeserializer", text);
}
tools::Outcome<> append_int(std::string_view bytes, std::string& text) {
  return append_integer<std::int32_t>(bytes, "IntegerDeserializer", text);
}
tools::Outcome<> append_long(std::string_view bytes, std::string& text) {
  return append_integer<std::int64_t>(bytes, "LongDeserializer", text);
}

// The shortest digits that read back as the same value, with at least one behind the point, as
// Java prints them (but for the form of exponents).
template <class Real>
std::string real_text(Real value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  std::string text = fmt::to_string(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}
tools::Outcome<> append_double(std::string_view bytes, std::string& text) {
  const auto bits = load<std::uint64_t>(bytes, "Deserializer");
  if (!bits) return std::unexpected(bits.error());
  text += real_text(std::bit_cast<double>(*bits));
  return {};
}
tools::Outcome<> append_float(std::string_view bytes, std::string& text) {
  const auto bits = load<std::uint32_t>(bytes, "Deserializer");
  if (!bits) return std::unexpected(bits.error());
  text += real_text(std::bit_cast<float>(*bits));
  return {};
}

struct Entry {
  std::string_view name;
  Deserialize deserialize;
};
constexpr Entry kEntries[] = {
    {"StringDeserializer", nullptr},     {"ByteArrayDeserializer", nullptr},
    {"BytesDeserializer", nullptr},      {"ByteBufferDeserializer", nullptr},
    {"UUIDDeserializer", nullptr},  // a UUID travels as its text
    {"ShortDeserializer", append_short}, {"IntegerDeserializer", append_int},
    {"LongDeserializer", append_long},   {"DoubleDeserializer", append_double},
    {"FloatDeserializer", append_float},
};

}  // namespace

std::optional<Deserialize> find_deserializer(std::string_view class_name) {
  constexpr std::string_view kPackage = "org.apache.kafka.common.serialization.";
  if (class_name.starts_with(kPackage)) class_name.remove_prefix(kPackage.size());
  for (const Entry& entry : kEntries) {
    if (entry.name == class_name) return entry.deserialize;
  }
  return std::nullopt;
}

}  // namespace console
