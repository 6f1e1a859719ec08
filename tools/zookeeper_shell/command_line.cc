#include "tools/zookeeper_shell/command_line.h"

#include <fmt/core.h>

namespace zookeeper_shell {

namespace {

constexpr CommandSpec kCommands[] = {
    {"addauth", "addauth scheme auth", "", "", 2, 2},
    {"create", "create [-s] [-e] path [data] [acl]", "se", "", 1, 3},
    {"delete", "delete [-v version] path", "", "v", 1, 2},
    {"deleteall", "deleteall path", "", "b", 1, 1},
    {"get", "get [-s] path", "sw", "", 1, 1},
    {"getAcl", "getAcl [-s] path", "s", "", 1, 1},
    {"help", "help", "", "", 0, 0},
    {"ls", "ls [-s] [-R] path", "swR", "", 1, 1},
    {"ls2", "ls2 path", "", "", 1, 1},
    {"quit", "quit", "", "", 0, 0},
    {"rmr", "rmr path", "", "", 1, 1},
    {"set", "set [-s] [-v version] path data", "s", "v", 2, 2},
    {"setAcl", "setAcl [-s] [-v version] path acl", "s", "v", 2, 2},
    {"stat", "stat path", "w", "", 1, 1},
    {"sync", "sync path", "", "", 1, 1},
};

}  // namespace

std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool is_open = false;
  char quote = 0;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      is_open = true;
    } else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      if (is_open) words.push_back(std::move(word));
      word.clear();
      is_open = false;
    } else {
      word += c;
      is_open = true;
    }
  }
  if (is_open) words.push_back(std::move(word));
  return words;
}

const CommandSpec* find_command(std::string_view name) {
  for (const CommandSpec& spec : kCommands) {
    if (spec.name == name) return &spec;
  }
  return nullptr;
}

std::string help_text() {
  std::string text = "ZooKeeper -server host:port -client-configuration properties-file cmd args\n";
  for (const CommandSpec& spec : kCommands) text += fmt::format("\t{}\n", spec.usage);
  return text;
}

tools::Outcome<Command> parse_command(const std::vector<std::string>& words) {
  Command command;
  command.spec = find_command(words.front());
  if (command.spec == nullptr) {
    return tools::failure(fmt::format("Command not found: Command not found {}", words.front()));
  }
  const CommandSpec& spec = *command.spec;
  const auto wrong = [&] { return tools::failure(std::string(spec.usage)); };
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.size() != 2 || word.front() != '-') {
      command.arguments.push_back(word);
    } else if (spec.valued.find(word[1]) != std::string_view::npos) {
      if (++i == words.size()) return wrong();
      command.options[word[1]] = words[i];
    } else if (spec.flags.find(word[1]) != std::string_view::npos) {
      command.options[word[1]];
    } else {
      return wrong();
    }
  }
  if (command.arguments.size() < spec.arguments_min ||
      command.arguments.size() > spec.arguments_max) {
    return wrong();
  }
  return command;
}

}  // namespace zookeeper_shell
