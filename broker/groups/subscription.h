// Purpose: what a coordinator understands of the embedded consumer protocol: the topics that a
// member subscribes to. Everything else in there is between the members.
//
// The metadata comes from clients: bounds-checked, never trusted.
// Source: ConsumerProtocolSubscription.json, ConsumerProtocol.java (3.9).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace groups {

// Of a subscription of any version: the fields of version 0 (topics, user data) come first in all
// of them, and Kafka's coordinator reads no further either. Errc::corrupt if they cannot be read.
base::Result<std::vector<std::string>> parse_subscribed_topics(std::string_view subscription);

}  // namespace groups
