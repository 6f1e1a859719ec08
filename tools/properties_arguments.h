// Purpose: the two ways to hand properties to a tool: a file (--command-config, --producer.config)
// and key=value arguments (--property, --consumer-property).
#pragma once

#include <string>
#include <vector>

#include "config/properties.h"
#include "tools/tool.h"

namespace tools {

// A Java properties file.
Outcome<config::Properties> load_properties(const std::string& path);
// "key=value"; a missing value is empty, a later key wins (CommandLineUtils.parseKeyValueArgs).
void add_key_values(config::Properties& properties, const std::vector<std::string>& arguments);

}  // namespace tools
