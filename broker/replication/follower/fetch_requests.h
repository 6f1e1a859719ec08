// Purpose: the requests of a follower to its leader, in the versions of the inter-broker protocol:
// Fetch, OffsetForLeaderEpoch, ListOffsets. Pure functions: plans in, messages out.
//
// Versions are not negotiated: both sides know the protocol version of the cluster.
// Source: MetadataVersion.java, RemoteLeaderEndPoint (3.9).
#pragma once

#include <vector>

#include "broker/replication/follower/fetch_core.h"
#include "config/inter_broker_protocol.h"
#include "protocol/gen/fetch.h"
#include "protocol/gen/list_offsets.h"
#include "protocol/gen/offset_for_leader_epoch.h"

namespace replication::follower {

// The oldest version that carries the batches we store.
inline constexpr std::int16_t kFetchVersionMin = 4;
inline constexpr std::int16_t kFirstSessionVersion = 7;
inline constexpr std::int16_t kFirstDivergenceVersion = 12;
inline constexpr std::int16_t kFirstTopicIdVersion = 13;

struct RequestVersions {
  std::int16_t fetch = 0;
  std::int16_t offset_for_leader_epoch = 0;
  std::int16_t list_offsets = 0;
  bool asks_epochs = true;  // false: OffsetForLeaderEpoch is not used

  static RequestVersions of(config::InterBrokerProtocol protocol);
};

struct FetchSizes {
  std::int32_t min_bytes = 1;
  std::int32_t max_bytes = 10 * 1024 * 1024;
  std::int32_t partition_max_bytes = 1024 * 1024;
};

struct FollowerId {
  base::BrokerId id;
  std::int64_t broker_epoch = -1;
};

// Views into the plan's partitions: encode it before the core changes.
protocol::FetchRequest fetch_request(const FetchPlan& plan, const FetchSizes& sizes,
                                     const FollowerId& follower, std::int16_t version);
protocol::OffsetForLeaderEpochRequest epoch_request(const std::vector<Question>& questions,
                                                    const FollowerId& follower);
// kEarliest or kLatest.
inline constexpr std::int64_t kEarliestTimestamp = -2;
inline constexpr std::int64_t kLatestTimestamp = -1;
protocol::ListOffsetsRequest range_request(const std::vector<Question>& questions,
                                           const FollowerId& follower, std::int64_t timestamp);

}  // namespace replication::follower
