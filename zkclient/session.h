// Purpose: a ZooKeeper session: keeps a connection to some server, runs the requests over it,
// notices expiry. The typed calls are in client.h; the steps on a new connection in handshake.h.
//
// One task (run) tries servers in turn and, on a connection, reads replies; one more per
// connection writes requests and pings. A server that says nothing for 2/3 of the session timeout
// is left; a ping goes out when nothing was sent for 1/3. Only a server decides that a session has
// expired.
//
// The end comes once, in finalize(): no request is taken any more, each one queued is answered,
// the connection is dropped (after ClickHouse's ZooKeeperImpl).
#pragma once

#include <functional>
#include <memory>

#include "runtime/task_scope.h"
#include "runtime/workers.h"
#include "zkclient/client.h"
#include "zkclient/connection.h"
#include "zkclient/path.h"
#include "zkclient/request_queue.h"
#include "zkclient/server_addresses.h"
#include "zkclient/server_list.h"

namespace zkclient {

class Session {
 public:
  Session(runtime::Loop& loop, runtime::WorkerPool& resolver, ClientOptions options);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // See client.h.
  runtime::Task<base::Result<void>> connect(std::int64_t timeout_ms);
  runtime::Task<bool> close();
  runtime::Task<void> abandon();

  // Queues the request, or answers it at once if the session has ended.
  void submit(Request request);

  SessionState state() const { return state_; }
  const SessionCredentials& credentials() const { return credentials_; }
  std::int32_t negotiated_timeout_ms() const { return negotiated_timeout_ms_; }
  std::int64_t last_contact_ms() const { return last_contact_ms_; }
  const std::string& server() const { return server_; }
  const Chroot& chroot() const { return chroot_; }
  runtime::Loop& loop() { return loop_; }

  std::function<void(const WatchEvent&)> watch_handler;
  std::function<void(SessionState)> session_handler;

 private:
  bool is_final() const {
    return state_ == SessionState::expired || state_ == SessionState::auth_failed ||
           state_ == SessionState::closed;
  }

  // Connecting.
  runtime::Task<void> run();
  runtime::Task<base::Result<std::unique_ptr<Connection>>> open(ServerList::Attempt attempt);
  runtime::Task<base::Result<std::unique_ptr<Connection>>> dial(ServerList::Attempt attempt);
  void open_failed(const ServerList::Attempt& attempt, const base::Error& error);
  void adopt(const ConnectResponse& response, const Connection& connection);

  // Connected.
  runtime::Task<void> serve(Connection& connection);
  runtime::Task<base::Result<void>> read_replies(Connection& connection);
  runtime::Task<void> write_requests(Connection& connection, runtime::CancelToken token);
  void move_requests_to(Connection& connection);
  base::Result<void> handle_reply(const ReplyHeader& header);
  void arm_watch(const Request& request, ZkError error);
  void deliver_event(base::Bytes body);

  // Ending.
  void set_state(SessionState state);
  void finalize(SessionState state, const base::Error& unsent_error);

  void enqueue(Request request, std::int64_t timeout_ms);
  void arm_deadline();

  std::int64_t read_timeout_ms() const { return negotiated_timeout_ms_ * 2 / 3; }
  std::int64_t ping_interval_ms() const { return negotiated_timeout_ms_ / 3; }

  runtime::Loop& loop_;
  const ClientOptions options_;
  base::Result<void> options_valid_;
  ConnectString servers_;
  Chroot chroot_;

  SessionState state_ = SessionState::connecting;
  bool started_ = false;
  bool closing_ = false;
  bool known_to_be_gone_ = false;
  SessionCredentials credentials_;
  std::int32_t negotiated_timeout_ms_ = 0;
  std::int64_t last_zxid_ = 0;  // the highest in any reply
  std::int64_t last_contact_ms_ = 0;
  std::int64_t last_sent_ms_ = 0;
  std::string server_;
  std::string last_failure_;  // of connecting, for connect()'s error

  RequestQueue queue_;
  Watches watches_;
  ServerList server_list_;
  Connection* connection_ = nullptr;  // the one that run() serves
  runtime::Timer deadline_timer_;     // of requests
  runtime::Notify work_;              // something to write
  runtime::Notify state_changed_;
  runtime::TaskScope scope_;
  ServerAddresses addresses_;
};

}  // namespace zkclient
