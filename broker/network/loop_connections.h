// Purpose: the connections of one data loop: takes them over from the acceptor, serves and ends
// them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "broker/network/connection.h"
#include "broker/network/connection_limits.h"
#include "runtime/task_scope.h"

namespace network {

// On its loop, except where noted. Destroyed after stop().
class LoopConnections {
 public:
  LoopConnections(runtime::Loop& loop, RequestHandler& handler, MemoryBudget& budget,
                  ConnectionOptions options,
                  std::function<bool(const std::string& ip)> is_broker_address);
  ~LoopConnections();
  LoopConnections(const LoopConnections&) = delete;
  LoopConnections& operator=(const LoopConnections&) = delete;

  // Any thread: the connection is adopted on this loop in a moment.
  void hand_over(std::unique_ptr<runtime::AcceptedConnection> accepted,
                 const ListenerContext& listener, std::uint64_t id, ConnectionLimits::Slot slot);
  // Any thread: closes, in a moment, the connection that was least recently active, if there is one
  // that is not on the listener `spared`.
  void close_least_recent(std::string spared);

  // Lets requests under way be answered for `grace_ms`, then closes what is left.
  runtime::Task<void> stop(std::int64_t grace_ms);

  // Where other loops' calls run (call_on); stop() does not wait for it.
  runtime::TaskScope& calls() { return calls_; }
  std::size_t connection_count() const { return connections_.size(); }

 private:
  runtime::Task<void> serve(std::unique_ptr<runtime::Stream> stream,
                            const ListenerContext& listener, std::uint64_t id,
                            ConnectionLimits::Slot slot);

  runtime::Loop& loop_;
  const std::unique_ptr<std::byte[]> scratch_;
  const ConnectionShared shared_;
  runtime::TaskScope scope_;  // one task per connection
  runtime::TaskScope calls_;
  runtime::Notify ended_;
  std::vector<Connection*> connections_;
  bool is_stopping_ = false;
};

}  // namespace network
