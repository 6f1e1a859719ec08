// Purpose: the steps of Broker's start that only put things together.
#pragma once

#include "broker/cluster/startup.h"
#include "broker/server/parts.h"

namespace server {

// Memory budget, dispatcher and server; nothing is bound yet.
void make_network(Parts& parts);
// Takes what ZooKeeper said into the configuration: broker id, dynamic configs.
void apply_identity(Parts& parts, const cluster::ClusterIdentity& identity);
std::unique_ptr<controller::Controller> make_controller(Parts& parts);
// Of this broker's registration, as requests to the controller say it.
std::int64_t wire_epoch(const Parts& parts);
// Every API, registered in the dispatcher.
void make_apis(Parts& parts);
// What /brokers/ids/N shall say: advertised listeners, with bound ports and this host's name where
// the configuration leaves them open.
cluster::BrokerInfo registration_of(Parts& parts);

}  // namespace server
