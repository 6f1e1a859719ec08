#include "broker/api/error_mapping.h"

#include "base/log.h"
#include "broker/replication/replica_error.h"
#include "storage/log_error.h"

namespace api {
namespace {

using protocol::ErrorCode;
using replication::ReplicaError;
using storage::LogError;

ErrorCode from_replica_error(ReplicaError error) {
  switch (error) {
    case ReplicaError::not_leader: return ErrorCode::kNotLeaderOrFollower;
    case ReplicaError::unknown_partition: return ErrorCode::kUnknownTopicOrPartition;
    case ReplicaError::offline: return ErrorCode::kKafkaStorageError;
    case ReplicaError::fenced_leader_epoch: return ErrorCode::kFencedLeaderEpoch;
    case ReplicaError::unknown_leader_epoch: return ErrorCode::kUnknownLeaderEpoch;
    case ReplicaError::not_enough_replicas: return ErrorCode::kNotEnoughReplicas;
    case ReplicaError::not_enough_replicas_after_append:
      return ErrorCode::kNotEnoughReplicasAfterAppend;
    case ReplicaError::unassigned_follower: return ErrorCode::kNotLeaderOrFollower;
    case ReplicaError::stale_leader: return ErrorCode::kNotLeaderOrFollower;
    case ReplicaError::unknown_topic_id: return ErrorCode::kUnknownTopicId;
    case ReplicaError::inconsistent_topic_id: return ErrorCode::kInconsistentTopicId;
    case ReplicaError::offset_not_available: return ErrorCode::kOffsetNotAvailable;
  }
  return ErrorCode::kUnknownServerError;
}

ErrorCode from_log_error(LogError error) {
  switch (error) {
    case LogError::corrupt_message: return ErrorCode::kCorruptMessage;
    case LogError::message_too_large: return ErrorCode::kMessageTooLarge;
    case LogError::invalid_record: return ErrorCode::kInvalidRecord;
    case LogError::invalid_timestamp: return ErrorCode::kInvalidTimestamp;
    case LogError::record_list_too_large: return ErrorCode::kRecordListTooLarge;
    case LogError::unsupported_compression_type: return ErrorCode::kUnsupportedCompressionType;
    case LogError::unsupported_message_format: return ErrorCode::kUnsupportedForMessageFormat;
    case LogError::out_of_order_sequence: return ErrorCode::kOutOfOrderSequenceNumber;
    case LogError::invalid_producer_epoch: return ErrorCode::kInvalidProducerEpoch;
    case LogError::invalid_txn_state: return ErrorCode::kInvalidTxnState;
    case LogError::transaction_coordinator_fenced: return ErrorCode::kTransactionCoordinatorFenced;
    case LogError::offset_out_of_range: return ErrorCode::kOffsetOutOfRange;
    case LogError::unexpected_append_offset: return ErrorCode::kUnknownServerError;
    case LogError::inconsistent_topic_id: return ErrorCode::kInconsistentTopicId;
    case LogError::storage_error: return ErrorCode::kKafkaStorageError;
  }
  return ErrorCode::kUnknownServerError;
}

class KafkaDomain final : public std::error_category {
 public:
  const char* name() const noexcept override { return "kafka"; }
  std::string message(int value) const override {
    return std::string(
        protocol::message(protocol::error_code_from_wire(static_cast<std::int16_t>(value))));
  }
};

}  // namespace

const std::error_category& kafka_domain() noexcept {
  static const KafkaDomain domain;
  return domain;
}

ErrorCode to_error_code(const base::Error& error) {
  const auto& category = error.code().category();
  if (category == kafka_domain()) {
    return protocol::error_code_from_wire(static_cast<std::int16_t>(error.code().value()));
  }
  if (category == replication::replica_domain()) {
    return from_replica_error(static_cast<ReplicaError>(error.code().value()));
  }
  if (category == storage::log_domain()) {
    return from_log_error(static_cast<LogError>(error.code().value()));
  }
  if (error.is(base::Errc::timed_out)) return ErrorCode::kRequestTimedOut;
  if (error.is(base::Errc::closed) || error.is(base::Errc::cancelled)) {
    return ErrorCode::kNotLeaderOrFollower;  // shutting down: the client looks for another broker
  }
  LOG_WARN_EVERY(1000, "unexpected error answered as UNKNOWN_SERVER_ERROR: {}", error.to_string());
  return ErrorCode::kUnknownServerError;
}

}  // namespace api
