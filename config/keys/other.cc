// Keys: metrics, internal keys, keys of former versions.
#include "config/keys/columns.h"

namespace config::keys {
namespace {

constexpr Key kKeys[] = {
    // Metrics.
    {"metric.reporters", kList, "", kAny, kCluster, kPending,
     "Java classes that report metrics; cannot run here."},
    {"metrics.num.samples", kInt, "2", at_least(1), kReadOnly, kNoEffect,
     "Samples kept for a metric."},
    {"metrics.recording.level", kString, "INFO", one_of("INFO, DEBUG, TRACE"), kReadOnly, kNoEffect,
     "Level of detail of metrics."},
    {"metrics.sample.window.ms", kLong, "30000", at_least(1), kReadOnly, kNoEffect,
     "Length of a metric's sample."},
    {"auto.include.jmx.reporter", kBool, "true", kAny, kReadOnly, kNoEffect,
     "Whether metrics go to JMX; no meaning here."},
    {"kafka.metrics.polling.interval.secs", kInt, "10", at_least(1), kReadOnly, kNoEffect,
     "How often older Java reporters are polled."},
    {"kafka.metrics.reporters", kList, "", kAny, kReadOnly, kPending,
     "Older Java classes that report metrics; cannot run here."},
    // Internal.
    {"log.initial.task.delay.ms", kLong, "30000", at_least(0), kReadOnly, kBuilt,
     "Pause before the first run of the log's background tasks.", kHidden},
    {"producer.id.expiration.check.interval.ms", kInt, "600000", at_least(1), kReadOnly, kBuilt,
     "How often idle producers are looked for.", kHidden},
    {"unclean.leader.election.interval.ms", kLong, "300000", at_least(1), kReadOnly, kNoEffect,
     "How often a controller quorum retries unclean elections; no meaning with ZooKeeper.",
     kHidden},
    {"leader.replication.throttled.rate", kLong, kLongMax, at_least(0), kCluster, kPending,
     "Bytes per second that throttled followers may fetch from this broker; only set dynamically.",
     kHidden},
    {"follower.replication.throttled.rate", kLong, kLongMax, at_least(0), kCluster, kPending,
     "Bytes per second that this broker may fetch for throttled replicas; only set dynamically.",
     kHidden},
    {"replica.alter.log.dirs.io.max.bytes.per.second", kLong, kLongMax, at_least(0), kCluster,
     kPending, "Bytes per second of moves between directories; only set dynamically.", kHidden},
    {"unstable.api.versions.enable", kBool, "false", kAny, kReadOnly, kNoEffect,
     "Whether API versions under development are served; none are.", kHidden},
    {"unstable.feature.versions.enable", kBool, "false", kAny, kReadOnly, kNoEffect,
     "Whether feature versions under development are allowed; none are.", kHidden},
    {"config.providers", kList, "", kAny, kReadOnly, kRefused,
     "Sources of ${...} values; cannot be used here.", kHidden},
    // Former.
    {"port", kInt, "9092", between(0, 65535), kReadOnly, kBuilt,
     "Listening port, where listeners is not set; former name, gone in Kafka 3.0.", kHidden},
    {"host.name", kString, "", kAny, kReadOnly, kBuilt,
     "Listening address, where listeners is not set; former name, gone in Kafka 3.0.", kHidden},
    {"advertised.host.name", kString, kNull, kAny, kReadOnly, kBuilt,
     "Advertised host, where advertised.listeners is not set; former name, gone in Kafka 3.0.",
     kHidden},
    {"advertised.port", kInt, kNull, between(0, 65535), kReadOnly, kBuilt,
     "Advertised port, where advertised.listeners is not set; former name, gone in Kafka 3.0.",
     kHidden},
    {"quota.producer.default", kLong, kLongMax, at_least(1), kReadOnly, kPending,
     "Former default of producer_byte_rate, gone in Kafka 3.0.", kHidden},
    {"quota.consumer.default", kLong, kLongMax, at_least(1), kReadOnly, kPending,
     "Former default of consumer_byte_rate, gone in Kafka 3.0.", kHidden},
    {"zookeeper.sync.time.ms", kInt, "2000", kAny, kReadOnly, kNoEffect,
     "Unused, gone in Kafka 3.0.", kHidden},
};

}  // namespace

std::span<const Key> other_keys() { return kKeys; }

}  // namespace config::keys
