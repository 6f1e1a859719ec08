#include "tools/console/group_record_formatter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <vector>

#include "base/result.h"
#include "protocol/reader.h"
#include "tools/json_object.h"

namespace console {

using protocol::Reader;
using tools::failure;
using tools::JsonObject;
using tools::Outcome;
using Text = std::optional<std::string_view>;

namespace {

constexpr std::int16_t kOffsetKeyMax = 1;  // key versions 0 and 1 are offsets, 2 is a group
constexpr std::int16_t kGroupKey = 2;
constexpr std::int16_t kValueMax = 4;
constexpr std::int16_t kFirstFlexible = 4;

enum class KeyKind { offset, group, unknown };

// Views into the record.
struct Key {
  std::int16_t version = 0;
  KeyKind kind = KeyKind::unknown;
  std::string_view group;
  std::string_view topic;
  std::int32_t partition = 0;
};

struct OffsetValue {
  std::int16_t version = 0;
  std::int64_t offset = 0;
  std::int32_t leader_epoch = -1;
  std::string_view metadata;
  std::int64_t commit_timestamp = 0;
  std::int64_t expire_timestamp = -1;
};

struct Member {
  std::string_view id;
  Text instance_id;
  std::string_view client_id;
  std::string_view client_host;
  std::int32_t rebalance_timeout_ms = 0;
  std::int32_t session_timeout_ms = 0;
  std::string subscription;
  std::string assignment;
};

struct GroupValue {
  std::int16_t version = 0;
  std::string_view protocol_type;
  std::int32_t generation = 0;
  Text protocol;
  Text leader;
  std::int64_t state_timestamp = -1;
  std::vector<Member> members;
};

Reader reader_of(std::string_view bytes) { return Reader(std::as_bytes(std::span(bytes))); }

Outcome<Key> read_key(std::string_view bytes) {
  Reader reader = reader_of(bytes);
  Key key;
  key.version = reader.read_int16();
  if (reader.ok() && key.version >= 0 && key.version <= kGroupKey) {
    key.kind = key.version <= kOffsetKeyMax ? KeyKind::offset : KeyKind::group;
    key.group = reader.read_string_view(false);
    if (key.kind == KeyKind::offset) {
      key.topic = reader.read_string_view(false);
      key.partition = reader.read_int32();
    }
  }
  TRY(reader.status());
  return key;
}

// Fails for a version that is not known, as Kafka's text formatters do.
Outcome<std::int16_t> read_version(Reader& reader) {
  const std::int16_t version = reader.read_int16();
  TRY(reader.status());
  if (version < 0 || version > kValueMax) {
    return failure(fmt::format("Unknown group record version: {}", version));
  }
  return version;
}

Outcome<OffsetValue> read_offset_value(std::string_view bytes) {
  Reader reader = reader_of(bytes);
  OffsetValue value;
  TRY_ASSIGN(value.version, read_version(reader));
  const bool is_flexible = value.version >= kFirstFlexible;
  value.offset = reader.read_int64();
  if (value.version >= 3) value.leader_epoch = reader.read_int32();
  value.metadata = reader.read_string_view(is_flexible);
  value.commit_timestamp = reader.read_int64();
  if (value.version == 1) value.expire_timestamp = reader.read_int64();
  TRY(reader.status());
  return value;
}

Member read_member(Reader& reader, std::int16_t version) {
  const bool is_flexible = version >= kFirstFlexible;
  Member member;
  member.id = reader.read_string_view(is_flexible);
  if (version >= 3) member.instance_id = reader.read_nullable_string_view(is_flexible);
  member.client_id = reader.read_string_view(is_flexible);
  member.client_host = reader.read_string_view(is_flexible);
  if (version >= 1) member.rebalance_timeout_ms = reader.read_int32();
  member.session_timeout_ms = reader.read_int32();
  if (version == 0) member.rebalance_timeout_ms = member.session_timeout_ms;
  member.subscription = reader.read_bytes(is_flexible);
  member.assignment = reader.read_bytes(is_flexible);
  if (is_flexible) reader.skip_tagged_fields();
  return member;
}

Outcome<GroupValue> read_group_value(std::string_view bytes) {
  constexpr std::size_t kMemberBytesMin = 8;
  Reader reader = reader_of(bytes);
  GroupValue value;
  TRY_ASSIGN(value.version, read_version(reader));
  const bool is_flexible = value.version >= kFirstFlexible;
  value.protocol_type = reader.read_string_view(is_flexible);
  value.generation = reader.read_int32();
  value.protocol = reader.read_nullable_string_view(is_flexible);
  value.leader = reader.read_nullable_string_view(is_flexible);
  if (value.version >= 2) value.state_timestamp = reader.read_int64();
  const std::size_t count = reader.read_count(is_flexible, kMemberBytesMin);
  for (std::size_t i = 0; i < count && reader.ok(); ++i) {
    value.members.push_back(read_member(reader, value.version));
  }
  TRY(reader.status());
  return value;
}

// Padded, as Jackson writes bytes.
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t size = std::min<std::size_t>(3, bytes.size() - at);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < size ? static_cast<unsigned char>(bytes[at + i]) : 0u);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= size ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
  }
  return text;
}

JsonObject versioned(std::int16_t version, const JsonObject& data) {
  JsonObject json;
  json.add("version", std::int32_t{version}).add_raw("data", data.text());
  return json;
}

JsonObject key_json(const Key& key) {
  JsonObject data;
  data.add("group", Text(key.group));
  if (key.kind == KeyKind::offset) {
    data.add("topic", Text(key.topic)).add("partition", key.partition);
  }
  return versioned(key.version, data);
}

JsonObject offset_json(const OffsetValue& value) {
  JsonObject data;
  data.add("offset", value.offset);
  if (value.version >= 3) data.add("leaderEpoch", value.leader_epoch);
  data.add("metadata", Text(value.metadata)).add("commitTimestamp", value.commit_timestamp);
  if (value.version == 1) data.add("expireTimestamp", value.expire_timestamp);
  return versioned(value.version, data);
}

JsonObject group_json(const GroupValue& value) {
  std::vector<std::string> members;
  for (const Member& member : value.members) {
    JsonObject json;
    json.add("memberId", Text(member.id));
    if (value.version >= 3) json.add("groupInstanceId", member.instance_id);
    json.add("clientId", Text(member.client_id)).add("clientHost", Text(member.client_host));
    if (value.version >= 1) json.add("rebalanceTimeout", member.rebalance_timeout_ms);
    json.add("sessionTimeout", member.session_timeout_ms)
        .add("subscription", Text(base64(member.subscription)))
        .add("assignment", Text(base64(member.assignment)));
    members.push_back(json.text());
  }
  JsonObject data;
  data.add("protocolType", Text(value.protocol_type))
      .add("generation", value.generation)
      .add("protocol", value.protocol)
      .add("leader", value.leader);
  if (value.version >= 2) data.add("currentStateTimestamp", value.state_timestamp);
  data.add_raw("members", tools::json_array(members));
  return versioned(value.version, data);
}

std::string offset_text(const OffsetValue& value) {
  const std::string epoch = value.leader_epoch < 0
                                ? std::string("Optional.empty")
                                : fmt::format("Optional[{}]", value.leader_epoch);
  const std::string expiry = value.expire_timestamp < 0
                                 ? std::string("None")
                                 : fmt::format("Some({})", value.expire_timestamp);
  return fmt::format(
      "OffsetAndMetadata(offset={}, leaderEpoch={}, metadata={}, commitTimestamp={}, "
      "expireTimestamp={})",
      value.offset, epoch, value.metadata, value.commit_timestamp, expiry);
}

std::string group_text(const Key& key, const GroupValue& value) {
  const auto option = [](const Text& text) {
    return text && !text->empty() ? fmt::format("Some({})", *text) : std::string("None");
  };
  std::vector<std::string> members;
  for (const Member& member : value.members) {
    members.push_back(fmt::format(
        "{0} -> MemberMetadata(memberId={0}, groupInstanceId={1}, clientId={2}, clientHost={3}, "
        "sessionTimeoutMs={4}, rebalanceTimeoutMs={5}, supportedProtocols=List({6}))",
        member.id, option(member.instance_id), member.client_id, member.client_host,
        member.session_timeout_ms, member.rebalance_timeout_ms, value.protocol.value_or("null")));
  }
  return fmt::format(
      "GroupMetadata(groupId={}, generation={}, protocolType={}, currentState={}, "
      "members=HashMap({}))",
      key.group, value.generation, option(value.protocol_type),
      members.empty() ? "Empty" : "Stable", fmt::join(members, ", "));
}

// Kafka writes no line end behind the JSON; here each record is a line.
Outcome<> append_json(KeyKind wanted, const ConsumedRecord& record, std::string& text) {
  JsonObject json;
  if (record.key) {
    TRY_ASSIGN(const Key key, read_key(*record.key));
    if (key.kind != wanted && key.kind != KeyKind::unknown) return {};
    if (key.kind == KeyKind::unknown) {
      JsonObject unknown;
      unknown.add("version", std::int32_t{key.version}).add("data", Text("unknown"));
      json.add_raw("key", unknown.text());
    } else {
      json.add_raw("key", key_json(key).text());
    }
  } else {
    json.add("key", Text());
  }
  if (!record.value) {
    json.add("value", Text());
  } else if (wanted == KeyKind::offset) {
    TRY_ASSIGN(const OffsetValue value, read_offset_value(*record.value));
    json.add_raw("value", offset_json(value).text());
  } else {
    TRY_ASSIGN(const GroupValue value, read_group_value(*record.value));
    json.add_raw("value", group_json(value).text());
  }
  text += json.text() + "\n";
  return {};
}

Outcome<> append_text(KeyKind wanted, const ConsumedRecord& record, std::string& text) {
  if (!record.key) return {};
  TRY_ASSIGN(const Key key, read_key(*record.key));
  if (key.kind != wanted) return {};
  std::string value_text = "NULL";
  if (record.value && wanted == KeyKind::offset) {
    TRY_ASSIGN(const OffsetValue value, read_offset_value(*record.value));
    value_text = offset_text(value);
  } else if (record.value) {
    TRY_ASSIGN(const GroupValue value, read_group_value(*record.value));
    value_text = group_text(key, value);
  }
  text += wanted == KeyKind::offset ? fmt::format("[{},{},{}]", key.group, key.topic, key.partition)
                                    : std::string(key.group);
  text += "::" + value_text + "\n";
  return {};
}

template <Outcome<> (*append)(KeyKind, const ConsumedRecord&, std::string&), KeyKind kind>
Outcome<> append_kind(const ConsumedRecord& record, std::string& text) {
  return append(kind, record, text);
}

}  // namespace

AppendRecord find_group_record_formatter(std::string_view class_name) {
  constexpr std::pair<std::string_view, AppendRecord> kFormatters[] = {
      {"org.apache.kafka.tools.consumer.OffsetsMessageFormatter",
       append_kind<append_json, KeyKind::offset>},
      {"org.apache.kafka.tools.consumer.GroupMetadataMessageFormatter",
       append_kind<append_json, KeyKind::group>},
      {"kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter",
       append_kind<append_text, KeyKind::offset>},
      {"kafka.coordinator.group.GroupMetadataManager$GroupMetadataMessageFormatter",
       append_kind<append_text, KeyKind::group>},
  };
  for (const auto& [name, formatter] : kFormatters) {
    if (name == class_name) return formatter;
  }
  return nullptr;
}

}  // namespace console
