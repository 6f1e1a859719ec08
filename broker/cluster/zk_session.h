// Purpose: the broker's ZooKeeper session and its registration below /brokers/ids.
//
// Start: connect() → (startup.h) → register_broker() → start_listeners(). From then on a session
// that expires is replaced: listeners hear on_expired, a new client connects, the broker registers
// again (each second with a warning while the node is taken), listeners hear on_session. A
// connection that is lost while the session lives changes nothing here.
// Sources: KafkaZkClient.CheckedEphemeral, KafkaServer.startup, KafkaController (3.9); reclaim.h.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "broker/cluster/reclaim.h"
#include "broker/cluster/session_listener.h"
#include "broker/cluster/session_store.h"
#include "broker/cluster/znodes/broker_info.h"
#include "config/server_config.h"
#include "runtime/task_scope.h"
#include "zkclient/client.h"

namespace runtime {
class FileSystem;
class WorkerPool;
}  // namespace runtime

namespace cluster {

struct ZkSessionOptions {
  config::ZookeeperConfig zookeeper;
  config::InterBrokerProtocol protocol = config::kLatestInterBrokerProtocol;
  // Where `.barnabas-session` is kept: the live log directories, whose locks are held.
  std::vector<std::string> log_directories;
};

// Control loop, except where noted.
class ZkSession {
 public:
  // All references must outlive the session; `disk` and `files` also every job on the pool.
  ZkSession(runtime::Loop& loop, runtime::WorkerPool& resolver, runtime::WorkerPool& disk,
            runtime::FileSystem& files, ZkSessionOptions options);
  ~ZkSession();
  ZkSession(const ZkSession&) = delete;
  ZkSession& operator=(const ZkSession&) = delete;

  // The first session, within zookeeper.connection.timeout.ms; makes a missing chroot. An error is
  // one line for the operator, with the remedy.
  runtime::Task<base::Result<void>> connect();

  // Between connect() and start_listeners() (reading logs may take long): replaces a session that
  // has expired meanwhile, waiting for ZooKeeper as long as it takes. Errc::closed after close().
  runtime::Task<base::Result<void>> ensure_session();

  // Registers the broker, after taking over or waiting for the session of a killed predecessor. An
  // error is one line for the operator; Errc::closed if close() came in between.
  runtime::Task<base::Result<void>> register_broker(BrokerInfo broker);

  // Before start_listeners(); not owned.
  void add_listener(SessionListener& listener) { listeners_.push_back(&listener); }
  // on_session(first = true) for each, in order; then watches over the session.
  runtime::Task<void> start_listeners();

  // Replaces the registration's data (listeners or features changed at run time).
  runtime::Task<base::Result<void>> update_registration(BrokerInfo broker);

  // Closes the session, which removes the registration, and ends; bounded to a few seconds also
  // when ZooKeeper is away. Listeners are not called any more. Idempotent.
  runtime::Task<void> close();

  // Null while there is no session (before connect, from expiry to the next session, after close).
  // A client that is reconnecting still counts: its calls wait. The object stays valid for a while
  // after its session has ended and answers every call with an error.
  zkclient::Client* client() { return closed_ ? nullptr : client_.get(); }
  // The scope for call_on() from other loops.
  runtime::TaskScope& scope() { return scope_; }
  // Any thread: czxid of the registration; nullopt while there is none.
  std::optional<base::BrokerEpoch> broker_epoch() const {
    const std::int64_t epoch = broker_epoch_.load(std::memory_order_acquire);
    return epoch == kNotRegistered ? std::nullopt : std::optional(base::BrokerEpoch(epoch));
  }
  // Any thread: when bytes last came from ZooKeeper (the loop's monotonic clock), 0: never. Up to
  // date within 100 ms.
  std::int64_t last_contact_ms() const { return last_contact_ms_.load(std::memory_order_acquire); }
  // Any thread: whether there is a session, as far as is known.
  bool has_session() const { return has_session_.load(std::memory_order_acquire); }
  std::int32_t negotiated_timeout_ms() const;

 private:
  static constexpr std::int64_t kNotRegistered = -1;  // no czxid

  enum class Attempt { done, again, taken, failed };
  struct AttemptResult {
    Attempt attempt = Attempt::failed;
    std::int64_t broker_epoch = 0;          // done
    std::string owner;                      // taken: who, for a log line
    base::Error error{base::Errc::closed};  // failed
  };

  enum class Chroot { configured, none };
  std::unique_ptr<zkclient::Client> make_client(
      std::optional<zkclient::SessionCredentials> reattach, Chroot chroot = Chroot::configured);
  void watch_over(zkclient::Client& client);
  runtime::Task<void> discard(std::unique_ptr<zkclient::Client> client);
  void adopt_client(std::unique_ptr<zkclient::Client> client);
  bool session_ended() const;
  runtime::Task<base::Result<void>> make_chroot();

  runtime::Task<base::Result<void>> clear_predecessor();
  runtime::Task<void> take_over_predecessor();
  runtime::Task<void> save_session();

  runtime::Task<AttemptResult> attempt_registration();
  runtime::Task<AttemptResult> try_to_register();
  runtime::Task<AttemptResult> inspect_registration();
  void registered(std::int64_t broker_epoch);

  runtime::Task<void> supervise();
  runtime::Task<void> retire_session();
  runtime::Task<void> renew_session();
  runtime::Task<void> register_again();
  runtime::Task<void> mirror_contact();

  runtime::Loop& loop_;
  runtime::WorkerPool& resolver_;
  runtime::WorkerPool& disk_;
  runtime::FileSystem& files_;
  const ZkSessionOptions options_;
  std::unique_ptr<zkclient::Client> client_;
  zkclient::Client* connecting_ = nullptr;  // a client in renew_session(), for close() to abandon
  // Clients of ended sessions, which tasks of listeners may still hold; the oldest are freed.
  std::deque<std::unique_ptr<zkclient::Client>> retired_;
  std::vector<SessionListener*> listeners_;
  std::optional<BrokerInfo> broker_;
  std::optional<StoredSession> stored_;  // the predecessor's, from the log directories
  std::string boot_id_;
  std::int64_t next_sequence_ = 1;
  std::int64_t registered_session_ = 0;  // in which this object registered last
  bool listening_ = false;               // listeners have been told of a session
  bool closed_ = false;
  std::atomic<std::int64_t> broker_epoch_{kNotRegistered};
  std::atomic<std::int64_t> last_contact_ms_{0};
  std::atomic<bool> has_session_{false};
  runtime::Notify session_changed_;
  runtime::TaskScope scope_;
};

}  // namespace cluster
