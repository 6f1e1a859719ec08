// Purpose: the session of a zookeeper-shell and its commands.
// Source: org.apache.zookeeper.ZooKeeperMain and org.apache.zookeeper.cli (3.8).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/task.h"
#include "runtime/workers.h"
#include "tools/tool.h"
#include "tools/zookeeper_shell/command_line.h"
#include "zkclient/client.h"

namespace zookeeper_shell {

// One loop. connect() first; close() before it is destroyed.
class Shell {
 public:
  Shell(runtime::Loop& loop, runtime::WorkerPool& resolver, std::string connect_string,
        std::int64_t connect_timeout_ms);

  runtime::Task<tools::Outcome<>> connect();
  runtime::Task<void> close();
  // Runs one command and prints its result. `words` is not empty; the words are kept as they are.
  runtime::Task<tools::Outcome<>> execute(std::vector<std::string> words);
  // After `quit`.
  bool is_over() const { return is_over_; }

 private:
  runtime::Task<tools::Outcome<>> run(Command command);
  runtime::Task<tools::Outcome<>> list(Command command);
  runtime::Task<tools::Outcome<>> list_recursively(std::string path);
  runtime::Task<tools::Outcome<>> get(Command command);
  runtime::Task<tools::Outcome<>> stat(Command command);
  runtime::Task<tools::Outcome<>> create(Command command);
  runtime::Task<tools::Outcome<>> set(Command command);
  runtime::Task<tools::Outcome<>> remove(Command command);
  runtime::Task<tools::Outcome<>> remove_recursively(std::string path);
  runtime::Task<tools::Outcome<>> get_acl(Command command);
  runtime::Task<tools::Outcome<>> set_acl(Command command);
  runtime::Task<tools::Outcome<>> sync(Command command);
  // Takes the session over with one credential more: they are sent when a connection begins.
  runtime::Task<tools::Outcome<>> add_auth(Command command);
  // The path and all below it, parents first.
  runtime::Task<tools::Outcome<std::vector<std::string>>> subtree(std::string path);
  std::unique_ptr<zkclient::Client> make_client() const;

  runtime::Loop& loop_;
  runtime::WorkerPool& resolver_;
  const std::int64_t connect_timeout_ms_;
  zkclient::ClientOptions options_;
  std::unique_ptr<zkclient::Client> client_;
  bool is_over_ = false;
};

}  // namespace zookeeper_shell
