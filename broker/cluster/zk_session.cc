#include "broker/cluster/zk_session.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "broker/cluster/znode_acl.h"
#include "runtime/file.h"
#include "runtime/workers.h"
#include "zkclient/recursive.h"

// The life of the session; registration.cc has what concerns /brokers/ids.

namespace cluster {
namespace {

// Reads of 10,000 topics are five times faster with 100 requests in flight than with Kafka's 10.
constexpr std::size_t kMinInFlight = 100;
constexpr std::int64_t kCloseTimeoutMs = 3'000;
constexpr std::int64_t kRenewRetryMs = 1'000;
constexpr std::int64_t kContactMirrorMs = 100;
constexpr std::size_t kRetiredClients = 4;

zkclient::ClientOptions client_options(const config::ZookeeperConfig& config) {
  zkclient::ClientOptions options;
  options.connect_string = config.connect;
  options.session_timeout_ms = config.session_timeout_ms;
  options.close_timeout_ms = kCloseTimeoutMs;
  options.max_in_flight =
      std::max(kMinInFlight, static_cast<std::size_t>(std::max(config.max_in_flight_requests, 1)));
  return options;
}

}  // namespace

ZkSession::ZkSession(runtime::Loop& loop, runtime::WorkerPool& resolver, runtime::WorkerPool& disk,
                     runtime::FileSystem& files, ZkSessionOptions options)
    : loop_(loop),
      resolver_(resolver),
      disk_(disk),
      files_(files),
      options_(std::move(options)),
      session_changed_(loop),
      scope_(loop, "zookeeper session") {}

ZkSession::~ZkSession() = default;

std::int32_t ZkSession::negotiated_timeout_ms() const {
  return client_ != nullptr ? client_->negotiated_timeout_ms() : 0;
}

std::unique_ptr<zkclient::Client> ZkSession::make_client(
    std::optional<zkclient::SessionCredentials> reattach, Chroot chroot) {
  zkclient::ClientOptions options = client_options(options_.zookeeper);
  if (chroot == Chroot::none) {
    options.connect_string = options.connect_string.substr(0, options.connect_string.find('/'));
  }
  options.reattach = std::move(reattach);
  return std::make_unique<zkclient::Client>(loop_, resolver_, std::move(options));
}

runtime::Task<base::Result<void>> ZkSession::connect() {
  const auto& zookeeper = options_.zookeeper;
  struct Found {
    std::optional<StoredSession> stored;
    std::string boot_id;
  };
  auto found =
      co_await runtime::run_on(disk_, [&files = files_, directories = options_.log_directories] {
        return Found{load_stored_session(files, directories), read_boot_id(files)};
      });
  stored_ = std::move(found.stored);
  boot_id_ = std::move(found.boot_id);
  next_sequence_ = stored_ ? stored_->sequence + 1 : 1;
  if (closed_) co_return base::fail(base::Errc::closed);  // while the disk was read

  auto client = make_client(std::nullopt);
  watch_over(*client);
  connecting_ = client.get();
  const auto connected = co_await client->connect(zookeeper.connection_timeout_ms);
  connecting_ = nullptr;
  if (!connected) {
    const base::Error error = connected.error();
    co_await discard(std::move(client));
    if (closed_) co_return base::fail(base::Errc::closed);
    if (error.is(base::Errc::timed_out)) {
      co_return base::fail(error.code(),
                           fmt::format("cannot reach ZooKeeper at zookeeper.connect={} within "
                                       "zookeeper.connection.timeout.ms={}; start ZooKeeper or "
                                       "correct the address",
                                       zookeeper.connect, zookeeper.connection_timeout_ms));
    }
    co_return base::fail(base::Error(error).with_context("zookeeper.connect=" + zookeeper.connect));
  }
  adopt_client(std::move(client));
  co_return co_await make_chroot();
}

runtime::Task<base::Result<void>> ZkSession::make_chroot() {
  if (client_->chroot().empty()) co_return base::Result<void>();
  CO_TRY_ASSIGN(const auto root, co_await client_->exists("/"));
  if (root) co_return base::Result<void>();
  LOG_INFO("creating zookeeper chroot={}", client_->chroot());
  // Above the chroot, so by a client without one.
  auto client = make_client(std::nullopt, Chroot::none);
  connecting_ = client.get();
  auto made = co_await client->connect(options_.zookeeper.connection_timeout_ms);
  if (made) made = co_await zkclient::ensure_path(*client, client_->chroot(), znode_acl);
  connecting_ = nullptr;
  co_await client->close();
  co_await discard(std::move(client));
  if (closed_) co_return base::fail(base::Errc::closed);
  co_return made;
}

// Events of a client that is not (or no longer) the current one are nobody's business.
void ZkSession::watch_over(zkclient::Client& client) {
  zkclient::Client* const raw = &client;
  client.set_watch_handler([this, raw](const zkclient::WatchEvent& event) {
    if (closed_ || client_.get() != raw) return;
    for (SessionListener* listener : listeners_) listener->on_watch(event);
  });
  client.set_session_handler([this, raw](zkclient::SessionState) {
    if (closed_ || client_.get() != raw) return;
    session_changed_.notify_all();
  });
}

// Ends a client that did not become the session. close() may be waiting for the same end, so the
// object stays when it is.
runtime::Task<void> ZkSession::discard(std::unique_ptr<zkclient::Client> client) {
  co_await client->abandon();
  if (closed_) retired_.push_back(std::move(client));
}

void ZkSession::adopt_client(std::unique_ptr<zkclient::Client> client) {
  client_ = std::move(client);
  has_session_.store(true, std::memory_order_release);
  last_contact_ms_.store(client_->last_contact_ms(), std::memory_order_release);
}

bool ZkSession::session_ended() const {
  if (client_ == nullptr) return true;
  switch (client_->state()) {
    case zkclient::SessionState::expired:
    case zkclient::SessionState::auth_failed:
    case zkclient::SessionState::closed: return true;
    default: return false;
  }
}

runtime::Task<base::Result<void>> ZkSession::ensure_session() {
  if (!closed_ && session_ended()) {
    co_await retire_session();
    co_await renew_session();
  }
  if (closed_) co_return base::fail(base::Errc::closed);
  co_return base::Result<void>();
}

runtime::Task<void> ZkSession::start_listeners() {
  listening_ = true;
  for (std::size_t i = 0; i < listeners_.size() && !closed_; ++i) {
    co_await listeners_[i]->on_session(*client_, /*first=*/true);
  }
  if (closed_) co_return;
  scope_.spawn(supervise());
  scope_.spawn(mirror_contact());
}

runtime::Task<void> ZkSession::supervise() {
  while (!closed_) {
    if (!session_ended()) {
      if (!co_await session_changed_.wait(runtime::kNoTimeout, scope_.token())) co_return;
      continue;
    }
    co_await retire_session();
    co_await renew_session();
    if (closed_) co_return;
    co_await register_again();
    for (std::size_t i = 0; i < listeners_.size() && !closed_ && !session_ended(); ++i) {
      co_await listeners_[i]->on_session(*client_, /*first=*/false);
    }
  }
}

runtime::Task<void> ZkSession::retire_session() {
  LOG_WARN("zookeeper session={:#x} has ended; asking for a new one", client_->session_id());
  has_session_.store(false, std::memory_order_release);
  broker_epoch_.store(kNotRegistered, std::memory_order_release);
  retired_.push_back(std::move(client_));
  if (listening_) {
    for (SessionListener* listener : listeners_) listener->on_expired();
  }
  co_await retired_.back()->abandon();
  if (retired_.size() > kRetiredClients) retired_.pop_front();
}

// Until there is a session, or the end.
runtime::Task<void> ZkSession::renew_session() {
  while (!closed_) {
    auto client = make_client(std::nullopt);
    watch_over(*client);
    connecting_ = client.get();
    base::Result<void> connected = base::fail(base::Errc::timed_out);
    while (!connected && connected.error().is(base::Errc::timed_out) && !closed_) {
      connected = co_await client->connect(options_.zookeeper.connection_timeout_ms);
      if (!connected && !closed_) {
        LOG_WARN("no zookeeper session yet connect={} reason=\"{}\"", options_.zookeeper.connect,
                 connected.error().to_string());
      }
    }
    connecting_ = nullptr;
    if (connected && !closed_) {
      adopt_client(std::move(client));
      co_return;
    }
    co_await discard(std::move(client));
    if (!co_await runtime::sleep_ms(loop_, kRenewRetryMs, scope_.token())) co_return;
  }
}

runtime::Task<void> ZkSession::mirror_contact() {
  while (co_await runtime::sleep_ms(loop_, kContactMirrorMs, scope_.token())) {
    if (client_ != nullptr) {
      last_contact_ms_.store(client_->last_contact_ms(), std::memory_order_release);
    }
  }
}

runtime::Task<void> ZkSession::close() {
  if (!std::exchange(closed_, true)) {
    has_session_.store(false, std::memory_order_release);
    broker_epoch_.store(kNotRegistered, std::memory_order_release);
    scope_.cancel();
    if (connecting_ != nullptr) co_await connecting_->abandon();
    // First the session: this ends every call that a task of the scope waits for.
    bool gone = false;
    if (client_ != nullptr) gone = co_await client_->close();
    if (gone) {
      auto [sender, receiver] = runtime::one_shot<bool>(loop_);
      disk_.submit([&files = files_, directories = options_.log_directories,
                    done = std::move(sender)]() mutable {
        remove_stored_session(files, directories);
        done.complete(true);
      });
      // A hung disk must not hold the stop: a stale file costs nothing but a failed reattach.
      static_cast<void>(co_await receiver.wait(kCloseTimeoutMs));
    }
  }
  co_await scope_.join();
}

}  // namespace cluster
