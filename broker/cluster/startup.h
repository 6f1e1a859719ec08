// Purpose: what a starting broker does in ZooKeeper between connecting and registering, in at most
// four dependent round trips. Source: KafkaServer.startup (3.9).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "broker/cluster/znodes/broker_info.h"
#include "config/properties.h"
#include "config/server_config.h"
#include "runtime/random.h"
#include "runtime/task.h"

namespace zkclient {
class Client;
}

namespace cluster {

// What the log directories' meta.properties say; nullopt: nothing yet.
struct StoredIdentity {
  std::optional<std::string> cluster_id;
  std::optional<std::int32_t> broker_id;
};

struct ClusterIdentity {
  std::string cluster_id;
  std::int32_t broker_id = -1;
  // /config/brokers/<default> and /config/brokers/<id>.
  config::ConfigMap dynamic_default;
  config::ConfigMap dynamic_broker;
};

// Creates the persistent top-level paths, finds or makes the cluster id, settles the broker id and
// reads its dynamic configs. An error is one line for the operator, with the remedy.
runtime::Task<base::Result<ClusterIdentity>> prepare_cluster(zkclient::Client& client,
                                                             runtime::Random& random,
                                                             config::IdentityConfig identity,
                                                             StoredIdentity stored);

// The path of an ACL of Kafka's ZooKeeper authorizer; nullopt: there is none.
runtime::Task<base::Result<std::optional<std::string>>> find_acl(zkclient::Client& client);

// Fails if another broker id has registered one of our advertised host:port pairs.
runtime::Task<base::Result<void>> check_endpoints(zkclient::Client& client, BrokerInfo own);

// Which id a broker has: nullopt means "generate one". Pure.
base::Result<std::optional<std::int32_t>> settle_broker_id(const config::IdentityConfig& identity,
                                                           std::optional<std::int32_t> stored);

}  // namespace cluster
