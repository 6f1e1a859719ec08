// Purpose: the broker's listeners: binds them, accepts, hands connections in turn to the data
// loops.
//
// Start and stop on the accept loop. Order of a start: start_listening() early, so that a taken
// port ends the start before anything is touched (connections wait in the backlog), then
// start_accepting() when the broker can answer.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/network/connection_limits.h"
#include "broker/network/creation_rate.h"
#include "broker/network/memory_budget.h"
#include "broker/network/request.h"
#include "config/server_config.h"
#include "runtime/loop.h"
#include "runtime/task_scope.h"
#include "runtime/workers.h"

namespace network {

class LoopConnections;

struct BoundListener {
  config::Listener listener;       // as configured
  runtime::SocketAddress address;  // with the port that the system chose for port 0
};

struct ServerLimits {
  // So many connections have a descriptor, whatever max.connections says.
  std::int32_t connections_max = ConnectionLimitValues::kUnlimited;
  // Whether a registered broker has this address. Any thread.
  std::function<bool(const std::string& ip)> is_broker_address = {};
};

class Server {
 public:
  // Everything must outlive the server. Data loops must run from start_accepting() until stop().
  Server(const config::NetworkConfig& config, runtime::Loop& accept_loop,
         std::vector<runtime::Loop*> data_loops, runtime::WorkerPool& resolver,
         MemoryBudget& budget, RequestHandler& handler, ServerLimits limits = {});
  ~Server();  // after stop(), unless nothing was started
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds all listeners, or none. The error is one line for the operator: listener, address, cause,
  // remedy.
  runtime::Task<base::Result<void>> start_listening();
  const std::vector<BoundListener>& bound() const { return bound_; }
  void start_accepting();
  // Makes a start_listening() under way fail soon.
  void cancel_start() { scope_.cancel(); }
  // Takes no more connections and requests, gives those under way `grace_ms` to be answered, then
  // closes. Idempotent.
  runtime::Task<void> stop(std::int64_t grace_ms = 1000);

  // New limits (max.connections and its kin are dynamic). Accept loop.
  runtime::Task<void> update_limits(config::NetworkConfig config);
  std::int64_t connection_count() const { return limits_.connection_count(); }  // any thread

 private:
  struct Open;  // a listener that is bound

  runtime::Task<base::Result<std::unique_ptr<Open>>> open(config::Listener listener);
  runtime::Task<void> accept_from(Open& open);
  std::int64_t wait_for_rate_ms(Open& open);
  runtime::Task<void> stop_loop(LoopConnections& connections, std::int64_t grace_ms);

  const config::NetworkConfig config_;
  const std::int32_t connections_max_;
  runtime::Loop& accept_loop_;
  runtime::WorkerPool& resolver_;
  ConnectionLimits limits_;
  CreationRate rate_;  // of all listeners but the protected one
  std::int32_t rate_max_ = CreationRate::kUnlimited;
  std::map<std::string, std::int32_t> listener_rate_max_;
  std::vector<std::unique_ptr<LoopConnections>> loops_;
  std::size_t next_loop_ = 0;
  std::uint64_t next_id_ = 1;
  bool is_stopped_ = false;
  std::vector<std::unique_ptr<Open>> listeners_;
  std::vector<BoundListener> bound_;
  runtime::TaskScope scope_;
};

}  // namespace network
