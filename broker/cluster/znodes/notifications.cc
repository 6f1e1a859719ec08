#include "broker/cluster/znodes/notifications.h"

#include "broker/cluster/znodes/json_document.h"

namespace cluster {

std::string encode_isr_change(const std::vector<base::TopicPartition>& partitions) {
  json::Writer node = json::Writer::object();
  node["version"] = 1;
  node["partitions"] = json::partition_list(partitions);
  return json::dump(node);
}

base::Result<std::vector<base::TopicPartition>> decode_isr_change(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "ISR change"));
  return json::partition_list(object);
}

std::string encode_log_dir_event(std::int32_t broker) {
  constexpr int kLogDirFailure = 1;
  json::Writer node = json::Writer::object();
  node["version"] = 1;
  node["broker"] = broker;
  node["event"] = kLogDirFailure;
  return json::dump(node);
}

base::Result<std::int32_t> decode_log_dir_event(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "log dir event"));
  return json::integer<std::int32_t>(object, "broker");
}

}  // namespace cluster
