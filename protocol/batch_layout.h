// Purpose: where the fields of batches stand, counted from the start of a batch, and the bits of
// their attributes. Source: DefaultRecordBatch, LegacyRecord (an entry of v0 or v1 counts as its
// batch).
#pragma once

#include <cstddef>
#include <cstdint>

namespace protocol {

// What all formats have in common.
namespace batch_at {
inline constexpr std::size_t kBaseOffset = 0;  // v0, v1: of the last message inside
inline constexpr std::size_t kLength = 8;      // of what follows it
inline constexpr std::size_t kMagic = 16;
}  // namespace batch_at

namespace batch_v2_at {
inline constexpr std::size_t kLeaderEpoch = 12;
inline constexpr std::size_t kChecksum = 17;
inline constexpr std::size_t kAttributes = 21;  // the checksum covers from here on
inline constexpr std::size_t kLastOffsetDelta = 23;
inline constexpr std::size_t kBaseTimestamp = 27;
inline constexpr std::size_t kMaxTimestamp = 35;
inline constexpr std::size_t kProducerId = 43;
inline constexpr std::size_t kProducerEpoch = 51;
inline constexpr std::size_t kBaseSequence = 53;
inline constexpr std::size_t kRecordCount = 57;
inline constexpr std::size_t kRecords = 61;
}  // namespace batch_v2_at

namespace legacy_at {
inline constexpr std::size_t kChecksum = 12;  // covers from the magic on
inline constexpr std::size_t kAttributes = 17;
inline constexpr std::size_t kTimestamp = 18;    // v1
inline constexpr std::size_t kKey[] = {18, 26};  // by magic; key and value have an int32 length
inline constexpr std::size_t kLengthMin[] = {14, 22};  // by magic: no key and no value
}  // namespace legacy_at

// Of a control record: key (version, type) and, for the end of a transaction, value (version,
// coordinator epoch).
inline constexpr std::size_t kControlTypeAt = 2;
inline constexpr std::size_t kControlKeyBytes = 4;
inline constexpr std::size_t kMarkerEpochAt = 2;
inline constexpr std::size_t kMarkerValueBytes = 6;

namespace batch_attribute {
inline constexpr int kCodecMask = 0x07;
inline constexpr int kLogAppendTime = 0x08;
inline constexpr int kTransactional = 0x10;
inline constexpr int kControl = 0x20;
inline constexpr int kDeleteHorizon = 0x40;
}  // namespace batch_attribute

}  // namespace protocol
