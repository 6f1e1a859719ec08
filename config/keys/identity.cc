// Keys: who the broker is, ZooKeeper, and our own keys.
#include "config/keys/columns.h"

namespace config::keys {
namespace {

constexpr Key kKeys[] = {
    // Identity.
    {"broker.id", kInt, "-1", kAny, kReadOnly, kBuilt,
     "Id of this broker in the cluster; -1 takes it from meta.properties, else has one generated."},
    {"broker.id.generation.enable", kBool, "true", kAny, kReadOnly, kBuilt,
     "Whether a broker without an id may have one generated through ZooKeeper."},
    {"reserved.broker.max.id", kInt, "1000", at_least(0), kReadOnly, kBuilt,
     "Highest id that may be set by hand; generated ids begin above it."},
    {"broker.rack", kString, kNull, kAny, kReadOnly, kBuilt,
     "Rack of this broker, for rack-aware placement and for fetching from the nearest replica."},
    {"inter.broker.protocol.version", kString, "3.9-IV0", kVersion, kReadOnly, kBuilt,
     "Protocol version that brokers speak among themselves; raise it once every broker is "
     "upgraded."},
    {"background.threads", kInt, "10", at_least(1), kCluster, kNoEffect,
     "Accepted for compatibility; there is no such thread pool, its work runs on the loops and on "
     "bounded workers."},
    {"request.timeout.ms", kInt, "30000", kAny, kReadOnly, kBuilt,
     "How long a request to another broker may take."},
    {"controlled.shutdown.enable", kBool, "true", kAny, kReadOnly, kBuilt,
     "Whether leaders are handed over before the broker stops."},
    {"controlled.shutdown.max.retries", kInt, "3", kAny, kReadOnly, kBuilt,
     "How often a failed handover of leaders is tried again."},
    {"controlled.shutdown.retry.backoff.ms", kLong, "5000", kAny, kReadOnly, kBuilt,
     "Pause between tries to hand over leaders."},
    // ZooKeeper.
    {"zookeeper.clientCnxnSocket", kString, kNull, kAny, kReadOnly, kNoEffect,
     "Java class of the ZooKeeper connection; only TLS to ZooKeeper needs it."},
    {"zookeeper.connect", kString, kNull, kAny, kReadOnly, kBuilt,
     "ZooKeeper servers as host:port,host:port, with an optional /chroot at the end."},
    {"zookeeper.connection.timeout.ms", kInt, kNull, kAny, kReadOnly, kBuilt,
     "How long the start waits for a ZooKeeper session."},
    {"zookeeper.max.in.flight.requests", kInt, "10", at_least(1), kReadOnly, kBuilt,
     "How many requests may be on the way to ZooKeeper at once."},
    {"zookeeper.session.timeout.ms", kInt, "18000", kAny, kReadOnly, kBuilt,
     "Silence after which ZooKeeper gives this broker up."},
    {"zookeeper.set.acl", kBool, "false", kAny, kReadOnly, kRefused,
     "Whether znodes are created so that only brokers may change them."},
    {"zookeeper.ssl.cipher.suites", kList, kNull, kAny, kReadOnly, kNoEffect,
     "Ciphers allowed towards ZooKeeper."},
    {"zookeeper.ssl.client.enable", kBool, "false", kAny, kReadOnly, kRefused,
     "Whether to talk TLS to ZooKeeper."},
    {"zookeeper.ssl.crl.enable", kBool, "false", kAny, kReadOnly, kNoEffect,
     "Whether revocation lists are consulted for ZooKeeper's certificate."},
    {"zookeeper.ssl.enabled.protocols", kList, kNull, kAny, kReadOnly, kNoEffect,
     "TLS versions allowed towards ZooKeeper."},
    {"zookeeper.ssl.endpoint.identification.algorithm", kString, "HTTPS", kAny, kReadOnly,
     kNoEffect,
     "Whether ZooKeeper's host name must match its certificate (HTTPS, or empty for no)."},
    {"zookeeper.ssl.keystore.location", kString, kNull, kAny, kReadOnly, kNoEffect,
     "File with this broker's key and certificate for ZooKeeper."},
    {"zookeeper.ssl.keystore.password", kPassword, kNull, kAny, kReadOnly, kNoEffect,
     "Password of that file."},
    {"zookeeper.ssl.keystore.type", kString, kNull, kAny, kReadOnly, kNoEffect,
     "Format of that file: JKS, PKCS12 or PEM; unset: by its name."},
    {"zookeeper.ssl.ocsp.enable", kBool, "false", kAny, kReadOnly, kNoEffect,
     "Whether ZooKeeper's certificate is checked by OCSP."},
    {"zookeeper.ssl.protocol", kString, "TLSv1.2", kAny, kReadOnly, kNoEffect,
     "TLS version preferred towards ZooKeeper."},
    {"zookeeper.ssl.truststore.location", kString, kNull, kAny, kReadOnly, kNoEffect,
     "File with the certificates that ZooKeeper's is checked against."},
    {"zookeeper.ssl.truststore.password", kPassword, kNull, kAny, kReadOnly, kNoEffect,
     "Password of that file."},
    {"zookeeper.ssl.truststore.type", kString, kNull, kAny, kReadOnly, kNoEffect,
     "Format of that file: JKS, PKCS12 or PEM; unset: by its name."},
    // Not Kafka's.
    {"barnabas.log.level", kString, "info",
     one_of("debug, info, warn, error, DEBUG, INFO, WARN, ERROR"), kCluster, kBuilt,
     "Log lines below this level are not written.", kHidden},
    {"barnabas.log.file.bytes", kLong, "104857600", at_least(0), kCluster, kBuilt,
     "Size at which server.log, and kafkaServer.out of a daemon, is put aside for a new one; 0: "
     "never.",
     kHidden},
    {"barnabas.log.files", kInt, "10", between(0, 10000), kCluster, kBuilt,
     "How many of these files are kept beside the current one.", kHidden},
    {"barnabas.loops", kInt, kNull, at_least(1), kReadOnly, kBuilt,
     "Data loops that serve connections; unset: as many as cores.", kHidden},
    {"barnabas.zookeeper.loss", kString, "fence", one_of("fence, serve"), kReadOnly, kPending,
     "What partitions with other in-sync replicas do once ZooKeeper and all peers are out of "
     "reach.",
     kHidden},
};

}  // namespace

std::span<const Key> identity_keys() { return kKeys; }

}  // namespace config::keys
