// Purpose: dates and durations as --to-datetime and --by-duration take them. Pure.
// Source: Utils.getDateTime (3.9), java.time.Duration.parse.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tools/tool.h"

namespace consumer_groups {

// "2026-11-24T16:30:00.000", with "Z", "+01", "+0100" or "+01:00" behind it; UTC without. Ms since
// the epoch.
tools::Outcome<std::int64_t> parse_datetime(std::string_view text);

// "P1DT2H3M4.5S", every part optional and of either sign; at least one. Ms, rounded down.
tools::Outcome<std::int64_t> parse_duration(std::string_view text);

// "2026-11-24T16:30:00.000Z"
std::string format_datetime(std::int64_t wall_ms);

}  // namespace consumer_groups
