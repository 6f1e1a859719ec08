// Keys: groups, transactions, quotas.
#include "config/keys/columns.h"

namespace config::keys {
namespace {

constexpr Key kKeys[] = {
    // Groups.
    {"group.initial.rebalance.delay.ms", kInt, "3000", kAny, kReadOnly, kBuilt,
     "How long a new group waits for more members before its first rebalance."},
    {"group.max.session.timeout.ms", kInt, "1800000", kAny, kReadOnly, kBuilt,
     "Longest session timeout that a member may ask for."},
    {"group.max.size", kInt, kIntMax, at_least(1), kReadOnly, kBuilt, "Most members of one group."},
    {"group.min.session.timeout.ms", kInt, "6000", kAny, kReadOnly, kBuilt,
     "Shortest session timeout that a member may ask for."},
    {"offset.metadata.max.bytes", kInt, "4096", kAny, kReadOnly, kBuilt,
     "Longest metadata string beside a committed offset."},
    {"offsets.commit.required.acks", kShort, "-1", kAny, kReadOnly, kBuilt,
     "Acks that an offset commit needs."},
    {"offsets.commit.timeout.ms", kInt, "5000", at_least(1), kReadOnly, kBuilt,
     "How long an offset commit waits for its replicas."},
    {"offsets.load.buffer.size", kInt, "5242880", at_least(1), kReadOnly, kBuilt,
     "Bytes per read while committed offsets are loaded."},
    {"offsets.retention.check.interval.ms", kLong, "600000", at_least(1), kReadOnly, kBuilt,
     "How often expired offsets are looked for."},
    {"offsets.retention.minutes", kInt, "10080", at_least(1), kReadOnly, kBuilt,
     "How long a group without members keeps its offsets."},
    {"offsets.topic.compression.codec", kInt, "0", between(0, 4), kReadOnly, kBuilt,
     "Compression of the offsets topic: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd."},
    {"offsets.topic.num.partitions", kInt, "50", at_least(1), kReadOnly, kBuilt,
     "Partitions of the offsets topic; not to be changed later."},
    {"offsets.topic.replication.factor", kShort, "3", at_least(1), kReadOnly, kBuilt,
     "Replicas of the offsets topic; its creation fails while too few brokers live."},
    {"offsets.topic.segment.bytes", kInt, "104857600", at_least(1), kReadOnly, kBuilt,
     "Segment size of the offsets topic."},
    // Transactions.
    {"transaction.abort.timed.out.transaction.cleanup.interval.ms", kInt, "10000", at_least(1),
     kReadOnly, kPending, "How often timed-out transactions are looked for."},
    {"transaction.max.timeout.ms", kInt, "900000", at_least(1), kReadOnly, kPending,
     "Longest transaction timeout that a producer may ask for."},
    {"transaction.partition.verification.enable", kBool, "true", kAny, kCluster, kPending,
     "Whether a partition checks with the coordinator that a transaction is open before it "
     "appends."},
    {"transaction.remove.expired.transaction.cleanup.interval.ms", kInt, "3600000", at_least(1),
     kReadOnly, kPending, "How often expired transactional ids are looked for."},
    {"transaction.state.log.load.buffer.size", kInt, "5242880", at_least(1), kReadOnly, kPending,
     "Bytes per read while transaction states are loaded."},
    {"transaction.state.log.min.isr", kInt, "2", at_least(1), kReadOnly, kBuilt,
     "min.insync.replicas of the transaction state topic."},
    {"transaction.state.log.num.partitions", kInt, "50", at_least(1), kReadOnly, kBuilt,
     "Partitions of the transaction state topic; not to be changed later."},
    {"transaction.state.log.replication.factor", kShort, "3", at_least(1), kReadOnly, kBuilt,
     "Replicas of the transaction state topic."},
    {"transaction.state.log.segment.bytes", kInt, "104857600", at_least(1), kReadOnly, kBuilt,
     "Segment size of the transaction state topic."},
    {"transactional.id.expiration.ms", kInt, "604800000", at_least(1), kReadOnly, kPending,
     "How long an unused transactional id is kept."},
    {"producer.id.expiration.ms", kInt, "86400000", at_least(1), kCluster, kBuilt,
     "How long a partition remembers an idle producer's sequence numbers."},
    // Quotas.
    {"quota.window.num", kInt, "11", at_least(1), kReadOnly, kPending,
     "Samples kept for client quotas."},
    {"quota.window.size.seconds", kInt, "1", at_least(1), kReadOnly, kPending,
     "Length of a sample for client quotas."},
    {"replication.quota.window.num", kInt, "11", at_least(1), kReadOnly, kPending,
     "Samples kept for replication quotas."},
    {"replication.quota.window.size.seconds", kInt, "1", at_least(1), kReadOnly, kPending,
     "Length of a sample for replication quotas."},
    {"alter.log.dirs.replication.quota.window.num", kInt, "11", at_least(1), kReadOnly, kPending,
     "Samples kept for the quota of moves between directories."},
    {"alter.log.dirs.replication.quota.window.size.seconds", kInt, "1", at_least(1), kReadOnly,
     kPending, "Length of a sample for the quota of moves between directories."},
    {"controller.quota.window.num", kInt, "11", at_least(1), kReadOnly, kPending,
     "Samples kept for mutation quotas."},
    {"controller.quota.window.size.seconds", kInt, "1", at_least(1), kReadOnly, kPending,
     "Length of a sample for mutation quotas."},
    {"client.quota.callback.class", kClass, kNull, kAny, kReadOnly, kRefused,
     "Java class that decides client quotas; cannot run here."},
};

}  // namespace

std::span<const Key> coordinator_keys() { return kKeys; }

}  // namespace config::keys
