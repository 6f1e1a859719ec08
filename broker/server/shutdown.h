// Purpose: controlled shutdown, the stopping broker's side: the controller moves its leaderships.
#pragma once

#include "broker/server/parts.h"

namespace server {

// Asks controlled.shutdown.max.retries times, each time for controller.socket.timeout.ms at most,
// controlled.shutdown.retry.backoff.ms apart; goes on without success. Without ZooKeeper or without
// a controller nobody could take the leaderships: then it ends 3 s after either was last seen.
runtime::Task<void> leave_leaderships(Parts& parts);

}  // namespace server
