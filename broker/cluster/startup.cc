#include "broker/cluster/startup.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "broker/cluster/znode_acl.h"
#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/cluster_state.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "zkclient/client.h"
#include "zkclient/recursive.h"

namespace cluster {
namespace {

using zkclient::ZkError;

constexpr int kTriesMax = 5;

// The top-level paths with their parents, parents first.
std::vector<std::string> persistent_paths() {
  std::vector<std::string> all;
  for (const std::string_view path : paths::kPersistent) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
      const std::string prefix(path.substr(0, end));
      if (std::find(all.begin(), all.end(), prefix) == all.end()) all.push_back(prefix);
      if (end == std::string_view::npos) break;
    }
  }
  return all;
}

// One round trip when all are there, two when not.
runtime::Task<base::Result<void>> create_persistent_paths(zkclient::Client& client) {
  base::Error last(base::Errc::internal);
  for (int i = 0; i < kTriesMax; ++i) {
    const std::vector<std::string> all = persistent_paths();
    const auto found = co_await client.exists_many(all);
    std::vector<zkclient::Client::NewNode> missing;
    for (std::size_t n = 0; n < all.size(); ++n) {
      if (!found[n]) co_return base::fail(found[n].error());
      if (!*found[n]) {
        missing.push_back(
            {all[n], std::nullopt, zkclient::CreateMode::persistent, znode_acl(all[n])});
      }
    }
    if (missing.empty()) co_return base::Result<void>();
    bool again = false;
    // In one session the server keeps the order, so parents are there before their children.
    const auto made = co_await client.create_many(std::move(missing));
    for (const auto& one : made) {
      if (one || one.error().is(ZkError::node_exists)) continue;
      if (!zkclient::is_outcome_unknown(one.error())) co_return base::fail(one.error());
      last = one.error();
      again = true;
    }
    if (!again) co_return base::Result<void>();
  }
  co_return base::fail(std::move(last));
}

runtime::Task<base::Result<std::string>> find_or_make_cluster_id(zkclient::Client& client,
                                                                 runtime::Random& random) {
  const std::string path(paths::kClusterId);
  base::Error last(base::Errc::internal);
  for (int i = 0; i < kTriesMax; ++i) {
    const auto node = co_await client.get(path);
    if (node) co_return decode_cluster_id(node->data.value_or(""));
    if (!node.error().is(ZkError::no_node)) co_return base::fail(node.error());
    const std::string id = random.uuid().to_string();
    const auto made =
        co_await zkclient::create_recursive(client, path, encode_cluster_id(id), znode_acl);
    if (made) {
      LOG_INFO("new cluster id={}", id);
      co_return id;
    }
    // Another broker was first, or nobody knows: the node tells.
    last = made.error();
    if (!last.is(ZkError::node_exists) && !zkclient::is_outcome_unknown(last)) break;
  }
  co_return base::fail(std::move(last));
}

// Each write of /brokers/seqid draws a number nobody else has. A repeated one only leaves a gap.
runtime::Task<base::Result<std::int32_t>> generate_broker_id(zkclient::Client& client,
                                                             std::int32_t reserved_max) {
  const std::string path(paths::kBrokerSequence);
  base::Error last(base::Errc::internal);
  for (int i = 0; i < kTriesMax; ++i) {
    const auto written = co_await client.set(path, std::string());
    if (written) {
      const std::int32_t id = written->version.value() + reserved_max;
      LOG_INFO("generated broker id={}", id);
      co_return id;
    }
    last = written.error();
    if (last.is(ZkError::no_node)) {
      static_cast<void>(
          co_await zkclient::create_recursive(client, path, std::string(), znode_acl));
    } else if (!zkclient::is_outcome_unknown(last)) {
      break;
    }
  }
  co_return base::fail(std::move(last));
}

base::Result<config::ConfigMap> to_config(const base::Result<zkclient::NodeData>& node,
                                          std::string_view entity_path) {
  if (node) return decode_config_leniently(node->data.value_or(""), entity_path);
  if (node.error().is(ZkError::no_node)) return config::ConfigMap();
  return base::fail(node.error());
}

}  // namespace

base::Result<std::optional<std::int32_t>> settle_broker_id(const config::IdentityConfig& identity,
                                                           std::optional<std::int32_t> stored) {
  if (identity.broker_id >= 0) {
    if (stored && *stored != identity.broker_id) {
      return base::fail(
          base::Errc::invalid_argument,
          fmt::format("broker.id={} does not match broker.id={} in meta.properties of log.dirs; "
                      "set broker.id={}, or point log.dirs to this broker's own directories",
                      identity.broker_id, *stored, *stored));
    }
    return identity.broker_id;
  }
  if (stored) return *stored;
  if (!identity.broker_id_generation_enable) {
    return base::fail(base::Errc::invalid_argument,
                      "no broker.id is set and broker.id.generation.enable=false; set broker.id "
                      "to a number that no other broker of the cluster has");
  }
  return std::nullopt;
}

runtime::Task<base::Result<ClusterIdentity>> prepare_cluster(zkclient::Client& client,
                                                             runtime::Random& random,
                                                             config::IdentityConfig identity,
                                                             StoredIdentity stored) {
  CO_TRY_ASSIGN(auto broker_id, settle_broker_id(identity, stored.broker_id));
  CO_TRY(co_await create_persistent_paths(client));
  ClusterIdentity cluster;
  CO_TRY_ASSIGN(cluster.cluster_id, co_await find_or_make_cluster_id(client, random));
  if (stored.cluster_id && *stored.cluster_id != cluster.cluster_id) {
    co_return base::fail(
        base::Errc::invalid_argument,
        fmt::format("cluster.id={} in meta.properties of log.dirs does not match the cluster id {} "
                    "in ZooKeeper; zookeeper.connect may point to another cluster",
                    *stored.cluster_id, cluster.cluster_id));
  }
  if (!broker_id) {
    CO_TRY_ASSIGN(broker_id, co_await generate_broker_id(client, identity.reserved_broker_max_id));
  }
  cluster.broker_id = *broker_id;

  auto default_config = client.get(paths::default_broker_config());
  auto own_config = client.get(paths::broker_config(cluster.broker_id));
  const auto default_node = co_await default_config;
  const auto own_node = co_await own_config;
  CO_TRY_ASSIGN(cluster.dynamic_default, to_config(default_node, "brokers/<default>"));
  CO_TRY_ASSIGN(cluster.dynamic_broker,
                to_config(own_node, fmt::format("brokers/{}", cluster.broker_id)));
  co_return cluster;
}

// /kafka-acl/<type>/<name> and /kafka-acl-extended/<pattern>/<type>/<name>; the types are there
// from the first start of an authorizer on, and have no children without an ACL.
runtime::Task<base::Result<std::optional<std::string>>> find_acl(zkclient::Client& client) {
  std::vector<std::string> level = {"/kafka-acl", "/kafka-acl-extended/prefixed"};
  for (int depth = 0; depth < 2; ++depth) {
    const auto listed = co_await client.children_many(level);
    std::vector<std::string> next;
    for (std::size_t i = 0; i < listed.size(); ++i) {
      if (!listed[i]) {
        if (listed[i].error().is(ZkError::no_node)) continue;
        co_return base::fail(listed[i].error());
      }
      for (const std::string& child : *listed[i]) next.push_back(level[i] + "/" + child);
    }
    level = std::move(next);
  }
  if (level.empty()) co_return std::optional<std::string>();
  co_return std::optional<std::string>(level.front());
}

runtime::Task<base::Result<void>> check_endpoints(zkclient::Client& client, BrokerInfo own) {
  CO_TRY_ASSIGN(const auto children, co_await client.children(std::string(paths::kBrokerIds)));
  std::vector<std::int32_t> ids;
  std::vector<std::string> nodes;
  for (const std::string& child : children) {
    const auto id = paths::parse_number(child);
    if (!id || *id == own.id) continue;
    ids.push_back(*id);
    nodes.push_back(paths::broker_id(*id));
  }
  const auto found = co_await client.get_many(std::move(nodes));
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) {
      if (found[i].error().is(ZkError::no_node)) continue;
      co_return base::fail(found[i].error());
    }
    const auto other = decode_broker_info(ids[i], found[i]->data.value_or(""));
    if (!other) {
      LOG_WARN("unreadable registration of broker id={} reason=\"{}\"", ids[i],
               other.error().to_string());
      continue;
    }
    for (const config::Listener& ours : own.endpoints) {
      for (const config::Listener& theirs : other->endpoints) {
        if (ours.host != theirs.host || ours.port != theirs.port) continue;
        co_return base::fail(
            base::Errc::already_exists,
            fmt::format("advertised.listeners: {} is already registered by broker {}; give this "
                        "broker an address of its own",
                        ours.to_string(), other->id));
      }
    }
  }
  co_return base::Result<void>();
}

}  // namespace cluster
