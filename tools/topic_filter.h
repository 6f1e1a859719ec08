// Purpose: which topics a command means, by the regular expression of --topic or --include.
// Source: IncludeList (TopicFilter) of server-common, 3.9.
//
// Blanks and outer quotes are dropped, ',' means '|', and the whole name must match. The syntax is
// ECMAScript's, which differs from Java's only in lookbehind, possessive quantifiers, named groups
// and inline flags.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tools/tool.h"

namespace tools {

class TopicFilter {
 public:
  // Without a pattern every topic matches.
  static Outcome<TopicFilter> compile(std::optional<std::string> pattern, bool exclude_internal);
  ~TopicFilter();
  TopicFilter(TopicFilter&&) noexcept;
  TopicFilter& operator=(TopicFilter&&) noexcept;

  bool matches(std::string_view topic) const;

 private:
  struct Pattern;
  TopicFilter(std::unique_ptr<Pattern> pattern, bool exclude_internal);

  std::unique_ptr<Pattern> pattern_;  // null: all
  bool exclude_internal_;
};

}  // namespace tools
