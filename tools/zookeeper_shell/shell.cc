#include "tools/zookeeper_shell/shell.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "base/result.h"
#include "tools/zookeeper_shell/format.h"

namespace zookeeper_shell {

using runtime::Task;
using tools::failure;
using tools::Outcome;

namespace {

template <class T>
Outcome<T> explained(base::Result<T> result, std::string_view path) {
  if (result) {
    if constexpr (std::is_void_v<T>) {
      return {};
    } else {
      return std::move(*result);
    }
  }
  return failure(explain(result.error(), path));
}

std::string child_path(const std::string& parent, const std::string& name) {
  return parent == "/" ? "/" + name : fmt::format("{}/{}", parent, name);
}

// The value of -v, "any" without it.
Outcome<std::int32_t> version_of(const Command& command) {
  if (!command.has('v')) return -1;
  const std::string& text = command.options.at('v');
  std::int32_t version = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || end != text.data() + text.size()) {
    return failure(fmt::format("{} is not a version", text));
  }
  return version;
}

}  // namespace

Shell::Shell(runtime::Loop& loop, runtime::WorkerPool& resolver, std::string connect_string,
             std::int64_t connect_timeout_ms)
    : loop_(loop), resolver_(resolver), connect_timeout_ms_(connect_timeout_ms) {
  options_.connect_string = std::move(connect_string);
  options_.session_timeout_ms = 30'000;
  client_ = make_client();
}

std::unique_ptr<zkclient::Client> Shell::make_client() const {
  return std::make_unique<zkclient::Client>(loop_, resolver_, options_);
}

Task<Outcome<>> Shell::connect() {
  auto connected = co_await client_->connect(connect_timeout_ms_);
  if (connected) co_return Outcome<>();
  if (connected.error().is(base::Errc::timed_out)) {
    co_return failure(
        fmt::format("No ZooKeeper server of {} answered within {} s: is ZooKeeper running there?",
                    options_.connect_string, connect_timeout_ms_ / 1000));
  }
  co_return failure(connected.error().to_string());
}

Task<void> Shell::close() {
  if (client_->connected()) {
    co_await client_->close();
  } else {
    co_await client_->abandon();
  }
}

Task<Outcome<>> Shell::execute(std::vector<std::string> words) {
  auto command = parse_command(words);
  if (!command) co_return std::unexpected(std::move(command).error());
  const bool takes_path = !command->arguments.empty() && command->spec->name != "addauth";
  if (takes_path && !command->arguments.front().starts_with('/')) {
    co_return failure("Path must start with / character");
  }
  co_return co_await run(std::move(*command));
}

Task<Outcome<>> Shell::run(Command command) {
  const std::string_view name = command.spec->name;
  if (name == "ls" || name == "ls2") co_return co_await list(std::move(command));
  if (name == "get") co_return co_await get(std::move(command));
  if (name == "stat") co_return co_await stat(std::move(command));
  if (name == "create") co_return co_await create(std::move(command));
  if (name == "set") co_return co_await set(std::move(command));
  if (name == "delete") co_return co_await remove(std::move(command));
  if (name == "deleteall" || name == "rmr") {
    co_return co_await remove_recursively(command.arguments[0]);
  }
  if (name == "getAcl") co_return co_await get_acl(std::move(command));
  if (name == "setAcl") co_return co_await set_acl(std::move(command));
  if (name == "sync") co_return co_await sync(std::move(command));
  if (name == "addauth") co_return co_await add_auth(std::move(command));
  if (name == "help") fmt::print("{}", help_text());
  if (name == "quit") is_over_ = true;
  co_return Outcome<>();
}

Task<Outcome<>> Shell::list(Command command) {
  const std::string path = command.arguments[0];
  if (command.has('R')) co_return co_await list_recursively(path);
  CO_TRY_ASSIGN(zkclient::Children children,
                explained(co_await client_->children_with_stat(path), path));
  fmt::print("{}\n", format_children(std::move(children.names)));
  if (command.has('s') || command.spec->name == "ls2") fmt::print("{}", format_stat(children.stat));
  co_return Outcome<>();
}

Task<Outcome<std::vector<std::string>>> Shell::subtree(std::string path) {
  std::vector<std::string> found;
  std::vector<std::string> open{std::move(path)};  // depth first, in the order of names
  while (!open.empty()) {
    const std::string current = std::move(open.back());
    open.pop_back();
    CO_TRY_ASSIGN(std::vector<std::string> names,
                  explained(co_await client_->children(current), current));
    std::ranges::sort(names, std::greater<>());
    for (const std::string& name : names) open.push_back(child_path(current, name));
    found.push_back(current);
  }
  co_return found;
}

Task<Outcome<>> Shell::list_recursively(std::string path) {
  CO_TRY_ASSIGN(const auto paths, co_await subtree(std::move(path)));
  for (const std::string& found : paths) fmt::print("{}\n", found);
  co_return Outcome<>();
}

Task<Outcome<>> Shell::get(Command command) {
  const std::string path = command.arguments[0];
  CO_TRY_ASSIGN(const zkclient::NodeData node, explained(co_await client_->get(path), path));
  fmt::print("{}\n", node.data.value_or("null"));
  if (command.has('s')) fmt::print("{}", format_stat(node.stat));
  co_return Outcome<>();
}

Task<Outcome<>> Shell::stat(Command command) {
  const std::string path = command.arguments[0];
  CO_TRY_ASSIGN(const auto stat, explained(co_await client_->exists(path), path));
  if (!stat) co_return failure(fmt::format("Node does not exist: {}", path));
  fmt::print("{}", format_stat(*stat));
  co_return Outcome<>();
}

Task<Outcome<>> Shell::create(Command command) {
  const std::string path = command.arguments[0];
  zkclient::Data data;
  if (command.arguments.size() > 1) data = command.arguments[1];
  zkclient::AclList acl = zkclient::open_acl_unsafe();
  if (command.arguments.size() > 2) {
    CO_TRY_ASSIGN(acl, parse_acl(command.arguments[2]));
  }
  using zkclient::CreateMode;
  const CreateMode mode =
      command.has('e')
          ? (command.has('s') ? CreateMode::ephemeral_sequential : CreateMode::ephemeral)
          : (command.has('s') ? CreateMode::persistent_sequential : CreateMode::persistent);
  CO_TRY_ASSIGN(const std::string created,
                explained(co_await client_->create(path, data, mode, acl), path));
  fmt::print("Created {}\n", created);
  co_return Outcome<>();
}

Task<Outcome<>> Shell::set(Command command) {
  const std::string path = command.arguments[0];
  CO_TRY_ASSIGN(const std::int32_t version, version_of(command));
  CO_TRY_ASSIGN(
      const zkclient::Stat stat,
      explained(co_await client_->set(path, command.arguments[1], zkclient::ZkVersion(version)),
                path));
  if (command.has('s')) fmt::print("{}", format_stat(stat));
  co_return Outcome<>();
}

Task<Outcome<>> Shell::remove(Command command) {
  const std::string path = command.arguments[0];
  // The old form puts the version behind the path.
  if (command.arguments.size() > 1) command.options['v'] = command.arguments[1];
  CO_TRY_ASSIGN(const std::int32_t version, version_of(command));
  co_return explained(co_await client_->remove(path, zkclient::ZkVersion(version)), path);
}

Task<Outcome<>> Shell::remove_recursively(std::string path) {
  CO_TRY_ASSIGN(std::vector<std::string> paths, co_await subtree(path));
  std::erase(paths, "/");  // the root cannot go
  std::ranges::reverse(paths);
  const auto removed = co_await client_->remove_many(paths);
  for (std::size_t i = 0; i < removed.size(); ++i) {
    if (removed[i] || removed[i].error().is(zkclient::ZkError::no_node)) continue;
    co_return failure(explain(removed[i].error(), paths[i]));
  }
  co_return Outcome<>();
}

Task<Outcome<>> Shell::get_acl(Command command) {
  const std::string path = command.arguments[0];
  CO_TRY_ASSIGN(const zkclient::AclData found, explained(co_await client_->get_acl(path), path));
  fmt::print("{}", format_acl(found.acl));
  if (command.has('s')) fmt::print("{}", format_stat(found.stat));
  co_return Outcome<>();
}

Task<Outcome<>> Shell::set_acl(Command command) {
  const std::string path = command.arguments[0];
  CO_TRY_ASSIGN(zkclient::AclList acl, parse_acl(command.arguments[1]));
  CO_TRY_ASSIGN(const std::int32_t version, version_of(command));
  CO_TRY_ASSIGN(const zkclient::Stat stat,
                explained(co_await client_->set_acl(path, std::move(acl), version), path));
  if (command.has('s')) fmt::print("{}", format_stat(stat));
  co_return Outcome<>();
}

Task<Outcome<>> Shell::sync(Command command) {
  const std::string path = command.arguments[0];
  CO_TRY(explained(co_await client_->sync(path), path));
  fmt::print("Sync is OK\n");
  co_return Outcome<>();
}

Task<Outcome<>> Shell::add_auth(Command command) {
  options_.auth.push_back({command.arguments[0], command.arguments[1]});
  options_.reattach = client_->credentials();
  co_await client_->abandon();
  client_ = make_client();
  co_return co_await connect();
}

}  // namespace zookeeper_shell
