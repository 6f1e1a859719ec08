#include "config/inter_broker_protocol.h"

#include <array>
#include <cstddef>

namespace config {
namespace {

// By InterBrokerProtocol.
constexpr std::array<std::string_view, 55> kNames = {
    "0.8.0",      "0.8.1",      "0.8.2",      "0.9.0",      "0.10.0-IV0", "0.10.0-IV1",
    "0.10.1-IV0", "0.10.1-IV1", "0.10.1-IV2", "0.10.2-IV0", "0.11.0-IV0", "0.11.0-IV1",
    "0.11.0-IV2", "1.0-IV0",    "1.1-IV0",    "2.0-IV0",    "2.0-IV1",    "2.1-IV0",
    "2.1-IV1",    "2.1-IV2",    "2.2-IV0",    "2.2-IV1",    "2.3-IV0",    "2.3-IV1",
    "2.4-IV0",    "2.4-IV1",    "2.5-IV0",    "2.6-IV0",    "2.7-IV0",    "2.7-IV1",
    "2.7-IV2",    "2.8-IV0",    "2.8-IV1",    "3.0-IV0",    "3.0-IV1",    "3.1-IV0",
    "3.2-IV0",    "3.3-IV0",    "3.3-IV1",    "3.3-IV2",    "3.3-IV3",    "3.4-IV0",
    "3.5-IV0",    "3.5-IV1",    "3.5-IV2",    "3.6-IV0",    "3.6-IV1",    "3.6-IV2",
    "3.7-IV0",    "3.7-IV1",    "3.7-IV2",    "3.7-IV3",    "3.7-IV4",    "3.8-IV0",
    "3.9-IV0"};
static_assert(kNames.size() == static_cast<std::size_t>(kLatestInterBrokerProtocol) + 1);

// "2.4.1-IV1" → "2.4" (three parts after a leading 0): what is left of parts beyond the release
// goes, the internal version with it.
std::string_view cut_to_release(std::string_view text) {
  const int parts_max = text.starts_with("0.") ? 3 : 2;
  std::size_t end = 0;
  for (int part = 0; part < parts_max; ++part) {
    end = text.find('.', part == 0 ? 0 : end + 1);
    if (end == std::string_view::npos) return text;
  }
  return text.substr(0, end);
}

}  // namespace

std::string_view to_string(InterBrokerProtocol version) {
  return kNames[static_cast<std::size_t>(version)];
}

std::optional<InterBrokerProtocol> parse_inter_broker_protocol(std::string_view text) {
  const std::string_view wanted = cut_to_release(text);
  // Backwards, so that a bare release finds its last internal version.
  for (std::size_t i = kNames.size(); i-- > 0;) {
    const std::string_view name = kNames[i];
    if (name == wanted || name.substr(0, name.find('-')) == wanted) {
      return static_cast<InterBrokerProtocol>(i);
    }
  }
  return std::nullopt;
}

std::int8_t record_magic(InterBrokerProtocol version) {
  if (version >= InterBrokerProtocol::v0_11_0_iv0) return 2;
  return version >= InterBrokerProtocol::v0_10_0_iv0 ? 1 : 0;
}

}  // namespace config
