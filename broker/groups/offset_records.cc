#include "broker/groups/offset_records.h"

#include <utility>

#include "base/java_string.h"
#include "protocol/reader.h"
#include "protocol/record_batch.h"
#include "protocol/writer.h"

namespace groups {
namespace {

using config::InterBrokerProtocol;
using protocol::Reader;
using protocol::Writer;

constexpr std::int16_t kOffsetKeyVersion = 1;  // 0 means the same
constexpr std::int16_t kGroupKeyVersion = 2;
constexpr std::int16_t kFirstFlexibleValue = 4;  // of both values
// A member without its strings' content, in the shortest version.
constexpr std::size_t kMemberSizeMin = 15;

std::int16_t offset_value_version(const CommittedOffset& value, InterBrokerProtocol ibp) {
  if (ibp < InterBrokerProtocol::v2_1_iv0 || value.expire_timestamp_ms != kNoExpireTimestamp) {
    return 1;
  }
  return ibp < InterBrokerProtocol::v2_1_iv1 ? 2 : 3;
}

std::int16_t group_value_version(InterBrokerProtocol ibp) {
  if (ibp < InterBrokerProtocol::v0_10_1_iv0) return 0;
  if (ibp < InterBrokerProtocol::v2_1_iv0) return 1;
  return ibp < InterBrokerProtocol::v2_3_iv0 ? 2 : 3;
}

base::Result<std::int16_t> read_value_version(Reader& reader, const char* what) {
  const std::int16_t version = reader.read_int16();
  TRY(reader.status());
  if (version < 0 || version > kLastValueVersion) {
    return base::fail(base::Errc::unsupported,
                      std::string(what) + " of version " + std::to_string(version));
  }
  return version;
}

GroupRecord::Member read_member(Reader& reader, std::int16_t version) {
  const bool compact = version >= kFirstFlexibleValue;
  GroupRecord::Member member;
  member.member_id = reader.read_string(compact);
  if (version >= 3) member.instance_id = reader.read_nullable_string(compact);
  member.client_id = reader.read_string(compact);
  member.client_host = reader.read_string(compact);
  if (version >= 1) member.rebalance_timeout_ms = reader.read_int32();
  member.session_timeout_ms = reader.read_int32();
  if (version == 0) member.rebalance_timeout_ms = member.session_timeout_ms;
  member.subscription = reader.read_bytes(compact);
  member.assignment = reader.read_bytes(compact);
  if (compact) reader.skip_tagged_fields();
  return member;
}

void write_member(Writer& writer, const GroupRecord::Member& member, std::int16_t version) {
  writer.write_string(member.member_id, false);
  if (version >= 3) writer.write_nullable_string(member.instance_id, false);
  writer.write_string(member.client_id, false);
  writer.write_string(member.client_host, false);
  if (version >= 1) writer.write_int32(member.rebalance_timeout_ms);
  writer.write_int32(member.session_timeout_ms);
  writer.write_bytes(std::string_view(member.subscription), false);
  writer.write_bytes(std::string_view(member.assignment), false);
}

}  // namespace

std::int32_t partition_of(std::string_view group_id, std::int32_t count) {
  return base::java_hash_partition(group_id, count);
}

base::Result<std::int16_t> record_version(base::Bytes key_or_value) {
  Reader reader(key_or_value);
  const std::int16_t version = reader.read_int16();
  TRY(reader.status());
  return version;
}

base::Result<RecordKey> decode_key(base::Bytes key) {
  Reader reader(key);
  const std::int16_t version = reader.read_int16();
  TRY(reader.status());
  if (version < 0 || version > kGroupKeyVersion) return RecordKey(UnknownKey{version});
  if (version == kGroupKeyVersion) {
    const GroupKey group{reader.read_string_view(false)};
    TRY(reader.status());
    return RecordKey(group);
  }
  OffsetKey offset;
  offset.group_id = reader.read_string_view(false);
  offset.topic = reader.read_string_view(false);
  offset.partition = reader.read_int32();
  TRY(reader.status());
  return RecordKey(offset);
}

base::Result<CommittedOffset> decode_offset_value(base::Bytes bytes) {
  Reader reader(bytes);
  TRY_ASSIGN(const std::int16_t version, read_value_version(reader, "committed offset"));
  const bool compact = version >= kFirstFlexibleValue;
  CommittedOffset value;
  value.offset = reader.read_int64();
  if (version >= 3) value.leader_epoch = reader.read_int32();
  value.metadata = reader.read_string(compact);
  value.commit_timestamp_ms = reader.read_int64();
  if (version == 1) value.expire_timestamp_ms = reader.read_int64();
  if (compact) reader.skip_tagged_fields();
  TRY(reader.status());
  return value;
}

base::Result<GroupRecord> decode_group_value(base::Bytes bytes) {
  Reader reader(bytes);
  TRY_ASSIGN(const std::int16_t version, read_value_version(reader, "group metadata"));
  const bool compact = version >= kFirstFlexibleValue;
  GroupRecord value;
  value.protocol_type = reader.read_string(compact);
  value.generation = reader.read_int32();
  value.protocol = reader.read_nullable_string(compact);
  value.leader = reader.read_nullable_string(compact);
  if (version >= 2) {
    const std::int64_t timestamp_ms = reader.read_int64();
    if (timestamp_ms >= 0) value.state_timestamp_ms = timestamp_ms;
  }
  const std::size_t count = reader.read_count(compact, kMemberSizeMin);
  value.members.reserve(protocol::reserve_count(count));
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    value.members.push_back(read_member(reader, version));
  }
  if (compact) reader.skip_tagged_fields();
  TRY(reader.status());
  return value;
}

base::Buffer encode_offset_key(const OffsetKey& key) {
  Writer writer;
  writer.write_int16(kOffsetKeyVersion);
  writer.write_string(key.group_id, false);
  writer.write_string(key.topic, false);
  writer.write_int32(key.partition);
  return writer.take();
}

base::Buffer encode_group_key(std::string_view group_id) {
  Writer writer;
  writer.write_int16(kGroupKeyVersion);
  writer.write_string(group_id, false);
  return writer.take();
}

base::Buffer encode_offset_value(const CommittedOffset& value, InterBrokerProtocol ibp) {
  const std::int16_t version = offset_value_version(value, ibp);
  Writer writer;
  writer.write_int16(version);
  writer.write_int64(value.offset);
  if (version >= 3) writer.write_int32(value.leader_epoch);
  writer.write_string(value.metadata, false);
  writer.write_int64(value.commit_timestamp_ms);
  if (version == 1) writer.write_int64(value.expire_timestamp_ms);
  return writer.take();
}

base::Buffer encode_group_value(const GroupRecord& value, InterBrokerProtocol ibp) {
  const std::int16_t version = group_value_version(ibp);
  Writer writer;
  writer.write_int16(version);
  writer.write_string(value.protocol_type, false);
  writer.write_int32(value.generation);
  writer.write_nullable_string(value.protocol, false);
  writer.write_nullable_string(value.leader, false);
  if (version >= 2) writer.write_int64(value.state_timestamp_ms.value_or(protocol::kNoTimestamp));
  writer.write_count(value.members.size(), false);
  for (const auto& member : value.members) write_member(writer, member, version);
  return writer.take();
}

// --- batches ------------------------------------------------------------------------------------

namespace {

protocol::BatchOptions batch_options(RecordsBuilder::Kind kind, protocol::Codec codec) {
  protocol::BatchOptions options;
  options.codec = codec;
  options.base_sequence = kind == RecordsBuilder::Kind::offsets ? 0 : protocol::kNoSequence;
  return options;
}

}  // namespace

RecordsBuilder::RecordsBuilder(Kind kind, protocol::Codec codec, InterBrokerProtocol ibp,
                               std::int64_t wall_ms)
    : ibp_(ibp), wall_ms_(wall_ms), builder_(batch_options(kind, codec)) {}

void RecordsBuilder::add_offset(const OffsetKey& key, const CommittedOffset& value) {
  builder_.append(wall_ms_, encode_offset_key(key).bytes(),
                  encode_offset_value(value, ibp_).bytes());
}

void RecordsBuilder::add_offset_tombstone(const OffsetKey& key) {
  builder_.append(wall_ms_, encode_offset_key(key).bytes(), std::nullopt);
}

void RecordsBuilder::add_group(std::string_view group_id, const GroupRecord& value) {
  builder_.append(wall_ms_, encode_group_key(group_id).bytes(),
                  encode_group_value(value, ibp_).bytes());
}

void RecordsBuilder::add_group_tombstone(std::string_view group_id) {
  builder_.append(wall_ms_, encode_group_key(group_id).bytes(), std::nullopt);
}

}  // namespace groups
