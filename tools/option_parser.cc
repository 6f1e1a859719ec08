#include "tools/option_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <limits>

#include "base/result.h"

namespace tools {

namespace {

// Every tool has these two.
constexpr OptionSpec kHelp{"help", "Print this."};
constexpr OptionSpec kVersion{"version", "Print the version of Kafka that this tool matches."};

const OptionSpec* find_spec(const OptionTable& table, std::string_view name) {
  for (const OptionSpec& spec : table.options) {
    if (spec.name == name) return &spec;
  }
  if (name == kHelp.name) return &kHelp;
  if (name == kVersion.name) return &kVersion;
  return nullptr;
}

// The one option that begins so; null if there is none or more than one.
const OptionSpec* find_spec_by_beginning(const OptionTable& table, std::string_view beginning) {
  const OptionSpec* found = nullptr;
  for (const OptionSpec& spec : table.options) {
    if (!spec.name.starts_with(beginning)) continue;
    if (found != nullptr) return nullptr;
    found = &spec;
  }
  return found;
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool fits(const OptionSpec& spec, std::string_view text) {
  if (spec.kind == ValueKind::text) return true;
  const auto number = parse_number(text);
  if (!number) return false;
  return spec.kind == ValueKind::int64 || (*number >= std::numeric_limits<std::int32_t>::min() &&
                                           *number <= std::numeric_limits<std::int32_t>::max());
}

bool looks_like_option(std::string_view argument) {
  return argument.size() > 1 && argument.front() == '-';
}

std::unexpected<UsageError> line(std::string message) {
  return std::unexpected(UsageError{UsageError::Kind::line, std::move(message)});
}

}  // namespace

// Walks the arguments once.
class OptionReader {
 public:
  OptionReader(const OptionTable& table, const Arguments& arguments)
      : table_(table), arguments_(arguments) {
    options_.table_ = &table;
  }

  Usage<Options> read() {
    while (next_ < arguments_.size()) {
      const std::string& argument = arguments_[next_++];
      if (argument == "--") {
        options_.positional_.insert(options_.positional_.end(), arguments_.begin() + next_,
                                    arguments_.end());
        break;
      }
      if (!looks_like_option(argument)) {
        options_.positional_.push_back(argument);
        continue;
      }
      TRY(read_option(argument));
    }
    return std::move(options_);
  }

 private:
  Usage<> read_option(std::string_view argument) {
    std::string_view name = argument.substr(argument.starts_with("--") ? 2 : 1);
    std::optional<std::string> value;
    if (const std::size_t equals = name.find('='); equals != std::string_view::npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    const OptionSpec* spec = find_spec(table_, name);
    const bool is_lenient = table_.syntax == Syntax::argparse4j;
    if (spec == nullptr && is_lenient) spec = find_spec_by_beginning(table_, name);
    if (spec == nullptr) return line(fmt::format("{} is not a recognized option", name));
    if (!value && spec->kind != ValueKind::none) {
      TRY_ASSIGN(value, take_value(*spec));
    }
    if (value && spec->kind == ValueKind::none) {
      return line(fmt::format("Option {} takes no argument", name));
    }
    if (value && !fits(*spec, *value)) {
      return line(fmt::format("Cannot parse argument '{}' of option {}", *value, name));
    }
    std::vector<std::string>& values = options_.given_[std::string(spec->name)];
    if (value && !values.empty() && !spec->is_repeatable && !is_lenient) {
      return line(
          fmt::format("Found multiple arguments for option {}, but you asked for only one", name));
    }
    if (value) values.push_back(std::move(*value));
    return {};
  }

  Usage<std::optional<std::string>> take_value(const OptionSpec& spec) {
    const bool is_there = next_ < arguments_.size();
    if (spec.is_value_optional) {
      if (!is_there || looks_like_option(arguments_[next_])) return std::nullopt;
    } else if (!is_there) {
      return line(fmt::format("Option {} requires an argument", spec.name));
    }
    return arguments_[next_++];
  }

  const OptionTable& table_;
  const Arguments& arguments_;
  std::size_t next_ = 0;
  Options options_;
};

std::optional<std::string> Options::given(std::string_view name) const {
  const auto found = given_.find(name);
  if (found == given_.end() || found->second.empty()) return std::nullopt;
  return found->second.back();
}

std::optional<std::string> Options::value(std::string_view name) const {
  if (auto text = given(name)) return text;
  const OptionSpec* spec = find_spec(*table_, name);
  if (spec == nullptr || spec->default_text.empty()) return std::nullopt;
  return std::string(spec->default_text);
}

std::optional<std::int64_t> Options::number(std::string_view name) const {
  const auto text = value(name);
  return text ? parse_number(*text) : std::nullopt;
}

std::vector<std::string> Options::values(std::string_view name) const {
  const auto found = given_.find(name);
  return found == given_.end() ? std::vector<std::string>() : found->second;
}

Usage<Options> parse_options(const OptionTable& table, const Arguments& arguments) {
  if (arguments.empty()) return std::unexpected(UsageError{.message = std::string(table.purpose)});
  TRY_ASSIGN(Options options, OptionReader(table, arguments).read());
  if (options.has(kHelp.name)) {
    return std::unexpected(UsageError{.message = std::string(table.purpose)});
  }
  if (options.has(kVersion.name)) {
    return std::unexpected(UsageError{UsageError::Kind::version, std::string(kKafkaVersion)});
  }
  return options;
}

Usage<> require(const Options& options, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (options.has(name)) continue;
    return std::unexpected(
        UsageError{.message = fmt::format("Missing required argument \"[{}]\"", name)});
  }
  return {};
}

Usage<> exclude(const Options& options, std::string_view used,
                std::initializer_list<std::string_view> others) {
  if (!options.has(used)) return {};
  for (const std::string_view other : others) {
    if (!options.has(other)) continue;
    return std::unexpected(UsageError{
        .message = fmt::format("Option \"[{}]\" can't be used with option \"[{}]\"", used, other)});
  }
  return {};
}

int report(const UsageError& error, const OptionTable& table) {
  if (error.kind == UsageError::Kind::version) {
    fmt::print("{}\n", error.message);
    return 0;
  }
  fmt::print(stderr, "{}\n", error.message);
  if (error.kind == UsageError::Kind::line_and_table) fmt::print(stderr, "{}", format_help(table));
  return 1;
}

namespace {

constexpr std::size_t kHelpWidth = 80;
constexpr std::size_t kNameWidthMax = 39;

// Words in lines of at most `width`, all but the first indented by two.
std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  std::string current;
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, blank);
    text.remove_prefix(std::min(blank + 1, text.size()));
    if (!current.empty() && current.size() + 1 + word.size() > width) {
      lines.push_back(std::move(current));
      current = "  ";
      current += word;
      continue;
    }
    if (!current.empty()) current += ' ';
    current += word;
  }
  if (!current.empty() || lines.empty()) lines.push_back(std::move(current));
  return lines;
}

std::string name_cell(const OptionSpec& spec) {
  if (spec.kind == ValueKind::none) return fmt::format("--{}", spec.name);
  const char* type = spec.kind == ValueKind::text    ? "String"
                     : spec.kind == ValueKind::int32 ? "Integer"
                                                     : "Long";
  const std::string value =
      spec.value_name.empty() ? type : fmt::format("{}: {}", type, spec.value_name);
  return spec.is_value_optional ? fmt::format("--{} [{}]", spec.name, value)
                                : fmt::format("--{} <{}>", spec.name, value);
}

std::string description_cell(const OptionSpec& spec) {
  std::string text(spec.description);
  if (!spec.default_text.empty()) text += fmt::format(" (default: {})", spec.default_text);
  return text;
}

}  // namespace

std::string format_help(const OptionTable& table) {
  std::vector<OptionSpec> specs(table.options.begin(), table.options.end());
  specs.push_back(kHelp);
  specs.push_back(kVersion);
  std::ranges::sort(specs, {}, &OptionSpec::name);
  std::size_t name_width = 0;
  for (const OptionSpec& spec : specs) name_width = std::max(name_width, name_cell(spec).size());
  name_width = std::min(name_width, kNameWidthMax);
  const std::size_t text_width = kHelpWidth - name_width - 1;
  std::string help = fmt::format("{:<{}} {}\n{:<{}} {}\n", "Option", name_width, "Description",
                                 "------", name_width, "-----------");
  for (const OptionSpec& spec : specs) {
    const auto names = wrap(name_cell(spec), name_width);
    const auto texts = wrap(description_cell(spec), text_width);
    for (std::size_t i = 0; i < std::max(names.size(), texts.size()); ++i) {
      const std::string_view left = i < names.size() ? std::string_view(names[i]) : "";
      const std::string_view right = i < texts.size() ? std::string_view(texts[i]) : "";
      help += right.empty() ? fmt::format("{}\n", left)
                            : fmt::format("{:<{}} {}\n", left, name_width, right);
    }
  }
  return help;
}

}  // namespace tools
