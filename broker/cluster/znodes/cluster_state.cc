#include "broker/cluster/znodes/cluster_state.h"

#include <limits>

#include "broker/cluster/znodes/json_document.h"

namespace cluster {

std::string encode_cluster_id(std::string_view id) {
  json::Writer node = json::Writer::object();
  node["version"] = "1";
  node["id"] = std::string(id);
  return json::dump(node);
}

base::Result<std::string> decode_cluster_id(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "/cluster/id"));
  return json::text(object, "id");
}

std::string encode_producer_id_block(const ProducerIdBlock& block) {
  json::Writer node = json::Writer::object();
  node["version"] = 1;
  node["broker"] = block.broker;
  node["block_start"] = std::to_string(block.first);
  node["block_end"] = std::to_string(block.last);
  return json::dump(node);
}

base::Result<std::optional<ProducerIdBlock>> decode_producer_id_block(std::string_view text) {
  if (text.empty()) return std::nullopt;
  TRY_ASSIGN(const auto object, json::parse_object(text, "/latest_producer_id_block"));
  ProducerIdBlock block;
  TRY_ASSIGN(block.broker, json::integer<std::int32_t>(object, "broker"));
  TRY_ASSIGN(block.first, json::quoted_integer_or(object, "block_start", -1));
  TRY_ASSIGN(block.last, json::quoted_integer_or(object, "block_end", -1));
  if (block.first < 0 || block.last < block.first) return json::bad_key("block_end");
  return block;
}

base::Result<ProducerIdBlock> next_producer_id_block(const std::optional<ProducerIdBlock>& previous,
                                                     std::int32_t broker) {
  ProducerIdBlock next;
  next.broker = broker;
  if (!previous) return next;
  if (previous->last > std::numeric_limits<std::int64_t>::max() - ProducerIdBlock::kSize) {
    return base::fail(base::Errc::out_of_range, "all producer ids are used up");
  }
  next.first = previous->last + 1;
  next.last = previous->last + ProducerIdBlock::kSize;
  return next;
}

std::string encode_feature_node(const FeatureNode& feature_node) {
  json::Writer node = json::Writer::object();
  json::Writer& features = node["features"] = json::Writer::object();
  for (const auto& [name, level] : feature_node.features) {
    json::Writer& feature = features[name] = json::Writer::object();
    if (feature_node.version == 1) feature["min_version_level"] = level.min_version_level;
    feature["max_version_level"] = level.max_version_level;
  }
  node["version"] = feature_node.version;
  node["status"] = feature_node.enabled ? 1 : 0;
  return json::dump(node);
}

base::Result<FeatureNode> decode_feature_node(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "/feature"));
  FeatureNode node;
  TRY_ASSIGN(node.version, json::integer<std::int32_t>(object, "version"));
  if (node.version < 1 || node.version > 2) return json::bad_key("version");
  TRY_ASSIGN(const auto status, json::integer<std::int32_t>(object, "status"));
  if (status != 0 && status != 1) return json::bad_key("status");
  node.enabled = status == 1;
  const json::Value* features = json::find(object, "features");
  if (features == nullptr || !features->is_object()) return json::bad_key("features");
  for (const auto& [name, value] : features->items()) {
    if (!value.is_object()) return json::bad_key("features");
    FeatureNode::Level level;
    TRY_ASSIGN(level.max_version_level, json::integer<std::int16_t>(value, "max_version_level"));
    TRY_ASSIGN(level.min_version_level,
               json::integer_or<std::int16_t>(value, "min_version_level", 1));
    node.features.emplace(name, level);
  }
  return node;
}

}  // namespace cluster
