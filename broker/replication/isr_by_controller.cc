#include "broker/replication/isr_by_controller.h"

#include <map>

#include "base/log.h"
#include "protocol/error_code.h"

namespace replication {
namespace {

using protocol::AlterPartitionRequest;
using protocol::AlterPartitionResponse;
using protocol::ErrorCode;

constexpr std::int16_t kFirstWithTopicIds = 2;
constexpr std::int16_t kFirstWithBrokerEpochs = 3;

std::string_view key_of(std::string_view name, const base::TopicId& id, std::int16_t version) {
  if (version < kFirstWithTopicIds) return name;
  return {reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()};
}

IsrVerdict::Kind kind_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNone: return IsrVerdict::Kind::confirmed;
    // Said by a controller for which our version is the right one.
    case ErrorCode::kOperationNotAttempted:
    case ErrorCode::kIneligibleReplica: return IsrVerdict::Kind::not_attempted;
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kUnknownTopicId:
    case ErrorCode::kFencedLeaderEpoch:
    case ErrorCode::kInvalidUpdateVersion:
    case ErrorCode::kInvalidRequest:
    case ErrorCode::kNewLeaderElected: return IsrVerdict::Kind::waits;
    default: return IsrVerdict::Kind::again;
  }
}

IsrVerdict verdict_of(const AlterPartitionResponse::TopicData::PartitionData& answer) {
  IsrVerdict verdict;
  verdict.kind = kind_of(protocol::error_code_from_wire(answer.error_code));
  verdict.state.leader = base::BrokerId(answer.leader_id);
  verdict.state.leader_epoch = base::LeaderEpoch(answer.leader_epoch);
  verdict.state.partition_epoch = base::ZkVersion(answer.partition_epoch);
  for (const std::int32_t id : answer.isr) verdict.state.isr.emplace_back(id);
  return verdict;
}

void report(const IsrChange& change, IsrVerdict::Kind kind, std::int16_t wire_code) {
  // The others are told by the partition.
  if (kind != IsrVerdict::Kind::again && kind != IsrVerdict::Kind::waits) return;
  const std::string_view error = protocol::name(protocol::error_code_from_wire(wire_code));
  if (kind == IsrVerdict::Kind::again) {
    LOG_WARN_EVERY(1000, "partition {} got no new ISR, trying again error={}", change.partition,
                   error);
  } else {
    LOG_INFO("partition {} got no new ISR error={} leader_epoch={} partition_epoch={}",
             change.partition, error, change.proposed.leader_epoch,
             change.proposed.partition_epoch);
  }
}

}  // namespace

std::int16_t alter_partition_version_max(const std::vector<IsrChange>& changes,
                                         config::InterBrokerProtocol protocol) {
  constexpr std::int16_t kLastWithNames = kFirstWithTopicIds - 1;
  if (protocol < config::InterBrokerProtocol::v2_8_iv0) return kLastWithNames;
  for (const IsrChange& change : changes) {
    if (change.topic_id.is_zero()) return kLastWithNames;
  }
  return AlterPartitionRequest::kMaxVersion;
}

AlterPartitionRequest alter_partition_request(const std::vector<IsrChange>& changes,
                                              std::int16_t version) {
  AlterPartitionRequest request;
  std::map<std::string_view, std::size_t> places;  // of topics
  for (const IsrChange& change : changes) {
    const auto [place, is_first] = places.try_emplace(
        key_of(change.partition.topic, change.topic_id, version), request.topics.size());
    if (is_first) {
      auto& topic = request.topics.emplace_back();
      if (version < kFirstWithTopicIds) {
        topic.topic_name = change.partition.topic;
      } else {
        topic.topic_id = change.topic_id;
      }
    }
    auto& partition = request.topics[place->second].partitions.emplace_back();
    partition.partition_index = change.partition.partition;
    partition.leader_epoch = change.proposed.leader_epoch.value();
    partition.partition_epoch = change.proposed.partition_epoch.value();
    for (const base::BrokerId id : change.proposed.isr) {
      if (version < kFirstWithBrokerEpochs) {
        partition.new_isr.push_back(id.value());
      } else {
        partition.new_isr_with_epochs.emplace_back().broker_id = id.value();
      }
    }
  }
  return request;
}

std::vector<IsrVerdict> verdicts_of(const std::vector<IsrChange>& changes,
                                    const AlterPartitionResponse& response, std::int16_t version) {
  std::vector<IsrVerdict> verdicts(changes.size());
  const ErrorCode code = protocol::error_code_from_wire(response.error_code);
  if (code != ErrorCode::kNone) {
    LOG_WARN_EVERY(1000, "the controller refused AlterPartition, trying again error={}",
                   protocol::name(code));
    return verdicts;
  }
  std::map<std::pair<std::string_view, std::int32_t>, std::size_t> places;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    places[{key_of(changes[i].partition.topic, changes[i].topic_id, version),
            changes[i].partition.partition}] = i;
  }
  for (const auto& topic : response.topics) {
    for (const auto& answer : topic.partitions) {
      const auto place =
          places.find({key_of(topic.topic_name, topic.topic_id, version), answer.partition_index});
      if (place == places.end()) continue;
      IsrVerdict verdict = verdict_of(answer);
      report(changes[place->second], verdict.kind, answer.error_code);
      verdicts[place->second] = std::move(verdict);
    }
  }
  return verdicts;
}

runtime::Task<std::vector<IsrVerdict>> IsrByController::write(std::vector<IsrChange> changes) {
  const std::int64_t broker_epoch = options_.broker_epoch();
  // Without a registration the controller knows nobody of our epoch.
  if (broker_epoch < 0) co_return std::vector<IsrVerdict>(changes.size());
  std::int16_t used_version = 0;
  const auto make = [&changes, &used_version, broker_epoch, this](std::int16_t version) {
    used_version = version;
    AlterPartitionRequest request = alter_partition_request(changes, version);
    request.broker_id = options_.broker_id;
    request.broker_epoch = broker_epoch;
    return request;
  };
  const auto response = co_await link_.call_at_most<AlterPartitionResponse>(
      make, alter_partition_version_max(changes, options_.protocol), options_.request_timeout_ms);
  if (!response) {
    LOG_WARN_EVERY(1000, "AlterPartition got no answer, trying again partitions={}: {}",
                   changes.size(), response.error().to_string());
    co_return std::vector<IsrVerdict>(changes.size());
  }
  co_return verdicts_of(changes, *response, used_version);
}

runtime::Task<void> IsrByController::watch_controller() {
  auto snapshot = metadata_.snapshot();
  for (;;) {
    if (!co_await metadata_.changed(snapshot->version, runtime::kNoTimeout,
                                    link_.scope().token())) {
      co_return;
    }
    const auto next = metadata_.snapshot();
    const bool is_other = next->controller_id != snapshot->controller_id ||
                          next->controller_epoch != snapshot->controller_epoch;
    snapshot = next;
    if (is_other) link_.drop_connection();
  }
}

}  // namespace replication
