// Purpose: the errors that end what a controller is doing.
#pragma once

#include <system_error>

#include "base/error.h"

namespace controller {

enum class ControllerErrc {
  // A write found another version of /controller_epoch: somebody else is controller now. Whoever
  // gets this stops; the event loop finds out who it is and resigns.
  moved = 1,
};

const std::error_category& controller_domain() noexcept;

inline std::error_code make_error_code(ControllerErrc code) noexcept {
  return {static_cast<int>(code), controller_domain()};
}

}  // namespace controller

template <>
struct std::is_error_code_enum<controller::ControllerErrc> : std::true_type {};
