// Purpose: what a tool of the multi-call binary is: a function from arguments to an exit code, and
// the failure that ends it with one line for the user.
//
// Exit codes are Kafka's: 0 done, 1 anything else. Results go to stdout, complaints to stderr
// (except where Kafka's tool puts them on stdout).
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tools {

// What --version prints: the Kafka release whose tools these behave like.
inline constexpr std::string_view kKafkaVersion = "3.9.0";

using Arguments = std::vector<std::string>;  // without the tool's name

// One line, complete and without a line end, telling what to do where that is known.
struct Failure {
  std::string message;

  Failure(std::string text) : message(std::move(text)) {}            // NOLINT: TRY converts
  Failure(const base::Error& error) : message(error.to_string()) {}  // NOLINT
};

template <class T = void>
using Outcome = std::expected<T, Failure>;

inline std::unexpected<Failure> failure(std::string message) {
  return std::unexpected<Failure>(std::move(message));
}

// The tools by their names; each takes its arguments and answers the exit code.
int kafka_topics(const Arguments& arguments);
int kafka_console_producer(const Arguments& arguments);
int kafka_console_consumer(const Arguments& arguments);
int kafka_consumer_groups(const Arguments& arguments);
int kafka_broker_api_versions(const Arguments& arguments);
int kafka_get_offsets(const Arguments& arguments);
int kafka_dump_log(const Arguments& arguments);
int kafka_verifiable_consumer(const Arguments& arguments);
int kafka_verifiable_producer(const Arguments& arguments);
int zookeeper_shell(const Arguments& arguments);

}  // namespace tools
