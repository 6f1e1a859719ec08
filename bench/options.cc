#include "bench/options.h"

#include <charconv>

namespace bench {

base::Result<Options> Options::parse(int argc, char** argv, int first) {
  Options options;
  for (int i = first; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (!name.starts_with("--") || i + 1 == argc) {
      return base::fail(base::Errc::invalid_argument, "not a pair: " + std::string(name));
    }
    options.values_[std::string(name.substr(2))] = argv[i + 1];
  }
  return options;
}

std::string Options::text(const std::string& name, std::string_view by_default) {
  used_.insert(name);
  const auto place = values_.find(name);
  return place == values_.end() ? std::string(by_default) : place->second;
}

std::int64_t Options::number(const std::string& name, std::int64_t by_default) {
  used_.insert(name);
  const auto place = values_.find(name);
  if (place == values_.end()) return by_default;
  const std::string& text = place->second;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) wrong_number_ = name;
  return value;
}

base::Result<void> Options::check_used() const {
  if (!wrong_number_.empty()) {
    return base::fail(base::Errc::invalid_argument, "no number: --" + wrong_number_);
  }
  for (const auto& [name, value] : values_) {
    if (!used_.contains(name)) {
      return base::fail(base::Errc::invalid_argument, "unknown option: --" + name);
    }
  }
  return {};
}

}  // namespace bench
