#include "broker/cluster/znodes/topic_assignment.h"

#include <algorithm>

#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/json_document.h"

namespace cluster {
namespace {

ReplicaList difference(const ReplicaList& from, const ReplicaList& without) {
  ReplicaList rest;
  for (const std::int32_t id : from) {
    if (std::find(without.begin(), without.end(), id) == without.end()) rest.push_back(id);
  }
  return rest;
}

// {"0":[1,2],...}; `use` gets each partition's list.
template <class Use>
base::Result<void> parse_lists(const json::Value& object, std::string_view key, Use use) {
  const json::Value* map = json::find(object, key);
  if (map == nullptr) return {};
  if (!map->is_object()) return json::bad_key(key);
  for (const auto& [name, value] : map->items()) {
    const auto partition = paths::parse_number(name);
    if (!partition || *partition < 0) return json::bad_key(key);
    TRY_ASSIGN(auto replicas, json::to_integers(value, key));
    use(*partition, std::move(replicas));
  }
  return {};
}

json::Writer write_lists(const TopicAssignment& assignment, ReplicaList ReplicaAssignment::* list,
                         bool with_empty) {
  json::Writer map = json::Writer::object();
  // Straight to the end: by its operator the map would look for each key among all before it.
  auto& entries = map.get_ref<json::Writer::object_t&>();
  for (const auto& [partition, replicas] : assignment.partitions) {
    const ReplicaList& ids = replicas.*list;
    if (with_empty || !ids.empty()) entries.emplace_back(std::to_string(partition), ids);
  }
  return map;
}

}  // namespace

ReplicaList ReplicaAssignment::originals() const { return difference(replicas, adding); }
ReplicaList ReplicaAssignment::target() const { return difference(replicas, removing); }

std::string encode_topic_assignment(const TopicAssignment& assignment) {
  json::Writer node = json::Writer::object();
  node["partitions"] = write_lists(assignment, &ReplicaAssignment::replicas, true);
  if (assignment.topic_id) node["topic_id"] = assignment.topic_id->to_string();
  node["adding_replicas"] = write_lists(assignment, &ReplicaAssignment::adding, false);
  node["removing_replicas"] = write_lists(assignment, &ReplicaAssignment::removing, false);
  node["version"] = 3;
  return json::dump(node);
}

base::Result<TopicAssignment> decode_topic_assignment(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "topic assignment"));
  TopicAssignment assignment;
  if (json::find(object, "partitions") == nullptr) return json::bad_key("partitions");
  TRY(parse_lists(object, "partitions", [&](std::int32_t partition, ReplicaList replicas) {
    assignment.partitions[partition].replicas = std::move(replicas);
  }));
  const auto add_to = [&](ReplicaList ReplicaAssignment::* list) {
    return [&assignment, list](std::int32_t partition, ReplicaList replicas) {
      const auto it = assignment.partitions.find(partition);
      if (it != assignment.partitions.end()) it->second.*list = std::move(replicas);
    };
  };
  TRY(parse_lists(object, "adding_replicas", add_to(&ReplicaAssignment::adding)));
  TRY(parse_lists(object, "removing_replicas", add_to(&ReplicaAssignment::removing)));
  if (json::find(object, "topic_id") != nullptr) {
    TRY_ASSIGN(const auto id, json::text(object, "topic_id"));
    assignment.topic_id = base::Uuid::parse(id);
    if (!assignment.topic_id) return json::bad_key("topic_id");
  }
  return assignment;
}

}  // namespace cluster
