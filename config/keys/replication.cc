// Keys: replication and the controller.
#include "config/keys/columns.h"

namespace config::keys {
namespace {

constexpr Key kKeys[] = {
    {"replica.fetch.backoff.ms", kInt, "1000", at_least(0), kReadOnly, kBuilt,
     "Pause of a follower after a failed fetch."},
    {"replica.fetch.max.bytes", kInt, "1048576", at_least(0), kReadOnly, kBuilt,
     "Bytes that a follower asks for per partition."},
    {"replica.fetch.min.bytes", kInt, "1", kAny, kReadOnly, kBuilt,
     "Bytes for which a follower's fetch waits."},
    {"replica.fetch.response.max.bytes", kInt, "10485760", at_least(0), kReadOnly, kBuilt,
     "Bytes that a follower asks for in one fetch."},
    {"replica.fetch.wait.max.ms", kInt, "500", kAny, kReadOnly, kBuilt,
     "How long a follower's fetch waits for data."},
    {"replica.high.watermark.checkpoint.interval.ms", kLong, "5000", kAny, kReadOnly, kBuilt,
     "How often high watermarks are written down."},
    {"replica.lag.time.max.ms", kLong, "30000", kAny, kReadOnly, kBuilt,
     "How long a follower may stay behind before it leaves the in-sync replicas."},
    {"replica.selector.class", kString, kNull, kAny, kReadOnly, kPending,
     "Which replica a consumer reads from: unset the leader, RackAwareReplicaSelector one in its "
     "rack."},
    {"replica.socket.receive.buffer.bytes", kInt, "65536", kAny, kReadOnly, kPending,
     "Receive buffer of the sockets to leaders; -1 leaves the system's."},
    {"replica.socket.timeout.ms", kInt, "30000", kAny, kReadOnly, kBuilt,
     "How long a request of a follower may take; at least replica.fetch.wait.max.ms."},
    {"num.replica.fetchers", kInt, "1", kAny, kCluster, kBuilt,
     "Connections over which a broker follows each other broker."},
    {"controller.socket.timeout.ms", kInt, "30000", kAny, kReadOnly, kBuilt,
     "How long a request of the controller may take."},
    {"auto.leader.rebalance.enable", kBool, "true", kAny, kReadOnly, kBuilt,
     "Whether the controller gives leadership back to preferred replicas by itself."},
    {"leader.imbalance.check.interval.seconds", kLong, "300", at_least(1), kReadOnly, kBuilt,
     "How often it looks for partitions that are not led by their preferred replica."},
    {"leader.imbalance.per.broker.percentage", kInt, "10", kAny, kReadOnly, kBuilt,
     "Share of such partitions on a broker above which it acts."},
    {"fetch.purgatory.purge.interval.requests", kInt, "1000", kAny, kReadOnly, kNoEffect,
     "Accepted for compatibility; waiting fetches are taken out at once."},
    {"producer.purgatory.purge.interval.requests", kInt, "1000", kAny, kReadOnly, kNoEffect,
     "Accepted for compatibility; waiting produce requests are taken out at once."},
    {"delete.records.purgatory.purge.interval.requests", kInt, "1", kAny, kReadOnly, kNoEffect,
     "Accepted for compatibility; waiting requests are taken out at once."},
};

}  // namespace

std::span<const Key> replication_keys() { return kKeys; }

}  // namespace config::keys
