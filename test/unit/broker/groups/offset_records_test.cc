// Goal: the records of __consumer_offsets are those that Kafka writes and reads, in every version,
// and bytes that make no sense are an error.
#include <doctest/doctest.h>

#include "broker/groups/offset_records.h"
#include "protocol/writer.h"

using namespace groups;
using config::InterBrokerProtocol;

namespace {

std::string hex(const base::Buffer& buffer) {
  std::string text;
  for (const std::byte byte : buffer.bytes()) {
    text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  }
  return text;
}

GroupRecord group_record() {
  GroupRecord record;
  record.protocol_type = "consumer";
  record.generation = 7;
  record.protocol = "range";
  record.leader = "m1";
  record.state_timestamp_ms = 123456789;
  record.members.push_back({"m1", "i1", "c1", "/10.0.0.1", 300000, 10000, "sub", "assign"});
  record.members.push_back({"m2", std::nullopt, "c2", "/10.0.0.2", 60000, 20000, "", ""});
  return record;
}

void compare(const GroupRecord& a, const GroupRecord& b, std::int16_t version) {
  CHECK_EQ(a.protocol_type, b.protocol_type);
  CHECK_EQ(a.generation, b.generation);
  CHECK_EQ(a.protocol, b.protocol);
  CHECK_EQ(a.leader, b.leader);
  CHECK_EQ(b.state_timestamp_ms, version >= 2 ? a.state_timestamp_ms : std::nullopt);
  REQUIRE_EQ(a.members.size(), b.members.size());
  for (std::size_t i = 0; i < a.members.size(); ++i) {
    CHECK_EQ(a.members[i].member_id, b.members[i].member_id);
    CHECK_EQ(b.members[i].instance_id, version >= 3 ? a.members[i].instance_id : std::nullopt);
    CHECK_EQ(a.members[i].client_host, b.members[i].client_host);
    CHECK_EQ(b.members[i].rebalance_timeout_ms,
             version >= 1 ? a.members[i].rebalance_timeout_ms : a.members[i].session_timeout_ms);
    CHECK_EQ(a.members[i].session_timeout_ms, b.members[i].session_timeout_ms);
    CHECK_EQ(a.members[i].subscription, b.members[i].subscription);
    CHECK_EQ(a.members[i].assignment, b.members[i].assignment);
  }
}

template <class Decode>
void refuse_every_cut(base::Bytes whole, Decode decode) {
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK(!decode(whole.first(size)));
}

}  // namespace

TEST_CASE("a group's partition is Java's") {
  // Values of Utils.abs(groupId.hashCode) % 50.
  CHECK_EQ(partition_of("", 50), 0);
  CHECK_EQ(partition_of("g", 50), 3);                            // 103
  CHECK_EQ(partition_of("test-group", 50), 12);                  // 1863063362
  CHECK_EQ(partition_of("polygenelubricants", 50), 0);           // the smallest int
  CHECK_EQ(partition_of("\xc3\xa9", 50), 233 % 50);              // one UTF-16 unit
  CHECK_EQ(partition_of("\xf0\x9f\x98\x80", 50), 1772899 % 50);  // a surrogate pair
}

TEST_CASE("keys as Kafka writes them") {
  CHECK_EQ(hex(encode_offset_key({"g", "top", 5})),
           "0001"
           "000167"
           "0003746f70"
           "00000005");
  CHECK_EQ(hex(encode_group_key("g")),
           "0002"
           "000167");
  const base::Buffer offset = encode_offset_key({"g", "top", 5});
  const auto key = std::get<OffsetKey>(decode_key(offset.bytes()).value());
  CHECK_EQ(key.group_id, "g");
  CHECK_EQ(key.topic, "top");
  CHECK_EQ(key.partition, 5);
  refuse_every_cut(offset.bytes(), decode_key);
  refuse_every_cut(encode_group_key("group").bytes(), decode_key);
  protocol::Writer newer;
  newer.write_int16(3);
  newer.write_int64(17);
  CHECK_EQ(std::get<UnknownKey>(decode_key(newer.take().bytes()).value()).version, 3);
}

TEST_CASE("offsets go through every version that the protocol setting chooses") {
  const CommittedOffset offset{42, 7, "meta", 1000, kNoExpireTimestamp};
  CHECK_EQ(hex(encode_offset_value(offset, InterBrokerProtocol::v3_9_iv0)),
           "0003"
           "000000000000002a"
           "00000007"
           "00046d657461"
           "00000000000003e8");
  const auto through = [](const CommittedOffset& value, InterBrokerProtocol ibp) {
    const base::Buffer bytes = encode_offset_value(value, ibp);
    refuse_every_cut(bytes.bytes(), decode_offset_value);
    return decode_offset_value(bytes.bytes()).value();
  };
  CHECK_EQ(through(offset, InterBrokerProtocol::v2_1_iv1), offset);
  CommittedOffset without_epoch = offset;
  without_epoch.leader_epoch = -1;
  CHECK_EQ(through(offset, InterBrokerProtocol::v2_1_iv0), without_epoch);
  CHECK_EQ(through(offset, InterBrokerProtocol::v2_0_iv1), without_epoch);
  CommittedOffset expiring = without_epoch;
  expiring.expire_timestamp_ms = 5000;
  CHECK_EQ(through(expiring, InterBrokerProtocol::v3_9_iv0), expiring);
}

TEST_CASE("a flexible offset value is read, an unknown version is said") {
  protocol::Writer writer;
  writer.write_int16(4);
  writer.write_int64(42);
  writer.write_int32(7);
  writer.write_string("meta", true);
  writer.write_int64(1000);
  writer.write_unsigned_varint(1);  // a tagged field from the future
  writer.write_unsigned_varint(9);
  writer.write_unsigned_varint(2);
  writer.write_int16(5);
  CHECK_EQ(decode_offset_value(writer.take().bytes()).value(),
           CommittedOffset{42, 7, "meta", 1000, kNoExpireTimestamp});
  protocol::Writer newer;
  newer.write_int16(5);
  const base::Buffer bytes = newer.take();
  CHECK(decode_offset_value(bytes.bytes()).error().is(base::Errc::unsupported));
  CHECK(decode_group_value(bytes.bytes()).error().is(base::Errc::unsupported));
}

TEST_CASE("groups go through every version that the protocol setting chooses") {
  const GroupRecord record = group_record();
  const std::pair<InterBrokerProtocol, std::int16_t> versions[] = {
      {InterBrokerProtocol::v0_10_0_iv1, 0},
      {InterBrokerProtocol::v0_10_1_iv0, 1},
      {InterBrokerProtocol::v2_1_iv0, 2},
      {InterBrokerProtocol::v2_3_iv0, 3},
      {InterBrokerProtocol::v3_9_iv0, 3}};
  for (const auto& [ibp, version] : versions) {
    const base::Buffer bytes = encode_group_value(record, ibp);
    CHECK_EQ(std::to_integer<int>(bytes.bytes()[1]), version);
    compare(record, decode_group_value(bytes.bytes()).value(), version);
    refuse_every_cut(bytes.bytes(), decode_group_value);
  }
}

TEST_CASE("a state of unknown age is -1 in its record, as in Kafka's") {
  GroupRecord record = group_record();
  record.state_timestamp_ms.reset();
  const base::Buffer bytes = encode_group_value(record, InterBrokerProtocol::v3_9_iv0);
  CHECK_NE(hex(bytes).find("ffffffffffffffff"), std::string::npos);
  CHECK_EQ(decode_group_value(bytes.bytes()).value().state_timestamp_ms, std::nullopt);
}

TEST_CASE("a hostile count of members costs nothing") {
  protocol::Writer writer;
  writer.write_int16(3);
  writer.write_string("consumer", false);
  writer.write_int32(1);
  writer.write_nullable_string(std::nullopt, false);
  writer.write_nullable_string(std::nullopt, false);
  writer.write_int64(-1);
  writer.write_int32(INT32_MAX);
  CHECK(!decode_group_value(writer.take().bytes()));
}

TEST_CASE("batches carry Kafka's sequences") {
  RecordsBuilder offsets(RecordsBuilder::Kind::offsets, protocol::Codec::none,
                         config::kLatestInterBrokerProtocol, 1000);
  offsets.add_offset({"g", "t", 0}, {});
  offsets.add_offset_tombstone({"g", "t", 1});
  const base::Buffer bytes = offsets.build().value();
  const protocol::RecordBatchView batch = protocol::frame_batch(bytes.bytes()).value();
  CHECK(batch.is_checksum_right());
  CHECK_EQ(batch.base_sequence(), 0);
  CHECK_EQ(batch.producer_id(), -1);
  CHECK_EQ(batch.record_count(), 2);
  CHECK_EQ(batch.max_timestamp(), 1000);
  RecordsBuilder group(RecordsBuilder::Kind::group, protocol::Codec::zstd,
                       config::kLatestInterBrokerProtocol, 1000);
  group.add_group("g", group_record());
  const base::Buffer compressed = group.build().value();
  CHECK_EQ(protocol::frame_batch(compressed.bytes()).value().base_sequence(), -1);
  CHECK_EQ(protocol::frame_batch(compressed.bytes()).value().codec(), protocol::Codec::zstd);
}
