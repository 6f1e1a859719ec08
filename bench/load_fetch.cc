#include <atomic>
#include <thread>
#include <vector>

#include "bench/fetcher.h"
#include "bench/loads.h"
#include "bench/produce_requests.h"
#include "bench/wire_connection.h"

namespace bench {
namespace {

struct Share {
  std::int64_t fetches = 0;
  std::int64_t empty_fetches = 0;
  std::int64_t bytes = 0;
  std::vector<std::int64_t> latencies_ns;
  base::Result<void> outcome;
};

// Until the records of the whole load have been read.
base::Result<void> follow_tail(Fetcher fetcher, std::int64_t end_offset, Share& share) {
  while (fetcher.position() < end_offset) {
    TRY_ASSIGN(const Fetcher::Fetched fetched, fetcher.fetch());
    ++share.fetches;
    share.bytes += static_cast<std::int64_t>(fetched.records.size());
    if (fetched.records.empty()) {
      ++share.empty_fetches;
    } else if (const std::int64_t sent_ns = stamped_ns(fetched.records); sent_ns > 0) {
      share.latencies_ns.push_back(monotonic_ns() - sent_ns);
    }
  }
  return {};
}

base::Result<void> produce_at_rate(WireConnection& connection, PreparedProduce& request,
                                   const TailLoad& load) {
  const std::int64_t began_ns = monotonic_ns();
  for (std::int64_t i = 0; i < load.requests; ++i) {
    const std::int64_t due_ns = began_ns + i * 1'000'000'000 / load.per_second;
    const std::int64_t left_ns = due_ns - monotonic_ns();
    if (left_ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(left_ns));
    request.set_correlation_id(static_cast<std::int32_t>(i));
    request.stamp(monotonic_ns());
    TRY(connection.send(request.frame()));
    TRY_ASSIGN(const base::Bytes frame, connection.receive());
    TRY(check_produced(frame));
  }
  return {};
}

// The end of the log as a fetch sees it. The offset that is asked for may be beyond it only by
// nothing: the log is read to its end first.
base::Result<std::int64_t> end_of_log(std::int64_t port, const std::string& topic) {
  TRY_ASSIGN(auto connection, WireConnection::connect(port));
  Fetcher fetcher(std::move(connection), topic, 0, {.max_wait_ms = 0, .min_bytes = 0});
  for (;;) {
    TRY_ASSIGN(const Fetcher::Fetched fetched, fetcher.fetch());
    if (fetcher.position() >= fetched.high_watermark) return fetcher.position();
  }
}

void add_shares(LoadReport& report, const std::vector<Share>& shares) {
  std::int64_t fetches = 0;
  std::int64_t empty_fetches = 0;
  std::int64_t bytes = 0;
  for (const Share& share : shares) {
    fetches += share.fetches;
    empty_fetches += share.empty_fetches;
    bytes += share.bytes;
    report.add_latencies(share.latencies_ns);
  }
  report.add_count("fetches", fetches);
  report.add_count("empty_fetches", empty_fetches);
  report.add_count("bytes", bytes);
}

base::Result<void> read_all(Fetcher fetcher, std::int64_t repeats, Share& share) {
  for (std::int64_t i = 0; i < repeats; ++i) {
    fetcher.seek(0);
    for (;;) {
      const std::int64_t asked_ns = monotonic_ns();
      TRY_ASSIGN(const Fetcher::Fetched fetched, fetcher.fetch());
      share.latencies_ns.push_back(monotonic_ns() - asked_ns);
      ++share.fetches;
      share.bytes += static_cast<std::int64_t>(fetched.records.size());
      if (fetcher.position() >= fetched.high_watermark) break;
      if (fetched.records.empty()) return base::fail(base::Errc::internal, "an empty fetch");
    }
  }
  return {};
}

}  // namespace

base::Result<LoadReport> run(const TailLoad& load) {
  TRY_ASSIGN(const std::int64_t start_offset, end_of_log(load.port, load.topic));
  const std::int64_t end_offset = start_offset + load.requests * load.batch.records;
  TRY_ASSIGN(auto producer, WireConnection::connect(load.port));
  TRY_ASSIGN(auto request, PreparedProduce::make(load.topic, 0, load.batch));
  std::vector<Share> shares(static_cast<std::size_t>(load.fetchers));
  std::vector<Fetcher> fetchers;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    TRY_ASSIGN(auto connection, WireConnection::connect(load.port));
    fetchers.emplace_back(std::move(connection), load.topic, 0, FetchLimits{});
    fetchers.back().seek(start_offset);
  }
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    threads.emplace_back(
        [&share = shares[i], end_offset, fetcher = std::move(fetchers[i])]() mutable {
          share.outcome = follow_tail(std::move(fetcher), end_offset, share);
        });
  }
  const std::int64_t began_ns = monotonic_ns();
  const auto produced = produce_at_rate(producer, request, load);
  for (std::thread& thread : threads) thread.join();
  TRY(produced);
  LoadReport report;
  report.set_elapsed(monotonic_ns() - began_ns);
  for (const Share& share : shares) TRY(share.outcome);
  report.add_count("requests", load.requests);
  add_shares(report, shares);
  return report;
}

base::Result<LoadReport> run(const CatchUpLoad& load) {
  std::vector<Share> shares(static_cast<std::size_t>(load.connections));
  std::vector<Fetcher> fetchers;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    TRY_ASSIGN(auto connection, WireConnection::connect(load.port));
    fetchers.emplace_back(std::move(connection), load.topic, static_cast<std::int32_t>(i),
                          FetchLimits{.max_bytes = static_cast<std::int32_t>(load.fetch_bytes)});
  }
  const std::int64_t began_ns = monotonic_ns();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    threads.emplace_back(
        [&share = shares[i], repeats = load.repeats, fetcher = std::move(fetchers[i])]() mutable {
          share.outcome = read_all(std::move(fetcher), repeats, share);
        });
  }
  for (std::thread& thread : threads) thread.join();
  LoadReport report;
  report.set_elapsed(monotonic_ns() - began_ns);
  for (const Share& share : shares) TRY(share.outcome);
  add_shares(report, shares);
  return report;
}

}  // namespace bench
