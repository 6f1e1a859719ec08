#include "broker/controller/feature_setup.h"

#include "base/log.h"

namespace controller {

std::optional<cluster::FeatureNode> wanted_features(
    const std::optional<cluster::FeatureNode>& found, config::InterBrokerProtocol protocol) {
  cluster::FeatureNode wanted;
  wanted.version = protocol >= config::InterBrokerProtocol::v3_3_iv0 ? 2 : 1;
  wanted.enabled = protocol >= config::InterBrokerProtocol::v2_7_iv0;
  if (wanted.enabled && found && found->enabled) wanted.features = found->features;
  if (found && *found == wanted) return std::nullopt;
  return wanted;
}

runtime::Task<base::Result<void>> set_up_features(Environment& env) {
  const auto read = co_await env.store.read_features();
  if (!read && read.error().is(base::Errc::corrupt)) {
    LOG_ERROR("/feature makes no sense and is left alone: {}", read.error().to_string());
    co_return base::Result<void>();
  }
  if (!read) co_return base::fail(read.error());
  const std::optional<cluster::FeatureNode>& found = *read;
  std::optional<cluster::FeatureNode> wanted = wanted_features(found, env.settings.protocol);
  if (!wanted) co_return base::Result<void>();
  CO_TRY_ASSIGN(const base::ZkVersion version, co_await env.store.write_features(*wanted));
  LOG_INFO("controller wrote /feature status={} features={} epoch={}", wanted->enabled ? 1 : 0,
           wanted->features.size(), version);
  co_return base::Result<void>();
}

}  // namespace controller
