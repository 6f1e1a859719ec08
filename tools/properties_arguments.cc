#include "tools/properties_arguments.h"

#include <fmt/core.h>

#include "base/result.h"
#include "runtime/posix/file_system.h"

namespace tools {

namespace {
constexpr std::int64_t kPropertiesBytesMax = 16 * 1024 * 1024;
}

Outcome<config::Properties> load_properties(const std::string& path) {
  auto text = runtime::make_posix_file_system()->read_file(path, kPropertiesBytesMax);
  if (!text) {
    return failure(fmt::format("{}: cannot be read: {}", path, text.error().code().message()));
  }
  TRY_ASSIGN(config::Properties properties, config::Properties::parse(*text, path));
  return properties;
}

void add_key_values(config::Properties& properties, const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    properties.set(argument.substr(0, equals),
                   equals == std::string::npos ? "" : argument.substr(equals + 1));
  }
}

}  // namespace tools
