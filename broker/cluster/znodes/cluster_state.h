// Purpose: the content of the small cluster-wide znodes: /cluster/id, /latest_producer_id_block,
// /feature. Source: ClusterIdZNode, ProducerIdBlockZNode, FeatureZNode (3.9).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cluster {

// The id is opaque text: Kafka compares it and never parses it.
std::string encode_cluster_id(std::string_view id);
base::Result<std::string> decode_cluster_id(std::string_view json);

struct ProducerIdBlock {
  static constexpr std::int64_t kSize = 1000;

  std::int32_t broker = -1;  // who asked for it
  std::int64_t first = 0;
  std::int64_t last = kSize - 1;  // inclusive
  friend bool operator==(const ProducerIdBlock&, const ProducerIdBlock&) = default;
};

std::string encode_producer_id_block(const ProducerIdBlock& block);
// nullopt for null or empty data: no block was given out yet.
base::Result<std::optional<ProducerIdBlock>> decode_producer_id_block(std::string_view json);
// The block after `previous`. Errors: Errc::out_of_range when the ids are used up.
base::Result<ProducerIdBlock> next_producer_id_block(const std::optional<ProducerIdBlock>& previous,
                                                     std::int32_t broker);

struct FeatureNode {
  struct Level {
    std::int16_t min_version_level = 1;  // only in version 1
    std::int16_t max_version_level = 1;
    friend bool operator==(const Level&, const Level&) = default;
  };
  std::int32_t version = 2;  // 1 below IBP 3.3-IV0
  bool enabled = true;       // from IBP 2.7-IV0 on
  std::map<std::string, Level, std::less<>> features;
  friend bool operator==(const FeatureNode&, const FeatureNode&) = default;
};

std::string encode_feature_node(const FeatureNode& node);
base::Result<FeatureNode> decode_feature_node(std::string_view json);

}  // namespace cluster
