#include "broker/controller/zk_writes.h"

#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "broker/cluster/znode_paths.h"
#include "broker/controller/controller_error.h"

namespace controller {

using zkclient::MultiResult;
using zkclient::Op;
using zkclient::ZkError;

namespace {

constexpr std::size_t kMultisInFlight = 2;
constexpr std::size_t kSinglesInFlight = 100;
// The epoch check, the first operation of every multi.
constexpr std::size_t kFence = 0;
// How much longer a path may become by the chroot.
constexpr std::size_t kChrootBytes = 256;

// The error of the epoch check itself.
base::Error fence_error(ZkError error) {
  if (error == ZkError::bad_version) return base::Error(ControllerErrc::moved);
  return base::Error(base::Errc::internal,
                     fmt::format("check of {}: {}", cluster::paths::kControllerEpoch,
                                 base::Error(error).to_string()));
}

}  // namespace

void FencedWriter::Operation::take_answer(Outcome answer) {
  const bool may_be_its_own =
      (op.kind == Op::Kind::create && answer.error == ZkError::node_exists) ||
      (op.kind == Op::Kind::set && answer.error == ZkError::bad_version);
  const bool is_repetition = progress == Progress::in_doubt;
  progress = is_repetition && may_be_its_own ? Progress::to_check : Progress::done;
  outcome = std::move(answer);
}

void FencedWriter::Operation::check(const std::optional<zkclient::NodeData>& node) {
  progress = Progress::done;
  if (!node || node->data != op.data) return;
  const bool is_next_version = op.kind == Op::Kind::create
                                   ? node->stat.version == base::ZkVersion(0)
                                   : node->stat.version == op.version + 1;
  if (is_next_version) outcome = {ZkError::ok, node->stat};
}

std::vector<FencedWriter::Operations> FencedWriter::split(Operations all) {
  std::vector<Operations> pieces;
  std::size_t begin = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t size = all[i].op.encoded_bytes(kChrootBytes);
    const std::size_t count = i - begin;
    if (count > 0 && (count == kOperationsMax || bytes + size > kMultiBytesMax)) {
      pieces.push_back(all.subspan(begin, count));
      begin = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (begin < all.size()) pieces.push_back(all.subspan(begin));
  return pieces;
}

std::vector<Op> FencedWriter::fenced(Operations operations) const {
  std::vector<Op> multi;
  multi.reserve(operations.size() + 1);
  multi.push_back(Op::check(std::string(cluster::paths::kControllerEpoch), fence_));
  for (const Operation& operation : operations) multi.push_back(operation.op);
  return multi;
}

runtime::Task<base::Result<std::vector<FencedWriter::Outcome>>> FencedWriter::write(
    std::vector<Op> ops) {
  std::vector<Operation> operations;
  operations.reserve(ops.size());
  for (Op& op : ops) operations.push_back({std::move(op), Progress::unsent, {}});
  const std::vector<Operations> pieces = split(operations);
  std::deque<runtime::Task<base::Result<MultiResult>>> in_flight;
  std::size_t next = 0;
  for (const Operations piece : pieces) {
    while (next < pieces.size() && in_flight.size() < kMultisInFlight) {
      CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
      in_flight.push_back(client->multi(fenced(pieces[next++])));
    }
    const base::Result<MultiResult> answer = co_await in_flight.front();
    in_flight.pop_front();
    CO_TRY(take_multi(piece, answer));
    CO_TRY(co_await write_singly(piece));
  }
  std::vector<Outcome> outcomes;
  outcomes.reserve(operations.size());
  for (Operation& operation : operations) outcomes.push_back(std::move(operation.outcome));
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

base::Result<void> FencedWriter::take_multi(Operations operations,
                                            const base::Result<MultiResult>& answer) {
  if (!answer) {
    if (!is_transient(answer.error())) return base::fail(answer.error());
    for (Operation& operation : operations) operation.lose_answer();
    return {};
  }
  if (const auto failure = answer->first_error()) {
    // Nothing was written. One of them failed, which says nothing of the others.
    return failure->index == kFence ? base::fail(fence_error(failure->error))
                                    : base::Result<void>();
  }
  for (std::size_t i = 0; i < operations.size(); ++i) {
    operations[i].take_answer({ZkError::ok, answer->results[kFence + 1 + i].stat});
  }
  return {};
}

runtime::Task<base::Result<void>> FencedWriter::write_singly(Operations operations) {
  while (std::ranges::any_of(operations, &Operation::is_open)) {
    CO_TRY(co_await singly_once(operations));
  }
  co_return co_await check_repeated(operations);
}

runtime::Task<base::Result<void>> FencedWriter::singly_once(Operations operations) {
  std::deque<std::pair<std::size_t, runtime::Task<base::Result<MultiResult>>>> in_flight;
  std::size_t next = 0;
  bool has_lost_one = false;
  for (;;) {
    while (next < operations.size() && in_flight.size() < kSinglesInFlight) {
      const std::size_t i = next++;
      if (!operations[i].is_open()) continue;
      CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
      in_flight.emplace_back(i, client->multi(fenced(operations.subspan(i, 1))));
    }
    if (in_flight.empty()) break;
    Operation& operation = operations[in_flight.front().first];
    const base::Result<MultiResult> answer = co_await in_flight.front().second;
    in_flight.pop_front();
    if (!answer) {
      if (!is_transient(answer.error())) co_return base::fail(answer.error());
      operation.lose_answer();
      has_lost_one = true;
      continue;
    }
    const auto failure = answer->first_error();
    if (failure && failure->index == kFence) co_return base::fail(fence_error(failure->error));
    // It may have failed for want of an operation before it that is still open.
    if (failure && has_lost_one) continue;
    operation.take_answer(failure ? Outcome{failure->error, {}}
                                  : Outcome{ZkError::ok, answer->results[kFence + 1].stat});
  }
  co_return base::Result<void>();
}

runtime::Task<base::Result<void>> FencedWriter::check_repeated(Operations operations) {
  for (Operation& operation : operations) {
    while (operation.progress == Progress::to_check) {
      CO_TRY_ASSIGN(zkclient::Client * client, session_.client());
      auto node = co_await client->get(operation.op.path);
      if (node) {
        operation.check(std::move(*node));
      } else if (is_of_the_node(node.error())) {
        operation.check(std::nullopt);
      } else if (!is_transient(node.error())) {
        co_return base::fail(node.error());
      }
    }
  }
  co_return base::Result<void>();
}

}  // namespace controller
