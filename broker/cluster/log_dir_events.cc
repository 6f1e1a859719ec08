#include "broker/cluster/log_dir_events.h"

#include "base/log.h"
#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/notifications.h"
#include "zkclient/client.h"

namespace cluster {
namespace {

constexpr std::int64_t kRetryMs = 1000;

}  // namespace

void LogDirEvents::announce() {
  is_pending_ = true;
  wake_.notify_all();
}

runtime::Task<void> LogDirEvents::on_session(zkclient::Client& client, bool first) {
  client_ = &client;
  if (first) scope_.spawn(run());
  wake_.notify_all();
  co_return;
}

runtime::Task<void> LogDirEvents::run() {
  while (!scope_.cancelled()) {
    zkclient::Client* const client = client_;
    if (client == nullptr || !is_pending_) {
      if (!co_await wake_.wait(runtime::kNoTimeout, scope_.token())) co_return;
      continue;
    }
    is_pending_ = false;
    const std::string path(paths::kLogDirEventPrefix);
    const auto created =
        co_await client->create(path, encode_log_dir_event(broker_id_),
                                zkclient::CreateMode::persistent_sequential, znode_acl(path));
    if (created) {
      LOG_INFO("told the controller of a failed log directory node={}", *created);
      continue;
    }
    LOG_WARN("cannot tell the controller of a failed log directory, trying again: {}",
             created.error().to_string());
    is_pending_ = true;
    if (!co_await runtime::sleep_ms(scope_.loop(), kRetryMs, scope_.token())) co_return;
  }
}

runtime::Task<void> LogDirEvents::close() {
  scope_.cancel();
  co_await scope_.join();
}

}  // namespace cluster
