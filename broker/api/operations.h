// Purpose: the bit sets of "authorized operations" (KIP-430). Without an authorizer everything that
// a resource type knows is allowed.
#pragma once

#include <cstdint>

namespace api {

inline constexpr std::int32_t kOperationsNotAsked = INT32_MIN;

// Bits are 1 << AclOperation code. Topic: Read, Write, Create, Delete, Alter, Describe,
// DescribeConfigs, AlterConfigs. Cluster: Create, Alter, Describe, ClusterAction,
// DescribeConfigs, AlterConfigs, IdempotentWrite. Group: Read, Delete, Describe. Source:
// AclEntry.supportedOperations.
inline constexpr std::int32_t kAllTopicOperations =
    1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
inline constexpr std::int32_t kAllClusterOperations =
    1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;
inline constexpr std::int32_t kAllGroupOperations = 1 << 3 | 1 << 6 | 1 << 8;

}  // namespace api
