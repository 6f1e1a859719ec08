#include "tools/zookeeper_session.h"

#include <fmt/core.h>

namespace tools {

ZookeeperSession::ZookeeperSession(ZookeeperSettings settings)
    : settings_(std::move(settings)),
      resolver_(runtime::make_worker_pool("resolver", 1, 16)),
      client_(loop_, *resolver_,
              {.connect_string = settings_.connect_string, .session_timeout_ms = 30'000}) {
  if (settings_.on_state) client_.set_session_handler(settings_.on_state);
  if (settings_.on_watch) client_.set_watch_handler(settings_.on_watch);
}

runtime::Task<Outcome<>> ZookeeperSession::connect() {
  auto connected = co_await client_.connect(settings_.connect_timeout_ms);
  if (connected) co_return Outcome<>();
  if (connected.error().is(base::Errc::timed_out)) {
    co_return failure(
        fmt::format("No ZooKeeper server of {} answered within {} s: is ZooKeeper running there?",
                    settings_.connect_string, settings_.connect_timeout_ms / 1000));
  }
  co_return std::unexpected(Failure(std::move(connected).error()));
}

}  // namespace tools
