#include "broker/server/broker.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/log.h"
#include "broker/cluster/startup.h"
#include "broker/server/make_apis.h"
#include "broker/server/shutdown.h"

namespace server {
namespace {

constexpr std::size_t kDiskWorkersMin = 4;
constexpr std::int64_t kFirstMetadataMs = 5000;
// For requests under way at a stop to be answered, and then for their handlers to end.
constexpr std::int64_t kAnswerGraceMs = 1000;
constexpr std::int64_t kEndGraceMs = 1000;
constexpr std::size_t kExpectedJobs = 10'000;
// A name server that hangs keeps a worker for each name that is asked for.
constexpr std::size_t kResolverWorkers = 8;

std::size_t core_count() { return std::max(1u, std::thread::hardware_concurrency()); }

storage::Executor executor_on(runtime::WorkerPool& pool) {
  return [&pool](std::function<void()> job) { pool.submit(std::move(job)); };
}

std::unique_ptr<replication::follower::FetcherManager> make_fetchers(Parts& p) {
  const auto config = p.config.get();
  replication::follower::FetcherEnvironment environment;
  environment.self = base::BrokerId(p.broker_id);
  environment.protocol = config->identity.inter_broker_protocol;
  environment.replication = config->replication;
  environment.listener = config->network.inter_broker_listener;
  environment.connect_timeout_ms = config->network.connection_setup_timeout_ms;
  environment.metadata = &p.metadata;
  environment.resolver = p.resolver.get();
  environment.broker_epoch = [&p] {
    return p.session->broker_epoch().value_or(base::BrokerEpoch(-1)).value();
  };
  environment.disk = [&p](const std::string& log_dir) -> runtime::WorkerPool& {
    return p.directories->disk(log_dir);
  };
  environment.checkpoint = [&p](const std::string& log_dir) {
    for (const auto& written : {p.logs->checkpoint_recovery_points(log_dir),
                                p.logs->checkpoint_cleaned_offsets(log_dir)}) {
      if (!written) LOG_WARN("checkpoint not written error=\"{}\"", written.error().to_string());
    }
  };
  return std::make_unique<replication::follower::FetcherManager>(std::move(environment),
                                                                 p.data_loops);
}

}  // namespace

Broker::Broker(runtime::UvLoop& control, BrokerOptions options)
    : on_fatal_(std::move(options.on_fatal)),
      parts_(std::make_unique<Parts>(control, std::move(options.properties),
                                     std::move(options.config))) {
  Parts& p = *parts_;
  p.broker_id = p.config.get()->identity.broker_id;
  p.open_files_limit = options.open_files_limit;
  const auto config = p.config.get();
  const std::size_t cores = core_count();
  const std::size_t recovery_threads =
      std::max(cores, static_cast<std::size_t>(config->log.num_recovery_threads_per_data_dir) *
                          config->log.dirs.size());
  p.resolver = runtime::make_worker_pool("resolver", kResolverWorkers, kExpectedJobs);
  p.disk = runtime::make_worker_pool("disk", std::max(kDiskWorkersMin, recovery_threads + 1),
                                     kExpectedJobs);
  p.directories = std::make_unique<DirectoryWorkers>(config->log.dirs);
  p.replica_orders = runtime::make_worker_pool("replica-orders", 1, kExpectedJobs);
  p.heavy = runtime::make_worker_pool("heavy", cores, kExpectedJobs);
  const std::size_t loops =
      config->network.loops > 0 ? static_cast<std::size_t>(config->network.loops) : cores;
  for (std::size_t i = 0; i < loops; ++i) {
    p.data_threads.push_back(std::make_unique<runtime::LoopThread>("data-" + std::to_string(i)));
    p.data_loops.push_back(&p.data_threads.back()->loop());
  }
}

Broker::~Broker() {
  for (auto& thread : parts_->data_threads) thread->stop();
  for (auto& thread : parts_->data_threads) thread->join();
}

std::int32_t Broker::id() const { return parts_->broker_id; }

bool Broker::waits_for_names() const { return parts_->resolver->unfinished() > 0; }

base::Result<void> Broker::go_on() const {
  if (interrupted_.cancelled()) return base::fail(base::Errc::cancelled, "a signal came");
  return {};
}

base::Result<zkclient::Client*> Broker::zookeeper() const {
  zkclient::Client* const client = parts_->session->client();
  if (client == nullptr) return base::fail(base::Errc::closed, "zookeeper session");
  return client;
}

runtime::Task<base::Result<void>> Broker::start() {
  Parts& p = *parts_;
  CO_TRY(co_await open_logs());
  CO_TRY(go_on());
  make_network(p);
  CO_TRY(co_await p.server->start_listening());
  CO_TRY(go_on());
  CO_TRY(co_await join_cluster());
  CO_TRY(go_on());
  make_domain();
  CO_TRY(co_await load_logs());
  CO_TRY(go_on());
  make_apis(p);

  // Loading the logs may have taken longer than the session lives through a ZooKeeper outage.
  CO_TRY(co_await p.session->ensure_session());
  cluster::BrokerInfo registration = registration_of(p);
  CO_TRY_ASSIGN(zkclient::Client* const client, zookeeper());
  CO_TRY(co_await cluster::check_endpoints(*client, registration));
  CO_TRY(co_await p.session->register_broker(registration));
  is_registered_ = true;
  p.server->start_accepting();
  p.broker_addresses->start();
  co_await p.session->start_listeners();
  p.upkeep->start(*p.config.get());
  p.isr->start();
  if (p.cleaning != nullptr) p.cleaning->start();
  co_await await_first_metadata();
  LOG_INFO("[KafkaServer id={}] started (kafka.server.KafkaServer)", p.broker_id);
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> Broker::open_logs() {
  Parts& p = *parts_;
  const auto config = p.config.get();
  storage::LogManagerOptions options;
  options.log_dirs = config->log.dirs;
  // Recovery ends when the last core is done: the setting is the least that is used.
  const auto cores_per_dir = core_count() / std::max<std::size_t>(config->log.dirs.size(), 1);
  options.recovery_threads_per_dir = std::max(config->log.num_recovery_threads_per_data_dir,
                                              static_cast<std::int32_t>(cores_per_dir));
  options.open_files_max = p.open_files_limit / 2;  // the rest is for connections
  options.keep_partition_metadata =
      config->identity.inter_broker_protocol >= config::InterBrokerProtocol::v2_8_iv0;
  options.config_of = [&p](const std::string& topic) { return p.topic_settings->of(topic)->log; };
  options.on_directory_failed = [this](const std::string& log_dir, const base::Error& error) {
    on_directory_failed(log_dir, error);
  };
  options.post_settling = [&p](const std::string& log_dir) {
    p.directories->orders(log_dir).submit([&p, log_dir] { p.logs->settle_failure(log_dir); });
  };
  options.run_on_disk = [&p](const std::string& log_dir, std::move_only_function<void()> job) {
    p.directories->disk(log_dir).submit(std::move(job));
  };
  options.on_log_start_moved = [&p](const base::TopicPartition& id) {
    if (const auto partition = p.partitions.find(id.topic, id.partition)) {
      partition->on_log_start_moved();
    }
  };
  auto opened = co_await runtime::run_on(
      *p.disk, [&p, options] { return storage::LogManager::open(*p.files, p.random, options); });
  if (!opened) co_return base::fail(opened.error());
  p.logs = std::move(*opened);
  co_return base::Result<void>();
}

void Broker::on_directory_failed(const std::string& log_dir, const base::Error& error) {
  Parts& p = *parts_;
  LOG_ERROR("log directory {} is offline: {}", log_dir, error.to_string());
  if (p.replica_control != nullptr) p.replica_control->on_directory_failed(log_dir);
  const bool is_last = p.logs->live_directories().empty();
  p.control.post([this, log_dir, is_last] {
    if (is_last) {
      if (on_fatal_) on_fatal_("all log directories have failed, the last one was " + log_dir);
    } else if (parts_->log_dir_events != nullptr) {
      parts_->log_dir_events->announce();
    }
  });
}

runtime::Task<base::Result<void>> Broker::join_cluster() {
  Parts& p = *parts_;
  const auto config = p.config.get();
  cluster::ZkSessionOptions options;
  options.zookeeper = config->zookeeper;
  options.protocol = config->identity.inter_broker_protocol;
  options.log_directories = p.logs->live_directories();
  p.session = std::make_unique<cluster::ZkSession>(p.control, *p.resolver, *p.disk, *p.files,
                                                   std::move(options));
  CO_TRY(co_await p.session->connect());

  cluster::StoredIdentity stored;
  stored.cluster_id = p.logs->stored_cluster_id();
  if (const auto id = p.logs->stored_broker_id()) stored.broker_id = id->value();
  CO_TRY_ASSIGN(zkclient::Client* const client, zookeeper());
  CO_TRY_ASSIGN(auto identity,
                co_await cluster::prepare_cluster(*client, p.random, config->identity, stored));
  if (config->security.must_find_no_acl) {
    CO_TRY_ASSIGN(const auto acl, co_await cluster::find_acl(*client));
    if (acl) {
      co_return base::fail(
          base::Errc::unsupported,
          fmt::format("authorizer.class.name: ZooKeeper holds ACLs ({}), and authorization is not "
                      "built yet: starting without it would let everybody in; remove the line if "
                      "that is what you want",
                      *acl));
    }
  }
  p.cluster_id = identity.cluster_id;
  p.broker_id = identity.broker_id;
  apply_identity(p, identity);
  co_return co_await runtime::run_on(*p.disk, [&p] {
    return p.logs->check_identity(base::BrokerId(p.broker_id), p.cluster_id, p.clock().wall_ms());
  });
}

runtime::Task<base::Result<void>> Broker::load_logs() {
  Parts& p = *parts_;
  CO_TRY_ASSIGN(zkclient::Client* const client, zookeeper());
  CO_TRY(co_await p.config_store->load(*client));
  co_return co_await runtime::run_on(*p.disk, [&p] {
    return p.logs->load(executor_on(*p.disk), [&p] { return p.clock().wall_ms(); });
  });
}

void Broker::make_domain() {
  Parts& p = *parts_;
  const auto config = p.config.get();
  p.config_store = std::make_unique<cluster::ConfigStore>(p.control, p.broker_id);
  p.config_store->know_brokers(p.dynamic_default, p.dynamic_broker);
  p.topic_settings = std::make_unique<TopicSettings>(p.config, *p.config_store);
  p.fetch_sessions = std::make_unique<replication::FetchSessionTable>(
      static_cast<std::size_t>(config->network.fetch_session_cache_slots));
  replication::ReplicaControl::Options options;
  options.broker_id = base::BrokerId(p.broker_id);
  options.is_alive = [&p](base::BrokerId id) {
    return p.metadata.snapshot()->is_alive(id.value());
  };
  options.min_insync_replicas = [&p](const std::string& topic) {
    return p.topic_settings->of(topic)->topic.min_insync_replicas;
  };
  options.lane = [&p](const std::string& log_dir) -> runtime::WorkerPool& {
    return p.directories->orders(log_dir);
  };
  p.isr = std::make_unique<IsrService>(p);
  options.isr_keeper = &p.isr->keeper();
  p.replica_control = std::make_unique<replication::ReplicaControl>(
      std::move(options), p.partitions, *p.logs, p.clock(), *p.replica_orders);
  p.fetchers = make_fetchers(p);
  p.replica_control->set_followership(p.fetchers.get());
  p.group_coordinator = std::make_unique<groups::GroupCoordinator>(
      groups::Settings::from(*config), p.metadata, p.data_loops, *p.disk);
  p.replica_control->add_listener(p.group_coordinator.get());
  p.group_coordinator->start();
  p.consumer_offsets = std::make_unique<cluster::ConsumerOffsets>(*p.session);
  p.topic_admin = std::make_unique<cluster::TopicAdmin>(*p.session, p.metadata, p.config.get());
  p.controller_link = std::make_unique<cluster::ControllerLink>(p.control, *p.resolver, p.metadata,
                                                                config->network, p.broker_id);
  p.controller = make_controller(p);
  p.producer_ids = std::make_unique<transactions::ProducerIdSource>(*p.controller_link, p.broker_id,
                                                                    [&p] { return wire_epoch(p); });
  p.live_config = std::make_unique<LiveConfig>(p);
  p.dynamic_configs = std::make_unique<DynamicConfigs>(
      p.control, p.properties, p.config, *p.topic_settings, *p.logs, p.partitions, *p.live_config);
  p.config_store->add_listener(*p.dynamic_configs);
  p.session->add_listener(*p.config_store);
  if (config->identity.inter_broker_protocol >= config::InterBrokerProtocol::v2_7_iv0) {
    p.features = std::make_unique<cluster::FeatureWatch>(p.control);
    p.session->add_listener(*p.features);
  }
  p.session->add_listener(*p.controller);
  p.log_dir_events = std::make_unique<cluster::LogDirEvents>(p.control, p.broker_id);
  p.session->add_listener(*p.log_dir_events);
  p.upkeep = std::make_unique<Upkeep>(
      p.control,
      [&p](const std::string& log_dir) -> runtime::WorkerPool& {
        return p.directories->disk(log_dir);
      },
      *p.logs, [&p] { return p.replica_control->has_state(); });
  if (config->log.cleaner.enable) {
    p.cleaning = std::make_unique<Cleaning>(p.control, *p.logs, config->log.cleaner);
  }
}

// Whoever waited for the line "started" may create topics at once, which needs the live brokers, or
// read old ones, which the controller names in a second update.
runtime::Task<void> Broker::await_first_metadata() {
  Parts& p = *parts_;
  const std::int64_t deadline_ms = p.control.now_ms() + kFirstMetadataMs;
  const bool expects_topics = !p.logs->all().empty();
  for (;;) {
    const std::uint64_t version = p.metadata.version();
    const auto snapshot = p.metadata.snapshot();
    const bool has_topics = snapshot->topics.size() > 0 || !expects_topics;
    if (has_topics && snapshot->is_alive(p.broker_id)) co_return;
    const std::int64_t left_ms = std::max<std::int64_t>(0, deadline_ms - p.control.now_ms());
    const auto changed =
        co_await p.metadata.changed(version, left_ms, runtime::CancelToken(interrupted_));
    if (!changed) co_return;
  }
}

runtime::Task<void> Broker::interrupt() {
  Parts& p = *parts_;
  interrupted_.cancel();
  // From its registration on a broker may lead partitions: it stops in order.
  if (is_registered_) co_return;
  if (p.server != nullptr) p.server->cancel_start();
  if (p.logs != nullptr) p.logs->cancel_load();
  if (p.session != nullptr) co_await p.session->close();
}

// A handler that waits for ZooKeeper or for the controller must not hold the stop: after the time
// that answers are given, what it waits for ends.
runtime::Task<void> Broker::stop_serving() {
  Parts& p = *parts_;
  if (p.server == nullptr) co_return;
  struct Serving {
    explicit Serving(runtime::Loop& loop) : ended(loop) {}
    bool has_ended = false;
    runtime::Notify ended;
    static runtime::Task<void> end(Parts* parts, Serving* self) {
      co_await parts->server->stop(kAnswerGraceMs);
      if (parts->broker_addresses != nullptr) co_await parts->broker_addresses->stop();
      co_await parts->request_scopes->stop();
      self->has_ended = true;
      self->ended.notify_all();
    }
  };
  Serving serving(p.control);
  runtime::TaskScope scope(p.control, "stop serving");
  scope.spawn(Serving::end(&p, &serving));
  if (!serving.has_ended) (void)co_await serving.ended.wait(kAnswerGraceMs + kEndGraceMs);
  if (!serving.has_ended && p.session != nullptr) {
    LOG_WARN("requests still wait for ZooKeeper or for the controller; ending them");
    if (p.controller_link != nullptr) co_await p.controller_link->close();
    if (p.controller != nullptr) p.controller->stop();
    co_await p.session->close();
  }
  co_await scope.join();
}

runtime::Task<void> Broker::stop() {
  Parts& p = *parts_;
  if (is_registered_) co_await leave_leaderships(p);
  if (p.live_config != nullptr) co_await p.live_config->close();
  if (p.upkeep != nullptr) co_await p.upkeep->stop();
  if (p.cleaning != nullptr) co_await p.cleaning->stop();
  if (p.isr != nullptr) co_await p.isr->stop();
  if (p.dynamic_configs != nullptr) co_await p.dynamic_configs->stop();
  co_await stop_serving();
  if (p.fetchers != nullptr) co_await p.fetchers->stop();
  if (p.group_coordinator != nullptr) co_await p.group_coordinator->stop();
  if (p.controller_link != nullptr) co_await p.controller_link->close();
  if (p.controller != nullptr) p.controller->stop();
  if (p.logs != nullptr) {
    // Orders that nobody waits for any more, as their disk was slow.
    co_await p.directories->drain(p.config.get()->log.dirs);
    co_await runtime::run_on(*p.disk,
                             [&p] { p.logs->close(executor_on(*p.disk), p.clock().wall_ms()); });
    co_await p.directories->drain(p.logs->offline_directories());  // what was posted is done
  }
  // The registration goes with the session: last of all, when nothing of ours can be asked for.
  if (p.session != nullptr) co_await p.session->close();
  if (p.isr != nullptr) co_await p.isr->close();
  if (p.controller != nullptr) co_await p.controller->close();
  if (p.config_store != nullptr) co_await p.config_store->close();
  if (p.features != nullptr) co_await p.features->close();
  if (p.log_dir_events != nullptr) co_await p.log_dir_events->close();
  LOG_INFO("[KafkaServer id={}] shut down completed (kafka.server.KafkaServer)", p.broker_id);
}

}  // namespace server
