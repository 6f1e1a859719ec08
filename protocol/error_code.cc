#include "protocol/error_code.h"

#include <array>
#include <cstddef>

namespace protocol {
namespace {

struct Entry {
  std::string_view name;
  std::string_view message;
  bool retriable;
};

constexpr std::int16_t kFirst = -1;
constexpr auto kEntries = std::to_array<Entry>({
    {"UNKNOWN_SERVER_ERROR", "unexpected error in the broker", false},
    {"NONE", "no error", false},
    {"OFFSET_OUT_OF_RANGE", "offset is outside the log", false},
    {"CORRUPT_MESSAGE", "a record batch is corrupt or breaks a rule", true},
    {"UNKNOWN_TOPIC_OR_PARTITION", "topic or partition is not known here", true},
    {"INVALID_FETCH_SIZE", "fetch size is invalid", false},
    {"LEADER_NOT_AVAILABLE", "no leader for this partition now", true},
    {"NOT_LEADER_OR_FOLLOWER", "this broker neither leads nor follows the partition", true},
    {"REQUEST_TIMED_OUT", "request timed out", true},
    {"BROKER_NOT_AVAILABLE", "broker is not available", false},
    {"REPLICA_NOT_AVAILABLE", "replica is not available", true},
    {"MESSAGE_TOO_LARGE", "message exceeds the size limit", false},
    {"STALE_CONTROLLER_EPOCH", "controller epoch is older than the current one", false},
    {"OFFSET_METADATA_TOO_LARGE", "offset metadata is too long", false},
    {"NETWORK_EXCEPTION", "connection lost before the answer", true},
    {"COORDINATOR_LOAD_IN_PROGRESS", "coordinator is still loading", true},
    {"COORDINATOR_NOT_AVAILABLE", "The coordinator is not available.", true},
    {"NOT_COORDINATOR", "this broker is not the coordinator", true},
    {"INVALID_TOPIC_EXCEPTION", "topic name or operation on it is not allowed", false},
    {"RECORD_LIST_TOO_LARGE", "record batch exceeds the segment size", false},
    {"NOT_ENOUGH_REPLICAS", "fewer in-sync replicas than required", true},
    {"NOT_ENOUGH_REPLICAS_AFTER_APPEND", "appended, but to fewer in-sync replicas than required",
     true},
    {"INVALID_REQUIRED_ACKS", "acks must be -1, 0 or 1", false},
    {"ILLEGAL_GENERATION", "generation is not the group's current one", false},
    {"INCONSISTENT_GROUP_PROTOCOL", "group protocols do not fit those of the members", false},
    {"INVALID_GROUP_ID", "group id is invalid", false},
    {"UNKNOWN_MEMBER_ID", "member is not known to the group", false},
    {"INVALID_SESSION_TIMEOUT", "session timeout is outside the allowed range", false},
    {"REBALANCE_IN_PROGRESS", "group is rebalancing: rejoin", false},
    {"INVALID_COMMIT_OFFSET_SIZE", "offset commit exceeds the size limit", false},
    {"TOPIC_AUTHORIZATION_FAILED", "not authorized for the topic", false},
    {"GROUP_AUTHORIZATION_FAILED", "not authorized for the group", false},
    {"CLUSTER_AUTHORIZATION_FAILED", "not authorized for the cluster", false},
    {"INVALID_TIMESTAMP", "timestamp is outside the allowed range", false},
    {"UNSUPPORTED_SASL_MECHANISM", "SASL mechanism is not enabled", false},
    {"ILLEGAL_SASL_STATE", "request does not fit the SASL exchange", false},
    {"UNSUPPORTED_VERSION", "version of this API is not supported", false},
    {"TOPIC_ALREADY_EXISTS", "topic exists already", false},
    {"INVALID_PARTITIONS", "number of partitions is invalid", false},
    {"INVALID_REPLICATION_FACTOR", "replication factor is invalid or exceeds the live brokers",
     false},
    {"INVALID_REPLICA_ASSIGNMENT", "replica assignment is invalid", false},
    {"INVALID_CONFIG", "configuration is invalid", false},
    {"NOT_CONTROLLER", "this broker is not the controller", true},
    {"INVALID_REQUEST",
     "This most likely occurs because of a request being malformed by the client library or the "
     "message was sent to an incompatible broker. See the broker logs for more details.",
     false},
    {"UNSUPPORTED_FOR_MESSAGE_FORMAT", "not possible with this message format", false},
    {"POLICY_VIOLATION", "a policy forbids it", false},
    {"OUT_OF_ORDER_SEQUENCE_NUMBER", "sequence number leaves a gap", false},
    {"DUPLICATE_SEQUENCE_NUMBER", "sequence number was written before", false},
    {"INVALID_PRODUCER_EPOCH", "producer epoch is older than the current one", false},
    {"INVALID_TXN_STATE", "transaction is in the wrong state", false},
    {"INVALID_PRODUCER_ID_MAPPING", "producer id does not belong to the transactional id", false},
    {"INVALID_TRANSACTION_TIMEOUT", "transaction timeout exceeds the limit", false},
    {"CONCURRENT_TRANSACTIONS", "another change of this transaction is going on", true},
    {"TRANSACTION_COORDINATOR_FENCED", "a newer transaction coordinator has taken over", false},
    {"TRANSACTIONAL_ID_AUTHORIZATION_FAILED", "not authorized for the transactional id", false},
    {"SECURITY_DISABLED", "security features are disabled", false},
    {"OPERATION_NOT_ATTEMPTED", "not attempted, because another part of the request failed", false},
    {"KAFKA_STORAGE_ERROR", "log directory failed", true},
    {"LOG_DIR_NOT_FOUND", "log directory is not known", false},
    {"SASL_AUTHENTICATION_FAILED", "SASL authentication failed", false},
    {"UNKNOWN_PRODUCER_ID", "producer id has no state left here", false},
    {"REASSIGNMENT_IN_PROGRESS", "a reassignment of this partition is going on", false},
    {"DELEGATION_TOKEN_AUTH_DISABLED", "delegation tokens are disabled", false},
    {"DELEGATION_TOKEN_NOT_FOUND", "delegation token is not known", false},
    {"DELEGATION_TOKEN_OWNER_MISMATCH", "delegation token belongs to another user", false},
    {"DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", "delegation tokens are not allowed on this connection",
     false},
    {"DELEGATION_TOKEN_AUTHORIZATION_FAILED", "not authorized for the delegation token", false},
    {"DELEGATION_TOKEN_EXPIRED", "delegation token has expired", false},
    {"INVALID_PRINCIPAL_TYPE", "principal type is not supported", false},
    {"NON_EMPTY_GROUP", "group is not empty", false},
    {"GROUP_ID_NOT_FOUND", "group does not exist", false},
    {"FETCH_SESSION_ID_NOT_FOUND", "fetch session does not exist", true},
    {"INVALID_FETCH_SESSION_EPOCH", "fetch session epoch is not the expected one", true},
    {"LISTENER_NOT_FOUND", "leader has no endpoint of this listener", true},
    {"TOPIC_DELETION_DISABLED", "topic deletion is disabled", false},
    {"FENCED_LEADER_EPOCH", "leader epoch is older than the broker's", true},
    {"UNKNOWN_LEADER_EPOCH", "leader epoch is newer than the broker's", true},
    {"UNSUPPORTED_COMPRESSION_TYPE", "compression type is not supported in this version", false},
    {"STALE_BROKER_EPOCH", "broker epoch is older than the current one", false},
    {"OFFSET_NOT_AVAILABLE", "leader has not yet caught up with the high watermark", true},
    {"MEMBER_ID_REQUIRED", "join again with the given member id", false},
    {"PREFERRED_LEADER_NOT_AVAILABLE", "preferred replica is not available", true},
    {"GROUP_MAX_SIZE_REACHED", "group is full", false},
    {"FENCED_INSTANCE_ID", "another member took over this instance id", false},
    {"ELIGIBLE_LEADERS_NOT_AVAILABLE", "no eligible replica is available", true},
    {"ELECTION_NOT_NEEDED", "election is not needed", true},
    {"NO_REASSIGNMENT_IN_PROGRESS", "no reassignment is going on", false},
    {"GROUP_SUBSCRIBED_TO_TOPIC", "group is subscribed to the topic", false},
    {"INVALID_RECORD", "a record breaks a rule", false},
    {"UNSTABLE_OFFSET_COMMIT", "a transaction on these offsets is still open", true},
    {"THROTTLING_QUOTA_EXCEEDED", "quota for changes exceeded", true},
    {"PRODUCER_FENCED", "a newer producer of this transactional id has taken over", false},
    {"RESOURCE_NOT_FOUND", "resource does not exist", false},
    {"DUPLICATE_RESOURCE", "resource is named twice", false},
    {"UNACCEPTABLE_CREDENTIAL", "credential does not meet the requirements", false},
    {"INCONSISTENT_VOTER_SET", "voter set differs", false},
    {"INVALID_UPDATE_VERSION", "feature level cannot be changed so", false},
    {"FEATURE_UPDATE_FAILED", "feature update failed", false},
    {"PRINCIPAL_DESERIALIZATION_FAILURE", "forwarded principal cannot be decoded", false},
    {"SNAPSHOT_NOT_FOUND", "snapshot does not exist", false},
    {"POSITION_OUT_OF_RANGE", "position is outside the snapshot", false},
    {"UNKNOWN_TOPIC_ID", "topic id is not known", true},
    {"DUPLICATE_BROKER_REGISTRATION", "broker id is registered by another process", false},
    {"BROKER_ID_NOT_REGISTERED", "broker id is not registered", false},
    {"INCONSISTENT_TOPIC_ID", "topic id differs from the log's", true},
    {"INCONSISTENT_CLUSTER_ID", "cluster id differs", false},
    {"TRANSACTIONAL_ID_NOT_FOUND", "transactional id does not exist", false},
    {"FETCH_SESSION_TOPIC_ID_ERROR", "fetch session mixes topic ids and names", true},
    {"INELIGIBLE_REPLICA", "replica may not enter the ISR", false},
    {"NEW_LEADER_ELECTED", "a new leader was elected meanwhile", false},
    {"OFFSET_MOVED_TO_TIERED_STORAGE", "offset is in tiered storage", false},
    {"FENCED_MEMBER_EPOCH", "member epoch is fenced by the coordinator", false},
    {"UNRELEASED_INSTANCE_ID", "instance id is still in use", false},
    {"UNSUPPORTED_ASSIGNOR", "assignor is not supported", false},
    {"STALE_MEMBER_EPOCH", "member epoch is older than the current one", false},
    {"MISMATCHED_ENDPOINT_TYPE", "endpoint is not of the asked type", false},
    {"UNSUPPORTED_ENDPOINT_TYPE", "endpoint type is not supported", false},
    {"UNKNOWN_CONTROLLER_ID", "controller id is not known", false},
    {"UNKNOWN_SUBSCRIPTION_ID", "telemetry subscription is out of date", false},
    {"TELEMETRY_TOO_LARGE", "telemetry exceeds the size limit", false},
    {"INVALID_REGISTRATION", "registration is invalid", false},
    {"TRANSACTION_ABORTABLE", "transaction must be aborted", false},
});
static_assert(kEntries.size() == static_cast<std::size_t>(ErrorCode::kTransactionAbortable) + 2);

const Entry& entry(ErrorCode code) {
  const int index = static_cast<int>(code) - kFirst;
  const bool known = index >= 0 && static_cast<std::size_t>(index) < kEntries.size();
  return kEntries[known ? static_cast<std::size_t>(index) : 0];
}

}  // namespace

std::string_view name(ErrorCode code) { return entry(code).name; }
std::string_view message(ErrorCode code) { return entry(code).message; }
bool is_retriable(ErrorCode code) { return entry(code).retriable; }

}  // namespace protocol
