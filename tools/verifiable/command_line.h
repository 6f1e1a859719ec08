// Purpose: what the two verifiable tools share on their command lines, by argparse4j's rules: help
// on stdout with exit code 0, one line on stderr and exit code 1 for what is wrong; and the signals
// that end them.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "config/properties.h"
#include "tools/option_parser.h"

namespace verifiable {

// The options, or the exit code with everything said. `required` and one of --bootstrap-server and
// --broker-list must be given.
std::expected<tools::Options, int> read_options(std::string_view program,
                                                const tools::OptionTable& table,
                                                const tools::Arguments& arguments,
                                                std::initializer_list<std::string_view> required);

// Prints the line; the exit code.
int usage_error(std::string_view program, std::string_view message);

// bootstrap.servers, which the newer of the two options wins.
void set_bootstrap(config::Properties& properties, const tools::Options& options);

// SIGINT and SIGTERM end the tool in order; a closed stdout does not end it.
void watch_signals();
// The signal that came; 0 if none did.
int received_signal();

}  // namespace verifiable
