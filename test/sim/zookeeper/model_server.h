// Purpose: a ZooKeeper server as a model that speaks the wire protocol, for tests of whatever
// stands on zkclient, over a simulated network or real sockets.
//
//   zookeeper_model::Ensemble ensemble(server_loop);
//   zookeeper_model::Server server(ensemble, *SocketAddress::from_ip("10.0.0.1", 2181));
//   ... connect string "10.0.0.1:2181" ...
//   co_await server.stop(); co_await ensemble.stop();
//
// Servers of one ensemble share its state. Faults are switched on at each server. What the model
// leaves out is in model_tree.h; besides, a session has one connection at a time: taking it up
// elsewhere closes the former one (a real server on another host learns it from its next write).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "runtime/loop.h"
#include "runtime/task_scope.h"
#include "test/sim/zookeeper/model_tree.h"
#include "zkclient/connection.h"
#include "zkclient/messages.h"

namespace zookeeper_model {

class Server;
class ServerConnection;

// One loop, the servers' own.
class Ensemble {
 public:
  // Sessions that are silent for their timeout expire.
  explicit Ensemble(runtime::Loop& loop, std::int32_t min_timeout_ms = 1'000,
                    std::int32_t max_timeout_ms = 40'000);
  ~Ensemble();
  runtime::Task<void> stop();

  // From outside, as an operator or a dead clock would.
  void expire_session(std::int64_t id);
  bool has_session(std::int64_t id) const { return sessions_.contains(id); }
  std::size_t session_count() const { return sessions_.size(); }
  ModelTree& tree() { return tree_; }

 private:
  friend class Server;
  friend class ServerConnection;
  struct Session {
    std::string password;
    std::int32_t timeout_ms = 0;
    std::int64_t last_heard_ms = 0;
    ServerConnection* connection = nullptr;
  };
  runtime::Task<void> expire_silent_sessions();
  zkclient::ConnectResponse connect(const zkclient::ConnectRequest& request,
                                    ServerConnection& connection);
  void heard(std::int64_t session_id);
  void close_session(std::int64_t session_id);
  void on_change(const WatchEvent& event);

  runtime::Loop& loop_;
  const std::int32_t min_timeout_ms_;
  const std::int32_t max_timeout_ms_;
  ModelTree tree_;
  std::map<std::int64_t, Session> sessions_;
  std::int64_t last_session_id_ = 0x100000000000000;
  std::set<ServerConnection*> connections_;
  runtime::TaskScope scope_;
};

class Server {
 public:
  Server(Ensemble& ensemble, runtime::SocketAddress at);
  ~Server();
  runtime::Task<void> stop();

  // --- faults, effective at once

  // Accepts connections and answers nothing, as a stopped process does.
  void freeze();
  void thaw();
  bool frozen = false;
  // Closes every connection; new ones are welcome.
  void drop_connections();
  // Applies this many more writes and then, instead of answering the last, drops the connection.
  std::optional<int> writes_until_lost_reply;
  // Sends these bytes instead of the next reply.
  std::optional<std::string> next_reply;
  // Hangs up on a connect request without an answer: "you have seen more than I have".
  bool behind = false;

  // --- what came in

  struct Seen {
    std::int32_t xid;
    zkclient::OpCode op;
    std::string path;
  };
  std::vector<Seen> seen;
  std::vector<zkclient::ConnectRequest> connects;
  Ensemble& ensemble() { return ensemble_; }
  // "ip:port", with the port that was bound if 0 was asked.
  std::string address() const { return listener_->local_address().to_string(); }

 private:
  friend class ServerConnection;
  runtime::Task<void> accept();
  runtime::Task<void> serve(std::unique_ptr<runtime::Stream> stream);

  Ensemble& ensemble_;
  std::unique_ptr<runtime::Listener> listener_;
  std::set<ServerConnection*> connections_;
  runtime::Notify thawed_;
  runtime::TaskScope scope_;
};

}  // namespace zookeeper_model
