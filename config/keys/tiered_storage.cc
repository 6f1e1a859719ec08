// Keys: tiered storage; without effect while the system is off.
#include "config/keys/columns.h"

namespace config::keys {
namespace {

constexpr Key kKeys[] = {
    {"remote.log.storage.system.enable", kBool, "false", kAny, kReadOnly, kRefused,
     "Whether old segments are moved to remote storage."},
    {"log.local.retention.ms", kLong, "-2", at_least(-2), kCluster, kNoEffect,
     "Age at which records that are stored remotely leave the local disk; -2: log.retention.ms."},
    {"log.local.retention.bytes", kLong, "-2", at_least(-2), kCluster, kNoEffect,
     "Size above which records that are stored remotely leave the local disk; -2: "
     "log.retention.bytes."},
    {"remote.fetch.max.wait.ms", kInt, "500", at_least(1), kCluster, kNoEffect,
     "Tiered storage: how long a remote fetch waits."},
    {"remote.log.index.file.cache.total.size.bytes", kLong, "1073741824", at_least(1), kCluster,
     kNoEffect, "Tiered storage: cache of index files."},
    {"remote.log.manager.copy.max.bytes.per.second", kLong, kLongMax, at_least(1), kCluster,
     kNoEffect, "Tiered storage: upload rate."},
    {"remote.log.manager.copy.quota.window.num", kInt, "11", at_least(1), kReadOnly, kNoEffect,
     "Tiered storage: samples of the upload rate."},
    {"remote.log.manager.copy.quota.window.size.seconds", kInt, "1", at_least(1), kReadOnly,
     kNoEffect, "Tiered storage: length of those samples."},
    {"remote.log.manager.copier.thread.pool.size", kInt, "-1", kAny, kReadOnly, kNoEffect,
     "Tiered storage: upload threads."},
    {"remote.log.manager.expiration.thread.pool.size", kInt, "-1", kAny, kReadOnly, kNoEffect,
     "Tiered storage: expiration threads."},
    {"remote.log.manager.fetch.max.bytes.per.second", kLong, kLongMax, at_least(1), kCluster,
     kNoEffect, "Tiered storage: download rate."},
    {"remote.log.manager.fetch.quota.window.num", kInt, "11", at_least(1), kReadOnly, kNoEffect,
     "Tiered storage: samples of the download rate."},
    {"remote.log.manager.fetch.quota.window.size.seconds", kInt, "1", at_least(1), kReadOnly,
     kNoEffect, "Tiered storage: length of those samples."},
    {"remote.log.manager.task.interval.ms", kLong, "30000", at_least(1), kReadOnly, kNoEffect,
     "Tiered storage: how often segments are looked at."},
    {"remote.log.manager.task.retry.backoff.ms", kLong, "500", at_least(1), kReadOnly, kNoEffect,
     "Tiered storage: first pause after a failure.", kHidden},
    {"remote.log.manager.task.retry.backoff.max.ms", kLong, "30000", at_least(1), kReadOnly,
     kNoEffect, "Tiered storage: longest pause after a failure.", kHidden},
    {"remote.log.manager.task.retry.jitter", kDouble, "0.2", between(0, 0.5), kReadOnly, kNoEffect,
     "Tiered storage: random part of that pause.", kHidden},
    {"remote.log.manager.thread.pool.size", kInt, "10", at_least(1), kReadOnly, kNoEffect,
     "Tiered storage: threads."},
    {"remote.log.metadata.custom.metadata.max.bytes", kInt, "128", at_least(0), kReadOnly,
     kNoEffect, "Tiered storage: largest custom metadata."},
    {"remote.log.metadata.manager.class.name", kString,
     "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", kAny,
     kReadOnly, kNoEffect, "Tiered storage: metadata manager."},
    {"remote.log.metadata.manager.class.path", kString, kNull, kAny, kReadOnly, kNoEffect,
     "Tiered storage: where its class is found."},
    {"remote.log.metadata.manager.impl.prefix", kString, "rlmm.config.", kAny, kReadOnly, kNoEffect,
     "Tiered storage: prefix of its settings."},
    {"remote.log.metadata.manager.listener.name", kString, kNull, kAny, kReadOnly, kNoEffect,
     "Tiered storage: listener it connects to."},
    {"remote.log.reader.max.pending.tasks", kInt, "100", at_least(1), kReadOnly, kNoEffect,
     "Tiered storage: waiting reads."},
    {"remote.log.reader.threads", kInt, "10", at_least(1), kReadOnly, kNoEffect,
     "Tiered storage: reading threads."},
    {"remote.log.storage.manager.class.name", kString, kNull, kAny, kReadOnly, kNoEffect,
     "Tiered storage: storage manager."},
    {"remote.log.storage.manager.class.path", kString, kNull, kAny, kReadOnly, kNoEffect,
     "Tiered storage: where its class is found."},
    {"remote.log.storage.manager.impl.prefix", kString, "rsm.config.", kAny, kReadOnly, kNoEffect,
     "Tiered storage: prefix of its settings."},
};

}  // namespace

std::span<const Key> tiered_storage_keys() { return kKeys; }

}  // namespace config::keys
