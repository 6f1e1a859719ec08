#include "runtime/sim/sim_network.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/check.h"
#include "runtime/sim/sim_stream.h"
#include "runtime/sim/sim_world.h"
#include "runtime/wait.h"

namespace runtime {
namespace {

constexpr std::int64_t kConnectRetryNs = 100'000'000;  // while the way is cut

class SimAcceptedConnection final : public AcceptedConnection {
 public:
  explicit SimAcceptedConnection(std::shared_ptr<SimConnection> connection)
      : connection_(std::move(connection)) {}
  ~SimAcceptedConnection() override {
    if (connection_ != nullptr) connection_->close(1);
  }
  SocketAddress peer_address() const override { return connection_->addresses[0]; }
  std::shared_ptr<SimConnection> take() { return std::exchange(connection_, nullptr); }

 private:
  std::shared_ptr<SimConnection> connection_;
};

}  // namespace

// A connect under way. The task that waits for it may give up first.
struct SimNetwork::ConnectAttempt {
  std::string from_ip;
  SocketAddress to;
  Sender<base::Result<std::shared_ptr<SimConnection>>> sender;
  bool given_up = false;
};

class SimListener final : public Listener {
 public:
  SimListener(SimNetwork& network, SimLoop& loop, SocketAddress local)
      : network_(network), loop_(loop), local_(local), changed_(loop) {}
  ~SimListener() override { close(); }

  Task<base::Result<std::unique_ptr<AcceptedConnection>>> accept() override {
    while (!closed_ && pending_.empty()) (void)co_await changed_.wait();
    if (closed_) co_return base::fail(base::Errc::cancelled);
    auto connection = std::move(pending_.front());
    pending_.pop_front();
    co_return std::make_unique<SimAcceptedConnection>(std::move(connection));
  }
  SocketAddress local_address() const override { return local_; }
  void close() override {
    if (std::exchange(closed_, true)) return;
    network_.forget(*this);
    for (const auto& connection : pending_) connection->reset();
    pending_.clear();
    changed_.notify_all();
  }

  void add(std::shared_ptr<SimConnection> connection) {
    pending_.push_back(std::move(connection));
    changed_.notify_all();
  }
  const std::string& host_ip() const { return loop_.ip(); }

 private:
  SimNetwork& network_;
  SimLoop& loop_;
  const SocketAddress local_;
  std::deque<std::shared_ptr<SimConnection>> pending_;
  Notify changed_;
  bool closed_ = false;
};

SimNetwork::~SimNetwork() { VERIFY(listeners_.empty(), "a network ended under its listeners"); }

bool SimNetwork::is_cut(const std::string& from_ip, const std::string& to_ip) const {
  return cuts_.contains({from_ip, to_ip});
}

void SimNetwork::cut(const std::string& from_ip, const std::string& to_ip) {
  cuts_.emplace(from_ip, to_ip);
}

void SimNetwork::cut_both_ways(const std::string& ip, const std::string& other_ip) {
  cut(ip, other_ip);
  cut(other_ip, ip);
}

void SimNetwork::heal(const std::string& from_ip, const std::string& to_ip) {
  cuts_.erase({from_ip, to_ip});
  for (const auto& connection : live_connections()) connection->resume_delivery();
}

void SimNetwork::heal_all() {
  cuts_.clear();
  for (const auto& connection : live_connections()) connection->resume_delivery();
}

std::vector<std::shared_ptr<SimConnection>> SimNetwork::live_connections() {
  std::vector<std::shared_ptr<SimConnection>> live;
  for (const auto& weak : connections_) {
    if (auto connection = weak.lock()) live.push_back(std::move(connection));
  }
  return live;
}

void SimNetwork::reset_port(std::uint16_t port) {
  for (const auto& connection : live_connections()) {
    if (connection->addresses[1].port() == port) connection->reset();
  }
}

void SimNetwork::reset_host(const std::string& ip) {
  for (const auto& connection : live_connections()) {
    if (connection->pipes[0].from_ip == ip || connection->pipes[0].to_ip == ip) {
      connection->reset();
    }
  }
}

std::size_t SimNetwork::connection_count() const {
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(), [](const auto& weak) {
        const auto connection = weak.lock();
        return connection != nullptr && !connection->is_over();
      }));
}

std::int64_t SimNetwork::draw_delay_ns() {
  const std::int64_t spread_ns = std::max<std::int64_t>(options.max_delay_ns, 0) -
                                 std::min(options.min_delay_ns, options.max_delay_ns);
  const auto bound = static_cast<std::uint64_t>(spread_ns) + 1;
  return options.min_delay_ns + static_cast<std::int64_t>(world_.random().below(bound));
}

std::uint16_t SimNetwork::draw_port() {
  if (next_port_ < kFirstPort) next_port_ = kFirstPort;  // after wrapping around
  return next_port_++;
}

SimListener* SimNetwork::find_listener(const SocketAddress& at) const {
  const auto found = listeners_.find(at.to_string());
  return found == listeners_.end() ? nullptr : found->second;
}

void SimNetwork::forget(const SimListener& listener) {
  std::erase_if(listeners_, [&listener](const auto& entry) { return entry.second == &listener; });
}

base::Result<std::unique_ptr<Listener>> SimNetwork::listen(SimLoop& loop, SocketAddress at,
                                                           ListenOptions) {
  const bool is_wildcard = at.ip() == "0.0.0.0" || at.ip() == "::";
  const std::uint16_t port = at.port() != 0 ? at.port() : draw_port();
  // A wildcard listener is reached under its host's address.
  const auto reached_at = SocketAddress::from_ip(is_wildcard ? loop.ip() : at.ip(), port);
  VERIFY(reached_at.has_value());
  const std::string key = reached_at->to_string();
  if (listeners_.contains(key)) {
    return base::fail(base::Error(std::errc::address_in_use, "listen on " + key));
  }
  auto listener = std::make_unique<SimListener>(*this, loop, *reached_at);
  listeners_.emplace(key, listener.get());
  return listener;
}

Task<base::Result<std::unique_ptr<Stream>>> SimNetwork::connect(SimLoop& loop, SocketAddress to,
                                                                std::int64_t timeout_ms,
                                                                CancelToken token) {
  auto [sender, receiver] = one_shot<base::Result<std::shared_ptr<SimConnection>>>(loop);
  auto attempt = std::make_shared<ConnectAttempt>();
  attempt->from_ip = loop.ip();
  attempt->to = to;
  attempt->sender = std::move(sender);
  world_.schedule(draw_delay_ns(), [this, attempt] { arrive(attempt); });
  auto outcome = co_await receiver.wait(timeout_ms, token);
  attempt->given_up = true;
  const std::string context = "connect " + to.to_string();
  if (!outcome) co_return base::fail(base::Error(outcome.error()).with_context(context));
  if (!*outcome) co_return base::fail(base::Error(outcome->error()).with_context(context));
  co_return std::make_unique<SimStream>(loop, std::move(**outcome), 0);
}

void SimNetwork::arrive(std::shared_ptr<ConnectAttempt> attempt) {
  if (attempt->given_up) return;
  const std::string to_ip = attempt->to.ip();
  if (is_cut(attempt->from_ip, to_ip) || is_cut(to_ip, attempt->from_ip)) {
    world_.schedule(kConnectRetryNs, [this, attempt] { arrive(attempt); });
    return;
  }
  SimListener* const listener = find_listener(attempt->to);
  if (listener == nullptr) {
    attempt->sender.complete(
        base::fail(base::Error(std::errc::connection_refused, "simulated network")));
    return;
  }
  auto connection = std::make_shared<SimConnection>();
  for (SimPipe& pipe : connection->pipes) pipe.network = this;
  connection->pipes[0].from_ip = connection->pipes[1].to_ip = attempt->from_ip;
  connection->pipes[0].to_ip = connection->pipes[1].from_ip = to_ip;
  connection->addresses[0] = *SocketAddress::from_ip(attempt->from_ip, draw_port());
  connection->addresses[1] = attempt->to;
  std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
  connections_.push_back(connection);
  listener->add(connection);
  if (!attempt->sender.complete(connection)) connection->close(0);
}

base::Result<std::unique_ptr<Stream>> SimNetwork::adopt(
    SimLoop& loop, std::unique_ptr<AcceptedConnection> connection) {
  auto* accepted = dynamic_cast<SimAcceptedConnection*>(connection.get());
  VERIFY(accepted != nullptr, "a connection of another kind of loop");
  return std::make_unique<SimStream>(loop, accepted->take(), 1);
}

}  // namespace runtime
