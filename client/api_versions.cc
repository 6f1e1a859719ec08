#include "client/api_versions.h"

#include <fmt/core.h>

namespace client {

base::Result<std::int16_t> ApiVersionRanges::highest_common(std::int16_t api_key,
                                                            Range ours) const {
  const Range* theirs = find(api_key);
  if (theirs == nullptr) {
    return base::fail(base::Errc::unsupported,
                      fmt::format("the broker does not have the API with key {}", api_key));
  }
  const std::int16_t version = std::min(ours.max, theirs->max);
  if (version < ours.min || version < theirs->min) {
    return base::fail(base::Errc::unsupported,
                      fmt::format("no common version of the API with key {}: ours {}-{}, the "
                                  "broker's {}-{}",
                                  api_key, ours.min, ours.max, theirs->min, theirs->max));
  }
  return version;
}

}  // namespace client
