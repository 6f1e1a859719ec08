// Purpose: where the broker's own log lines go, and what configuration says about them.
#pragma once

#include <string>

#include "config/server_config.h"

namespace server {

// Before anything is logged: $LOG_DIR/server.log, and the terminal or what stands for it
// ($BARNABAS_CONSOLE_FILE, which kafka-server-start.sh -daemon sets).
void start_broker_logging();
// At the start and after each dynamic change.
void apply_logging(const config::LoggingConfig& logging);
// Whether SIGHUP opens the files anew: not where it says that the terminal has gone.
bool reopens_on_hangup();

// Why the broker does not start: in the log, and once for whoever sees stdout and stderr.
void say_failure(const std::string& line);

}  // namespace server
