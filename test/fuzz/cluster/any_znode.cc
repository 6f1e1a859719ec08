#include "test/fuzz/cluster/any_znode.h"

#include "base/check.h"
#include "broker/cluster/session_store.h"
#include "broker/cluster/znodes/admin_requests.h"
#include "broker/cluster/znodes/broker_info.h"
#include "broker/cluster/znodes/cluster_state.h"
#include "broker/cluster/znodes/config_nodes.h"
#include "broker/cluster/znodes/controller_info.h"
#include "broker/cluster/znodes/notifications.h"
#include "broker/cluster/znodes/partition_state.h"
#include "broker/cluster/znodes/topic_assignment.h"

namespace cluster {
namespace {

template <class Decode, class Encode>
void check_round_trip(std::string_view text, Decode decode, Encode encode) {
  const auto value = decode(text);
  if (!value) return;
  const auto again = decode(encode(*value));
  VERIFY(again.has_value(), "what was written is not readable");
  VERIFY(*again == *value, "what was written reads differently");
}

void check_broker(std::string_view text) {
  auto broker = decode_broker_info(1, text);
  if (!broker) return;
  broker->version = 5;  // as it will be written
  // Old registrations may name a protocol as listener of another one; such maps are not written.
  const auto again =
      decode_broker_info(1, encode_broker_info(*broker, config::kLatestInterBrokerProtocol));
  VERIFY(!again || again->endpoints.size() == broker->endpoints.size());
}

}  // namespace

void check_any_znode(std::string_view text) {
  check_broker(text);
  check_round_trip(text, decode_topic_assignment, encode_topic_assignment);
  check_round_trip(text, decode_partition_state, encode_partition_state);
  check_round_trip(text, decode_controller_info, encode_controller_info);
  check_round_trip(text, decode_controller_epoch, encode_controller_epoch);
  check_round_trip(text, [](std::string_view json) { return decode_config(json); }, encode_config);
  check_round_trip(text, decode_config_notification, encode_config_notification);
  check_round_trip(text, decode_isr_change, encode_isr_change);
  check_round_trip(text, decode_log_dir_event, encode_log_dir_event);
  check_round_trip(text, decode_reassignments, encode_reassignments);
  check_round_trip(text, decode_preferred_election, encode_preferred_election);
  check_round_trip(text, decode_cluster_id, encode_cluster_id);
  check_round_trip(text, decode_feature_node, encode_feature_node);
  if (const auto block = decode_producer_id_block(text); block && *block) {
    static_cast<void>(next_producer_id_block(*block, 1));
    VERIFY(*decode_producer_id_block(encode_producer_id_block(**block)) == *block);
  }
  static_cast<void>(decode_stored_session(text, 1, 2));
}

}  // namespace cluster
