#include "broker/cluster/znodes/admin_requests.h"

#include <algorithm>
#include <initializer_list>

#include "broker/cluster/znodes/json_document.h"

namespace cluster {
namespace {

base::Result<void> only_keys(const json::Value& object,
                             std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) return json::bad_key(key);
  }
  return {};
}

}  // namespace

std::string encode_reassignments(const Reassignments& reassignments) {
  json::Writer node = json::Writer::object();
  node["version"] = 1;
  json::Writer& list = node["partitions"] = json::Writer::array();
  for (const auto& [tp, replicas] : reassignments) {
    list.push_back(json::Writer{
        {"topic", tp.topic}, {"partition", tp.partition}, {"replicas", json::Writer(replicas)}});
  }
  return json::dump(node);
}

base::Result<Reassignments> decode_reassignments(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "/admin/reassign_partitions"));
  TRY(only_keys(object, {"version", "partitions"}));
  const json::Value* list = json::find(object, "partitions");
  if (list == nullptr || !list->is_array()) return json::bad_key("partitions");
  Reassignments reassignments;
  for (const json::Value& element : *list) {
    if (!element.is_object()) return json::bad_key("partitions");
    TRY(only_keys(element, {"topic", "partition", "replicas"}));
    base::TopicPartition tp;
    TRY_ASSIGN(tp.topic, json::text(element, "topic"));
    TRY_ASSIGN(tp.partition, json::integer<std::int32_t>(element, "partition"));
    const json::Value* replicas = json::find(element, "replicas");
    if (replicas == nullptr) return json::bad_key("replicas");
    TRY_ASSIGN(auto ids, json::to_integers(*replicas, "replicas"));
    reassignments.insert_or_assign(std::move(tp), std::move(ids));
  }
  return reassignments;
}

std::string encode_preferred_election(const std::vector<base::TopicPartition>& partitions) {
  json::Writer node = json::Writer::object();
  node["version"] = 1;
  node["partitions"] = json::partition_list(partitions);
  return json::dump(node);
}

base::Result<std::vector<base::TopicPartition>> decode_preferred_election(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "/admin/preferred_replica_election"));
  return json::partition_list(object);
}

}  // namespace cluster
