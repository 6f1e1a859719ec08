// Purpose: which topic names are valid, internal, or too much alike. Source: Topic.java (3.9).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cluster {

inline constexpr std::string_view kGroupMetadataTopic = "__consumer_offsets";
inline constexpr std::string_view kTransactionStateTopic = "__transaction_state";
inline constexpr std::string_view kClusterMetadataTopic = "__cluster_metadata";

inline constexpr std::size_t kTopicNameBytesMax = 249;

// nullopt if the name is valid, else the message for INVALID_TOPIC_EXCEPTION.
std::optional<std::string> invalid_topic_name(std::string_view name);
bool is_internal_topic(std::string_view name);
// Metric names turn '.' into '_', so two topics that differ only in these collide.
bool has_collision_characters(std::string_view name);
bool topic_names_collide(std::string_view a, std::string_view b);

}  // namespace cluster
