// Purpose: the loads of the bench, each one call that returns when all of it is done. The program
// `loader` runs one of them; what is measured is the server, from outside.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "bench/load_report.h"
#include "protocol/compression.h"

namespace bench {

// The versions that are spoken: the newest that name topics by their names.
inline constexpr std::int16_t kProduceVersion = 9;
inline constexpr std::int16_t kFetchVersion = 12;

struct BatchShape {
  std::int64_t record_bytes = 100;
  std::int64_t records = 1;
  protocol::Codec codec = protocol::Codec::none;
};

// Creates `topics` topics named topic (one) or topic-0.. (several) and waits for their leaders.
struct CreateLoad {
  std::int64_t port = 0;
  std::string topic;
  std::int64_t topics = 1;
  std::int64_t partitions = 1;
};
base::Result<LoadReport> run(const CreateLoad& load);

// Connections that each keep so many one-batch requests under way; acks=1.
struct ProduceLoad {
  std::int64_t port = 0;
  std::string topic;
  std::int64_t partitions = 1;  // connection i writes to partition i % partitions
  std::int64_t connections = 1;
  std::int64_t in_flight = 1;  // per connection
  std::int64_t requests = 1;   // of all connections
  BatchShape batch;
};
base::Result<LoadReport> run(const ProduceLoad& load);

// One producer sends `requests` at a fixed rate to partition 0; fetchers wait at its tail, each
// with a fetch session of its own. The latency is from send to arrival.
struct TailLoad {
  std::int64_t port = 0;
  std::string topic;
  std::int64_t fetchers = 1;
  std::int64_t requests = 1;
  std::int64_t per_second = 1000;
  BatchShape batch;
};
base::Result<LoadReport> run(const TailLoad& load);

// Connection i reads partition i from its start to the high watermark, `repeats` times.
struct CatchUpLoad {
  std::int64_t port = 0;
  std::string topic;
  std::int64_t connections = 1;
  std::int64_t fetch_bytes = 1 << 20;
  std::int64_t repeats = 1;
};
base::Result<LoadReport> run(const CatchUpLoad& load);

// Commits of one partition each, in turn for groups `group`-0.. without members, through
// connections with one request under way each. per_second 0: as fast as it goes. Every group's
// coordinator has been asked once before the time is taken.
struct CommitLoad {
  std::int64_t port = 0;
  std::string topic;  // has a partition 0
  std::string group = "bench";
  std::int64_t groups = 500;
  std::int64_t connections = 8;
  std::int64_t requests = 1;
  std::int64_t per_second = 0;
};
base::Result<LoadReport> run(const CommitLoad& load);

// So many members, each on a connection of its own, join one new group at once and get their
// assignments from the leader; the latencies are from the first join to each one's assignment.
struct JoinLoad {
  std::int64_t port = 0;
  std::string topic;
  std::string group = "joiners";
  std::int64_t members = 500;
};
base::Result<LoadReport> run(const JoinLoad& load);

}  // namespace bench
