// Purpose: the versions of each API that a broker speaks, and the choice among them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>

#include "base/result.h"

namespace client {

class ApiVersionRanges {
 public:
  struct Range {
    std::int16_t min = 0;
    std::int16_t max = 0;
  };

  void set(std::int16_t api_key, Range range) { ranges_[api_key] = range; }
  bool empty() const { return ranges_.empty(); }
  const std::map<std::int16_t, Range>& ranges() const { return ranges_; }
  // Null if the broker does not have the API.
  const Range* find(std::int16_t api_key) const {
    const auto found = ranges_.find(api_key);
    return found == ranges_.end() ? nullptr : &found->second;
  }

  // The highest version that both sides speak, at most `limit`; Errc::unsupported if there is none.
  base::Result<std::int16_t> highest_common(std::int16_t api_key, Range ours) const;
  template <class Request>
  base::Result<std::int16_t> highest_common(std::int16_t limit = Request::kMaxVersion) const {
    return highest_common(Request::kApiKey,
                          {Request::kMinVersion, std::min(limit, Request::kMaxVersion)});
  }

 private:
  std::map<std::int16_t, Range> ranges_;
};

}  // namespace client
