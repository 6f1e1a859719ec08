#include "tools/console/group_record_formatter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <variant>
#include <vector>

#include "base/result.h"
#include "broker/groups/offset_records.h"
#include "protocol/record_batch.h"
#include "tools/json_object.h"

namespace console {

using groups::CommittedOffset;
using groups::GroupKey;
using groups::GroupRecord;
using groups::OffsetKey;
using groups::RecordKey;
using groups::UnknownKey;
using tools::failure;
using tools::JsonObject;
using tools::Outcome;
using Text = std::optional<std::string_view>;

namespace {

enum class RecordKind { offset, group };

base::Bytes bytes_of(std::string_view text) { return base::as_bytes(text); }

bool is_of_kind(const RecordKey& key, RecordKind kind) {
  return kind == RecordKind::offset ? std::holds_alternative<OffsetKey>(key)
                                    : std::holds_alternative<GroupKey>(key);
}

// Fails for a version that is not known, as Kafka's text formatters do.
Outcome<std::int16_t> value_version(std::string_view value) {
  TRY_ASSIGN(const std::int16_t version, groups::record_version(bytes_of(value)));
  if (version < 0 || version > groups::kLastValueVersion) {
    return failure(fmt::format("Unknown group record version: {}", version));
  }
  return version;
}

Outcome<CommittedOffset> read_offset(std::string_view value) {
  TRY(value_version(value));
  return groups::decode_offset_value(bytes_of(value));
}

Outcome<GroupRecord> read_group(std::string_view value) {
  TRY(value_version(value));
  return groups::decode_group_value(bytes_of(value));
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

JsonObject key_json(const RecordKey& key, std::int16_t version) {
  JsonObject data;
  if (const auto* offset = std::get_if<OffsetKey>(&key)) {
    data.add("group", Text(offset->group_id))
        .add("topic", Text(offset->topic))
        .add("partition", offset->partition);
  } else if (const auto* group = std::get_if<GroupKey>(&key)) {
    data.add("group", Text(group->group_id));
  } else {
    JsonObject unknown;
    unknown.add("version", std::int32_t{version}).add("data", Text("unknown"));
    return unknown;
  }
  return versioned(version, data);
}

JsonObject offset_json(const CommittedOffset& value, std::int16_t version) {
  JsonObject data;
  data.add("offset", value.offset);
  if (version >= 3) data.add("leaderEpoch", value.leader_epoch);
  data.add("metadata", Text(value.metadata)).add("commitTimestamp", value.commit_timestamp_ms);
  if (version == 1) data.add("expireTimestamp", value.expire_timestamp_ms);
  return versioned(version, data);
}

JsonObject group_json(const GroupRecord& value, std::int16_t version) {
  std::vector<std::string> members;
  for (const GroupRecord::Member& member : value.members) {
    JsonObject json;
    json.add("memberId", Text(member.member_id));
    if (version >= 3) json.add("groupInstanceId", Text(member.instance_id));
    json.add("clientId", Text(member.client_id)).add("clientHost", Text(member.client_host));
    if (version >= 1) json.add("rebalanceTimeout", member.rebalance_timeout_ms);
    json.add("sessionTimeout", member.session_timeout_ms)
        .add("subscription", Text(base64(member.subscription)))
        .add("assignment", Text(base64(member.assignment)));
    members.push_back(json.text());
  }
  JsonObject data;
  data.add("protocolType", Text(value.protocol_type))
      .add("generation", value.generation)
      .add("protocol", Text(value.protocol))
      .add("leader", Text(value.leader));
  if (version >= 2) {
    data.add("currentStateTimestamp", value.state_timestamp_ms.value_or(protocol::kNoTimestamp));
  }
  data.add_raw("members", tools::json_array(members));
  return versioned(version, data);
}

std::string offset_text(const CommittedOffset& value) {
  const std::string epoch = value.leader_epoch < 0
                                ? std::string("Optional.empty")
                                : fmt::format("Optional[{}]", value.leader_epoch);
  const std::string expiry = value.expire_timestamp_ms < 0
                                 ? std::string("None")
                                 : fmt::format("Some({})", value.expire_timestamp_ms);
  return fmt::format(
      "OffsetAndMetadata(offset={}, leaderEpoch={}, metadata={}, commitTimestamp={}, "
      "expireTimestamp={})",
      value.offset, epoch, value.metadata, value.commit_timestamp_ms, expiry);
}

std::string group_text(std::string_view group_id, const GroupRecord& value) {
  const auto option = [](const Text& text) {
    return text && !text->empty() ? fmt::format("Some({})", *text) : std::string("None");
  };
  std::vector<std::string> members;
  for (const GroupRecord::Member& member : value.members) {
    members.push_back(fmt::format(
        "{0} -> MemberMetadata(memberId={0}, groupInstanceId={1}, clientId={2}, clientHost={3}, "
        "sessionTimeoutMs={4}, rebalanceTimeoutMs={5}, supportedProtocols=List({6}))",
        member.member_id, option(member.instance_id), member.client_id, member.client_host,
        member.session_timeout_ms, member.rebalance_timeout_ms, value.protocol.value_or("null")));
  }
  return fmt::format(
      "GroupMetadata(groupId={}, generation={}, protocolType={}, currentState={}, "
      "members=HashMap({}))",
      group_id, value.generation, option(value.protocol_type), members.empty() ? "Empty" : "Stable",
      fmt::join(members, ", "));
}

Outcome<JsonObject> value_json(RecordKind kind, std::string_view text) {
  TRY_ASSIGN(const std::int16_t version, value_version(text));
  if (kind == RecordKind::offset) {
    TRY_ASSIGN(const CommittedOffset value, read_offset(text));
    return offset_json(value, version);
  }
  TRY_ASSIGN(const GroupRecord value, read_group(text));
  return group_json(value, version);
}

// Kafka writes no line end behind the JSON; here each record is a line.
Outcome<> append_json(RecordKind wanted, const ConsumedRecord& record, std::string& text) {
  JsonObject json;
  if (record.key) {
    TRY_ASSIGN(const RecordKey key, groups::decode_key(bytes_of(*record.key)));
    if (!is_of_kind(key, wanted) && !std::holds_alternative<UnknownKey>(key)) return {};
    TRY_ASSIGN(const std::int16_t version, groups::record_version(bytes_of(*record.key)));
    json.add_raw("key", key_json(key, version).text());
  } else {
    json.add("key", Text());
  }
  if (record.value) {
    TRY_ASSIGN(const JsonObject value, value_json(wanted, *record.value));
    json.add_raw("value", value.text());
  } else {
    json.add("value", Text());
  }
  text += json.text() + "\n";
  return {};
}

Outcome<> append_text(RecordKind wanted, const ConsumedRecord& record, std::string& text) {
  if (!record.key) return {};
  TRY_ASSIGN(const RecordKey key, groups::decode_key(bytes_of(*record.key)));
  std::string key_text;
  std::string value_text = "NULL";
  if (!is_of_kind(key, wanted)) return {};
  if (const auto* offset = std::get_if<OffsetKey>(&key)) {
    key_text = fmt::format("[{},{},{}]", offset->group_id, offset->topic, offset->partition);
    if (record.value) {
      TRY_ASSIGN(const CommittedOffset value, read_offset(*record.value));
      value_text = offset_text(value);
    }
  } else if (const auto* group = std::get_if<GroupKey>(&key)) {
    key_text = group->group_id;
    if (record.value) {
      TRY_ASSIGN(const GroupRecord value, read_group(*record.value));
      value_text = group_text(group->group_id, value);
    }
  }
  text += key_text + "::" + value_text + "\n";
  return {};
}

template <Outcome<> (*append)(RecordKind, const ConsumedRecord&, std::string&), RecordKind kind>
Outcome<> append_kind(const ConsumedRecord& record, std::string& text) {
  return append(kind, record, text);
}

}  // namespace

AppendRecord find_group_record_formatter(std::string_view class_name) {
  constexpr std::pair<std::string_view, AppendRecord> kFormatters[] = {
      {"org.apache.kafka.tools.consumer.OffsetsMessageFormatter",
       append_kind<append_json, RecordKind::offset>},
      {"org.apache.kafka.tools.consumer.GroupMetadataMessageFormatter",
       append_kind<append_json, RecordKind::group>},
      {"kafka.coordinator.group.GroupMetadataManager$OffsetsMessageFormatter",
       append_kind<append_text, RecordKind::offset>},
      {"kafka.coordinator.group.GroupMetadataManager$GroupMetadataMessageFormatter",
       append_kind<append_text, RecordKind::group>},
      // 0.9 to 0.10, and 0.8.2.
      {"kafka.coordinator.GroupMetadataManager$OffsetsMessageFormatter",
       append_kind<append_text, RecordKind::offset>},
      {"kafka.coordinator.GroupMetadataManager$GroupMetadataMessageFormatter",
       append_kind<append_text, RecordKind::group>},
      {"kafka.server.OffsetManager$OffsetsMessageFormatter",
       append_kind<append_text, RecordKind::offset>},
  };
  for (const auto& [name, formatter] : kFormatters) {
    if (name == class_name) return formatter;
  }
  return nullptr;
}

}  // namespace console
