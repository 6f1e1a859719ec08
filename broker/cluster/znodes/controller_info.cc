#include "broker/cluster/znodes/controller_info.h"

#include <limits>

#include "broker/cluster/znode_paths.h"
#include "broker/cluster/znodes/json_document.h"

namespace cluster {

std::string encode_controller_info(const ControllerInfo& controller) {
  json::Writer node = json::Writer::object();
  node["version"] = 2;
  node["brokerid"] = controller.broker_id;
  node["timestamp"] = std::to_string(controller.timestamp_ms);
  node["kraftControllerEpoch"] = controller.kraft_controller_epoch;
  return json::dump(node);
}

base::Result<ControllerInfo> decode_controller_info(std::string_view text) {
  TRY_ASSIGN(const auto object, json::parse_object(text, "/controller"));
  ControllerInfo controller;
  TRY_ASSIGN(controller.broker_id, json::integer<std::int32_t>(object, "brokerid"));
  TRY_ASSIGN(controller.timestamp_ms, json::quoted_integer_or(object, "timestamp", 0));
  TRY_ASSIGN(controller.kraft_controller_epoch,
             json::integer_or<std::int32_t>(object, "kraftControllerEpoch", -1));
  return controller;
}

std::string encode_controller_epoch(std::int32_t epoch) { return std::to_string(epoch); }

base::Result<std::int32_t> decode_controller_epoch(std::string_view text) {
  const auto epoch = paths::parse_number(text);
  // The next election adds one to it.
  if (!epoch || *epoch == std::numeric_limits<std::int32_t>::max()) {
    return base::fail(base::Errc::corrupt, "/controller_epoch \"" + std::string(text) + "\"");
  }
  return *epoch;
}

}  // namespace cluster
