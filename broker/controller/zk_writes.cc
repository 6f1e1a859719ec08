#include "broker/controller/zk_writes.h"

#include <fmt/core.h>

#include <deque>
#include <optional>

#include "broker/cluster/znode_paths.h"
#include "broker/controller/controller_error.h"

namespace controller {

using zkclient::MultiResult;
using zkclient::Op;
using zkclient::ZkError;

namespace {

constexpr std::size_t kMultisInFlight = 2;
constexpr std::size_t kSinglesInFlight = 100;

// The error of the epoch check itself, which is the first operation of every multi.
base::Error fence_error(ZkError error) {
  if (error == ZkError::bad_version) return base::Error(ControllerErrc::moved);
  return base::Error(base::Errc::internal,
                     fmt::format("check of {}: {}", cluster::paths::kControllerEpoch,
                                 base::Error(error).to_string()));
}

}  // namespace

struct FencedWriter::Work {
  std::vector<Op> ops;
  std::vector<std::optional<Outcome>> outcomes;  // nullopt: undecided
  std::vector<bool> repeated;                    // an earlier attempt may have taken effect
};

std::vector<FencedWriter::Range> FencedWriter::split(const std::vector<Op>& ops) const {
  std::vector<Range> ranges;
  Range current;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const std::size_t size = ops[i].encoded_bytes(/*chroot_bytes=*/256);
    const bool is_full = current.end - current.begin >= kOperationsMax ||
                         (bytes + size > kMultiBytesMax && current.end > current.begin);
    if (is_full) {
      ranges.push_back(current);
      current.begin = i;
      bytes = 0;
    }
    current.end = i + 1;
    bytes += size;
  }
  if (current.end > current.begin) ranges.push_back(current);
  return ranges;
}

std::vector<Op> FencedWriter::fenced(const std::vector<Op>& ops, Range range) const {
  std::vector<Op> multi;
  multi.reserve(range.end - range.begin + 1);
  multi.push_back(Op::check(std::string(cluster::paths::kControllerEpoch), fence_));
  multi.insert(multi.end(), ops.begin() + static_cast<std::ptrdiff_t>(range.begin),
               ops.begin() + static_cast<std::ptrdiff_t>(range.end));
  return multi;
}

runtime::Task<base::Result<std::vector<FencedWriter::Outcome>>> FencedWriter::write(
    std::vector<Op> ops) {
  Work work{std::move(ops), {}, {}};
  work.outcomes.resize(work.ops.size());
  work.repeated.resize(work.ops.size());
  const std::vector<Range> ranges = split(work.ops);
  std::deque<runtime::Task<base::Result<MultiResult>>> in_flight;
  std::size_t next = 0;
  for (const Range range : ranges) {
    while (next < ranges.size() && in_flight.size() < kMultisInFlight) {
      CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
      in_flight.push_back(client->multi(fenced(work.ops, ranges[next++])));
    }
    const base::Result<MultiResult> answer = co_await in_flight.front();
    in_flight.pop_front();
    CO_TRY_ASSIGN(const bool is_decided, take_multi(work, range, answer));
    if (!is_decided) CO_TRY(co_await write_singly(work, range));
  }
  std::vector<Outcome> outcomes;
  outcomes.reserve(work.outcomes.size());
  for (const std::optional<Outcome>& outcome : work.outcomes) outcomes.push_back(*outcome);
  co_return outcomes;
}

runtime::Task<base::Result<void>> FencedWriter::write_all(std::vector<Op> ops, ZkError tolerated) {
  std::vector<std::string> paths;
  paths.reserve(ops.size());
  for (const Op& op : ops) paths.push_back(op.path);
  CO_TRY_ASSIGN(const std::vector<Outcome> outcomes, co_await write(std::move(ops)));
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].error != ZkError::ok && outcomes[i].error != tolerated) {
      co_return base::fail(outcomes[i].error, paths[i]);
    }
  }
  co_return base::Result<void>();
}

base::Result<bool> FencedWriter::take_multi(Work& work, Range range,
                                            const base::Result<MultiResult>& answer) const {
  if (!answer) {
    if (!is_transient(answer.error())) return base::fail(answer.error());
    for (std::size_t i = range.begin; i < range.end; ++i) work.repeated[i] = true;
    return false;
  }
  if (const auto failure = answer->first_error()) {
    if (failure->index == 0) return base::fail(fence_error(failure->error));
    return false;
  }
  for (std::size_t i = range.begin; i < range.end; ++i) {
    work.outcomes[i] = Outcome{ZkError::ok, answer->results[i - range.begin + 1].stat};
  }
  return true;
}

runtime::Task<base::Result<void>> FencedWriter::write_singly(Work& work, Range range) {
  for (;;) {
    CO_TRY_ASSIGN(const bool is_unfinished, co_await singly_once(work, range));
    if (!is_unfinished) break;
  }
  co_return co_await settle_repeated(work, range);
}

runtime::Task<base::Result<bool>> FencedWriter::singly_once(Work& work, Range range) {
  std::deque<std::pair<std::size_t, runtime::Task<base::Result<MultiResult>>>> in_flight;
  std::size_t next = range.begin;
  bool is_unfinished = false;
  for (;;) {
    while (next < range.end && in_flight.size() < kSinglesInFlight) {
      const std::size_t i = next++;
      if (work.outcomes[i]) continue;
      CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
      in_flight.emplace_back(i, client->multi(fenced(work.ops, {i, i + 1})));
    }
    if (in_flight.empty()) break;
    const std::size_t i = in_flight.front().first;
    const base::Result<MultiResult> answer = co_await in_flight.front().second;
    in_flight.pop_front();
    if (!answer) {
      if (!is_transient(answer.error())) co_return base::fail(answer.error());
      work.repeated[i] = true;
      is_unfinished = true;
      continue;
    }
    const auto failure = answer->first_error();
    if (failure && failure->index == 0) co_return base::fail(fence_error(failure->error));
    // It may have failed for want of an operation before it that is still undecided.
    if (failure && is_unfinished) continue;
    work.outcomes[i] =
        failure ? Outcome{failure->error, {}} : Outcome{ZkError::ok, answer->results[1].stat};
  }
  co_return is_unfinished;
}

runtime::Task<base::Result<void>> FencedWriter::settle_repeated(Work& work, Range range) {
  std::vector<std::size_t> doubtful;
  std::vector<std::string> paths;
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const Op& op = work.ops[i];
    const ZkError error = work.outcomes[i]->error;
    const bool is_doubtful = (op.kind == Op::Kind::create && error == ZkError::node_exists) ||
                             (op.kind == Op::Kind::set && error == ZkError::bad_version);
    if (work.repeated[i] && is_doubtful) {
      doubtful.push_back(i);
      paths.push_back(op.path);
    }
  }
  if (doubtful.empty()) co_return base::Result<void>();
  CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
  const std::vector<base::Result<zkclient::NodeData>> nodes = co_await client->get_many(paths);
  for (std::size_t k = 0; k < doubtful.size(); ++k) {
    const Op& op = work.ops[doubtful[k]];
    if (!nodes[k]) {
      if (!nodes[k].error().is(ZkError::no_node)) co_return base::fail(nodes[k].error());
      continue;
    }
    const bool is_next_version = op.kind == Op::Kind::create
                                     ? nodes[k]->stat.version == base::ZkVersion(0)
                                     : nodes[k]->stat.version == op.version + 1;
    if (nodes[k]->data == op.data && is_next_version) {
      work.outcomes[doubtful[k]] = Outcome{ZkError::ok, nodes[k]->stat};
    }
  }
  co_return base::Result<void>();
}

}  // namespace controller
