// The load generator: raw Kafka protocol over plain sockets, one thread for each connection.
//
//   loader create   --port N --topic T [--topics N] [--partitions N]
//   loader produce  --port N --topic T [--partitions N] [--connections N] [--in-flight N]
//                   [--requests N] [--record-bytes N] [--records N] [--codec none|lz4|..]
//   loader tail     --port N --topic T [--fetchers N] [--requests N] [--per-second N]
//                   [--record-bytes N]
//   loader catch-up --port N --topic T [--connections N] [--fetch-bytes N] [--repeats N]
//   loader commit   --port N --topic T [--group PREFIX] [--groups N] [--connections N]
//                   [--requests N] [--per-second N]
//   loader join     --port N --topic T [--group G] [--members N]
//
// Prints one JSON object; a failure is one line on stderr and exit code 1.
#include <fmt/format.h>

#include <cstdio>
#include <string_view>

#include "bench/loads.h"
#include "bench/options.h"

namespace bench {
namespace {

template <class Load>
base::Result<LoadReport> checked_run(const Options& options, const Load& load) {
  TRY(options.check_used());
  if (load.port <= 0 || load.topic.empty()) {
    return base::fail(base::Errc::invalid_argument, "--port and --topic are needed");
  }
  return run(load);
}

// What every load is told.
template <class Load>
Load addressed(Options& options) {
  Load load;
  load.port = options.number("port", 0);
  load.topic = options.text("topic");
  return load;
}

base::Result<BatchShape> batch_shape(Options& options) {
  BatchShape shape;
  shape.record_bytes = options.number("record-bytes", shape.record_bytes);
  shape.records = options.number("records", shape.records);
  const std::string codec = options.text("codec", "none");
  const auto parsed = protocol::parse_codec(codec);
  if (!parsed) return base::fail(base::Errc::invalid_argument, "no codec: " + codec);
  shape.codec = *parsed;
  return shape;
}

base::Result<LoadReport> produce(Options& options) {
  auto load = addressed<ProduceLoad>(options);
  load.partitions = options.number("partitions", load.partitions);
  load.connections = options.number("connections", load.connections);
  load.in_flight = options.number("in-flight", load.in_flight);
  load.requests = options.number("requests", load.requests);
  TRY_ASSIGN(load.batch, batch_shape(options));
  return checked_run(options, load);
}

base::Result<LoadReport> tail(Options& options) {
  auto load = addressed<TailLoad>(options);
  load.fetchers = options.number("fetchers", load.fetchers);
  load.requests = options.number("requests", load.requests);
  load.per_second = options.number("per-second", load.per_second);
  TRY_ASSIGN(load.batch, batch_shape(options));
  return checked_run(options, load);
}

base::Result<LoadReport> catch_up(Options& options) {
  auto load = addressed<CatchUpLoad>(options);
  load.connections = options.number("connections", load.connections);
  load.fetch_bytes = options.number("fetch-bytes", load.fetch_bytes);
  load.repeats = options.number("repeats", load.repeats);
  return checked_run(options, load);
}

base::Result<LoadReport> commit(Options& options) {
  auto load = addressed<CommitLoad>(options);
  load.group = options.text("group", load.group);
  load.groups = options.number("groups", load.groups);
  load.connections = options.number("connections", load.connections);
  load.requests = options.number("requests", load.requests);
  load.per_second = options.number("per-second", load.per_second);
  return checked_run(options, load);
}

base::Result<LoadReport> join(Options& options) {
  auto load = addressed<JoinLoad>(options);
  load.group = options.text("group", load.group);
  load.members = options.number("members", load.members);
  return checked_run(options, load);
}

base::Result<LoadReport> create(Options& options) {
  auto load = addressed<CreateLoad>(options);
  load.topics = options.number("topics", load.topics);
  load.partitions = options.number("partitions", load.partitions);
  return checked_run(options, load);
}

base::Result<LoadReport> run_mode(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  TRY_ASSIGN(Options options, Options::parse(argc, argv, 2));
  if (mode == "produce") return produce(options);
  if (mode == "tail") return tail(options);
  if (mode == "catch-up") return catch_up(options);
  if (mode == "create") return create(options);
  if (mode == "commit") return commit(options);
  if (mode == "join") return join(options);
  return base::fail(base::Errc::invalid_argument,
                    "loader create|produce|tail|catch-up|commit|join ...");
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  auto report = bench::run_mode(argc, argv);
  if (!report) {
    fmt::print(stderr, "loader: {}\n", report.error().to_string());
    return 1;
  }
  fmt::print("{}\n", report->to_json());
  return 0;
}
