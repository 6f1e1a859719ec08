// Purpose: the one place where our errors become Kafka's error codes.
#pragma once

#include <expected>
#include <string>
#include <system_error>

#include "base/error.h"
#include "protocol/error_code.h"

namespace api {

// A Kafka error code that an API itself decides on, travelling as a base::Error.
const std::error_category& kafka_domain() noexcept;
inline base::Error kafka_error(protocol::ErrorCode code, std::string context = {}) {
  return base::Error(std::error_code(protocol::to_wire(code), kafka_domain()), std::move(context));
}
inline std::unexpected<base::Error> fail(protocol::ErrorCode code, std::string context = {}) {
  return std::unexpected<base::Error>(kafka_error(code, std::move(context)));
}

protocol::ErrorCode to_error_code(const base::Error& error);
inline std::int16_t to_wire_code(const base::Error& error) {
  return protocol::to_wire(to_error_code(error));
}

}  // namespace api
