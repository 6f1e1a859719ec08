#include "broker/controller/controller.h"

#include "base/log.h"
#include "broker/cluster/znode_paths.h"
#include "broker/controller/controller_error.h"
#include "broker/controller/failover.h"

namespace controller {

namespace paths = cluster::paths;
using protocol::ErrorCode;
using Type = zkclient::WatchEvent::Type;

namespace {

// After a fault of our own others get this long to win the next election.
constexpr std::int64_t kStepDownPauseMs = 1000;
constexpr std::int64_t kFirstRebalanceMs = 5000;
// Nothing tells when a znode's ACL is mended.
constexpr std::int64_t kRetryRefusedMs = 60'000;

template <class Response>
Response refused(ErrorCode code) {
  Response response;
  response.error_code = static_cast<std::int16_t>(code);
  return response;
}

template <class Response>
runtime::Task<base::Result<void>> answer_with(runtime::Task<base::Result<Response>> task,
                                              runtime::Sender<Response> sender) {
  CO_TRY_ASSIGN(Response response, co_await task);
  sender.complete(std::move(response));
  co_return base::Result<void>();
}

template <class T>
runtime::Task<base::Result<void>> without_value(runtime::Task<base::Result<T>> task) {
  CO_TRY(co_await task);
  co_return base::Result<void>();
}

}  // namespace

Controller::Controller(runtime::Loop& loop, runtime::WorkerPool& resolver, Settings settings)
    : loop_(loop),
      settings_(std::move(settings)),
      store_(session_, settings_),
      channels_(loop, resolver, settings_, channel_handlers()),
      env_(store_, channels_, loop.random(), settings_),
      machines_(env_),
      topics_(env_, machines_),
      brokers_(env_, machines_, channels_),
      isr_changes_(env_),
      elections_(env_, machines_),
      wake_(loop),
      scope_(loop, "controller") {
  scope_.spawn(run());
}

Controller::~Controller() = default;

// --- the queue

void Controller::enqueue(Event event) {
  if (stopped_) return;
  queue_.push_back(std::move(event));
  wake_.notify_one();
}

runtime::Task<void> Controller::run() {
  while (!stopped_) {
    if (queue_.empty()) {
      (void)co_await wake_.wait(runtime::kNoTimeout, scope_.token());
      continue;
    }
    Event event = std::move(queue_.front());
    queue_.pop_front();
    co_await process(std::move(event));
  }
}

runtime::Task<void> Controller::process(Event event) {
  if (event.only_if_active && !active_) co_return;
  base::Result<void> result = co_await event.work();
  if (result) {
    DVERIFY(env_.batch.empty(), "event {} left requests behind", event.name);
    co_return;
  }
  co_await recover(event.name, std::move(result).error());
}

runtime::Task<void> Controller::recover(std::string_view event, base::Error error) {
  env_.batch.clear();
  if (stopped_ || !session_.has_session()) co_return;  // on_expired has queued the resignation
  if (error.is(ControllerErrc::moved)) {
    LOG_INFO("controller has moved, found out by event {}", event);
    const base::Result<bool> is_held = co_await resign_if_deposed();
    if (is_held) {
      // Nobody there: whoever took the office has lost it again.
      if (!*is_held) enqueue({"Reelect", false, [this] { return run_for_office(); }});
      co_return;
    }
    error = is_held.error();
    if (stopped_ || !session_.has_session()) co_return;
  }
  LOG_ERROR("controller steps down: event {} failed: {}", event, error.to_string());
  co_await step_down();
}

template <class Response, class MakeTask>
runtime::Task<Response> Controller::ask(std::string_view name, Response refusal,
                                        MakeTask make_task) {
  auto [sender, receiver] = runtime::one_shot<Response>(loop_);
  enqueue(name, [sender = std::move(sender), make = std::move(make_task)]() mutable {
    return answer_with<Response>(make(), std::move(sender));
  });
  auto answer = co_await receiver.wait();
  if (answer) co_return std::move(*answer);
  co_return refusal;
}

// --- requests

runtime::Task<protocol::ControlledShutdownResponse> Controller::controlled_shutdown(
    protocol::ControlledShutdownRequest request) {
  using Response = protocol::ControlledShutdownResponse;
  return ask("ControlledShutdown", refused<Response>(ErrorCode::kStaleControllerEpoch),
             [this, request = std::move(request)] {
               return shut_down_broker(env_, machines_, request.broker_id, request.broker_epoch);
             });
}

runtime::Task<protocol::AlterPartitionResponse> Controller::alter_partition(
    protocol::AlterPartitionRequest request, std::int16_t version) {
  using Response = protocol::AlterPartitionResponse;
  return ask("AlterPartition", refused<Response>(ErrorCode::kNotController),
             [this, request = std::move(request), version]() mutable {
               return isr_changes_.alter_partition(std::move(request), version);
             });
}

runtime::Task<protocol::AllocateProducerIdsResponse> Controller::allocate_producer_ids(
    protocol::AllocateProducerIdsRequest request) {
  using Response = protocol::AllocateProducerIdsResponse;
  return ask("AllocateProducerIds", refused<Response>(ErrorCode::kNotController),
             [this, request = std::move(request)] {
               return controller::allocate_producer_ids(env_, request);
             });
}

runtime::Task<std::map<TopicPartition, ErrorCode>> Controller::elect_leaders(
    std::vector<TopicPartition> partitions, ElectionType type) {
  std::map<TopicPartition, ErrorCode> refusal;
  for (const TopicPartition& partition : partitions) {
    refusal[partition] = ErrorCode::kNotController;
  }
  return ask("ElectLeaders", std::move(refusal),
             [this, partitions = std::move(partitions), type]() mutable {
               return elections_.elect(std::move(partitions), type);
             });
}

void Controller::unclean_election_enabled(std::optional<std::string> topic) {
  enqueue("UncleanElectionEnabled", [this, topic = std::move(topic)] {
    return without_value(topic ? machines_.partitions.trigger_online(*topic)
                               : machines_.partitions.trigger_online());
  });
}

// --- the session

runtime::Task<void> Controller::on_session(zkclient::Client& client, bool /*first*/) {
  session_.attach(client);
  enqueue({"Reelect", false, [this] { return run_for_office(); }});
  co_return;
}

void Controller::on_expired() {
  session_.detach();
  active_mirror_.store(false, std::memory_order_release);
  queue_.clear();
  enqueue({"Expire", false, [this] { return resign_task(); }});
}

void Controller::on_watch(const zkclient::WatchEvent& event) {
  if (event.path == paths::kController) {
    // Also when it was created: by the time we look it may be gone again, with no watch to tell.
    enqueue({"ControllerChange", false, [this] { return run_for_office(); }});
    return;
  }
  Work work = work_of_watch(event);
  if (work) enqueue("Watch", std::move(work));
}

Controller::Work Controller::work_of_watch(const zkclient::WatchEvent& event) {
  const std::string_view path = event.path;
  const auto child_of = [path](std::string_view parent) -> std::string {
    if (!path.starts_with(parent) || path.size() <= parent.size() + 1) return {};
    if (path[parent.size()] != '/') return {};
    return std::string(path.substr(parent.size() + 1));
  };
  if (event.type == Type::children_changed) {
    if (path == paths::kBrokerIds) return [this] { return brokers_.on_brokers_changed(); };
    if (path == paths::kTopics) return [this] { return topics_.on_topics_changed(); };
    if (path == paths::kDeleteTopics) {
      return [this] { return topics_.on_deletion_markers_changed(); };
    }
    if (path == paths::kIsrChanges) return [this] { return isr_changes_.on_notifications(); };
    if (path == paths::kLogDirEvents) return [this] { return brokers_.on_log_dir_events(); };
    return {};
  }
  if (path == paths::kPreferredElection) return [this] { return elections_.on_znode(); };
  if (event.type == Type::deleted) {
    std::string name = child_of(paths::kTopics);
    // Made again under its name before we look at the list, it would never be looked at.
    if (env_.context.is_unreadable(name)) {
      return [this, name = std::move(name)] { return topics_.on_topic_modified(name); };
    }
  }
  if (event.type != Type::data_changed) return {};
  if (const auto partition = paths::parse_partition_state(path)) {
    return [this, partition = *partition] { return topics_.on_state_changed(partition); };
  }
  if (const std::string name = child_of(paths::kBrokerIds); !name.empty()) {
    const auto id = paths::parse_number(name);
    if (id) return [this, id = *id] { return brokers_.on_broker_modified(id); };
  }
  if (std::string name = child_of(paths::kTopics); !name.empty() && !name.contains('/')) {
    return [this, name = std::move(name)] { return topics_.on_topic_modified(name); };
  }
  return {};
}

// --- the office

runtime::Task<base::Result<Controller::Office>> Controller::look_who_is_controller() {
  for (;;) {
    CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
    const std::int64_t session_id = client->session_id();
    auto node = co_await cluster::read_controller(*client, /*watch=*/true);
    if (!node && is_transient(node.error())) continue;
    if (!node && !active_ && node.error().is(base::Errc::corrupt)) {
      LOG_ERROR("{} makes no sense; whose it is stays controller until it changes: {}",
                paths::kController, node.error().to_string());
      co_return Office{.is_held = true, .is_ours = false, .holder = "held by nobody knows whom"};
    }
    if (!node) co_return base::fail(std::move(node).error());
    if (!*node) co_return Office{.is_held = false, .is_ours = false, .holder = "vacant"};
    const bool is_ours =
        (*node)->info.broker_id == settings_.broker_id && (*node)->owner_session == session_id;
    co_return Office{.is_held = true,
                     .is_ours = is_ours,
                     .holder = fmt::format("held by broker {}", (*node)->info.broker_id)};
  }
}

runtime::Task<base::Result<bool>> Controller::resign_if_deposed() {
  CO_TRY_ASSIGN(const Office office, co_await look_who_is_controller());
  if (active_ && !office.is_ours) {
    LOG_INFO("controller resigns: the office is {}", office.holder);
    resign();
  }
  co_return office.is_held;
}

runtime::Task<base::Result<void>> Controller::run_for_office() {
  for (;;) {
    CO_TRY_ASSIGN(const bool is_held, co_await resign_if_deposed());
    if (is_held) co_return base::Result<void>();
    CO_TRY_ASSIGN(const std::optional<ElectionWin> win,
                  co_await run_for_controller(session_, settings_.broker_id, loop_.wall_ms()));
    if (win) co_return co_await take_office(*win);
  }
}

runtime::Task<base::Result<void>> Controller::take_office(ElectionWin win) {
  env_.context.clear();
  env_.context.epoch = win.epoch;
  env_.context.epoch_zk_version = win.epoch_zk_version;
  store_.set_fence(win.epoch_zk_version);
  active_ = true;
  epoch_mirror_.store(win.epoch, std::memory_order_release);
  active_mirror_.store(true, std::memory_order_release);
  LOG_INFO("broker {} is the controller epoch={}", settings_.broker_id, win.epoch);
  CO_TRY(co_await take_over({env_, machines_, topics_, elections_, channels_}));
  scope_.spawn(retry_refused(win.epoch));
  if (settings_.auto_leader_rebalance_enable) scope_.spawn(rebalance_leaders(win.epoch));
  co_return base::Result<void>();
}

void Controller::resign() {
  active_mirror_.store(false, std::memory_order_release);
  if (!std::exchange(active_, false)) return;
  channels_.close_all();
  env_.batch.clear();
  LOG_INFO("broker {} is no longer the controller epoch={}", settings_.broker_id,
           env_.context.epoch);
  env_.context.clear();
}

runtime::Task<base::Result<void>> Controller::resign_task() {
  resign();
  co_return base::Result<void>();
}

runtime::Task<void> Controller::step_down() {
  if (!active_) {
    // Not even elected: the next change of /controller brings another chance, or this one.
    (void)co_await runtime::sleep_ms(loop_, kStepDownPauseMs, scope_.token());
    enqueue({"Reelect", false, [this] { return run_for_office(); }});
    co_return;
  }
  resign();
  const base::Result<void> removed = co_await store_.remove_controller();
  if (!removed) {
    LOG_WARN("controller could not give up its znode: {}", removed.error().to_string());
  }
  (void)co_await runtime::sleep_ms(loop_, kStepDownPauseMs, scope_.token());
  if (!stopped_ && session_.has_session()) {
    enqueue({"Reelect", false, [this] { return run_for_office(); }});
  }
}

runtime::Task<void> Controller::rebalance_leaders(std::int32_t epoch) {
  std::int64_t delay_ms = kFirstRebalanceMs;
  for (;;) {
    if (!co_await runtime::sleep_ms(loop_, delay_ms, scope_.token())) co_return;
    if (!active_ || env_.context.epoch != epoch) co_return;
    enqueue("RebalanceLeaders", [this] {
      return elections_.rebalance(settings_.leader_imbalance_per_broker_percentage);
    });
    delay_ms = settings_.leader_imbalance_check_interval_ms;
  }
}

runtime::Task<void> Controller::retry_refused(std::int32_t epoch) {
  for (;;) {
    if (!co_await runtime::sleep_ms(loop_, kRetryRefusedMs, scope_.token())) co_return;
    if (!active_ || env_.context.epoch != epoch) co_return;
    enqueue("RetryRefused", [this] { return topics_.retry_refused(); });
  }
}

// --- what brokers answer

ChannelHandlers Controller::channel_handlers() {
  return {.on_response = [this](ControlResponse response) { on_response(std::move(response)); },
          .on_answering_again =
              [this](std::int32_t broker) {
                enqueue("AnsweringAgain",
                        [this, broker] { return brokers_.on_answering_again(broker); });
              },
          .count_partitions = [this] { return env_.context.topic_extents(); }};
}

void Controller::on_response(ControlResponse response) {
  enqueue("Response", [this, response = std::move(response)]() mutable {
    return process_response(std::move(response));
  });
}

runtime::Task<base::Result<void>> Controller::process_response(ControlResponse response) {
  if (auto* leader_and_isr = std::get_if<protocol::LeaderAndIsrResponse>(&response.body)) {
    co_return co_await brokers_.on_leader_and_isr_response(response.broker,
                                                           std::move(*leader_and_isr));
  }
  if (auto* stop_replica = std::get_if<protocol::StopReplicaResponse>(&response.body)) {
    co_return co_await machines_.deletion.on_stop_replica_response(
        response.broker, std::get<protocol::StopReplicaRequest>(std::move(response.request.body)),
        std::move(*stop_replica));
  }
  const auto& metadata = std::get<protocol::UpdateMetadataResponse>(response.body);
  if (metadata.error_code != 0) {
    LOG_ERROR("broker {} refused UpdateMetadata error_code={}", response.broker,
              metadata.error_code);
  }
  co_return base::Result<void>();
}

// --- the end

void Controller::stop() {
  if (std::exchange(stopped_, true)) return;
  session_.detach();
  queue_.clear();
  channels_.close_all();
  active_mirror_.store(false, std::memory_order_release);
  scope_.cancel();
  wake_.notify_all();
}

runtime::Task<void> Controller::close() {
  stop();
  co_await scope_.join();
  resign();
  channels_.close_all();  // what an event opened while it ended
  co_await channels_.join();
}

}  // namespace controller
