#include "broker/server/shutdown.h"

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "broker/cluster/znode_paths.h"
#include "broker/server/make_apis.h"
#include "protocol/gen/controlled_shutdown.h"

namespace server {
namespace {

// Without ZooKeeper, or without a controller, nobody can take the leaderships: a stop must not wait
// for either longer than this.
constexpr std::int64_t kOutOfReachMs = 3000;
constexpr std::int64_t kProbeMs = 250;

using Response = base::Result<protocol::ControlledShutdownResponse>;

class Handover {
 public:
  explicit Handover(Parts& parts)
      : p_(parts), began_ms_(parts.control.now_ms()), answered_(parts.control) {}

  // True once nobody leads here any more.
  runtime::Task<bool> run() {
    const auto config = p_.config.get();
    for (int left = config->shutdown.controlled_max_retries; left > 0; --left) {
      if (!co_await await_controller()) co_return false;
      const auto response = co_await ask(config->controller.socket_timeout_ms);
      if (!response) co_return false;
      if (is_done(*response)) co_return true;
      if (left == 1) break;
      if (!co_await pause(config->shutdown.controlled_retry_backoff_ms)) co_return false;
    }
    co_return false;
  }

 private:
  enum class Zookeeper { in_reach, away };
  // Asks for a sign of life, whatever the answer, and says what the earlier ones brought.
  Zookeeper probe_zookeeper() {
    zkclient::Client* const client = p_.session->client();
    if (client == nullptr) return Zookeeper::away;
    const std::int64_t now_ms = p_.control.now_ms();
    if (now_ms >= next_probe_ms_) {
      next_probe_ms_ = now_ms + 4 * kProbeMs;
      static_cast<void>(client->exists(std::string(cluster::paths::kController)));
    }
    const std::int64_t heard_ms = std::max(p_.session->last_contact_ms(), began_ms_);
    if (now_ms - heard_ms < kOutOfReachMs) return Zookeeper::in_reach;
    LOG_WARN("controlled shutdown given up broker={}: ZooKeeper is out of reach", p_.broker_id);
    return Zookeeper::away;
  }

  runtime::Task<bool> await_controller() {
    const std::int64_t deadline_ms = p_.control.now_ms() + kOutOfReachMs;
    for (;;) {
      const std::uint64_t version = p_.metadata.version();
      const auto snapshot = p_.metadata.snapshot();
      if (snapshot->find_broker(snapshot->controller_id.value_or(-1)) != nullptr) co_return true;
      const std::int64_t left_ms = deadline_ms - p_.control.now_ms();
      if (left_ms <= 0) {
        LOG_WARN("controlled shutdown given up broker={}: there is no controller", p_.broker_id);
        co_return false;
      }
      if (probe_zookeeper() == Zookeeper::away) co_return false;
      (void)co_await p_.metadata.changed(version, std::min(left_ms, kProbeMs), {});
    }
  }

  // nullopt when ZooKeeper went out of reach before the answer came.
  runtime::Task<std::optional<Response>> ask(std::int64_t timeout_ms) {
    answer_.reset();
    runtime::TaskScope scope(p_.control, "controlled shutdown");
    scope.spawn(call(this, timeout_ms));
    const std::int64_t deadline_ms = p_.control.now_ms() + timeout_ms;
    bool is_given_up = false;
    while (!answer_ && !is_given_up) {
      (void)co_await answered_.wait(kProbeMs);
      is_given_up = !answer_ && probe_zookeeper() == Zookeeper::away;
      // Connecting and getting to know each other counts as well.
      if (!answer_ && p_.control.now_ms() >= deadline_ms) p_.controller_link->drop_connection();
    }
    if (is_given_up) co_await p_.controller_link->close();
    co_await scope.join();
    if (is_given_up) co_return std::nullopt;
    co_return std::move(answer_);
  }

  static runtime::Task<void> call(Handover* self, std::int64_t timeout_ms) {
    Parts& p = self->p_;
    protocol::ControlledShutdownRequest request;
    request.broker_id = p.broker_id;
    request.broker_epoch = wire_epoch(p);
    self->answer_.emplace(co_await p.controller_link->call<protocol::ControlledShutdownResponse>(
        request, timeout_ms));
    self->answered_.notify_all();
  }

  bool is_done(const Response& response) const {
    if (!response) {
      LOG_WARN("controlled shutdown failed broker={}: {}", p_.broker_id,
               response.error().to_string());
      return false;
    }
    if (response->error_code == 0 && response->remaining_partitions.empty()) return true;
    LOG_WARN("controlled shutdown incomplete broker={} error={} remaining_partitions={}",
             p_.broker_id, response->error_code, response->remaining_partitions.size());
    return false;
  }

  // False when ZooKeeper goes out of reach meanwhile.
  runtime::Task<bool> pause(std::int64_t pause_ms) {
    const std::int64_t end_ms = p_.control.now_ms() + pause_ms;
    for (;;) {
      const std::int64_t left_ms = end_ms - p_.control.now_ms();
      if (left_ms <= 0) co_return true;
      if (probe_zookeeper() == Zookeeper::away) co_return false;
      (void)co_await runtime::sleep_ms(p_.control, std::min(left_ms, kProbeMs));
    }
  }

  Parts& p_;
  const std::int64_t began_ms_;
  std::int64_t next_probe_ms_ = 0;
  std::optional<Response> answer_;
  runtime::Notify answered_;
};

}  // namespace

runtime::Task<void> leave_leaderships(Parts& p) {
  if (!p.config.get()->shutdown.controlled_enable || !p.session->has_session()) co_return;
  if (!p.session->broker_epoch()) co_return;
  Handover handover(p);
  if (co_await handover.run()) {
    LOG_INFO("controlled shutdown succeeded broker={}", p.broker_id);
  } else {
    LOG_WARN("stopping without controlled shutdown broker={}", p.broker_id);
  }
}

}  // namespace server
