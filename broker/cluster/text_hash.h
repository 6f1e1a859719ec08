// Purpose: the hash of maps keyed by std::string that are searched by std::string_view.
#pragma once

#include <functional>
#include <string_view>

namespace cluster {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>()(text);
  }
};

}  // namespace cluster
