// Purpose: where a broker is reached, and the list that --bootstrap-server takes.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace client {

struct Endpoint {
  std::string host;  // a name or an IP literal, without brackets
  std::uint16_t port = 0;

  std::string to_string() const;  // "h:9092", "[::1]:9092"
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// "h:9092,[::1]:9093", blanks around entries allowed; Errc::invalid_argument names the bad entry.
base::Result<std::vector<Endpoint>> parse_bootstrap(std::string_view text);

}  // namespace client
