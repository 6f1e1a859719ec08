// Purpose: the records of __consumer_offsets: keys and values in every version that Kafka has
// written, and the batches that this broker writes. Pure; any thread.
//
// What is read may come from any broker of the past or from a damaged disk: it gives an Error, not
// a crash. Keys of unknown versions (newer brokers) are to be skipped (KIP-915).
// Source: OffsetCommitKey/Value.json, GroupMetadataKey/Value.json, GroupMetadataManager (3.9).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/result.h"
#include "broker/groups/group_types.h"
#include "config/inter_broker_protocol.h"
#include "protocol/record_batch_builder.h"

namespace groups {

inline constexpr std::int64_t kNoExpireTimestamp = -1;

// The partition of __consumer_offsets that a group lives in. count > 0.
std::int32_t partition_of(std::string_view group_id, std::int32_t count);

// Views into the key's bytes.
struct OffsetKey {
  std::string_view group_id;
  std::string_view topic;
  std::int32_t partition = 0;
};
struct GroupKey {
  std::string_view group_id;
};
struct UnknownKey {
  std::int16_t version = 0;
};
using RecordKey = std::variant<OffsetKey, GroupKey, UnknownKey>;

struct CommittedOffset {
  std::int64_t offset = -1;
  std::int32_t leader_epoch = -1;  // -1: not given
  std::string metadata;
  std::int64_t commit_timestamp_ms = -1;
  std::int64_t expire_timestamp_ms = kNoExpireTimestamp;  // set by old clients' retention time

  bool operator==(const CommittedOffset&) const = default;
};

// Keys and values begin with their version. Errc::corrupt.
base::Result<std::int16_t> record_version(base::Bytes key_or_value);
inline constexpr std::int16_t kLastValueVersion = 4;

// Errc::corrupt; Errc::unsupported for a value of a version that we do not know.
base::Result<RecordKey> decode_key(base::Bytes key);
base::Result<CommittedOffset> decode_offset_value(base::Bytes value);
base::Result<GroupRecord> decode_group_value(base::Bytes value);

// Value versions go by inter.broker.protocol.version, so that older brokers can read them.
base::Buffer encode_offset_key(const OffsetKey& key);
base::Buffer encode_offset_value(const CommittedOffset& value, config::InterBrokerProtocol ibp);
base::Buffer encode_group_key(std::string_view group_id);
base::Buffer encode_group_value(const GroupRecord& value, config::InterBrokerProtocol ibp);

// One batch of such records, all with the same time.
class RecordsBuilder {
 public:
  // As Kafka writes them, batches of offsets carry a base sequence of 0, those of a group -1.
  enum class Kind { offsets, group };
  RecordsBuilder(Kind kind, protocol::Codec codec, config::InterBrokerProtocol ibp,
                 std::int64_t wall_ms);

  void add_offset(const OffsetKey& key, const CommittedOffset& value);
  void add_offset_tombstone(const OffsetKey& key);
  void add_group(std::string_view group_id, const GroupRecord& value);
  void add_group_tombstone(std::string_view group_id);

  bool empty() const { return builder_.record_count() == 0; }
  base::Result<base::Buffer> build() { return builder_.build(); }

 private:
  const config::InterBrokerProtocol ibp_;
  const std::int64_t wall_ms_;
  protocol::RecordBatchBuilder builder_;
};

}  // namespace groups
