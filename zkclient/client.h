// Purpose: a ZooKeeper client: one session over several servers, its requests and its watches.
//
// One loop (the control loop in a broker); not thread-safe. A client is one session: when that has
// expired the client is dead, and its owner makes a new one.
//
// Requests. A call puts its request on the queue at once, before the returned Task is awaited, so
// requests go out in the order of the calls, and several calls made before the first await are
// pipelined:
//
//   auto a = client.get("/a");
//   auto b = client.get("/b");       // on the wire behind a, without waiting for it
//   auto first = co_await a;
//
// A task that is dropped unawaited does not take its request back. At most `max_in_flight`
// requests are on the wire; the others wait in order. While no server is there, requests wait too.
// A connection that breaks leaves three kinds: those never written to it go out on the next one;
// exists, get, get_acl, children and sync that were in flight are sent again, in their place; the
// other ones in flight end with ZkError::connection_loss, outcome unknown. zk_error.h tells which
// errors mean "not done".
//
// Watches are one-shot. `watch` in exists, get and children arms one; all events go to one handler.
// After a reconnect the watches are armed again (SetWatches) before state `connected` is told, and
// changes missed meanwhile are delivered.
//
// Paths are relative to the chroot of the connect string, absolute within it ("/brokers").
// TLS and SASL to ZooKeeper are not supported.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/task.h"
#include "zkclient/types.h"

namespace runtime {
class Loop;
class WorkerPool;
}  // namespace runtime

namespace zkclient {

class Session;

struct ClientOptions {
  std::string connect_string;                // "h:p,h:p/chroot"; servers are tried in random order
  std::int32_t session_timeout_ms = 18'000;  // asked for; the server decides
  std::int64_t request_timeout_ms = 30'000;  // per call, queueing and reconnecting included
  std::int64_t close_timeout_ms = 5'000;     // how long close() tries
  std::optional<SessionCredentials> reattach;  // take over this session instead of a new one
  std::vector<AuthInfo> auth;                  // sent on every connection
  std::size_t max_in_flight = 100;
  std::size_t max_request_bytes = 1'048'575;  // a frame without its length word (jute.maxbuffer)
  // Kafka's client takes 4 MiB, too. A read whose reply is larger ends with Errc::too_large, and
  // the connection with it.
  std::size_t max_reply_bytes = 4 * 1024 * 1024;
  // A list of children is bounded by nothing in the server, and nobody can take it in parts.
  std::size_t max_list_bytes = 64 * 1024 * 1024;
};

class Client {
 public:
  template <class T>
  using Reply = runtime::Task<base::Result<T>>;

  // `resolver` resolves host names. Both must outlive the client.
  Client(runtime::Loop& loop, runtime::WorkerPool& resolver, ClientOptions options);
  // Only after close() or abandon() has been awaited, or if connect() was never called.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // --- the session

  // Starts, and waits for the session. Errc::timed_out: none within `timeout_ms`, trying goes on
  // and connect() may be called again; ZkError::session_expired: the session to reattach is gone
  // (or its password is wrong); ZkError::auth_failed; Errc::invalid_argument: the connect string.
  runtime::Task<base::Result<void>> connect(std::int64_t timeout_ms);
  // Takes no more requests, lets those queued go out, closes the session (ephemeral znodes
  // vanish) and ends. True if the session is known to be gone, false if that could not be learned
  // within close_timeout_ms. Idempotent.
  runtime::Task<bool> close();
  // Drops the connection and ends; the session lives on until its timeout or a reattach.
  runtime::Task<void> abandon();

  SessionState state() const;
  bool connected() const { return state() == SessionState::connected; }
  std::int64_t session_id() const;  // 0: none yet
  SessionCredentials credentials() const;
  std::int32_t negotiated_timeout_ms() const;
  // Monotonic clock of the loop; when bytes last came from a server. Before that: 0. A silent
  // session is one where this is long ago; an answer is no proof that the session lives at the
  // quorum.
  std::int64_t last_contact_ms() const;
  std::string server() const;  // "10.0.0.1:2181" of the current connection, or empty
  const std::string& chroot() const;

  // Handlers run on the loop, from an empty stack or inside the client's own task. They may make
  // calls, but must not destroy the client. Set them before connect().
  void set_watch_handler(std::function<void(const WatchEvent&)> handler);
  void set_session_handler(std::function<void(SessionState)> handler);

  // --- single requests

  // The path made, which differs from `path` in the sequential modes.
  Reply<std::string> create(std::string path, Data data, CreateMode mode, AclList acl);
  Reply<void> remove(std::string path, ZkVersion version = kAnyVersion);
  // nullopt: the znode does not exist; a watch is armed then too (for its creation).
  Reply<std::optional<Stat>> exists(std::string path, bool watch = false);
  // A watch is armed only if the znode exists.
  Reply<NodeData> get(std::string path, bool watch = false);
  Reply<Stat> set(std::string path, Data data, ZkVersion version = kAnyVersion);
  Reply<std::vector<std::string>> children(std::string path, bool watch = false);
  Reply<Children> children_with_stat(std::string path, bool watch = false);
  Reply<AclData> get_acl(std::string path);
  // `acl_version` is Stat::aversion.
  Reply<Stat> set_acl(std::string path, AclList acl, std::int32_t acl_version = -1);
  // Brings the server the session is connected to up to date with the leader.
  Reply<void> sync(std::string path);
  // All operations or none. A multi that the server refused is a value, not an error: see
  // MultiResult. Errors are those of the transport, and Errc::too_large.
  Reply<MultiResult> multi(std::vector<Op> ops);

  // --- many requests, pipelined; results in the order of the arguments

  template <class T>
  using Replies = runtime::Task<std::vector<base::Result<T>>>;
  struct NewNode {
    std::string path;
    Data data;
    CreateMode mode = CreateMode::persistent;
    AclList acl;
  };
  Replies<NodeData> get_many(std::vector<std::string> paths, bool watch = false);
  Replies<std::optional<Stat>> exists_many(std::vector<std::string> paths, bool watch = false);
  Replies<std::vector<std::string>> children_many(std::vector<std::string> paths,
                                                  bool watch = false);
  Replies<std::string> create_many(std::vector<NewNode> nodes);
  Replies<void> remove_many(std::vector<std::string> paths);  // any version

 private:
  std::unique_ptr<Session> session_;
};

}  // namespace zkclient
