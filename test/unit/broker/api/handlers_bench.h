// Purpose: the handlers of the data, group and control APIs behind their dispatcher, over a
// simulated disk and without ZooKeeper: what a connection would hand in goes in, what it would send
// comes out. Used by a unit test and by the fuzz targets.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/api/auto_create.h"
#include "broker/api/controller_requests.h"
#include "broker/api/describe_cluster.h"
#include "broker/api/dispatcher.h"
#include "broker/api/fetch.h"
#include "broker/api/find_coordinator.h"
#include "broker/api/group_admin.h"
#include "broker/api/group_membership.h"
#include "broker/api/group_offsets.h"
#include "broker/api/list_offsets.h"
#include "broker/api/loop_scopes.h"
#include "broker/api/metadata.h"
#include "broker/api/offset_for_leader_epoch.h"
#include "broker/api/produce.h"
#include "broker/cluster/consumer_offsets.h"
#include "broker/cluster/topic_admin.h"
#include "broker/cluster/zk_session.h"
#include "broker/groups/group_coordinator.h"
#include "broker/replication/replica_control.h"
#include "protocol/writer.h"
#include "runtime/sim/sim_file_system.h"
#include "runtime/sim/sim_world.h"

namespace api_test {

class HandlersBench {
 public:
  static constexpr std::int32_t kBrokerId = 1;
  static constexpr std::size_t kFetchSessions = 3;  // few, so that they give way to each other

  // Leads two partitions of "t" and one of "__consumer_offsets".
  explicit HandlersBench(std::uint64_t seed);
  ~HandlersBench();

  // The answer's frame behind its length; empty: none, or the connection is closed. What waits
  // longer than a client would is cancelled, as when its connection ends.
  std::string send(std::int16_t key, std::int16_t version, base::Bytes body);
  template <class Request>
  std::string send(const Request& request, std::int16_t version) {
    protocol::Writer writer;
    request.encode(writer, version);
    const base::Buffer body = writer.take();
    return send(Request::kApiKey, version, body.bytes());
  }
  // How often other work of the loop had its turn between a request, which waits for nothing, and
  // its answer.
  template <class Request>
  std::int64_t turns_beside(const Request& request, std::int16_t version) {
    turns_ = 0;
    is_counting_ = true;
    ++runs_;
    VERIFY(!send(request, version).empty());
    return turns_;
  }
  // Whether the directories, as they are now, can be started from.
  bool can_restart();

  const std::vector<api::AdvertisedApi>& apis() const { return dispatcher_.advertised(); }

 private:
  std::unique_ptr<storage::LogManager> open_logs();
  template <class Api>
  void serve(protocol::ApiKey key, std::unique_ptr<Api> handler);
  void serve_control();
  void serve_data();
  void serve_groups();
  void lead(const std::string& topic, std::int32_t partitions);
  runtime::Task<void> handle(network::RequestContext* context, std::string* answer);
  void count_turn(std::int64_t run);

  runtime::SimWorld world_;
  runtime::SimLoop loop_{world_};
  std::vector<runtime::Loop*> loops_{&loop_};
  runtime::SimWorkerPool workers_{world_};
  runtime::SimFileSystem files_;
  std::unique_ptr<storage::LogManager> logs_;
  cluster::MetadataCache metadata_;
  replication::PartitionTable partitions_;
  std::unique_ptr<api::LoopScopes> scopes_;
  std::unique_ptr<replication::ReplicaControl> control_;
  std::unique_ptr<groups::GroupCoordinator> coordinator_;
  // ZooKeeper is away: what asks it is told so.
  cluster::ZkSession session_{loop_, workers_, workers_, files_, {}};
  cluster::ConsumerOffsets old_offsets_{session_};
  cluster::TopicAdmin topic_admin_{session_, metadata_,
                                   std::make_shared<const config::ServerConfig>()};
  runtime::TaskScope control_scope_{loop_, "control"};
  api::AutoCreate auto_create_{true, topic_admin_, control_scope_};
  replication::FetchSessionTable sessions_{kFetchSessions};
  network::ListenerContext listener_{.name = "PLAINTEXT"};
  network::ConnectionInfo connection_;
  api::Dispatcher dispatcher_;
  std::vector<std::unique_ptr<api::ApiHandler>> handlers_;
  std::int64_t runs_ = 0;  // of turns_beside
  bool is_counting_ = false;
  std::int64_t turns_ = 0;
};

}  // namespace api_test
