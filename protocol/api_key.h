// Purpose: the API keys of the protocol, and which APIs exist in ZooKeeper mode in which versions.
//
// Source: Kafka 3.9's message definitions. The version ranges are those of a 3.9 broker with
// ZooKeeper; ConsumerGroupHeartbeat and ConsumerGroupDescribe, which such a broker lists only to
// refuse them, are left out.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace protocol {

enum class ApiKey : std::int16_t {
  kProduce = 0,
  kFetch = 1,
  kListOffsets = 2,
  kMetadata = 3,
  kLeaderAndIsr = 4,
  kStopReplica = 5,
  kUpdateMetadata = 6,
  kControlledShutdown = 7,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kFindCoordinator = 10,
  kJoinGroup = 11,
  kHeartbeat = 12,
  kLeaveGroup = 13,
  kSyncGroup = 14,
  kDescribeGroups = 15,
  kListGroups = 16,
  kSaslHandshake = 17,
  kApiVersions = 18,
  kCreateTopics = 19,
  kDeleteTopics = 20,
  kDeleteRecords = 21,
  kInitProducerId = 22,
  kOffsetForLeaderEpoch = 23,
  kAddPartitionsToTxn = 24,
  kAddOffsetsToTxn = 25,
  kEndTxn = 26,
  kWriteTxnMarkers = 27,
  kTxnOffsetCommit = 28,
  kDescribeAcls = 29,
  kCreateAcls = 30,
  kDeleteAcls = 31,
  kDescribeConfigs = 32,
  kAlterConfigs = 33,
  kAlterReplicaLogDirs = 34,
  kDescribeLogDirs = 35,
  kSaslAuthenticate = 36,
  kCreatePartitions = 37,
  kCreateDelegationToken = 38,
  kRenewDelegationToken = 39,
  kExpireDelegationToken = 40,
  kDescribeDelegationToken = 41,
  kDeleteGroups = 42,
  kElectLeaders = 43,
  kIncrementalAlterConfigs = 44,
  kAlterPartitionReassignments = 45,
  kListPartitionReassignments = 46,
  kOffsetDelete = 47,
  kDescribeClientQuotas = 48,
  kAlterClientQuotas = 49,
  kDescribeUserScramCredentials = 50,
  kAlterUserScramCredentials = 51,
  kVote = 52,
  kBeginQuorumEpoch = 53,
  kEndQuorumEpoch = 54,
  kDescribeQuorum = 55,
  kAlterPartition = 56,
  kUpdateFeatures = 57,
  kEnvelope = 58,
  kFetchSnapshot = 59,
  kDescribeCluster = 60,
  kDescribeProducers = 61,
  kBrokerRegistration = 62,
  kBrokerHeartbeat = 63,
  kUnregisterBroker = 64,
  kDescribeTransactions = 65,
  kListTransactions = 66,
  kAllocateProducerIds = 67,
  kConsumerGroupHeartbeat = 68,
  kConsumerGroupDescribe = 69,
  kControllerRegistration = 70,
  kGetTelemetrySubscriptions = 71,
  kPushTelemetry = 72,
  kAssignReplicasToDirs = 73,
  kListClientMetricsResources = 74,
  kDescribeTopicPartitions = 75,
};

struct ApiInfo {
  ApiKey key;
  std::string_view name;  // "Fetch"
  std::int16_t min_version;
  std::int16_t max_version;
  std::int16_t first_flexible;  // INT16_MAX: none

  constexpr bool supports(std::int16_t version) const {
    return version >= min_version && version <= max_version;
  }
  constexpr bool is_flexible(std::int16_t version) const { return version >= first_flexible; }
};

// Every API of a broker in ZooKeeper mode, by ascending key.
std::span<const ApiInfo> all_apis();
// nullptr for a key that is unknown or not for ZooKeeper mode.
const ApiInfo* find_api(std::int16_t key);
inline const ApiInfo* find_api(ApiKey key) { return find_api(static_cast<std::int16_t>(key)); }

}  // namespace protocol
