#include "broker/controller/controlled_shutdown.h"

#include "base/log.h"

namespace controller {

using protocol::ErrorCode;

protocol::ErrorCode check_controlled_shutdown(const ControllerContext& context, std::int32_t broker,
                                              std::int64_t broker_epoch) {
  const LiveBroker* known = context.find_broker(broker);
  if (broker_epoch == -1) {
    return known == nullptr ? ErrorCode::kBrokerNotAvailable : ErrorCode::kNone;
  }
  if (known == nullptr) return ErrorCode::kUnknownServerError;  // as Kafka: a missing map entry
  return broker_epoch < known->epoch ? ErrorCode::kStaleBrokerEpoch : ErrorCode::kNone;
}

runtime::Task<base::Result<protocol::ControlledShutdownResponse>> shut_down_broker(
    Environment& env, Machines& machines, std::int32_t broker, std::int64_t broker_epoch) {
  protocol::ControlledShutdownResponse response;
  const ErrorCode error = check_controlled_shutdown(env.context, broker, broker_epoch);
  if (error != ErrorCode::kNone) {
    LOG_INFO("controlled shutdown of broker {} refused broker_epoch={} error_code={}", broker,
             broker_epoch, static_cast<int>(error));
    response.error_code = static_cast<std::int16_t>(error);
    co_return response;
  }
  env.context.mark_shutting_down(broker);
  std::vector<TopicPartition> led;
  std::vector<Replica> followed;
  for (TopicPartition& partition : env.context.partitions_on(broker)) {
    const PartitionEntry& entry = *env.context.find(partition);
    if (entry.assignment.replicas.size() < 2 || !entry.leadership ||
        env.context.is_queued_for_deletion(partition.topic)) {
      continue;
    }
    if (entry.leadership->state.leader == broker) {
      led.push_back(std::move(partition));
    } else {
      followed.push_back({std::move(partition), broker});
    }
  }
  LOG_INFO("broker {} shuts down leader_of={} follower_of={}", broker, led.size(), followed.size());
  CO_TRY(co_await machines.partitions.to_online(std::move(led),
                                                ElectionStrategy::controlled_shutdown));
  // It stops fetching before the leaders learn that it has left the ISRs.
  for (const Replica& replica : followed) {
    env.batch.add_stop_replica(broker, replica.partition, /*remove=*/false);
  }
  env.flush();
  CO_TRY(co_await machines.replicas.to_offline(std::move(followed)));
  for (TopicPartition& partition : env.context.partitions_led_by(broker)) {
    auto& remaining = response.remaining_partitions.emplace_back();
    remaining.topic_name = std::move(partition.topic);
    remaining.partition_index = partition.partition;
  }
  co_return response;
}

}  // namespace controller
