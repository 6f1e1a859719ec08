// Keys: topics and what they start with.
#include "config/keys/columns.h"

namespace config::keys {
namespace {

constexpr Key kKeys[] = {
    {"auto.create.topics.enable", kBool, "true", kAny, kReadOnly, kBuilt,
     "Whether a topic that a client asks for is created with the defaults."},
    {"delete.topic.enable", kBool, "true", kAny, kReadOnly, kBuilt,
     "Whether topics may be deleted."},
    {"num.partitions", kInt, "1", at_least(1), kReadOnly, kBuilt,
     "Partitions of a topic that is created without a number."},
    {"default.replication.factor", kInt, "1", kAny, kReadOnly, kBuilt,
     "Replicas of a topic that is created without a number."},
    {"create.topic.policy.class.name", kClass, kNull, kAny, kReadOnly, kRefused,
     "Java class that judges topic creations; cannot run here."},
    {"alter.config.policy.class.name", kClass, kNull, kAny, kReadOnly, kRefused,
     "Java class that judges config changes; cannot run here."},
    {"message.max.bytes", kInt, "1048588", at_least(0), kCluster, kBuilt,
     "Largest record batch that is taken, after compression."},
    {"compression.gzip.level", kInt, "-1", kGzipLevel, kCluster, kBuilt,
     "Compression level where the broker compresses with gzip; -1: the codec's default."},
    {"compression.lz4.level", kInt, "9", between(1, 17), kCluster, kBuilt,
     "Compression level where the broker compresses with lz4."},
    {"compression.type", kString, "producer",
     one_of("producer, uncompressed, gzip, snappy, lz4, zstd"), kCluster, kBuilt,
     "Compression of stored batches; producer keeps what was sent."},
    {"compression.zstd.level", kInt, "3", between(-131072, 22), kCluster, kBuilt,
     "Compression level where the broker compresses with zstd."},
    {"min.insync.replicas", kInt, "1", at_least(1), kCluster, kBuilt,
     "In-sync replicas without which acks=all writes are refused."},
    {"unclean.leader.election.enable", kBool, "false", kAny, kCluster, kBuilt,
     "Whether a replica that is out of sync may lead when no other is left, at the price of lost "
     "records."},
};

}  // namespace

std::span<const Key> topic_default_keys() { return kKeys; }

}  // namespace config::keys
