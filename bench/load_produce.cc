#include <deque>
#include <thread>
#include <vector>

#include "bench/loads.h"
#include "bench/produce_requests.h"
#include "bench/wire_connection.h"

namespace bench {
namespace {

struct Share {
  std::int64_t requests = 0;
  std::vector<std::int64_t> latencies_ns;
  base::Result<void> outcome;
};

base::Result<void> produce(WireConnection connection, PreparedProduce request, Share& share,
                           std::int64_t in_flight_max) {
  std::deque<std::int64_t> sent_ns;
  std::int64_t sent = 0;
  for (std::int64_t answered = 0; answered < share.requests; ++answered) {
    while (sent < share.requests && sent - answered < in_flight_max) {
      request.set_correlation_id(static_cast<std::int32_t>(++sent));
      sent_ns.push_back(monotonic_ns());
      TRY(connection.send(request.frame()));
    }
    TRY_ASSIGN(const base::Bytes frame, connection.receive());
    TRY(check_produced(frame));
    share.latencies_ns.push_back(monotonic_ns() - sent_ns.front());
    sent_ns.pop_front();
  }
  return {};
}

}  // namespace

base::Result<LoadReport> run(const ProduceLoad& load) {
  std::vector<Share> shares(static_cast<std::size_t>(load.connections));
  std::vector<std::thread> threads;
  std::size_t batch_bytes = 0;
  const std::int64_t began_ns = monotonic_ns();
  base::Result<void> prepared;
  for (std::int64_t i = 0; i < load.connections; ++i) {
    auto connection = WireConnection::connect(load.port);
    auto request = PreparedProduce::make(load.topic, static_cast<std::int32_t>(i % load.partitions),
                                         load.batch);
    if (!connection || !request) {
      prepared = base::fail(connection ? request.error() : connection.error());
      break;
    }
    batch_bytes = request->batch_bytes();
    Share& share = shares[static_cast<std::size_t>(i)];
    share.requests =
        load.requests / load.connections + (i < load.requests % load.connections ? 1 : 0);
    threads.emplace_back([&share, in_flight = load.in_flight, connection = std::move(*connection),
                          request = std::move(*request)]() mutable {
      share.outcome = produce(std::move(connection), std::move(request), share, in_flight);
    });
  }
  for (std::thread& thread : threads) thread.join();
  TRY(prepared);
  LoadReport report;
  report.set_elapsed(monotonic_ns() - began_ns);
  for (const Share& share : shares) {
    TRY(share.outcome);
    report.add_latencies(share.latencies_ns);
  }
  report.add_count("requests", load.requests);
  report.add_count("records", load.requests * load.batch.records);
  report.add_count("bytes", load.requests * static_cast<std::int64_t>(batch_bytes));
  return report;
}

}  // namespace bench
