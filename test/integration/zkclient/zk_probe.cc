// Purpose: a ZooKeeper client driven line by line, for tests that do things to servers meanwhile.
//
//   zk_probe CONNECT_STRING [name=value...]
//     session_timeout_ms, request_timeout_ms, close_timeout_ms, max_in_flight,
//     digest=user:password, reattach=ID:PASSWORD_HEX (both as told by `info`)
//
// Each line of stdin is `TAG COMMAND ARGUMENT...`, split at blanks. Commands start at once and run
// side by side; each is answered with one JSON line that carries its tag:
//   connect MS | info | close | abandon
//   create PATH DATA persistent|ephemeral|persistent_sequential|ephemeral_sequential
//   set PATH DATA | get PATH | exists PATH | children PATH | remove PATH | sync PATH
//   watch_get PATH | watch_exists PATH | watch_children PATH
//   fill PATH COUNT               creates PATH/0.. pipelined; tells how many were made, how many
//                                 were not done, and of how many that is unknown
//   watch_fill PATH COUNT         arms exists watches on PATH/0..
// Watches and session states come as lines with "event". End of input closes the client.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/log.h"
#include "runtime/uv/threads.h"
#include "runtime/workers.h"
#include "zkclient/client.h"

namespace zkclient {
namespace {

using nlohmann::json;
using runtime::Task;

using Words = std::vector<std::string>;

Words split(const std::string& line) {
  std::istringstream stream(line);
  Words words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::string to_hex(const std::string& bytes) {
  std::string text;
  for (const unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

ClientOptions parse_options(const Words& arguments) {
  ClientOptions options;
  options.connect_string = arguments.at(0);
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::size_t equals = arguments[i].find('=');
    const std::string name = arguments[i].substr(0, equals);
    const std::string value = arguments[i].substr(equals + 1);
    if (name == "session_timeout_ms") options.session_timeout_ms = std::stoi(value);
    if (name == "request_timeout_ms") options.request_timeout_ms = std::stoll(value);
    if (name == "close_timeout_ms") options.close_timeout_ms = std::stoll(value);
    if (name == "max_in_flight") options.max_in_flight = std::stoul(value);
    if (name == "digest") options.auth.push_back({"digest", value});
    if (name == "reattach") {
      const std::size_t colon = value.find(':');
      options.reattach =
          SessionCredentials{std::stoll(value.substr(0, colon)), from_hex(value.substr(colon + 1))};
    }
  }
  return options;
}

const char* name_of_type(WatchEvent::Type type) {
  switch (type) {
    case WatchEvent::Type::created: return "created";
    case WatchEvent::Type::deleted: return "deleted";
    case WatchEvent::Type::data_changed: return "data_changed";
    case WatchEvent::Type::children_changed: break;
  }
  return "children_changed";
}

CreateMode mode_of(const std::string& name) {
  if (name == "ephemeral") return CreateMode::ephemeral;
  if (name == "persistent_sequential") return CreateMode::persistent_sequential;
  if (name == "ephemeral_sequential") return CreateMode::ephemeral_sequential;
  return CreateMode::persistent;
}

class Probe {
 public:
  Probe(runtime::Loop& loop, runtime::WorkerPool& resolver, ClientOptions options)
      : loop_(loop), client_(loop, resolver, std::move(options)), scope_(loop, "probe") {
    client_.set_session_handler([this](SessionState state) {
      tell({{"event", "session"}, {"state", name_of(state)}, {"server", client_.server()}});
    });
    client_.set_watch_handler([this](const WatchEvent& event) {
      tell({{"event", "watch"}, {"type", name_of_type(event.type)}, {"path", event.path}});
    });
  }

  void start(Words words) { scope_.spawn(run(std::move(words))); }
  Task<void> finish() {
    co_await client_.close();
    co_await scope_.join();
  }

 private:
  void tell(json line) {
    line["ms"] = loop_.now_ms();
    std::fputs((line.dump() + "\n").c_str(), stdout);
    std::fflush(stdout);
  }

  Task<void> run(Words words) {
    words.resize(std::max<std::size_t>(words.size(), 5));
    json answer = co_await execute(words);
    answer["tag"] = words[0];
    tell(std::move(answer));
  }

  template <class T, class Describe>
  static json answer_of(const base::Result<T>& result, Describe describe) {
    if (!result) {
      return {{"error", result.error().to_string()},
              {"code", result.error().code().value()},
              {"domain", result.error().code().category().name()},
              {"outcome_unknown", is_outcome_unknown(result.error())}};
    }
    json answer = describe();
    answer["ok"] = true;
    return answer;
  }

  Task<json> execute(Words words) {
    const std::string& command = words[1];
    const std::string& path = words[2];
    if (command == "connect") {
      const auto result = co_await client_.connect(std::stoll(words[2]));
      co_return answer_of(result, [] { return json::object(); });
    }
    if (command == "info") co_return info();
    if (command == "close") {
      const bool gone = co_await client_.close();
      co_return json{{"ok", true}, {"gone", gone}};
    }
    if (command == "abandon") {
      co_await client_.abandon();
      co_return json{{"ok", true}};
    }
    if (command == "create") {
      const auto made =
          co_await client_.create(path, words[3], mode_of(words[4]), open_acl_unsafe());
      co_return answer_of(made, [&] { return json{{"path", *made}}; });
    }
    if (command == "set") {
      const auto stat = co_await client_.set(path, words[3]);
      co_return answer_of(stat, [&] { return json{{"version", stat->version.value()}}; });
    }
    if (command == "remove") {
      const auto removed = co_await client_.remove(path);
      co_return answer_of(removed, [] { return json::object(); });
    }
    if (command == "sync") {
      const auto synced = co_await client_.sync(path);
      co_return answer_of(synced, [] { return json::object(); });
    }
    if (command == "fill") co_return co_await fill(path, std::stoul(words[3]));
    if (command == "watch_fill") co_return co_await watch_fill(path, std::stoul(words[3]));
    co_return co_await read(command, path);
  }

  Task<json> read(std::string command, std::string path) {
    const bool watch = command.starts_with("watch_");
    if (watch) command.erase(0, 6);
    if (command == "get") {
      const auto node = co_await client_.get(path, watch);
      co_return answer_of(node, [&] {
        return json{{"data", node->data ? json(*node->data) : json()},
                    {"version", node->stat.version.value()},
                    {"ephemeral_owner", node->stat.ephemeral_owner}};
      });
    }
    if (command == "exists") {
      const auto found = co_await client_.exists(path, watch);
      co_return answer_of(found, [&] { return json{{"exists", found->has_value()}}; });
    }
    if (command == "children") {
      const auto names = co_await client_.children(path, watch);
      co_return answer_of(names, [&] { return json{{"children", *names}}; });
    }
    co_return json{{"error", "unknown command " + command}};
  }

  Task<json> fill(std::string path, std::size_t count) {
    std::vector<Client::NewNode> nodes;
    for (std::size_t i = 0; i < count; ++i) {
      nodes.push_back(
          {path + "/" + std::to_string(i), "x", CreateMode::persistent, open_acl_unsafe()});
    }
    const auto results = co_await client_.create_many(std::move(nodes));
    std::size_t made = 0;
    std::size_t unknown = 0;
    for (const auto& result : results) {
      made += result ? 1 : 0;
      unknown += !result && is_outcome_unknown(result.error()) ? 1 : 0;
    }
    co_return json{{"ok", made == count},
                   {"made", made},
                   {"unknown", unknown},
                   {"not_done", count - made - unknown}};
  }

  Task<json> watch_fill(std::string path, std::size_t count) {
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < count; ++i) paths.push_back(path + "/" + std::to_string(i));
    const auto results = co_await client_.exists_many(std::move(paths), true);
    std::size_t armed = 0;
    for (const auto& result : results) armed += result ? 1 : 0;
    co_return json{{"ok", armed == count}, {"armed", armed}};
  }

  json info() {
    return {{"ok", true},
            {"state", name_of(client_.state())},
            {"session_id", client_.session_id()},
            {"password", to_hex(client_.credentials().password)},
            {"timeout_ms", client_.negotiated_timeout_ms()},
            {"server", client_.server()}};
  }

  runtime::Loop& loop_;
  Client client_;
  runtime::TaskScope scope_;
};

Task<void> finish_and_stop(Probe& probe, runtime::LoopThread& thread) {
  co_await probe.finish();
  thread.stop();
}

int run(const Words& arguments) {
  const auto resolver = runtime::make_worker_pool("resolver", 1, 16);
  runtime::LoopThread thread("probe");
  runtime::TaskScope main_scope(thread.loop(), "main");
  std::unique_ptr<Probe> probe;
  thread.loop().post(
      [&] { probe = std::make_unique<Probe>(thread.loop(), *resolver, parse_options(arguments)); });
  for (std::string line; std::getline(std::cin, line);) {
    Words words = split(line);
    if (words.size() < 2) continue;
    thread.loop().post(
        [&probe, words = std::move(words)]() mutable { probe->start(std::move(words)); });
  }
  thread.loop().post([&] { main_scope.spawn(finish_and_stop(*probe, thread)); });
  thread.join();
  probe.reset();
  return 0;
}

}  // namespace
}  // namespace zkclient

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: zk_probe CONNECT_STRING [name=value...]\n", stderr);
    return 2;
  }
  return zkclient::run({argv + 1, argv + argc});
}
