#include "broker/network/loop_connections.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace network {
namespace {

constexpr std::size_t kScratchBytes = 64 * 1024;

}  // namespace

LoopConnections::LoopConnections(runtime::Loop& loop, RequestHandler& handler, MemoryBudget& budget,
                                 ConnectionOptions options,
                                 std::function<bool(const std::string& ip)> is_broker_address)
    : loop_(loop),
      scratch_(std::make_unique_for_overwrite<std::byte[]>(kScratchBytes)),
      shared_{
          handler, budget, options, {scratch_.get(), kScratchBytes}, std::move(is_broker_address)},
      scope_(loop, "connections"),
      calls_(loop, "connection calls"),
      ended_(loop) {}

LoopConnections::~LoopConnections() = default;

void LoopConnections::hand_over(std::unique_ptr<runtime::AcceptedConnection> accepted,
                                const ListenerContext& listener, std::uint64_t id,
                                ConnectionLimits::Slot slot) {
  loop_.post(
      [this, accepted = std::move(accepted), &listener, id, slot = std::move(slot)]() mutable {
        if (is_stopping_) return;
        auto stream = loop_.adopt(std::move(accepted));
        if (!stream) {
          LOG_WARN_EVERY(1000, "connection not taken listener={} error=\"{}\"", listener.name,
                         stream.error().to_string());
          return;
        }
        scope_.spawn(serve(std::move(*stream), listener, id, std::move(slot)));
      });
}

runtime::Task<void> LoopConnections::serve(std::unique_ptr<runtime::Stream> stream,
                                           const ListenerContext& listener, std::uint64_t id,
                                           ConnectionLimits::Slot slot) {
  const ConnectionLimits::Slot held = std::move(slot);
  Connection connection(std::move(stream), listener, id, shared_);
  connections_.push_back(&connection);
  if (is_stopping_) connection.finish();
  co_await connection.run();
  std::erase(connections_, &connection);
  ended_.notify_all();
}

void LoopConnections::close_least_recent(std::string spared) {
  loop_.post([this, spared = std::move(spared)] {
    Connection* oldest = nullptr;
    for (Connection* connection : connections_) {
      if (connection->listener().name == spared) continue;
      if (oldest == nullptr || connection->last_active_ns() < oldest->last_active_ns()) {
        oldest = connection;
      }
    }
    if (oldest == nullptr) return;
    LOG_WARN_EVERY(1000, "closing connection peer={} reason=\"max.connections is used up\"",
                   oldest->info().peer.to_string());
    oldest->close("max.connections is used up");
  });
}

runtime::Task<void> LoopConnections::stop(std::int64_t grace_ms) {
  is_stopping_ = true;
  const std::int64_t deadline_ms = loop_.now_ms() + grace_ms;
  // finish() and close() only put coroutines on the ready queue; nobody leaves the list in here.
  for (Connection* connection : connections_) connection->finish();
  while (!connections_.empty() && loop_.now_ms() < deadline_ms) {
    (void)co_await ended_.wait(deadline_ms - loop_.now_ms());
  }
  for (Connection* connection : connections_) connection->close("the server stops");
  co_await scope_.join();
}

}  // namespace network
