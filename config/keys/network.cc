// Keys: listeners, connections, requests.
#include "config/keys/columns.h"

namespace config::keys {
namespace {

constexpr Key kKeys[] = {
    {"listeners", kString, "PLAINTEXT://:9092", kAny, kPerBroker, kBuilt,
     "Addresses to listen on, NAME://host:port, comma-separated; an empty host means every "
     "address."},
    {"advertised.listeners", kString, kNull, kAny, kPerBroker, kBuilt,
     "Addresses that clients and other brokers are told to use; unset: the listeners."},
    {"listener.security.protocol.map", kString,
     "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL", kAny,
     kPerBroker, kBuilt,
     "Security protocol of each listener name, NAME:PROTOCOL, comma-separated."},
    {"inter.broker.listener.name", kString, kNull, kAny, kReadOnly, kBuilt,
     "Listener over which brokers talk to each other; excludes security.inter.broker.protocol."},
    {"security.inter.broker.protocol", kString, "PLAINTEXT",
     one_of("PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"), kReadOnly, kBuilt,
     "Security protocol, and so the listener, of the talk between brokers."},
    {"control.plane.listener.name", kString, kNull, kAny, kReadOnly, kBuilt,
     "Listener kept for requests from the controller; unset: they share the others."},
    {"num.network.threads", kInt, "3", at_least(1), kCluster, kNoEffect,
     "Accepted for compatibility; connections are served by the data loops (barnabas.loops)."},
    {"num.io.threads", kInt, "8", at_least(1), kCluster, kNoEffect,
     "Accepted for compatibility; requests are served by the data loops (barnabas.loops)."},
    {"queued.max.requests", kInt, "500", at_least(1), kReadOnly, kNoEffect,
     "Accepted for compatibility; there is no request queue, memory is bounded by "
     "queued.max.request.bytes."},
    {"queued.max.request.bytes", kLong, "-1", kAny, kReadOnly, kBuilt,
     "Memory for requests being read or served; reading pauses above it; -1 derives it from the "
     "memory."},
    {"socket.connection.setup.timeout.max.ms", kLong, "30000", kAny, kReadOnly, kNoEffect,
     "Upper end of the growing time allowed for connecting to another broker."},
    {"socket.connection.setup.timeout.ms", kLong, "10000", kAny, kReadOnly, kBuilt,
     "Time allowed for the first try to connect to another broker."},
    {"socket.listen.backlog.size", kInt, "50", at_least(1), kReadOnly, kBuilt,
     "Connections that may wait to be accepted, per listener."},
    {"socket.receive.buffer.bytes", kInt, "102400", kAny, kReadOnly, kBuilt,
     "Receive buffer of client sockets; -1 leaves the system's."},
    {"socket.request.max.bytes", kInt, "104857600", at_least(1), kReadOnly, kBuilt,
     "Largest request that is read."},
    {"socket.send.buffer.bytes", kInt, "102400", kAny, kReadOnly, kBuilt,
     "Send buffer of client sockets; -1 leaves the system's."},
    {"max.connection.creation.rate", kInt, kIntMax, at_least(0), kCluster, kBuilt,
     "New connections per second that are taken."},
    {"max.connections", kInt, kIntMax, at_least(0), kCluster, kBuilt,
     "Connections open at once; with a listener prefix for that listener alone."},
    {"max.connections.per.ip", kInt, kIntMax, at_least(0), kCluster, kBuilt,
     "Connections open at once from one address."},
    {"max.connections.per.ip.overrides", kString, "", kAny, kCluster, kBuilt,
     "Exceptions from max.connections.per.ip, host:count, comma-separated."},
    {"connections.max.idle.ms", kLong, "600000", kAny, kReadOnly, kBuilt,
     "Idle time after which a connection is closed; negative: never."},
    {"connection.failed.authentication.delay.ms", kInt, "100", at_least(0), kReadOnly, kPending,
     "Pause before a connection that failed to authenticate is closed."},
    {"fetch.max.bytes", kInt, "57671680", at_least(1024), kReadOnly, kBuilt,
     "Most bytes in one fetch response, whatever the client asks for."},
    {"max.incremental.fetch.session.cache.slots", kInt, "1000", at_least(0), kReadOnly, kBuilt,
     "Incremental fetch sessions kept at once."},
};

}  // namespace

std::span<const Key> network_keys() { return kKeys; }

}  // namespace config::keys
