// Purpose: the lines of zookeeper-shell: words with quotes, and the options of its commands. Pure.
// Source: ZooKeeperMain and the classes of org.apache.zookeeper.cli (3.8).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tool.h"

namespace zookeeper_shell {

// Splits at blanks; '...' and "..." hold a word together, quotes fall off.
std::vector<std::string> split_words(std::string_view line);

struct CommandSpec {
  std::string_view name;
  std::string_view usage;         // "ls [-s] [-w] [-R] path", printed for wrong arguments
  std::string_view flags;         // one letter each
  std::string_view valued;        // letters that take a value
  std::size_t arguments_min = 0;  // besides options
  std::size_t arguments_max = 0;
};

struct Command {
  const CommandSpec* spec = nullptr;
  std::map<char, std::string> options;  // flags with an empty value
  std::vector<std::string> arguments;

  bool has(char option) const { return options.contains(option); }
};

// nullptr: no such command.
const CommandSpec* find_command(std::string_view name);
std::string help_text();
// Fails with the command's usage. `words` starts with the command's name.
tools::Outcome<Command> parse_command(const std::vector<std::string>& words);

}  // namespace zookeeper_shell
