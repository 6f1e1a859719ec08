#include "broker/server/shutdown.h"

#include <algorithm>

#include "base/log.h"
#include "protocol/gen/controlled_shutdown.h"

namespace server {
namespace {

// Without ZooKeeper nobody can take the leaderships; a stop must not wait for it.
constexpr std::int64_t kTotalMs = 5000;

}  // namespace

runtime::Task<void> leave_leaderships(Parts& p) {
  const auto config = p.config.get();
  if (!config->shutdown.controlled_enable || !p.session->has_session()) co_return;
  if (p.session->broker_epoch().value() < 0) co_return;
  const std::int64_t deadline_ms = p.control.now_ms() + kTotalMs;
  for (int attempt = 0; attempt < config->shutdown.controlled_max_retries; ++attempt) {
    const std::int64_t left_ms = deadline_ms - p.control.now_ms();
    if (left_ms <= 0) break;
    protocol::ControlledShutdownRequest request;
    request.broker_id = p.broker_id;
    request.broker_epoch = p.session->broker_epoch().value();
    const auto response =
        co_await p.controller_link->call<protocol::ControlledShutdownResponse>(request, left_ms);
    if (response && response->error_code == 0 && response->remaining_partitions.empty()) {
      LOG_INFO("controlled shutdown succeeded broker={}", p.broker_id);
      co_return;
    }
    if (!response) {
      LOG_WARN("controlled shutdown failed broker={}: {}", p.broker_id,
               response.error().to_string());
      if (response.error().is(base::Errc::unavailable)) co_return;  // there is no controller
    } else {
      LOG_WARN("controlled shutdown incomplete broker={} error={} remaining_partitions={}",
               p.broker_id, response->error_code, response->remaining_partitions.size());
    }
    const std::int64_t backoff_ms =
        std::min(config->shutdown.controlled_retry_backoff_ms, deadline_ms - p.control.now_ms());
    (void)co_await runtime::sleep_ms(p.control, backoff_ms);
  }
  LOG_WARN("stopping without controlled shutdown broker={}", p.broker_id);
}

}  // namespace server
