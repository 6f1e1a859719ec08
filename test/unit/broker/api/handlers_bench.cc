#include "test/unit/broker/api/handlers_bench.h"

#include <utility>

#include "protocol/gen/leader_and_isr.h"
#include "protocol/gen/update_metadata.h"

namespace api_test {
namespace {

using protocol::ApiKey;

// Longer than any wait of a client that is still there, in virtual time.
constexpr std::int64_t kPatienceMs = 2'000;
constexpr std::int64_t kEndMs = 60'000;
constexpr char kClusterId[] = "qCqvWVu9Q6OJ_udtfKYegA";

runtime::Task<void> nothing() { co_return; }

}  // namespace

HandlersBench::HandlersBench(std::uint64_t seed)
    : world_(seed), files_(world_.clock(), seed), logs_(open_logs()) {
  VERIFY(logs_ != nullptr);
  scopes_ = std::make_unique<api::LoopScopes>(loops_);
  replication::ReplicaControl::Options options;
  options.broker_id = base::BrokerId(kBrokerId);
  options.is_alive = [this](base::BrokerId id) {
    return metadata_.snapshot()->is_alive(id.value());
  };
  options.min_insync_replicas = [](const std::string&) { return 1; };
  options.lane = [this](const std::string&) -> runtime::WorkerPool& { return workers_; };
  control_ = std::make_unique<replication::ReplicaControl>(std::move(options), partitions_, *logs_,
                                                           world_.clock(), workers_);
  groups::Settings settings;
  settings.groups.initial_rebalance_delay_ms = 0;
  coordinator_ = std::make_unique<groups::GroupCoordinator>(settings, metadata_, loops_, workers_);
  control_->add_listener(coordinator_.get());
  coordinator_->start();

  serve_control();
  serve_data();
  serve_groups();
  lead("t", 2);
  lead("__consumer_offsets", 1);
}

template <class Api>
void HandlersBench::serve(ApiKey key, std::unique_ptr<Api> handler) {
  dispatcher_.add(key, *handler);
  handlers_.push_back(std::move(handler));
}

void HandlersBench::serve_control() {
  const auto own_epoch = [] { return std::optional(base::BrokerEpoch(5)); };
  serve(ApiKey::kLeaderAndIsr, std::make_unique<api::LeaderAndIsrApi>(
                                   *control_, own_epoch, [](auto) { return nothing(); }));
  serve(ApiKey::kStopReplica, std::make_unique<api::StopReplicaApi>(*control_, own_epoch));
  serve(ApiKey::kUpdateMetadata,
        std::make_unique<api::UpdateMetadataApi>(
            *control_, metadata_, own_epoch, [this](std::vector<base::TopicPartition> gone) {
              coordinator_->on_partitions_deleted(std::move(gone));
            }));
}

void HandlersBench::serve_data() {
  serve(ApiKey::kProduce,
        std::make_unique<api::ProduceApi>(partitions_, *logs_, metadata_, workers_, *scopes_));
  api::FetchApi::Options fetch;
  const replication::DiskWorkers disk = [this](const std::string&) -> runtime::WorkerPool& {
    return workers_;
  };
  fetch.disk = disk;
  fetch.scopes = scopes_.get();
  serve(ApiKey::kFetch,
        std::make_unique<api::FetchApi>(fetch, partitions_, *logs_, metadata_, sessions_));
  serve(ApiKey::kListOffsets,
        std::make_unique<api::ListOffsetsApi>(partitions_, *logs_, metadata_, disk));
  serve(ApiKey::kOffsetForLeaderEpoch,
        std::make_unique<api::OffsetForLeaderEpochApi>(partitions_, *logs_, metadata_));
  serve(ApiKey::kMetadata, std::make_unique<api::MetadataApi>(metadata_, kClusterId, auto_create_));
  serve(ApiKey::kDescribeCluster, std::make_unique<api::DescribeClusterApi>(metadata_, kClusterId));
}

void HandlersBench::serve_groups() {
  serve(ApiKey::kFindCoordinator,
        std::make_unique<api::FindCoordinatorApi>(*coordinator_, metadata_, auto_create_));
  serve(ApiKey::kJoinGroup, std::make_unique<api::JoinGroupApi>(*coordinator_));
  serve(ApiKey::kSyncGroup, std::make_unique<api::SyncGroupApi>(*coordinator_));
  serve(ApiKey::kHeartbeat, std::make_unique<api::HeartbeatApi>(*coordinator_));
  serve(ApiKey::kLeaveGroup, std::make_unique<api::LeaveGroupApi>(*coordinator_));
  const api::ZookeeperOffsets in_zookeeper{old_offsets_, control_scope_};
  serve(ApiKey::kOffsetCommit,
        std::make_unique<api::OffsetCommitApi>(*coordinator_, metadata_, in_zookeeper));
  serve(ApiKey::kOffsetFetch,
        std::make_unique<api::OffsetFetchApi>(*coordinator_, metadata_, in_zookeeper));
  serve(ApiKey::kOffsetDelete, std::make_unique<api::OffsetDeleteApi>(*coordinator_, metadata_));
  serve(ApiKey::kListGroups, std::make_unique<api::ListGroupsApi>(*coordinator_));
  serve(ApiKey::kDescribeGroups, std::make_unique<api::DescribeGroupsApi>(*coordinator_));
  serve(ApiKey::kDeleteGroups, std::make_unique<api::DeleteGroupsApi>(*coordinator_));
}

HandlersBench::~HandlersBench() {
  world_.block_on(loop_, coordinator_->stop());
  world_.block_on(loop_, scopes_->stop());
  world_.block_on(loop_, runtime::stop_scope(control_scope_));
  world_.block_on(loop_, session_.close());
  (void)world_.run_until_idle(kEndMs);
}

std::unique_ptr<storage::LogManager> HandlersBench::open_logs() {
  storage::LogManagerOptions options;
  options.log_dirs = {"/data"};
  options.config_of = [](const std::string&) {
    storage::LogConfig config;
    config.segment_bytes = 4096;
    return std::make_shared<const storage::LogConfig>(config);
  };
  auto logs = storage::LogManager::open(files_, world_.random(), std::move(options));
  if (!logs) return nullptr;
  if (!(*logs)->check_identity(base::BrokerId(kBrokerId), kClusterId, 0)) return nullptr;
  const auto loaded = (*logs)->load([](std::function<void()> work) { work(); },
                                    [this] { return world_.clock().wall_ms(); });
  return loaded ? std::move(*logs) : nullptr;
}

bool HandlersBench::can_restart() {
  files_.crash(runtime::CrashKind::process_killed);
  return open_logs() != nullptr;
}

void HandlersBench::lead(const std::string& topic, std::int32_t partitions) {
  protocol::UpdateMetadataRequest update;
  update.controller_id = kBrokerId;
  update.controller_epoch = 1;
  update.broker_epoch = 5;
  update.live_brokers.emplace_back().id = kBrokerId;
  auto& endpoint = update.live_brokers.back().endpoints.emplace_back();
  endpoint.host = "localhost";
  endpoint.port = 9092;
  endpoint.listener = "PLAINTEXT";
  auto& known = update.topic_states.emplace_back();
  known.topic_name = topic;
  protocol::LeaderAndIsrRequest order;
  order.controller_id = kBrokerId;
  order.controller_epoch = 1;
  order.broker_epoch = 5;
  auto& led = order.topic_states.emplace_back();
  led.topic_name = topic;
  for (std::int32_t index = 0; index < partitions; ++index) {
    auto& shown = known.partition_states.emplace_back();
    auto& state = led.partition_states.emplace_back();
    shown.partition_index = state.partition_index = index;
    shown.controller_epoch = state.controller_epoch = 1;
    shown.leader = state.leader = kBrokerId;
    shown.leader_epoch = state.leader_epoch = 0;
    shown.isr = {kBrokerId};
    shown.replicas = {kBrokerId};
    state.isr = {kBrokerId};
    state.replicas = {kBrokerId};
    state.is_new = true;
  }
  VERIFY(!send(update, 5).empty());
  VERIFY(!send(order, 4).empty());
}

runtime::Task<void> HandlersBench::handle(network::RequestContext* context, std::string* answer) {
  network::Reply reply = co_await dispatcher_.handle(*context);
  network::Response response = std::move(reply.response);
  if (reply.deferred) {
    auto later = co_await reply.deferred->wait(kPatienceMs, context->cancel);
    if (!later) co_return;
    response = std::move(*later);
  }
  std::string frame;
  for (const auto& piece : response.output.pieces()) {
    if (!piece.is_file()) {
      frame.append(base::as_text(piece.bytes()));
      continue;
    }
    std::vector<std::byte> records(piece.size_bytes);
    const auto read_bytes = piece.slice.file->pread(records, piece.slice.position);
    // As a connection does: what has been cut meanwhile closes it.
    if (!read_bytes || *read_bytes != records.size() || !piece.slice.is_current()) co_return;
    frame.append(base::as_text(base::Bytes(records)));
  }
  if (!frame.empty()) *answer = frame.substr(4);
}

void HandlersBench::count_turn(std::int64_t run) {
  if (!is_counting_ || run != runs_) return;
  ++turns_;
  loop_.post([this, run] { count_turn(run); });
}

std::string HandlersBench::send(std::int16_t key, std::int16_t version, base::Bytes body) {
  network::RequestContext context;
  context.header = {
      .api_key = key, .api_version = version, .correlation_id = 77, .client_id = "bench"};
  context.frame = base::Buffer::copy_of(body);
  context.listener = &listener_;
  context.connection = &connection_;
  runtime::CancelSource cancel;
  context.cancel = runtime::CancelToken(cancel);
  std::string answer;
  runtime::TaskScope scope(loop_, "request");
  scope.spawn(handle(&context, &answer));
  const auto ended = [&scope] { return scope.task_count() == 0; };
  count_turn(runs_);
  if (!world_.run_until(ended, kPatienceMs)) {
    cancel.cancel();
    VERIFY(world_.run_until(ended, kEndMs), "request {} {} does not end", key, version);
  }
  is_counting_ = false;
  return answer;
}

}  // namespace api_test
