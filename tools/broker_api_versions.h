// Purpose: the text of kafka-broker-api-versions for one broker. Pure.
#pragma once

#include <string>

#include "client/api_versions.h"

namespace tools {

// "(\n\tProduce(0): 0 to 11 [usable: 11],\n...)": ascending by key, APIs that the broker lacks too.
std::string format_api_versions(const client::ApiVersionRanges& ranges);

}  // namespace tools
