// Purpose: `meta.properties`: whose log directory this is. Java properties, version 0 (ZooKeeper
// mode); unknown keys are kept. Source: MetaProperties, PropertiesUtils.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/types.h"
#include "runtime/file.h"

namespace storage {

struct MetaProperties {
  std::optional<base::BrokerId> broker_id;
  std::optional<std::string> cluster_id;
  std::optional<std::string> directory_id;
  std::map<std::string, std::string> others;

  friend bool operator==(const MetaProperties&, const MetaProperties&) = default;
};

// Ids that make no sense count as missing. Errc::unsupported: another version than 0.
base::Result<MetaProperties> parse_meta_properties(std::string_view text);
// `now_text` becomes the comment line that Java writes ("Tue Nov 24 12:56:55 UTC 2026").
std::string format_meta_properties(const MetaProperties& properties, std::string_view now_text);

// nullopt: no such file.
base::Result<std::optional<MetaProperties>> read_meta_properties(runtime::FileSystem& files,
                                                                 const std::string& log_dir);
base::Result<void> write_meta_properties(runtime::FileSystem& files, const std::string& log_dir,
                                         const MetaProperties& properties, std::int64_t now_ms);

}  // namespace storage
