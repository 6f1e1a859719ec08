// Purpose: "--name value" arguments of the bench programs. Which names exist is said by whoever
// asks for them; a name that nobody asked for is refused by check_used().
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace bench {

class Options {
 public:
  // From argv[first] on. Errc::invalid_argument for anything that is not a pair.
  static base::Result<Options> parse(int argc, char** argv, int first);

  std::string text(const std::string& name, std::string_view by_default = "");
  std::int64_t number(const std::string& name, std::int64_t by_default);
  // Errc::invalid_argument for a value that is no number and for names nobody asked for.
  base::Result<void> check_used() const;

 private:
  std::map<std::string, std::string> values_;
  std::set<std::string> used_;
  std::string wrong_number_;
};

}  // namespace bench
