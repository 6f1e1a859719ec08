// Purpose: what a sender speaks that is not Kafka's protocol, told by its first bytes: they are a
// frame's length here, and would be hundreds of megabytes.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"

namespace network {

// A sentence for the log that names the protocol and the remedy; nullopt if these may be Kafka's.
std::optional<std::string_view> foreign_protocol(base::Bytes first_bytes);

}  // namespace network
