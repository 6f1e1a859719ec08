#include "broker/server/isr_service.h"

#include "broker/server/parts.h"

namespace server {

IsrService::IsrService(Parts& p) : states_(*p.session) {
  const auto config = p.config.get();
  const config::InterBrokerProtocol protocol = config->identity.inter_broker_protocol;
  replication::IsrRoute* route = nullptr;
  if (protocol >= config::InterBrokerProtocol::v2_7_iv2) {
    // A link of its own: a change of controller ends what is under way on it.
    link_ = std::make_unique<cluster::ControllerLink>(p.control, *p.resolver, p.metadata,
                                                      config->network, p.broker_id);
    by_controller_ = std::make_unique<replication::IsrByController>(
        *link_, p.metadata,
        replication::IsrByController::Options{
            .broker_id = p.broker_id,
            .broker_epoch =
                [&p] { return p.session->broker_epoch().value_or(base::BrokerEpoch(-1)).value(); },
            .protocol = protocol,
            .request_timeout_ms = config->network.request_timeout_ms});
    route = by_controller_.get();
  } else {
    by_zookeeper_ = std::make_unique<replication::IsrByZookeeper>(p.control, *p.session);
    route = by_zookeeper_.get();
  }
  replication::IsrChanges::Options options;
  options.lag_max_ms = config->replication.lag_time_max_ms;
  options.is_live = [&p](base::BrokerId id) { return p.metadata.snapshot()->is_alive(id.value()); };
  options.lane = [&p](const std::string& log_dir) -> runtime::WorkerPool& {
    return p.directories->orders(log_dir);
  };
  changes_ = std::make_unique<replication::IsrChanges>(p.control, std::move(options), p.partitions,
                                                       *route, states_);
}

void IsrService::start() {
  if (by_controller_ != nullptr) by_controller_->start();
  if (by_zookeeper_ != nullptr) by_zookeeper_->start();
  changes_->start();
}

runtime::Task<void> IsrService::stop() {
  changes_->cancel();
  if (by_zookeeper_ != nullptr) by_zookeeper_->cancel();
  if (link_ != nullptr) co_await link_->close();
}

runtime::Task<void> IsrService::close() {
  co_await changes_->close();
  if (by_zookeeper_ != nullptr) co_await by_zookeeper_->close();
}

}  // namespace server
