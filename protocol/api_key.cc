#include "protocol/api_key.h"

#include <array>
#include <cstddef>

namespace protocol {
namespace {

constexpr std::int16_t kNever = INT16_MAX;

constexpr auto kApis = std::to_array<ApiInfo>({
    {ApiKey::kProduce, "Produce", 0, 11, 9},
    {ApiKey::kFetch, "Fetch", 0, 17, 12},
    {ApiKey::kListOffsets, "ListOffsets", 0, 9, 6},
    {ApiKey::kMetadata, "Metadata", 0, 12, 9},
    {ApiKey::kLeaderAndIsr, "LeaderAndIsr", 0, 7, 4},
    {ApiKey::kStopReplica, "StopReplica", 0, 4, 2},
    {ApiKey::kUpdateMetadata, "UpdateMetadata", 0, 8, 6},
    {ApiKey::kControlledShutdown, "ControlledShutdown", 0, 3, 3},
    {ApiKey::kOffsetCommit, "OffsetCommit", 0, 9, 8},
    {ApiKey::kOffsetFetch, "OffsetFetch", 0, 9, 6},
    {ApiKey::kFindCoordinator, "FindCoordinator", 0, 6, 3},
    {ApiKey::kJoinGroup, "JoinGroup", 0, 9, 6},
    {ApiKey::kHeartbeat, "Heartbeat", 0, 4, 4},
    {ApiKey::kLeaveGroup, "LeaveGroup", 0, 5, 4},
    {ApiKey::kSyncGroup, "SyncGroup", 0, 5, 4},
    {ApiKey::kDescribeGroups, "DescribeGroups", 0, 5, 5},
    {ApiKey::kListGroups, "ListGroups", 0, 5, 3},
    {ApiKey::kSaslHandshake, "SaslHandshake", 0, 1, kNever},
    {ApiKey::kApiVersions, "ApiVersions", 0, 4, 3},
    {ApiKey::kCreateTopics, "CreateTopics", 0, 7, 5},
    {ApiKey::kDeleteTopics, "DeleteTopics", 0, 6, 4},
    {ApiKey::kDeleteRecords, "DeleteRecords", 0, 2, 2},
    {ApiKey::kInitProducerId, "InitProducerId", 0, 5, 2},
    {ApiKey::kOffsetForLeaderEpoch, "OffsetForLeaderEpoch", 0, 4, 4},
    {ApiKey::kAddPartitionsToTxn, "AddPartitionsToTxn", 0, 5, 3},
    {ApiKey::kAddOffsetsToTxn, "AddOffsetsToTxn", 0, 4, 3},
    {ApiKey::kEndTxn, "EndTxn", 0, 4, 3},
    {ApiKey::kWriteTxnMarkers, "WriteTxnMarkers", 0, 1, 1},
    {ApiKey::kTxnOffsetCommit, "TxnOffsetCommit", 0, 4, 3},
    {ApiKey::kDescribeAcls, "DescribeAcls", 0, 3, 2},
    {ApiKey::kCreateAcls, "CreateAcls", 0, 3, 2},
    {ApiKey::kDeleteAcls, "DeleteAcls", 0, 3, 2},
    {ApiKey::kDescribeConfigs, "DescribeConfigs", 0, 4, 4},
    {ApiKey::kAlterConfigs, "AlterConfigs", 0, 2, 2},
    {ApiKey::kAlterReplicaLogDirs, "AlterReplicaLogDirs", 0, 2, 2},
    {ApiKey::kDescribeLogDirs, "DescribeLogDirs", 0, 4, 2},
    {ApiKey::kSaslAuthenticate, "SaslAuthenticate", 0, 2, 2},
    {ApiKey::kCreatePartitions, "CreatePartitions", 0, 3, 2},
    {ApiKey::kCreateDelegationToken, "CreateDelegationToken", 0, 3, 2},
    {ApiKey::kRenewDelegationToken, "RenewDelegationToken", 0, 2, 2},
    {ApiKey::kExpireDelegationToken, "ExpireDelegationToken", 0, 2, 2},
    {ApiKey::kDescribeDelegationToken, "DescribeDelegationToken", 0, 3, 2},
    {ApiKey::kDeleteGroups, "DeleteGroups", 0, 2, 2},
    {ApiKey::kElectLeaders, "ElectLeaders", 0, 2, 2},
    {ApiKey::kIncrementalAlterConfigs, "IncrementalAlterConfigs", 0, 1, 1},
    {ApiKey::kAlterPartitionReassignments, "AlterPartitionReassignments", 0, 0, 0},
    {ApiKey::kListPartitionReassignments, "ListPartitionReassignments", 0, 0, 0},
    {ApiKey::kOffsetDelete, "OffsetDelete", 0, 0, kNever},
    {ApiKey::kDescribeClientQuotas, "DescribeClientQuotas", 0, 1, 1},
    {ApiKey::kAlterClientQuotas, "AlterClientQuotas", 0, 1, 1},
    {ApiKey::kDescribeUserScramCredentials, "DescribeUserScramCredentials", 0, 0, 0},
    {ApiKey::kAlterUserScramCredentials, "AlterUserScramCredentials", 0, 0, 0},
    {ApiKey::kAlterPartition, "AlterPartition", 0, 3, 0},
    {ApiKey::kUpdateFeatures, "UpdateFeatures", 0, 1, 0},
    {ApiKey::kEnvelope, "Envelope", 0, 0, 0},
    {ApiKey::kDescribeCluster, "DescribeCluster", 0, 1, 0},
    {ApiKey::kDescribeProducers, "DescribeProducers", 0, 0, 0},
    {ApiKey::kDescribeTransactions, "DescribeTransactions", 0, 0, 0},
    {ApiKey::kListTransactions, "ListTransactions", 0, 1, 0},
    {ApiKey::kAllocateProducerIds, "AllocateProducerIds", 0, 0, 0},
});

constexpr std::int16_t kKeyMax = static_cast<std::int16_t>(kApis.back().key);

// Position in kApis by key, -1 where there is none.
constexpr auto kPositions = [] {
  std::array<std::int8_t, kKeyMax + 1> positions{};
  positions.fill(-1);
  for (std::size_t i = 0; i < kApis.size(); ++i) {
    positions[static_cast<std::size_t>(kApis[i].key)] = static_cast<std::int8_t>(i);
  }
  return positions;
}();

}  // namespace

std::span<const ApiInfo> all_apis() { return kApis; }

const ApiInfo* find_api(std::int16_t key) {
  if (key < 0 || key > kKeyMax) return nullptr;
  const std::int8_t position = kPositions[static_cast<std::size_t>(key)];
  return position < 0 ? nullptr : &kApis[static_cast<std::size_t>(position)];
}

}  // namespace protocol
