#include "broker/network/server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "broker/network/loop_connections.h"
#include "runtime/cross_loop.h"

namespace network {
namespace {

constexpr std::int64_t kWarnIntervalMs = 1000;
constexpr std::int64_t kAcceptRetryMs = 100;
constexpr std::int64_t kResolveMs = 10'000;  // a name server that hangs must not hold the start

std::string protected_listener(const config::NetworkConfig& config) {
  return config.listeners.size() > 1 ? config.inter_broker_listener : std::string();
}

ConnectionOptions connection_options(const config::NetworkConfig& config) {
  ConnectionOptions options;
  options.request_max_bytes = static_cast<std::size_t>(config.socket_request_max_bytes);
  options.idle_max_ms = config.connections_max_idle_ms;
  return options;
}

ListenerContext listener_context(const config::NetworkConfig& config,
                                 const config::Listener& listener) {
  return {.name = listener.name,
          .security_protocol = listener.security_protocol,
          .is_control_plane = config.control_plane_listener == listener.name,
          .is_inter_broker = config.inter_broker_listener == listener.name};
}

// A setting of -1 is the system's choice.
std::optional<int> buffer_bytes(std::int32_t setting) {
  return setting > 0 ? std::optional<int>(setting) : std::nullopt;
}

// What an operator can do about a listener that cannot be bound.
base::Error explain(const base::Error& error, const config::Listener& listener,
                    const std::string& address) {
  std::string cause = error.to_string();
  std::string remedy = "check listeners in server.properties";
  if (error.is(std::errc::address_in_use)) {
    cause = "port " + std::to_string(listener.port) + " is in use by another process";
    remedy = "stop that process or give listeners another port";
  } else if (error.is(std::errc::address_not_available)) {
    cause = address + " is not an address of this host";
    remedy =
        "name one of this host's addresses in listeners (empty for all of them); what clients "
        "shall use goes into advertised.listeners";
  } else if (error.is(std::errc::permission_denied)) {
    cause = "port " + std::to_string(listener.port) + " is reserved for privileged processes";
    remedy = "use a port above 1023, or give the process CAP_NET_BIND_SERVICE";
  } else if (error.is(base::Errc::not_found) || error.is(base::Errc::unavailable)) {
    cause = "host name " + listener.host + " does not resolve";
    remedy = "name one of this host's addresses in listeners, or fix the name service";
  }
  return base::Error(error.code(),
                     "listener " + listener.to_string() + ": " + cause + "; " + remedy);
}

// Kafka binds the first IPv4 address of a name (java.net.preferIPv6Addresses=false).
const runtime::SocketAddress& preferred(const std::vector<runtime::SocketAddress>& addresses) {
  const auto v4 = std::ranges::find(addresses, AF_INET, &runtime::SocketAddress::family);
  return v4 != addresses.end() ? *v4 : addresses.front();
}

}  // namespace

struct Server::Open {
  ListenerContext context;
  std::unique_ptr<runtime::Listener> listener;
  CreationRate rate;
};

Server::Server(const config::NetworkConfig& config, runtime::Loop& accept_loop,
               std::vector<runtime::Loop*> data_loops, runtime::WorkerPool& resolver,
               MemoryBudget& budget, RequestHandler& handler, ServerLimits limits)
    : config_(config),
      connections_max_(limits.connections_max),
      accept_loop_(accept_loop),
      resolver_(resolver),
      limits_({}, protected_listener(config)),
      scope_(accept_loop, "server") {
  VERIFY(!data_loops.empty());
  for (runtime::Loop* loop : data_loops) {
    loops_.push_back(std::make_unique<LoopConnections>(
        *loop, handler, budget, connection_options(config), limits.is_broker_address));
  }
}

Server::~Server() = default;

runtime::Task<base::Result<void>> Server::start_listening() {
  co_await update_limits(config_);
  std::vector<std::unique_ptr<Open>> opened;
  std::vector<BoundListener> bound;
  for (const config::Listener& listener : config_.listeners) {
    CO_TRY_ASSIGN(auto open_listener, co_await open(listener));
    bound.push_back({listener, open_listener->listener->local_address()});
    opened.push_back(std::move(open_listener));
  }
  listeners_ = std::move(opened);
  bound_ = std::move(bound);
  co_return base::Result<void>();
}

runtime::Task<base::Result<std::unique_ptr<Server::Open>>> Server::open(config::Listener listener) {
  const auto port = static_cast<std::uint16_t>(listener.port);
  const runtime::ListenOptions options{
      .backlog = config_.socket_listen_backlog_size,
      .receive_buffer_bytes = buffer_bytes(config_.socket_receive_buffer_bytes),
      .send_buffer_bytes = buffer_bytes(config_.socket_send_buffer_bytes)};
  std::vector<runtime::SocketAddress> candidates;
  if (listener.host.empty()) {
    // All addresses: a dual-stack socket, or an IPv4 one where there is no IPv6.
    candidates = {*runtime::SocketAddress::from_ip("::", port),
                  *runtime::SocketAddress::from_ip("0.0.0.0", port)};
  } else {
    const auto addresses =
        co_await runtime::resolve(resolver_, listener.host, port, kResolveMs, scope_.token());
    if (!addresses) co_return base::fail(explain(addresses.error(), listener, listener.host));
    candidates = {preferred(*addresses)};
  }
  base::Result<std::unique_ptr<runtime::Listener>> bound = base::fail(base::Errc::not_found);
  for (const runtime::SocketAddress& address : candidates) {
    bound = accept_loop_.listen(address, options);
    if (bound || bound.error().is(std::errc::address_in_use)) break;
  }
  if (!bound) {
    co_return base::fail(explain(bound.error(), listener, candidates.back().to_string()));
  }
  auto opened = std::make_unique<Open>();
  opened->context = listener_context(config_, listener);
  opened->listener = std::move(*bound);
  co_return std::move(opened);
}

void Server::start_accepting() {
  for (const auto& open_listener : listeners_) {
    LOG_INFO("listening listener={} address={}", open_listener->context.name,
             open_listener->listener->local_address().to_string());
    scope_.spawn(accept_from(*open_listener));
  }
}

runtime::Task<void> Server::accept_from(Open& open_listener) {
  const std::string& name = open_listener.context.name;
  while (!scope_.cancelled()) {
    auto accepted = co_await open_listener.listener->accept();
    if (!accepted) {
      if (scope_.cancelled() || accepted.error().is(base::Errc::cancelled)) co_return;
      LOG_WARN_EVERY(kWarnIntervalMs, "connection not accepted listener={} error=\"{}\"", name,
                     accepted.error().to_string());
      (void)co_await runtime::sleep_ms(accept_loop_, kAcceptRetryMs, scope_.token());
      continue;
    }
    if (const std::int64_t wait_ms = wait_for_rate_ms(open_listener); wait_ms > 0) {
      (void)co_await runtime::sleep_ms(accept_loop_, wait_ms, scope_.token());
    }
    auto slot = co_await limits_.acquire(name, (*accepted)->peer_address().ip(), scope_.token());
    if (!slot) {
      if (scope_.cancelled()) co_return;
      LOG_WARN_EVERY(kWarnIntervalMs, "connection refused listener={} reason=\"{}\"", name,
                     slot.error().context());
      continue;
    }
    LoopConnections& loop = *loops_[next_loop_];
    next_loop_ = (next_loop_ + 1) % loops_.size();
    if (limits_.is_exceeded()) loop.close_least_recent(limits_.protected_listener());
    loop.hand_over(std::move(*accepted), open_listener.context, next_id_++, std::move(*slot));
  }
}

std::int64_t Server::wait_for_rate_ms(Open& open_listener) {
  const std::int64_t now_ns = accept_loop_.now_ns();
  const std::string& name = open_listener.context.name;
  std::int64_t wait_ms = 0;
  if (name != limits_.protected_listener()) wait_ms = rate_.take(now_ns, rate_max_);
  if (const auto max = listener_rate_max_.find(name); max != listener_rate_max_.end()) {
    wait_ms = std::max(wait_ms, open_listener.rate.take(now_ns, max->second));
  }
  return wait_ms;
}

runtime::Task<void> Server::stop(std::int64_t grace_ms) {
  scope_.cancel();
  for (const auto& open_listener : listeners_) open_listener->listener->close();
  co_await scope_.join();
  if (std::exchange(is_stopped_, true)) co_return;
  runtime::TaskScope stopping(accept_loop_, "server stop");
  for (const auto& loop : loops_) stopping.spawn(stop_loop(*loop, grace_ms));
  co_await stopping.join();
  listeners_.clear();
}

runtime::Task<void> Server::stop_loop(LoopConnections& connections, std::int64_t grace_ms) {
  (void)co_await runtime::call_on(connections.calls(),
                                  [&connections, grace_ms] { return connections.stop(grace_ms); });
}

runtime::Task<void> Server::update_limits(config::NetworkConfig config) {
  ConnectionLimitValues values;
  values.total_max = std::min(config.max_connections, connections_max_);
  values.per_ip_max = config.max_connections_per_ip;
  values.per_listener_max = config.listener_max_connections;
  rate_max_ = config.max_connection_creation_rate;
  listener_rate_max_ = config.listener_max_connection_creation_rate;
  for (const auto& [host, limit] : config.max_connections_per_ip_overrides) {
    const auto addresses =
        co_await runtime::resolve(resolver_, host, 0, kResolveMs, scope_.token());
    if (!addresses) {
      LOG_WARN("max.connections.per.ip.overrides without effect host={} error=\"{}\"", host,
               addresses.error().to_string());
      continue;
    }
    for (const auto& address : *addresses) values.per_ip_overrides[address.ip()] = limit;
  }
  limits_.update(std::move(values));
}

}  // namespace network
