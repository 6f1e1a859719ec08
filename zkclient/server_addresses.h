// Purpose: addresses of servers by name, when a name server may hang.
//
// One look-up per name at a time, which goes on while nobody waits: a name server that takes half a
// minute costs one worker of the resolver, and what it finds serves the next try. Until then, and
// whenever no answer comes, the addresses found last are good enough.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/task_scope.h"
#include "runtime/workers.h"
#include "zkclient/connect_string.h"

namespace zkclient {

// One loop.
class ServerAddresses {
 public:
  // Look-ups run in `scope`, whose end ends every wait. All must outlive the object's tasks.
  ServerAddresses(runtime::WorkerPool& resolver, runtime::TaskScope& scope)
      : resolver_(resolver), scope_(scope) {}

  using Addresses = std::vector<runtime::SocketAddress>;
  // Errc::timed_out: no answer in that time, and none from before.
  runtime::Task<base::Result<Addresses>> find(ServerName server, std::int64_t timeout_ms);

 private:
  struct Name {
    explicit Name(runtime::Loop& loop) : answered(loop) {}
    bool is_asked = false;
    base::Result<Addresses> answer = base::fail(base::Errc::unavailable);
    Addresses last_found;
    runtime::Notify answered;
  };
  runtime::Task<void> look_up(Name* name, ServerName server);

  runtime::WorkerPool& resolver_;
  runtime::TaskScope& scope_;
  std::map<std::string, std::unique_ptr<Name>> names_;
};

}  // namespace zkclient
