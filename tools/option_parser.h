// Purpose: command lines by the rules of Kafka's tools (joptsimple 5 without abbreviations, and
// Kafka's CommandLineUtils): a table of options in, values or a usage error out. Pure.
//
// - `--name value`, `--name=value`, `-name value`, `-name=value`; `--` ends the options.
// - An option that needs a value takes the next argument whatever it looks like; one whose value is
//   optional takes it unless it looks like an option.
// - An option may be given twice only if it is repeatable. Other arguments are positional.
// - No argument at all and --help print the table and fail, as in Kafka.
#pragma once

#include <cstdint>
#include <expected>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tool.h"

namespace tools {

enum class ValueKind : std::uint8_t { none, text, int32, int64 };

struct OptionSpec {
  std::string_view name;         // without dashes
  std::string_view description;  // one or two sentences
  ValueKind kind = ValueKind::none;
  std::string_view value_name = {};    // in the table of --help
  std::string_view default_text = {};  // empty: none
  bool is_repeatable = false;
  bool is_value_optional = false;
};

// Most of Kafka's tools parse with joptsimple; argparse4j's also take a beginning of a name that
// means one option only, and of an option that is given twice the last value.
enum class Syntax : std::uint8_t { joptsimple, argparse4j };

struct OptionTable {
  std::string_view purpose;  // the line above the table
  std::span<const OptionSpec> options;
  Syntax syntax = Syntax::joptsimple;
};

struct UsageError {
  enum class Kind : std::uint8_t { version, line, line_and_table };
  Kind kind = Kind::line_and_table;
  std::string message;
};
template <class T = void>
using Usage = std::expected<T, UsageError>;

class Options {
 public:
  bool has(std::string_view name) const { return given_.find(name) != given_.end(); }
  // What was given, else the default of the table.
  std::optional<std::string> value(std::string_view name) const;
  // Only what was given.
  std::optional<std::string> given(std::string_view name) const;
  std::optional<std::int64_t> number(std::string_view name) const;  // given or default; int kinds
  std::vector<std::string> values(std::string_view name) const;     // of a repeatable option
  const std::vector<std::string>& positional() const { return positional_; }

 private:
  friend class OptionReader;
  const OptionTable* table_ = nullptr;
  std::map<std::string, std::vector<std::string>, std::less<>> given_;
  std::vector<std::string> positional_;
};

// `table` must outlive the result.
Usage<Options> parse_options(const OptionTable& table, const Arguments& arguments);

// Kafka's checks, with its messages.
Usage<> require(const Options& options, std::initializer_list<std::string_view> names);
Usage<> exclude(const Options& options, std::string_view used,
                std::initializer_list<std::string_view> others);

// Prints what the error asks for (the version to stdout, all else to stderr); the exit code.
int report(const UsageError& error, const OptionTable& table);
// The table of --help, 80 columns wide.
std::string format_help(const OptionTable& table);

}  // namespace tools
