#include <array>
#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "bench/loads.h"
#include "bench/wire_connection.h"
#include "protocol/error_code.h"
#include "protocol/gen/find_coordinator.h"
#include "protocol/gen/join_group.h"
#include "protocol/gen/offset_commit.h"
#include "protocol/gen/sync_group.h"

namespace bench {
namespace {

using protocol::ErrorCode;

constexpr std::int16_t kFindCoordinatorVersion = 3;
constexpr std::int16_t kOffsetCommitVersion = 8;
constexpr std::int16_t kJoinGroupVersion = 5;
constexpr std::int16_t kSyncGroupVersion = 3;
constexpr std::int64_t kLimitNs = 60'000'000'000;
constexpr std::int32_t kSessionTimeoutMs = 10'000;
constexpr std::int32_t kRebalanceTimeoutMs = 60'000;

std::string group_name(const std::string& prefix, std::int64_t number) {
  return prefix + "-" + std::to_string(number);
}

std::unexpected<base::Error> fail_with(const char* what, std::int16_t code) {
  return base::fail(base::Errc::internal,
                    std::string(what) + ": error code " + std::to_string(code));
}

bool is_to_be_asked_again(std::int16_t code) {
  const auto error = static_cast<ErrorCode>(code);
  return error == ErrorCode::kCoordinatorNotAvailable ||
         error == ErrorCode::kCoordinatorLoadInProgress || error == ErrorCode::kNotCoordinator ||
         error == ErrorCode::kUnknownTopicOrPartition;
}

// Makes the server create __consumer_offsets; true once it names the coordinator.
base::Result<bool> has_coordinator(WireConnection& connection, const std::string& group) {
  protocol::FindCoordinatorRequest request;
  request.key = group;
  TRY_ASSIGN(const auto response,
             connection.call<protocol::FindCoordinatorResponse>(request, kFindCoordinatorVersion));
  if (is_to_be_asked_again(response.error_code)) return false;
  if (response.error_code != 0) return fail_with("FindCoordinator", response.error_code);
  return true;
}

protocol::OffsetCommitRequest commit_of(const CommitLoad& load, std::int64_t number) {
  protocol::OffsetCommitRequest request;
  request.group_id = group_name(load.group, number % load.groups);
  auto& topic = request.topics.emplace_back();
  topic.name = load.topic;
  auto& partition = topic.partitions.emplace_back();
  partition.partition_index = 0;
  partition.committed_offset = number;
  return request;
}

base::Result<std::int16_t> commit(WireConnection& connection, const CommitLoad& load,
                                  std::int64_t number) {
  TRY_ASSIGN(const auto response, connection.call<protocol::OffsetCommitResponse>(
                                      commit_of(load, number), kOffsetCommitVersion));
  if (response.topics.size() != 1 || response.topics[0].partitions.size() != 1) {
    return base::fail(base::Errc::corrupt, "an answer to another commit");
  }
  return response.topics[0].partitions[0].error_code;
}

// Until a commit for each of the groups' partitions would be taken: all have been asked once.
base::Result<void> wait_until_served(WireConnection& connection, const CommitLoad& load) {
  const std::int64_t began_ns = monotonic_ns();
  for (std::int64_t i = 0; i < std::min<std::int64_t>(load.groups, 500);) {
    TRY_ASSIGN(const bool found, has_coordinator(connection, group_name(load.group, i)));
    std::int16_t code = static_cast<std::int16_t>(ErrorCode::kCoordinatorNotAvailable);
    if (found) {
      TRY_ASSIGN(code, commit(connection, load, i));
    }
    if (code == 0) {
      ++i;
      continue;
    }
    if (!is_to_be_asked_again(code)) return fail_with("OffsetCommit", code);
    if (monotonic_ns() - began_ns > kLimitNs) return fail_with("OffsetCommit", code);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {};
}

struct CommitShare {
  std::vector<std::int64_t> latencies_ns;
  base::Result<void> outcome;
};

// Connection `first` of `load.connections` sends every so-many-th commit at its time.
base::Result<void> commit_share(WireConnection connection, const CommitLoad& load,
                                std::int64_t first, std::int64_t began_ns, CommitShare& share) {
  for (std::int64_t i = first; i < load.requests; i += load.connections) {
    if (load.per_second > 0) {
      const std::int64_t due_ns = began_ns + i * 1'000'000'000 / load.per_second;
      const std::int64_t left_ns = due_ns - monotonic_ns();
      if (left_ns > 0) std::this_thread::sleep_for(std::chrono::nanoseconds(left_ns));
    }
    const std::int64_t asked_ns = monotonic_ns();
    TRY_ASSIGN(const std::int16_t code, commit(connection, load, i));
    if (code != 0) return fail_with("OffsetCommit", code);
    share.latencies_ns.push_back(monotonic_ns() - asked_ns);
  }
  return {};
}

struct Member {
  std::string id;
  std::int64_t joined_ns = 0;
  std::int64_t synced_ns = 0;
  std::int32_t generation = -1;
  base::Result<void> outcome;
};

base::Result<protocol::JoinGroupResponse> join_once(WireConnection& connection,
                                                    const JoinLoad& load,
                                                    const std::string& member_id) {
  protocol::JoinGroupRequest request;
  request.group_id = load.group;
  request.session_timeout_ms = kSessionTimeoutMs;
  request.rebalance_timeout_ms = kRebalanceTimeoutMs;
  request.member_id = member_id;
  request.protocol_type = "consumer";
  auto& range = request.protocols.emplace_back();
  range.name = "range";
  range.metadata = std::string("\0\1\0\0\0\1\0\1t\xff\xff\xff\xff\0\0\0\0", 17);
  return connection.call<protocol::JoinGroupResponse>(request, kJoinGroupVersion);
}

// A member that comes too late for a generation is told so and joins again.
base::Result<void> join_and_sync(WireConnection connection, const JoinLoad& load, Member& member) {
  for (;;) {
    TRY_ASSIGN(auto joined, join_once(connection, load, member.id));
    member.id = joined.member_id;
    if (static_cast<ErrorCode>(joined.error_code) == ErrorCode::kMemberIdRequired) continue;
    if (joined.error_code != 0) return fail_with("JoinGroup", joined.error_code);
    member.joined_ns = monotonic_ns();
    protocol::SyncGroupRequest request;
    request.group_id = load.group;
    request.generation_id = joined.generation_id;
    request.member_id = member.id;
    for (const auto& other : joined.members) {
      request.assignments.push_back({.member_id = other.member_id, .assignment = "assignment"});
    }
    TRY_ASSIGN(const auto synced,
               connection.call<protocol::SyncGroupResponse>(request, kSyncGroupVersion));
    if (static_cast<ErrorCode>(synced.error_code) == ErrorCode::kRebalanceInProgress) continue;
    if (synced.error_code != 0) return fail_with("SyncGroup", synced.error_code);
    if (synced.assignment != "assignment") return fail_with("SyncGroup without assignment", 0);
    member.synced_ns = monotonic_ns();
    member.generation = joined.generation_id;
    return {};
  }
}

}  // namespace

base::Result<LoadReport> run(const CommitLoad& load) {
  TRY_ASSIGN(auto first, WireConnection::connect(load.port));
  TRY(wait_until_served(first, load));
  std::vector<CommitShare> shares(static_cast<std::size_t>(load.connections));
  std::vector<WireConnection> connections;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    TRY_ASSIGN(auto connection, WireConnection::connect(load.port));
    connections.push_back(std::move(connection));
  }
  const std::int64_t began_ns = monotonic_ns();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    threads.emplace_back([&load, &share = shares[i], i, began_ns,
                          connection = std::move(connections[i])]() mutable {
      share.outcome =
          commit_share(std::move(connection), load, static_cast<std::int64_t>(i), began_ns, share);
    });
  }
  for (std::thread& thread : threads) thread.join();
  LoadReport report;
  report.set_elapsed(monotonic_ns() - began_ns);
  for (const CommitShare& share : shares) {
    TRY(share.outcome);
    report.add_latencies(share.latencies_ns);
  }
  report.add_count("requests", load.requests);
  report.add_count("bytes", load.requests);
  return report;
}

base::Result<LoadReport> run(const JoinLoad& load) {
  TRY_ASSIGN(auto first, WireConnection::connect(load.port));
  CommitLoad coordinator{.port = load.port, .topic = load.topic, .group = load.group};
  coordinator.groups = 1;
  TRY(wait_until_served(first, coordinator));
  std::vector<Member> members(static_cast<std::size_t>(load.members));
  std::vector<WireConnection> connections;
  for (std::size_t i = 0; i < members.size(); ++i) {
    TRY_ASSIGN(auto connection, WireConnection::connect(load.port));
    connections.push_back(std::move(connection));
  }
  std::latch start(1);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < members.size(); ++i) {
    threads.emplace_back(
        [&load, &start, &member = members[i], connection = std::move(connections[i])]() mutable {
          start.wait();
          member.outcome = join_and_sync(std::move(connection), load, member);
        });
  }
  const std::int64_t began_ns = monotonic_ns();
  start.count_down();
  for (std::thread& thread : threads) thread.join();
  LoadReport report;
  report.set_elapsed(monotonic_ns() - began_ns);
  for (const Member& member : members) {
    TRY(member.outcome);
    if (member.generation != members[0].generation) return fail_with("two generations", 0);
    report.add_latencies({member.synced_ns - began_ns});
  }
  report.add_count("members", load.members);
  report.add_count("generation", members[0].generation);
  return report;
}

}  // namespace bench
