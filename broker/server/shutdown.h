// Purpose: controlled shutdown, the stopping broker's side: the controller moves its leaderships.
#pragma once

#include "broker/server/parts.h"

namespace server {

// Asks up to controlled.shutdown.max.retries times, a few seconds in all; goes on without success.
runtime::Task<void> leave_leaderships(Parts& parts);

}  // namespace server
