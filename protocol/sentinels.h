// Purpose: numbers of the wire that stand for something that is no number. In our own code what may
// be absent is a std::optional; these are for the place where it goes onto the wire or comes from
// it. Those of records are in protocol/record_batch.h.
#pragma once

#include <cstdint>

namespace protocol {

inline constexpr std::int64_t kNoOffset = -1;
inline constexpr std::int16_t kAcksAll = -1;  // of Produce: all replicas in sync
// Id and port of a node that is not there (Java's Node.noNode()).
inline constexpr std::int32_t kNoNode = -1;
inline constexpr std::int64_t kNoBrokerEpoch = -1;
// Of CreateTopics: in a request "as the broker's setting says" (KIP-464), in an answer "unknown".
inline constexpr std::int16_t kNoCount = -1;

}  // namespace protocol
