#include "broker/groups/append_error.h"

#include "broker/replication/replica_error.h"
#include "storage/log_error.h"

namespace groups {

using protocol::ErrorCode;
using replication::ReplicaError;
using storage::LogError;

ErrorCode commit_error(const base::Error& error) {
  if (error.is(base::Errc::timed_out)) return ErrorCode::kRequestTimedOut;
  if (error.is(base::Errc::closed) || error.is(base::Errc::cancelled)) {
    return ErrorCode::kNotCoordinator;
  }
  const auto& domain = error.code().category();
  if (domain == replication::replica_domain()) {
    switch (static_cast<ReplicaError>(error.code().value())) {
      case ReplicaError::not_enough_replicas:
      case ReplicaError::not_enough_replicas_after_append:
      case ReplicaError::unknown_partition: return ErrorCode::kCoordinatorNotAvailable;
      default: return ErrorCode::kNotCoordinator;  // no leader here any more, or its disk failed
    }
  }
  if (domain == storage::log_domain()) {
    switch (static_cast<LogError>(error.code().value())) {
      case LogError::message_too_large:
      case LogError::record_list_too_large: return ErrorCode::kInvalidCommitOffsetSize;
      case LogError::storage_error: return ErrorCode::kNotCoordinator;
      default: break;
    }
  }
  return ErrorCode::kUnknownServerError;
}

ErrorCode store_error(const base::Error& error) {
  const ErrorCode code = commit_error(error);
  if (code == ErrorCode::kRequestTimedOut) return ErrorCode::kRebalanceInProgress;
  if (code == ErrorCode::kInvalidCommitOffsetSize) return ErrorCode::kUnknownServerError;
  return code;
}

}  // namespace groups
